-- Readings that were put right by hand: who did it, why, and what they said.

CREATE TABLE IF NOT EXISTS edited_readings
(
    community_id LowCardinality(String),
    meter_id String,
    minute DateTime('UTC'),
    version UInt64,
    edited_by String,
    reason String,
    edited_at_ms UInt64,
    consumption_mwh Nullable(Int64),
    production_mwh Nullable(Int64),
    battery_charge_mwh Nullable(Int64),
    battery_discharge_mwh Nullable(Int64)
)
ENGINE = ReplacingMergeTree
ORDER BY (community_id, meter_id, minute, version);

CREATE OR REPLACE VIEW reading_edits AS
SELECT
    community_id,
    meter_id,
    minute,
    version,
    edited_by,
    reason,
    fromUnixTimestamp64Milli(toInt64(edited_at_ms), 'UTC') AS edited_at,
    consumption_mwh * toDecimal64('0.001', 3) AS consumption_wh,
    production_mwh * toDecimal64('0.001', 3) AS production_wh,
    battery_charge_mwh * toDecimal64('0.001', 3) AS battery_charge_wh,
    battery_discharge_mwh * toDecimal64('0.001', 3) AS battery_discharge_wh
FROM edited_readings FINAL;
