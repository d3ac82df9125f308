"""Saying that a record is left out, since it is none of ours."""

import logging

from pydantic import ValidationError

from streams.delivery.batches import Batch

logger = logging.getLogger(__name__)


def leave_out(batch: Batch, offset: int, error: ValueError) -> None:
    """Say in a line which record can't be read, and what is wrong first; nothing of its values."""
    logger.error(
        "%s[%s] at offset %s is left out: %s", batch.tp.topic, batch.partition, offset, _why(error)
    )


def _why(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
