"""Saying that a record is left out, since it is none of ours."""

import logging

from pydantic import ValidationError

from streams.delivery.batches import Batch

logger = logging.getLogger(__name__)


def leave_out(batch: Batch, offset: int, error: ValidationError) -> None:
    """Say in a line which record can't be read, and what is wrong first; nothing of its values."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    logger.error(
        "%s[%s] at offset %s is left out: %s: %s",
        batch.tp.topic,
        batch.partition,
        offset,
        ".".join(str(part) for part in first["loc"]),
        first["msg"],
    )
