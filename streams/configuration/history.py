"""How history inserts, and what it keeps."""

from datetime import timedelta

from pydantic import Field

from streams.configuration.values import Duration, Group


class HistorySettings(Group):
    """How history inserts, and what it keeps."""

    history_batch_messages: int = Field(
        default=4_000,
        ge=1,
        le=1_000_000,
        description="Messages after which history inserts without waiting.",
    )
    history_linger: Duration = Field(
        default=timedelta(seconds=1),
        gt=timedelta(0),
        description="How long history waits for more rows before it inserts.",
    )
    history_ttl_days: int = Field(
        default=0,
        ge=0,
        # Past 2106 ClickHouse's times begin anew, and what is to be kept for ever would be dropped.
        le=10_000,
        description="Days after which ClickHouse drops history; 0 keeps it.",
    )
