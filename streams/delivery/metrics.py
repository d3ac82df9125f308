"""What the delivery of batches counts."""

from prometheus_client import Counter, Gauge, Histogram

BATCH_RECORDS = Histogram(
    "smatrix_batch_records",
    "Records in a batch.",
    buckets=(1, 10, 50, 100, 500, 1_000, 2_000, 5_000),
)
STAGE_SECONDS = Histogram(
    "smatrix_batch_stage_seconds",
    "Time that a batch spends in a stage.",
    ["stage"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
CONSUMER_LAG = Gauge(
    "smatrix_consumer_lag_records",
    "Records of a source partition that are not yet done.",
    ["topic", "partition"],
)
RECOVERY_REMAINING = Gauge(
    "smatrix_recovery_remaining_records", "Changelog records that are still to be restored."
)
RECORDS_RESTORED = Counter(
    "smatrix_recovery_restored_records_total", "Changelog records restored into local stores."
)
STORES_REBUILT = Counter(
    "smatrix_stores_rebuilt_total",
    "Local stores that did not fit their changelog and were rebuilt from it.",
)
