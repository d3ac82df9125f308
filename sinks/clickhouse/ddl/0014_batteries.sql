-- What batteries were told, and prices of energy, as they were told. A version of a directive has
-- one content for ever, so an insert that is sent again changes nothing.

CREATE TABLE IF NOT EXISTS battery_told_directives
(
    directive_id String CODEC(ZSTD(1)),
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    valid_from DateTime('UTC') CODEC(Delta, ZSTD(1)),
    valid_until DateTime('UTC') CODEC(Delta, ZSTD(1)),
    mode LowCardinality(String),
    power_w UInt64 CODEC(ZSTD(1)),
    reason LowCardinality(String),
    level_mwh Nullable(Int64) CODEC(ZSTD(1)),
    price_eur_per_mwh Nullable(Decimal(9, 2)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(valid_from)
ORDER BY (community_id, meter_id, valid_from)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS told_prices
(
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    version UInt64 CODEC(ZSTD(1)),
    price_eur_per_mwh Decimal(9, 2) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (period_start, kind);

-- What each battery was told for each quarter-hour, at last. level_wh: expected at valid_from, NULL:
-- not known. power_w: at the grid, on top of what the household leaves over or lacks.
CREATE OR REPLACE VIEW battery_directives AS
SELECT
    community_id,
    meter_id,
    valid_from,
    valid_until,
    mode,
    power_w,
    reason,
    toDecimal64(level_mwh, 3) / 1000 AS level_wh,
    price_eur_per_mwh,
    directive_id,
    version
FROM battery_told_directives FINAL;

-- The price of each quarter-hour: the day-ahead one where it is known, else an estimate.
CREATE OR REPLACE VIEW prices AS
SELECT
    p.period_start AS period_start,
    argMin(p.price_eur_per_mwh, p.kind) AS price_eur_per_mwh,
    min(p.kind) AS kind,
    argMin(p.version, p.kind) AS version
FROM told_prices AS p FINAL
GROUP BY p.period_start;

-- The fleet in each quarter-hour: how many batteries do what, what they may move at the grid, and
-- how much is in those whose level is known.
CREATE OR REPLACE VIEW battery_fleet_quarter_hours AS
SELECT
    d.valid_from AS period_start,
    count() AS batteries,
    countIf(d.mode = 'auto') AS in_auto,
    countIf(d.mode = 'hold') AS in_hold,
    countIf(d.mode = 'charge') AS in_charge,
    countIf(d.mode = 'discharge') AS in_discharge,
    sumIf(d.power_w, d.mode = 'charge') AS from_grid_w,
    sumIf(d.power_w, d.mode = 'discharge') AS to_grid_w,
    sum(d.level_wh) AS level_wh,
    any(d.price_eur_per_mwh) AS price_eur_per_mwh
FROM battery_directives AS d
GROUP BY d.valid_from;
