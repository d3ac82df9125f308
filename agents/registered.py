"""Reading the registry's topics, for agents that follow them."""

import logging
from typing import Final

from prometheus_client import Counter

from streams import topics
from streams.codecs.registry import KIND_OF, UnreadableEntryError, decode
from streams.domain.registry import Entry

logger = logging.getLogger(__name__)

COMMUNITIES_AND_HOUSEHOLDS: Final = (
    topics.REGISTRY_COMMUNITIES.name,
    topics.REGISTRY_HOUSEHOLDS.name,
)
"""The names of their topics."""


def entry_of(topic: str, value: bytes, *, malformed: Counter) -> Entry | None:
    """Return the entry of a record; one that can't be read is said, counted and left out."""
    try:
        return decode(KIND_OF[topic], value)
    except UnreadableEntryError as error:
        malformed.inc()
        logger.error("a record of %s is left out: %s", topic, error)  # noqa: TRY400 - a line
        return None
