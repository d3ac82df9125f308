"""Registered entries to the records of their topics, and back."""

from typing import Final

from pydantic import ValidationError

from streams import topics
from streams.domain.registry import KINDS, Entry, Key, key_of, kind_of

SEPARATOR: Final = b"\0"

TOPIC_OF: Final[dict[str, topics.Topic]] = {
    kind: topic
    for kind, model in KINDS.items()
    for topic in topics.TOPICS
    if topic.message is model
}
"""The topic of each kind of entry."""

KIND_OF: Final = {topic.name: kind for kind, topic in TOPIC_OF.items()}
"""The kind of each topic's entries, by its name."""


class UnreadableEntryError(Exception):
    """A record that this version can't read; the text is the first thing that is wrong."""


def encode(entry: Entry) -> tuple[bytes, bytes]:
    """Return key and value of an entry's record."""
    return encode_key(key_of(entry)), entry.model_dump_json().encode()


def encode_key(key: Key) -> bytes:
    """Return a record's key: what identifies the entry, parted by zero bytes, without its kind."""
    return SEPARATOR.join(part.encode() for part in key[1:])


def home_of(key: bytes) -> bytes:
    """Return the part of a record's key that its partition follows from.

    A household's is its community, so that it lies where the community's frames do.
    """
    return key.partition(SEPARATOR)[0]


def topic_of(entry: Entry) -> topics.Topic:
    """Return an entry's topic."""
    return TOPIC_OF[kind_of(entry)]


def decode(kind: str, value: bytes) -> Entry:
    """Return the entry of a record of a kind's topic.

    Raises:
        UnreadableEntryError: If it is none of this version; the text has no value of it.
    """
    try:
        return KINDS[kind].model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        # Not chained: its own text shows what was given, which may be somebody's address.
        raise UnreadableEntryError(f"{place}: {first['msg']}") from None
