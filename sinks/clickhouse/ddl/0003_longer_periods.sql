-- Longer periods, each the sum of what is known in its quarter-hours. `households` is the most that
-- one quarter-hour had; `quarter_hours` says how many there are (4, 96, up to 2,976).
-- The start is written so that a filter on it still picks partitions and keys: other ways to write
-- the month's start as DateTime were tried and read everything.

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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
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
    count() AS quarter_hours
FROM grid_quarter_hours AS q
GROUP BY CAST(toStartOfMonth(q.period_start) AS DateTime('UTC'));
