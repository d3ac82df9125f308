-- What is registered, as the topics `registry-*` tell it: of each record the last version. NULL of
-- valid_to: open; of anything else: there is none, or it is not known. Whoever is to read persons
-- is granted them by name; no other table has anything of them but their ids.

CREATE TABLE IF NOT EXISTS registered_communities
(
    community_id String,
    version UInt64,
    valid_from DateTime('UTC'),
    valid_to Nullable(DateTime('UTC')),
    name String,
    connection_limit_w UInt64,
    zone LowCardinality(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY community_id;

-- A row for each stay of a household in a community.
CREATE TABLE IF NOT EXISTS registered_households
(
    household_id String,
    community_id LowCardinality(String),
    version UInt64,
    valid_from DateTime('UTC'),
    valid_to Nullable(DateTime('UTC')),
    meter_id String,
    customer_id Nullable(String),
    tariff_id LowCardinality(Nullable(String)),
    contract_power_w Nullable(UInt64),
    pv_peak_w Nullable(UInt64),
    battery_wh Nullable(UInt64),
    ev_charger_w Nullable(UInt64)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (community_id, household_id, valid_from);

CREATE TABLE IF NOT EXISTS registered_plants
(
    plant_id String,
    version UInt64,
    valid_from DateTime('UTC'),
    valid_to Nullable(DateTime('UTC')),
    name String,
    source LowCardinality(String),
    capacity_w UInt64,
    minimum_w UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY plant_id;

CREATE TABLE IF NOT EXISTS registered_technicians
(
    technician_id String,
    version UInt64,
    valid_from DateTime('UTC'),
    valid_to Nullable(DateTime('UTC')),
    community_id LowCardinality(Nullable(String))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY technician_id;

-- Personal data. An erasure is a version without any, and history then rewrites the parts without
-- the versions before. ClickHouse drops the old parts' files within a minute instead of eight; the
-- new ones are on the disk by then.
CREATE TABLE IF NOT EXISTS registered_persons
(
    person_id String,
    version UInt64,
    erased Bool,
    name Nullable(String),
    email Nullable(String),
    address Nullable(String),
    iban Nullable(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY person_id
SETTINGS old_parts_lifetime = 1, min_rows_to_fsync_after_merge = 1, fsync_part_directory = 1;

-- The last version of everything; what was never valid is left out.

CREATE OR REPLACE VIEW registry_communities AS
SELECT
    community_id,
    valid_from,
    valid_to,
    name,
    connection_limit_w,
    zone,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
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
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
FROM registered_households FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

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
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
FROM registered_plants FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

CREATE OR REPLACE VIEW registry_technicians AS
SELECT
    technician_id,
    valid_from,
    valid_to,
    community_id,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
FROM registered_technicians FINAL
WHERE valid_to IS NULL OR valid_to > valid_from;

CREATE OR REPLACE VIEW registry_persons AS
SELECT
    person_id,
    name,
    email,
    address,
    iban,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
FROM registered_persons FINAL
WHERE NOT erased;

-- What was valid at a time: SELECT … FROM registry_households_at(at = '2026-01-15 12:00:00').

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

CREATE OR REPLACE VIEW registry_plants_at AS
SELECT *
FROM registry_plants
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});

CREATE OR REPLACE VIEW registry_technicians_at AS
SELECT *
FROM registry_technicians
WHERE valid_from <= {at:DateTime('UTC')}
  AND (valid_to IS NULL OR valid_to > {at:DateTime('UTC')});
