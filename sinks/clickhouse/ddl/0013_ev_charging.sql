-- What chargers were told, what vehicles were promised, how each partition planned, and which
-- reports were refused. A version has one content for ever: an insert sent again changes nothing.

CREATE TABLE IF NOT EXISTS told_charge_directives
(
    directive_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1)),
    power_w UInt64 CODEC(ZSTD(1)),
    planned_mwh Int64 CODEC(ZSTD(1)),
    reason LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(valid_from)
ORDER BY (community_id, session_id, directive_id, version)
SETTINGS ttl_only_drop_parts = 1;

-- The last version of each directive.
CREATE OR REPLACE VIEW charge_directives AS
SELECT
    directive_id,
    max(version) AS last_version,
    any(session_id) AS session_id,
    any(community_id) AS community_id,
    any(meter_id) AS meter_id,
    argMax(valid_from, version) AS valid_from,
    argMax(valid_until, version) AS valid_until,
    argMax(power_w, version) AS power_w,
    argMax(planned_mwh, version) * toDecimal64('0.001', 3) AS planned_wh,
    argMax(reason, version) AS reason
FROM told_charge_directives FINAL
GROUP BY directive_id;

CREATE TABLE IF NOT EXISTS told_charge_promises
(
    session_id String CODEC(ZSTD(1)),
    step UInt32 CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    departure DateTime('UTC') CODEC(Delta, ZSTD(1)),
    asked_mwh Int64 CODEC(ZSTD(1)),
    charged_mwh Int64 CODEC(ZSTD(1)),
    promised_mwh Int64 CODEC(ZSTD(1)),
    shortage LowCardinality(String),
    charger LowCardinality(String),
    ended Bool
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, session_id, step)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW charge_promises AS
SELECT
    session_id,
    step,
    community_id,
    meter_id,
    minute,
    departure,
    asked_mwh * toDecimal64('0.001', 3) AS asked_wh,
    charged_mwh * toDecimal64('0.001', 3) AS charged_wh,
    promised_mwh * toDecimal64('0.001', 3) AS promised_wh,
    shortage,
    charger,
    ended
FROM told_charge_promises FINAL;

-- Each session as it was told last; `share`: promised, or once it is over charged, of what was asked.
CREATE OR REPLACE VIEW ev_sessions AS
SELECT
    session_id,
    any(community_id) AS community_id,
    any(meter_id) AS meter_id,
    min(minute) AS first_told,
    argMax(departure, step) AS departure,
    argMax(asked_wh, step) AS asked_wh,
    argMax(charged_wh, step) AS charged_wh,
    argMax(promised_wh, step) AS promised_wh,
    argMax(shortage, step) AS shortage,
    argMax(charger, step) AS charger,
    argMax(ended, step) AS ended,
    if(asked_wh = 0, NULL, toFloat64(promised_wh) / toFloat64(asked_wh)) AS share
FROM charge_promises
GROUP BY session_id;

CREATE TABLE IF NOT EXISTS told_charge_plans
(
    partition UInt32,
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    base_w Array(Int64) CODEC(ZSTD(1)),
    planned_w Array(Int64) CODEC(ZSTD(1)),
    sessions UInt32 CODEC(ZSTD(1)),
    communities UInt32 CODEC(ZSTD(1)),
    asked_mwh Int64 CODEC(ZSTD(1)),
    planned_mwh Int64 CODEC(ZSTD(1)),
    gap Float64 CODEC(ZSTD(1)),
    sweeps UInt32 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (partition, period_start)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW charge_plans AS
SELECT
    partition,
    period_start,
    version,
    base_w,
    planned_w,
    sessions,
    communities,
    asked_mwh * toDecimal64('0.001', 3) AS asked_wh,
    planned_mwh * toDecimal64('0.001', 3) AS planned_wh,
    gap,
    sweeps
FROM told_charge_plans FINAL;

CREATE TABLE IF NOT EXISTS rejected_ev_sessions
(
    source_partition UInt32,
    source_offset UInt64 CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    community_id Nullable(String) CODEC(ZSTD(1)),
    session_id Nullable(String) CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    original_value_base64 Nullable(String) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (source_partition, source_offset)
SETTINGS ttl_only_drop_parts = 1;
