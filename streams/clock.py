"""The only module that reads the wall clock."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current instant, timezone-aware."""
    return datetime.now(tz=UTC)


def epoch_now() -> float:
    """Return the current instant in epoch seconds."""
    return time.time()
