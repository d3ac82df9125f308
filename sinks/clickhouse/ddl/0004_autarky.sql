-- How much energy stayed at home, as the worker for alerts has told it, and who became autarkic.
-- Energy is whole mWh; NULL: not measured throughout, and without panels nothing was produced.
-- As with metering, an insert that is sent again changes nothing, and the last version stands.

CREATE TABLE IF NOT EXISTS autarky_household_intervals
(
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    solar_used_mwh Nullable(Int64) CODEC(ZSTD(1)),
    self_consumed_mwh Nullable(Int64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, meter_id, period_start)
SETTINGS ttl_only_drop_parts = 1;

-- Every part of a large community's message tells the community's sums, so any of them will do.
CREATE TABLE IF NOT EXISTS autarky_community_intervals
(
    community_id LowCardinality(String),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    solar_used_mwh Nullable(Int64) CODEC(ZSTD(1)),
    self_consumed_mwh Nullable(Int64) CODEC(ZSTD(1)),
    surplus_mwh Nullable(Int64) CODEC(ZSTD(1)),
    need_mwh Nullable(Int64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, period_start)
SETTINGS ttl_only_drop_parts = 1;

-- An empty meter is the community itself.
CREATE TABLE IF NOT EXISTS autarky_told_changes
(
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    from_state LowCardinality(String),
    to_state LowCardinality(String),
    reason LowCardinality(String),
    since DateTime('UTC') CODEC(Delta, ZSTD(1)),
    threshold Float64 CODEC(ZSTD(1)),
    self_sufficiency Float64 CODEC(ZSTD(1)),
    consumption_mwh Int64 CODEC(ZSTD(1)),
    solar_used_mwh Int64 CODEC(ZSTD(1)),
    shared_mwh Int64 CODEC(ZSTD(1)),
    withdrawn Bool CODEC(ZSTD(1)),
    notice LowCardinality(Nullable(String))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, meter_id, period_start)
SETTINGS ttl_only_drop_parts = 1;

-- The changes that stand: those that corrections took back are left out.
CREATE OR REPLACE VIEW autarky_changes AS
SELECT
    community_id,
    nullIf(meter_id, '') AS meter_id,
    period_start,
    from_state,
    to_state,
    reason,
    since,
    threshold,
    self_sufficiency,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    solar_used_mwh * toDecimal64('0.001', 3) AS solar_used_wh,
    shared_mwh * toDecimal64('0.001', 3) AS shared_wh,
    version
FROM autarky_told_changes FINAL
WHERE NOT withdrawn;

CREATE OR REPLACE VIEW household_autarky_quarter_hours AS
SELECT
    community_id,
    meter_id,
    period_start,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    solar_used_mwh * toDecimal64('0.001', 3) AS solar_used_wh,
    self_consumed_mwh * toDecimal64('0.001', 3) AS self_consumed_wh,
    solar_used_mwh / nullIf(consumption_mwh, 0) AS self_sufficiency,
    self_consumed_mwh / nullIf(production_mwh, 0) AS self_consumption,
    version
FROM autarky_household_intervals FINAL;

CREATE OR REPLACE VIEW community_autarky_quarter_hours AS
SELECT
    community_id,
    period_start,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    solar_used_mwh * toDecimal64('0.001', 3) AS solar_used_wh,
    self_consumed_mwh * toDecimal64('0.001', 3) AS self_consumed_wh,
    least(surplus_mwh, need_mwh) * toDecimal64('0.001', 3) AS shared_wh,
    surplus_mwh * toDecimal64('0.001', 3) AS surplus_wh,
    need_mwh * toDecimal64('0.001', 3) AS need_wh,
    (solar_used_mwh + least(surplus_mwh, need_mwh)) / nullIf(consumption_mwh, 0) AS self_sufficiency,
    (self_consumed_mwh + least(surplus_mwh, need_mwh)) / nullIf(production_mwh, 0)
        AS self_consumption,
    version
FROM autarky_community_intervals FINAL;

-- What one community has left serves what another lacks. The energies are those of the communities
-- that are known; `self_sufficiency` and `self_consumption` are NULL unless every community is,
-- those `_of_known` are not.
CREATE OR REPLACE VIEW grid_autarky_quarter_hours AS
SELECT
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    least(s.surplus, s.need) AS shared_wh,
    s.surplus AS surplus_wh,
    s.need AS need_wh,
    if(s.known = s.there, self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = s.there, self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used + least(s.surplus, s.need)) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed + least(s.surplus, s.need)) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_communities,
    s.there AS communities
FROM
(
    SELECT
        q.period_start AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        sum(q.surplus_wh) AS surplus,
        sum(q.need_wh) AS need,
        count(q.consumption_wh) AS known,
        count() AS there
    FROM community_autarky_quarter_hours AS q
    GROUP BY q.period_start
) AS s;

-- Longer periods: ratios of the sums over the quarter-hours that are known. `self_sufficiency` and
-- `self_consumption` are NULL unless every quarter-hour of the period is; those `_of_known` are
-- not. The energies are those of the known quarter-hours.

CREATE OR REPLACE VIEW household_autarky_days AS
SELECT
    s.community_id AS community_id,
    s.meter_id AS meter_id,
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    if(s.known = 96, self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96, self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        q.community_id AS community_id,
        q.meter_id AS meter_id,
        toStartOfDay(q.period_start) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        count(q.consumption_wh) AS known,
        count() AS there
    FROM household_autarky_quarter_hours AS q
    GROUP BY q.community_id, q.meter_id, toStartOfDay(q.period_start)
) AS s;

CREATE OR REPLACE VIEW household_autarky_months AS
SELECT
    s.community_id AS community_id,
    s.meter_id AS meter_id,
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        q.community_id AS community_id,
        q.meter_id AS meter_id,
        CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        count(q.consumption_wh) AS known,
        count() AS there
    FROM household_autarky_quarter_hours AS q
    GROUP BY q.community_id, q.meter_id, CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'))
) AS s;

CREATE OR REPLACE VIEW community_autarky_days AS
SELECT
    s.community_id AS community_id,
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    s.shared AS shared_wh,
    if(s.known = 96, self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96, self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used + s.shared) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed + s.shared) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        q.community_id AS community_id,
        toStartOfDay(q.period_start) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        sum(q.shared_wh) AS shared,
        count(q.consumption_wh) AS known,
        count() AS there
    FROM community_autarky_quarter_hours AS q
    GROUP BY q.community_id, toStartOfDay(q.period_start)
) AS s;

CREATE OR REPLACE VIEW community_autarky_months AS
SELECT
    s.community_id AS community_id,
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    s.shared AS shared_wh,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used + s.shared) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed + s.shared) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        q.community_id AS community_id,
        CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        sum(q.shared_wh) AS shared,
        count(q.consumption_wh) AS known,
        count() AS there
    FROM community_autarky_quarter_hours AS q
    GROUP BY q.community_id, CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'))
) AS s;

CREATE OR REPLACE VIEW grid_autarky_days AS
SELECT
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    s.shared AS shared_wh,
    if(s.known = 96, self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96, self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used + s.shared) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed + s.shared) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        toStartOfDay(q.period_start) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        sum(q.shared_wh) AS shared,
        countIf(q.known_communities = q.communities) AS known,
        count() AS there
    FROM grid_autarky_quarter_hours AS q
    GROUP BY toStartOfDay(q.period_start)
) AS s;

CREATE OR REPLACE VIEW grid_autarky_months AS
SELECT
    s.start AS period_start,
    s.consumption AS consumption_wh,
    s.production AS production_wh,
    s.solar_used AS solar_used_wh,
    s.self_consumed AS self_consumed_wh,
    s.shared AS shared_wh,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_sufficiency_of_known, NULL)
        AS self_sufficiency,
    if(s.known = 96 * dateDiff('day', s.start, s.start + INTERVAL 1 MONTH), self_consumption_of_known, NULL)
        AS self_consumption,
    toFloat64(s.solar_used + s.shared) / nullIf(toFloat64(s.consumption), 0)
        AS self_sufficiency_of_known,
    toFloat64(s.self_consumed + s.shared) / nullIf(toFloat64(s.production), 0)
        AS self_consumption_of_known,
    s.known AS known_quarter_hours,
    s.there AS quarter_hours
FROM
(
    SELECT
        CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS start,
        sum(q.consumption_wh) AS consumption,
        sum(q.production_wh) AS production,
        sum(q.solar_used_wh) AS solar_used,
        sum(q.self_consumed_wh) AS self_consumed,
        sum(q.shared_wh) AS shared,
        countIf(q.known_communities = q.communities) AS known,
        count() AS there
    FROM grid_autarky_quarter_hours AS q
    GROUP BY CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'))
) AS s;
