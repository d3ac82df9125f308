-- What validation says beside metering's sums: figures of households of which something failed or
-- was missing, and which rules spoke up at which readings. And what is registered for it.

ALTER TABLE registered_communities ADD COLUMN IF NOT EXISTS latitude_deg Nullable(Float64);
ALTER TABLE registered_communities ADD COLUMN IF NOT EXISTS longitude_deg Nullable(Float64);
ALTER TABLE registered_households ADD COLUMN IF NOT EXISTS register_maximum_wh Nullable(UInt64);

CREATE OR REPLACE VIEW registry_communities AS
SELECT
    community_id,
    valid_from,
    valid_to,
    name,
    connection_limit_w,
    zone,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at,
    latitude_deg,
    longitude_deg
FROM registered_communities FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

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
    register_maximum_wh
FROM registered_households FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

-- Made anew, as a view knows its columns from when it was made.
CREATE OR REPLACE VIEW registry_communities_at AS
SELECT *
FROM registry_communities
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});

CREATE OR REPLACE VIEW registry_households_at AS
SELECT *
FROM registry_households
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});

-- A household's figures in the place of its sums, the last version.
CREATE TABLE IF NOT EXISTS validated_household_intervals
(
    community_id LowCardinality(String),
    meter_id String CODEC(ZSTD(1)),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    version UInt64 CODEC(Delta, ZSTD(1)),
    of_version UInt64 CODEC(Delta, ZSTD(1)),
    consumption_mwh Nullable(Int64) CODEC(ZSTD(1)),
    production_mwh Nullable(Int64) CODEC(ZSTD(1)),
    import_mwh Nullable(Int64) CODEC(ZSTD(1)),
    export_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_charge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    battery_discharge_mwh Nullable(Int64) CODEC(ZSTD(1)),
    quality LowCardinality(String),
    method LowCardinality(String),
    measured_minutes UInt8 CODEC(ZSTD(1)),
    substituted_minutes UInt8 CODEC(ZSTD(1)),
    estimated_minutes UInt8 CODEC(ZSTD(1)),
    missing_minutes UInt8 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, meter_id, period_start)
SETTINGS ttl_only_drop_parts = 1;

-- What the rules said of a part's period, as a whole, the last version.
CREATE TABLE IF NOT EXISTS period_verdicts
(
    community_id LowCardinality(String),
    period_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    part UInt32,
    version UInt64,
    of_version UInt64,
    meter_id Array(String) CODEC(ZSTD(1)),
    minute Array(UInt32) CODEC(ZSTD(1)),
    verdict Array(LowCardinality(String)),
    rules Array(Array(LowCardinality(String)))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(period_start)
ORDER BY (community_id, period_start, part)
SETTINGS ttl_only_drop_parts = 1;

-- A row for each reading that a rule spoke up at.
CREATE OR REPLACE VIEW reading_verdicts AS
SELECT
    r.community_id AS community_id,
    r.reading.1 AS meter_id,
    toDateTime(r.reading.2, 'UTC') AS minute,
    toString(r.reading.3) AS verdict,
    CAST(r.reading.4 AS Array(String)) AS rules,
    r.of_version AS of_version,
    r.version AS version
FROM
(
    SELECT
        p.community_id AS community_id,
        arrayJoin(arrayZip(p.meter_id, p.minute, p.verdict, p.rules)) AS reading,
        p.of_version AS of_version,
        p.version AS version
    FROM period_verdicts AS p FINAL
) AS r;

-- What a household is held to: metering's sums, and in their place what validation told, if that
-- was worked out from these sums or later ones. A household in a period has one row, whichever of
-- both tables it stands in: the tuple that is compared says which.
CREATE OR REPLACE VIEW validated_quarter_hours AS
SELECT
    community_id,
    meter_id,
    period_start,
    told.1 * toDecimal64('0.001', 3) AS consumption_wh,
    told.2 * toDecimal64('0.001', 3) AS production_wh,
    told.3 * toDecimal64('0.001', 3) AS import_wh,
    told.4 * toDecimal64('0.001', 3) AS export_wh,
    told.5 * toDecimal64('0.001', 3) AS battery_charge_wh,
    told.6 * toDecimal64('0.001', 3) AS battery_discharge_wh,
    told.7 AS quality,
    told.8 AS method,
    told.9 AS measured_minutes,
    told.10 AS substituted_minutes,
    told.11 AS estimated_minutes,
    told.12 AS missing_minutes,
    newest.1 AS of_version,
    newest.2 AS version
FROM
(
    SELECT
        e.community_id AS community_id,
        e.meter_id AS meter_id,
        e.period_start AS period_start,
        argMax(e.figures, (e.of_version, e.version)) AS told,
        max((e.of_version, e.version)) AS newest
    FROM
    (
        SELECT
            community_id,
            meter_id,
            period_start,
            h.version AS of_version,
            toUInt64(0) AS version,
            tuple(
                consumption_mwh,
                production_mwh,
                import_mwh,
                export_mwh,
                battery_charge_mwh,
                battery_discharge_mwh,
                if(measured_minutes = 15, 'measured', 'missing'),
                'none',
                measured_minutes,
                toUInt8(0),
                toUInt8(0),
                toUInt8(15 - measured_minutes)
            ) AS figures
        FROM household_intervals AS h
        UNION ALL
        SELECT
            community_id,
            meter_id,
            period_start,
            of_version,
            version,
            tuple(
                consumption_mwh,
                production_mwh,
                import_mwh,
                export_mwh,
                battery_charge_mwh,
                battery_discharge_mwh,
                toString(quality),
                toString(method),
                measured_minutes,
                substituted_minutes,
                estimated_minutes,
                missing_minutes
            ) AS figures
        FROM validated_household_intervals
    ) AS e
    GROUP BY e.community_id, e.meter_id, e.period_start
);

CREATE OR REPLACE VIEW validated_days AS
SELECT
    q.community_id AS community_id,
    q.meter_id AS meter_id,
    toStartOfDay(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    sum(q.substituted_minutes) AS substituted_minutes,
    sum(q.estimated_minutes) AS estimated_minutes,
    sum(q.missing_minutes) AS missing_minutes,
    count() AS quarter_hours
FROM validated_quarter_hours AS q
GROUP BY q.community_id, q.meter_id, toStartOfDay(q.period_start);

CREATE OR REPLACE VIEW validated_months AS
SELECT
    q.community_id AS community_id,
    q.meter_id AS meter_id,
    CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    sum(q.substituted_minutes) AS substituted_minutes,
    sum(q.estimated_minutes) AS estimated_minutes,
    sum(q.missing_minutes) AS missing_minutes,
    count() AS quarter_hours
FROM validated_quarter_hours AS q
GROUP BY q.community_id, q.meter_id, CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'));

CREATE OR REPLACE VIEW validated_community_quarter_hours AS
SELECT
    q.community_id AS community_id,
    q.period_start AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    sum(q.substituted_minutes) AS substituted_minutes,
    sum(q.estimated_minutes) AS estimated_minutes,
    sum(q.missing_minutes) AS missing_minutes,
    count() AS households
FROM validated_quarter_hours AS q
GROUP BY q.community_id, q.period_start;
