-- What switches were told and what terminals answered, and what regulation made of each minute.
-- NULL: nothing is registered, or known. Everything has one content for ever for its key and
-- version, so an insert that is sent again changes nothing.

-- W of appliances on a switch that the supplier may operate.
ALTER TABLE registered_households ADD COLUMN IF NOT EXISTS flexible_w Nullable(UInt64);

CREATE OR REPLACE VIEW registry_households AS
SELECT
    community_id,
    household_id,
    valid_from,
    valid_to,
    meter_id,
    customer_id,
    tariff_id,
    contract_power_w,
    pv_peak_w,
    battery_wh,
    ev_charger_w,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at,
    register_maximum_wh,
    flexible_w
FROM registered_households FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

-- Made anew, as a view knows its columns from when it was made.
CREATE OR REPLACE VIEW registry_households_at AS
SELECT *
FROM registry_households
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});

CREATE TABLE IF NOT EXISTS told_switch_directives
(
    directive_id String CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(ZSTD(1)),
    device LowCardinality(String),
    state LowCardinality(String),
    level LowCardinality(String),
    limit_w Nullable(UInt64),
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, minute, meter_id, directive_id, version)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS told_directive_acks
(
    directive_id String CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    outcome LowCardinality(String),
    detail String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, directive_id, minute, outcome)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS told_regulation_minutes
(
    community_id LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    is_steering Bool,
    load_w Int64 CODEC(ZSTD(1)),
    silent_meters UInt32 CODEC(ZSTD(1)),
    silent_w UInt64 CODEC(ZSTD(1)),
    coming_w UInt64 CODEC(ZSTD(1)),
    limit_w Nullable(UInt64) CODEC(ZSTD(1)),
    deficit_w UInt64 CODEC(ZSTD(1)),
    shed_w UInt64 CODEC(ZSTD(1)),
    sheddable_w UInt64 CODEC(ZSTD(1)),
    meters_off UInt32 CODEC(ZSTD(1)),
    meters_flexible UInt32 CODEC(ZSTD(1)),
    ordered_off UInt32 CODEC(ZSTD(1)),
    released UInt32 CODEC(ZSTD(1)),
    is_emergency Bool,
    fairness Nullable(Float64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (community_id, minute)
SETTINGS ttl_only_drop_parts = 1;

-- Each community's minutes as regulation saw them; `headroom_w` is what is left of the limit.
CREATE OR REPLACE VIEW regulation_minutes AS
SELECT
    community_id,
    minute,
    is_steering,
    load_w,
    silent_meters,
    silent_w,
    coming_w,
    limit_w,
    toInt64(limit_w) - load_w AS headroom_w,
    deficit_w,
    shed_w,
    sheddable_w,
    meters_off,
    meters_flexible,
    ordered_off,
    released,
    is_emergency,
    fairness,
    version
FROM told_regulation_minutes FINAL;

-- Every version of every directive.
CREATE OR REPLACE VIEW switch_directive_versions AS
SELECT
    directive_id,
    community_id,
    meter_id,
    minute,
    version,
    device,
    state,
    level,
    limit_w,
    reason,
    detail,
    valid_from,
    valid_until
FROM told_switch_directives FINAL;

-- Each directive's last version, and what the terminal answered: `outcome` is empty and
-- `answered_at` NULL while it has not.
CREATE OR REPLACE VIEW switch_directives AS
SELECT
    d.directive_id AS directive_id,
    d.community_id AS community_id,
    d.meter_id AS meter_id,
    d.minute AS minute,
    d.last_version AS version,
    d.state AS state,
    d.level AS level,
    d.limit_w AS limit_w,
    d.reason AS reason,
    d.detail AS detail,
    d.valid_from AS valid_from,
    d.valid_until AS valid_until,
    ifNull(a.outcome, '') AS outcome,
    a.answered_at AS answered_at
FROM
(
    SELECT
        directive_id,
        any(community_id) AS community_id,
        any(meter_id) AS meter_id,
        any(minute) AS minute,
        max(version) AS last_version,
        any(state) AS state,
        any(level) AS level,
        any(limit_w) AS limit_w,
        any(reason) AS reason,
        any(detail) AS detail,
        any(valid_from) AS valid_from,
        argMax(valid_until, version) AS valid_until
    FROM switch_directive_versions
    GROUP BY directive_id
) AS d
LEFT JOIN
(
    SELECT
        directive_id,
        toNullable(argMin(outcome, minute)) AS outcome,
        toNullable(min(minute)) AS answered_at
    FROM told_directive_acks FINAL
    GROUP BY directive_id
) AS a ON a.directive_id = d.directive_id;
