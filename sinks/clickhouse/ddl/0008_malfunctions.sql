-- The life of tickets about meters and terminals, as the worker for alerts has told it, a row for
-- each step. A step has one content for ever, so an insert that is sent again changes nothing.

CREATE TABLE IF NOT EXISTS malfunction_steps
(
    ticket_id String CODEC(ZSTD(1)),
    step UInt32 CODEC(ZSTD(1)),
    event LowCardinality(String),
    state LowCardinality(String),
    kind LowCardinality(String),
    community_id LowCardinality(String),
    meter_id Array(String) CODEC(ZSTD(1)),
    rule LowCardinality(Nullable(String)),
    technician_id LowCardinality(Nullable(String)),
    operator Nullable(String) CODEC(ZSTD(1)),
    since DateTime('UTC') CODEC(Delta, ZSTD(1)),
    at DateTime('UTC') CODEC(Delta, ZSTD(1)),
    reason String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (community_id, ticket_id, step)
SETTINGS ttl_only_drop_parts = 1;

-- Everything that happened to each ticket. An empty meter_id: the whole terminal.
CREATE OR REPLACE VIEW ticket_steps AS
SELECT
    ticket_id,
    step,
    event,
    state,
    kind,
    community_id,
    meter_id,
    rule,
    technician_id,
    operator,
    since,
    at,
    reason
FROM malfunction_steps FINAL;

-- Where each ticket stands. `opened_at` is when it was opened first, `since` when it went wrong
-- last; `ended_at` is NULL while it is open. Times are event time.
CREATE OR REPLACE VIEW tickets AS
SELECT
    s.ticket_id AS ticket_id,
    argMax(s.state, s.step) AS state,
    any(s.kind) AS kind,
    any(s.community_id) AS community_id,
    any(s.meter_id) AS meter_id,
    any(s.rule) AS rule,
    -- A tuple, since argMax itself leaves out what is NULL.
    argMax(tuple(s.technician_id), s.step).1 AS technician_id,
    min(s.at) AS opened_at,
    argMax(s.since, s.step) AS since,
    if(state = 'resolved', max(s.at), NULL) AS ended_at,
    argMax(s.event, s.step) AS last_event,
    max(s.at) AS last_at,
    argMax(s.reason, s.step) AS last_reason,
    countIf(s.event = 'reminded') AS reminders,
    countIf(s.event = 'reopened') AS reopened,
    max(s.step) AS steps
FROM ticket_steps AS s
GROUP BY s.ticket_id;
