-- What history inserts. Energy is whole mWh; NULL: never measured. An insert that is sent again
-- changes nothing: rows of one key and version are equal, and one of them stays. Until a merge
-- they are all there, so readers use the views of 0002, never these tables.

-- A household's settlement periods, the last version.
CREATE TABLE IF NOT EXISTS household_intervals
(
    community_id LowCardinality(String),
    -- Plain, not LowCardinality: a million meters make larger dictionaries than columns.
    meter_id String CODEC(ZSTD(1)),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    import_mwh Nullable(Int64) CODEC(ZSTD(1)),
    export_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_charge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_discharge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    measured_minutes UInt8 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, meter_id, period_start)
SETTINGS ttl_only_drop_parts = 1;

-- A community's settlement periods by message part, the last version of each part.
CREATE TABLE IF NOT EXISTS community_intervals
(
    community_id LowCardinality(String),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    part UInt32 CODEC(ZSTD(1)),
    parts UInt32 CODEC(ZSTD(1)),
    households UInt32 CODEC(ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    import_mwh Nullable(Int64) CODEC(ZSTD(1)),
    export_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_charge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_discharge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    measured_minutes UInt32 CODEC(ZSTD(1)),
    recorded_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, period_start, part)
SETTINGS ttl_only_drop_parts = 1;

-- The same, every version: what was corrected, and when.
CREATE TABLE IF NOT EXISTS community_interval_versions
(
    community_id LowCardinality(String),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    part UInt32 CODEC(ZSTD(1)),
    parts UInt32 CODEC(ZSTD(1)),
    households UInt32 CODEC(ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    import_mwh Nullable(Int64) CODEC(ZSTD(1)),
    export_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_charge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_discharge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    measured_minutes UInt32 CODEC(ZSTD(1)),
    recorded_at DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, period_start, version, part)
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS community_interval_versions_feed
TO community_interval_versions AS
SELECT * FROM community_intervals;

-- A community's minutes, the last version.
CREATE TABLE IF NOT EXISTS community_minute_sums
(
    community_id LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    meters_reported UInt32 CODEC(ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    import_mwh Nullable(Int64) CODEC(ZSTD(1)),
    export_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_charge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_discharge_mwh Nullable(Int64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, minute)
SETTINGS ttl_only_drop_parts = 1;

-- What was refused, with its original bytes.
CREATE TABLE IF NOT EXISTS rejections
(
    source_topic LowCardinality(String),
    source_partition UInt32,
    source_offset UInt64 CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    community_id Nullable(String) CODEC(ZSTD(1)),
    -- Epoch seconds as they were sent: a refused minute may be no time at all.
    minute_s Nullable(Int64) CODEC(ZSTD(1)),
    meter_id Array(String) CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    original_key Nullable(String) CODEC(ZSTD(1)),
    original_value Nullable(String) CODEC(ZSTD(1)),
    original_value_bytes UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (source_topic, source_partition, source_offset, rule)
SETTINGS ttl_only_drop_parts = 1;
