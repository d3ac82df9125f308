-- Refused readings that were sent again once their meters were registered (`smatrix reprocess`).

CREATE TABLE IF NOT EXISTS reprocessed_readings
(
    source_topic LowCardinality(String),
    source_partition UInt32,
    source_offset UInt64,
    rule LowCardinality(String),
    meter_id String,
    reprocessed_at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(reprocessed_at)
ORDER BY (source_topic, source_partition, source_offset, rule, meter_id);

CREATE OR REPLACE VIEW rejected_readings AS
SELECT
    rule,
    detail,
    community_id,
    if(minute_s BETWEEN 0 AND 4294967295, toDateTime(assumeNotNull(minute_s), 'UTC'), NULL) AS minute,
    minute_s,
    meter_id,
    received_at,
    original_key,
    original_value,
    original_value_bytes > length(ifNull(original_value, '')) AS original_value_is_cut,
    original_value_bytes,
    source_topic,
    source_partition,
    source_offset,
    again.meters AS reprocessed_meter_id
FROM
(
    SELECT * FROM rejections FINAL
) AS refused
LEFT JOIN
(
    SELECT
        source_topic,
        source_partition,
        source_offset,
        rule,
        arraySort(groupUniqArray(meter_id)) AS meters
    FROM reprocessed_readings
    GROUP BY source_topic, source_partition, source_offset, rule
) AS again USING (source_topic, source_partition, source_offset, rule);
