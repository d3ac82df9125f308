-- The grid's balance minute by minute, what plants gave, and what they were asked for. NULL: nothing
-- is known. A version has one content for ever, so an insert that is sent again changes nothing.

-- What a further MWh of a plant costs and emits, and how fast it can follow.
ALTER TABLE registered_plants ADD COLUMN IF NOT EXISTS ramp_w_per_minute Nullable(UInt64);
ALTER TABLE registered_plants ADD COLUMN IF NOT EXISTS cost_eur_per_mwh Nullable(Decimal(9, 2));
ALTER TABLE registered_plants ADD COLUMN IF NOT EXISTS co2_g_per_kwh Nullable(UInt32);

CREATE OR REPLACE VIEW registry_plants AS
SELECT
    plant_id,
    valid_from,
    valid_to,
    name,
    source,
    capacity_w,
    minimum_w,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at,
    ramp_w_per_minute,
    cost_eur_per_mwh,
    co2_g_per_kwh
FROM registered_plants FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

-- Made anew, as a view knows its columns from when it was made.
CREATE OR REPLACE VIEW registry_plants_at AS
SELECT *
FROM registry_plants
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});

-- The grid's minutes, the last version.
CREATE TABLE IF NOT EXISTS grid_minute_sums
(
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    communities UInt32 CODEC(ZSTD(1)),
    expected_communities UInt32 CODEC(ZSTD(1)),
    meters_reported UInt32 CODEC(ZSTD(1)),
    meters_missing UInt32 CODEC(ZSTD(1)),
    consumption_mwh Int64 CODEC(ZSTD(1)),
    production_mwh Int64 CODEC(ZSTD(1)),
    import_mwh Int64 CODEC(ZSTD(1)),
    export_mwh Int64 CODEC(ZSTD(1)),
    forecast_consumption_mwh Int64 CODEC(ZSTD(1)),
    forecast_net_mwh Int64 CODEC(ZSTD(1)),
    partitions Array(UInt32) CODEC(ZSTD(1)),
    forecast_partitions Array(UInt32) CODEC(ZSTD(1)),
    share_reported Nullable(Float64) CODEC(ZSTD(1)),
    net_load_w Int64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY minute
SETTINGS ttl_only_drop_parts = 1;

-- The same, every version: what was decided on an old one stays explained.
CREATE TABLE IF NOT EXISTS told_grid_minute_versions
(
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    communities UInt32 CODEC(ZSTD(1)),
    expected_communities UInt32 CODEC(ZSTD(1)),
    meters_reported UInt32 CODEC(ZSTD(1)),
    meters_missing UInt32 CODEC(ZSTD(1)),
    consumption_mwh Int64 CODEC(ZSTD(1)),
    production_mwh Int64 CODEC(ZSTD(1)),
    import_mwh Int64 CODEC(ZSTD(1)),
    export_mwh Int64 CODEC(ZSTD(1)),
    forecast_consumption_mwh Int64 CODEC(ZSTD(1)),
    forecast_net_mwh Int64 CODEC(ZSTD(1)),
    partitions Array(UInt32) CODEC(ZSTD(1)),
    forecast_partitions Array(UInt32) CODEC(ZSTD(1)),
    share_reported Nullable(Float64) CODEC(ZSTD(1)),
    net_load_w Int64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, version)
SETTINGS ttl_only_drop_parts = 1;

-- Measured energies, and the forecast in place of what did not report; net_load_w has both.
CREATE OR REPLACE VIEW grid_minutes AS
SELECT
    minute,
    communities,
    expected_communities,
    meters_reported,
    meters_missing,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    import_mwh * toDecimal64('0.001', 3) AS import_wh,
    export_mwh * toDecimal64('0.001', 3) AS export_wh,
    forecast_consumption_mwh * toDecimal64('0.001', 3) AS forecast_consumption_wh,
    forecast_net_mwh * toDecimal64('0.001', 3) AS forecast_net_wh,
    partitions,
    forecast_partitions,
    share_reported,
    net_load_w,
    version
FROM grid_minute_sums FINAL;

CREATE OR REPLACE VIEW grid_minute_versions AS
SELECT
    minute,
    communities,
    expected_communities,
    meters_reported,
    meters_missing,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    import_mwh * toDecimal64('0.001', 3) AS import_wh,
    export_mwh * toDecimal64('0.001', 3) AS export_wh,
    forecast_consumption_mwh * toDecimal64('0.001', 3) AS forecast_consumption_wh,
    forecast_net_mwh * toDecimal64('0.001', 3) AS forecast_net_wh,
    partitions,
    forecast_partitions,
    share_reported,
    net_load_w,
    version
FROM told_grid_minute_versions FINAL;

CREATE TABLE IF NOT EXISTS plant_minute_readings
(
    plant_id LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    production_w UInt64 CODEC(ZSTD(1)),
    available_w UInt64 CODEC(ZSTD(1)),
    out_of_service Bool
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (plant_id, minute)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW plant_minutes AS
SELECT plant_id, minute, production_w, available_w, out_of_service, version
FROM plant_minute_readings FINAL;

-- What plants were asked for, the last version.
CREATE TABLE IF NOT EXISTS told_production_orders
(
    order_id String CODEC(ZSTD(1)),
    plant_id LowCardinality(String),
    version UInt64 CODEC(Delta, ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1)),
    ordered_w UInt64 CODEC(ZSTD(1)),
    reason LowCardinality(String),
    forecast_w Int64 CODEC(ZSTD(1)),
    reserve_w UInt64 CODEC(ZSTD(1)),
    deficit_w UInt64 CODEC(ZSTD(1)),
    surplus_w UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(valid_from)
ORDER BY (plant_id, valid_from)
SETTINGS ttl_only_drop_parts = 1;

-- The same, every version.
CREATE TABLE IF NOT EXISTS told_production_order_versions
(
    order_id String CODEC(ZSTD(1)),
    plant_id LowCardinality(String),
    version UInt64 CODEC(Delta, ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1)),
    ordered_w UInt64 CODEC(ZSTD(1)),
    reason LowCardinality(String),
    forecast_w Int64 CODEC(ZSTD(1)),
    reserve_w UInt64 CODEC(ZSTD(1)),
    deficit_w UInt64 CODEC(ZSTD(1)),
    surplus_w UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(valid_from)
ORDER BY (plant_id, valid_from, version)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW production_orders AS
SELECT
    order_id,
    plant_id,
    minute,
    valid_from,
    valid_until,
    ordered_w,
    reason,
    forecast_w,
    reserve_w,
    deficit_w,
    surplus_w,
    version
FROM told_production_orders FINAL;

CREATE OR REPLACE VIEW production_order_versions AS
SELECT
    order_id,
    plant_id,
    minute,
    valid_from,
    valid_until,
    ordered_w,
    reason,
    forecast_w,
    reserve_w,
    deficit_w,
    surplus_w,
    version
FROM told_production_order_versions FINAL;

-- What was ordered of a plant for a minute, and what it gave.
CREATE OR REPLACE VIEW plant_obedience AS
SELECT
    o.plant_id AS plant_id,
    o.valid_from AS minute,
    o.ordered_w AS ordered_w,
    p.production_w AS production_w,
    p.available_w AS available_w,
    toInt64(p.production_w) - toInt64(o.ordered_w) AS difference_w,
    o.reason AS reason
FROM production_orders AS o
INNER JOIN plant_minutes AS p ON p.plant_id = o.plant_id AND p.minute = o.valid_from;

CREATE TABLE IF NOT EXISTS told_production_plans
(
    plan_id String CODEC(ZSTD(1)),
    plant_id LowCardinality(String),
    version UInt64 CODEC(Delta, ZSTD(1)),
    plan_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    planned_w UInt64 CODEC(ZSTD(1)),
    forecast_w Int64 CODEC(ZSTD(1)),
    deficit_w UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(plan_start)
ORDER BY (plant_id, plan_start, period_start)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW production_plans AS
SELECT plant_id, plan_start, period_start, planned_w, forecast_w, deficit_w, version
FROM told_production_plans FINAL;

CREATE TABLE IF NOT EXISTS told_shed_orders
(
    order_id String CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    version UInt64 CODEC(Delta, ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1)),
    shed_w UInt64 CODEC(ZSTD(1)),
    deficit_w UInt64 CODEC(ZSTD(1)),
    reason LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, order_id, version)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW shed_orders AS
SELECT
    order_id,
    community_id,
    version,
    minute,
    valid_from,
    valid_until,
    shed_w,
    deficit_w,
    reason
FROM told_shed_orders FINAL;
