"""Where a worker shows its metrics and health."""

from pydantic import Field

from streams.configuration.values import MAX_PORT, Group


class MetricsSettings(Group):
    """Where a worker shows its metrics and health."""

    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address of /metrics and /health; 0.0.0.0: any of this machine's.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=MAX_PORT,
        description="Port of /metrics and /health; 0 picks a free one.",
    )
