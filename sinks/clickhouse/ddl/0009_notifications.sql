-- What people were told, as the workers for notifications have told it: of each notification the
-- last state. Nobody's name or address is here; registry_persons has them, for who may read it.

CREATE TABLE IF NOT EXISTS told_notification_states
(
    notification_id String,
    version UInt64,
    person_id String,
    kind LowCardinality(String),
    at DateTime('UTC'),
    state LowCardinality(String),
    reason Nullable(String),
    attempts UInt32,
    mail_id Nullable(String),
    in_doubt Bool
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (person_id, notification_id)
SETTINGS ttl_only_drop_parts = 1;

CREATE OR REPLACE VIEW notifications AS
SELECT
    notification_id,
    person_id,
    kind,
    at,
    state,
    reason,
    attempts,
    mail_id,
    in_doubt,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS changed_at
FROM told_notification_states FINAL;

-- What a person's mails are written in.
ALTER TABLE registered_persons ADD COLUMN IF NOT EXISTS language LowCardinality(String) DEFAULT 'en';

-- An idle table is looked through more and more rarely, at last every five minutes; the files of who
-- was erased are to go within a minute all the same.
ALTER TABLE registered_persons MODIFY SETTING cleanup_delay_period = 20, max_cleanup_delay_period = 20;

CREATE OR REPLACE VIEW registry_persons AS
SELECT
    person_id,
    name,
    email,
    address,
    iban,
    language,
    version,
    fromUnixTimestamp64Milli(toInt64(version), 'UTC') AS registered_at
FROM registered_persons FINAL
WHERE NOT erased;
