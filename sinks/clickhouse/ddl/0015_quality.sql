-- How good a figure is, in every view of energies: `quality`, of all its minutes the worst, as the
-- validated views say it of quarter-hours. `measured`: every minute of every household it is of has
-- come. `missing`: at least one has not, be it that the period has not ended yet.

CREATE OR REPLACE VIEW household_quarter_hours AS
SELECT
    community_id,
    meter_id,
    period_start,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    import_mwh * toDecimal64('0.001', 3) AS import_wh,
    export_mwh * toDecimal64('0.001', 3) AS export_wh,
    battery_charge_mwh * toDecimal64('0.001', 3) AS battery_charge_wh,
    battery_discharge_mwh * toDecimal64('0.001', 3) AS battery_discharge_wh,
    measured_minutes,
    version,
    if(measured_minutes = 15, 'measured', 'missing') AS quality
FROM household_intervals FINAL;

CREATE OR REPLACE VIEW community_quarter_hours AS
SELECT
    community_id,
    period_start,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    import_mwh * toDecimal64('0.001', 3) AS import_wh,
    export_mwh * toDecimal64('0.001', 3) AS export_wh,
    battery_charge_mwh * toDecimal64('0.001', 3) AS battery_charge_wh,
    battery_discharge_mwh * toDecimal64('0.001', 3) AS battery_discharge_wh,
    toUInt64(measured_minutes) AS measured_minutes,
    toUInt64(households) AS households,
    version,
    if(measured_minutes = 15 * households, 'measured', 'missing') AS quality
FROM community_intervals FINAL
WHERE parts = 1
UNION ALL
SELECT
    s.community_id AS community_id,
    s.period_start AS period_start,
    s.consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    s.production_mwh * toDecimal64('0.001', 3) AS production_wh,
    s.import_mwh * toDecimal64('0.001', 3) AS import_wh,
    s.export_mwh * toDecimal64('0.001', 3) AS export_wh,
    s.battery_charge_mwh * toDecimal64('0.001', 3) AS battery_charge_wh,
    s.battery_discharge_mwh * toDecimal64('0.001', 3) AS battery_discharge_wh,
    s.measured_minutes AS measured_minutes,
    s.households AS households,
    s.version AS version,
    if(s.measured_minutes = 15 * s.households, 'measured', 'missing') AS quality
FROM
(
    SELECT
        i.community_id AS community_id,
        i.period_start AS period_start,
        argMax(tuple(i.consumption_mwh), i.version).1 AS consumption_mwh,
        argMax(tuple(i.production_mwh), i.version).1 AS production_mwh,
        argMax(tuple(i.import_mwh), i.version).1 AS import_mwh,
        argMax(tuple(i.export_mwh), i.version).1 AS export_mwh,
        argMax(tuple(i.battery_charge_mwh), i.version).1 AS battery_charge_mwh,
        argMax(tuple(i.battery_discharge_mwh), i.version).1 AS battery_discharge_mwh,
        argMax(i.measured_minutes, i.version) AS measured_minutes,
        argMax(i.households, i.version) AS households,
        argMax(i.first_part, i.version) AS first_part,
        max(i.version) AS version
    FROM
    (
        SELECT
            p.community_id AS community_id,
            p.period_start AS period_start,
            p.parts AS parts,
            sum(p.consumption_mwh) AS consumption_mwh,
            sum(p.production_mwh) AS production_mwh,
            sum(p.import_mwh) AS import_mwh,
            sum(p.export_mwh) AS export_mwh,
            sum(p.battery_charge_mwh) AS battery_charge_mwh,
            sum(p.battery_discharge_mwh) AS battery_discharge_mwh,
            sum(p.measured_minutes) AS measured_minutes,
            sum(p.households) AS households,
            min(p.part) AS first_part,
            max(p.version) AS version
        FROM community_intervals AS p FINAL
        WHERE p.parts > 1
        GROUP BY p.community_id, p.period_start, p.parts
    ) AS i
    GROUP BY i.community_id, i.period_start
) AS s
WHERE s.first_part = 0;

CREATE OR REPLACE VIEW community_quarter_hour_versions AS
SELECT
    i.community_id AS community_id,
    i.period_start AS period_start,
    sum(i.consumption_mwh) * toDecimal64('0.001', 3) AS consumption_wh,
    sum(i.production_mwh) * toDecimal64('0.001', 3) AS production_wh,
    sum(i.import_mwh) * toDecimal64('0.001', 3) AS import_wh,
    sum(i.export_mwh) * toDecimal64('0.001', 3) AS export_wh,
    sum(i.battery_charge_mwh) * toDecimal64('0.001', 3) AS battery_charge_wh,
    sum(i.battery_discharge_mwh) * toDecimal64('0.001', 3) AS battery_discharge_wh,
    sum(i.measured_minutes) AS measured_minutes,
    sum(i.households) AS households,
    i.version AS version,
    max(i.recorded_at) AS recorded_at,
    if(sum(i.measured_minutes) = 15 * sum(i.households), 'measured', 'missing') AS quality
FROM community_interval_versions AS i FINAL
GROUP BY i.community_id, i.period_start, i.version
HAVING count() = any(i.parts);

CREATE OR REPLACE VIEW grid_quarter_hours AS
SELECT
    q.period_start AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    sum(q.households) AS households,
    count() AS communities,
    if(countIf(q.quality != 'measured') = 0, 'measured', 'missing') AS quality
FROM community_quarter_hours AS q
GROUP BY q.period_start;

CREATE OR REPLACE VIEW household_hours AS
SELECT
    q.community_id AS community_id,
    q.meter_id AS meter_id,
    toStartOfHour(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    count() AS quarter_hours,
    if(sum(q.measured_minutes) = 60, 'measured', 'missing') AS quality
FROM household_quarter_hours AS q
GROUP BY q.community_id, q.meter_id, toStartOfHour(q.period_start);

CREATE OR REPLACE VIEW household_days AS
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
    count() AS quarter_hours,
    if(sum(q.measured_minutes) = 1440, 'measured', 'missing') AS quality
FROM household_quarter_hours AS q
GROUP BY q.community_id, q.meter_id, toStartOfDay(q.period_start);

CREATE OR REPLACE VIEW household_months AS
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
    count() AS quarter_hours,
    if(
        sum(q.measured_minutes) = 1440 * toDayOfMonth(toLastDayOfMonth(min(q.period_start))),
        'measured',
        'missing'
    ) AS quality
FROM household_quarter_hours AS q
GROUP BY q.community_id, q.meter_id, CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'));

CREATE OR REPLACE VIEW community_hours AS
SELECT
    q.community_id AS community_id,
    toStartOfHour(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    count() AS quarter_hours,
    if(count() = 4 AND countIf(q.quality != 'measured') = 0, 'measured', 'missing') AS quality
FROM community_quarter_hours AS q
GROUP BY q.community_id, toStartOfHour(q.period_start);

CREATE OR REPLACE VIEW community_days AS
SELECT
    q.community_id AS community_id,
    toStartOfDay(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    count() AS quarter_hours,
    if(count() = 96 AND countIf(q.quality != 'measured') = 0, 'measured', 'missing') AS quality
FROM community_quarter_hours AS q
GROUP BY q.community_id, toStartOfDay(q.period_start);

CREATE OR REPLACE VIEW community_months AS
SELECT
    q.community_id AS community_id,
    CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    count() AS quarter_hours,
    if(
        count() = 96 * toDayOfMonth(toLastDayOfMonth(min(q.period_start)))
        AND countIf(q.quality != 'measured') = 0,
        'measured',
        'missing'
    ) AS quality
FROM community_quarter_hours AS q
GROUP BY q.community_id, CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'));

CREATE OR REPLACE VIEW grid_hours AS
SELECT
    toStartOfHour(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    max(q.communities) AS communities,
    count() AS quarter_hours,
    if(count() = 4 AND countIf(q.quality != 'measured') = 0, 'measured', 'missing') AS quality
FROM grid_quarter_hours AS q
GROUP BY toStartOfHour(q.period_start);

CREATE OR REPLACE VIEW grid_days AS
SELECT
    toStartOfDay(q.period_start) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    max(q.communities) AS communities,
    count() AS quarter_hours,
    if(count() = 96 AND countIf(q.quality != 'measured') = 0, 'measured', 'missing') AS quality
FROM grid_quarter_hours AS q
GROUP BY toStartOfDay(q.period_start);

CREATE OR REPLACE VIEW grid_months AS
SELECT
    CAST(toStartOfMonth(q.period_start) AS DateTime('UTC')) AS period_start,
    sum(q.consumption_wh) AS consumption_wh,
    sum(q.production_wh) AS production_wh,
    sum(q.import_wh) AS import_wh,
    sum(q.export_wh) AS export_wh,
    sum(q.battery_charge_wh) AS battery_charge_wh,
    sum(q.battery_discharge_wh) AS battery_discharge_wh,
    sum(q.measured_minutes) AS measured_minutes,
    max(q.households) AS households,
    max(q.communities) AS communities,
    count() AS quarter_hours,
    if(
        count() = 96 * toDayOfMonth(toLastDayOfMonth(min(q.period_start)))
        AND countIf(q.quality != 'measured') = 0,
        'measured',
        'missing'
    ) AS quality
FROM grid_quarter_hours AS q
GROUP BY CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'));

-- Of several minutes the worst, in this order.
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
    count() AS quarter_hours,
    multiIf(
        count() < 96, 'missing',
        countIf(q.quality = 'missing') > 0, 'missing',
        countIf(q.quality = 'estimated') > 0, 'estimated',
        countIf(q.quality = 'substituted') > 0, 'substituted',
        countIf(q.quality = 'recovered') > 0, 'recovered',
        'measured'
    ) AS quality
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
    count() AS quarter_hours,
    multiIf(
        count() < 96 * toDayOfMonth(toLastDayOfMonth(min(q.period_start))), 'missing',
        countIf(q.quality = 'missing') > 0, 'missing',
        countIf(q.quality = 'estimated') > 0, 'estimated',
        countIf(q.quality = 'substituted') > 0, 'substituted',
        countIf(q.quality = 'recovered') > 0, 'recovered',
        'measured'
    ) AS quality
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
    count() AS households,
    multiIf(
        countIf(q.quality = 'missing') > 0, 'missing',
        countIf(q.quality = 'estimated') > 0, 'estimated',
        countIf(q.quality = 'substituted') > 0, 'substituted',
        countIf(q.quality = 'recovered') > 0, 'recovered',
        'measured'
    ) AS quality
FROM validated_quarter_hours AS q
GROUP BY q.community_id, q.period_start;
