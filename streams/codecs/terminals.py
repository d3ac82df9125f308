"""Whose frames these are: what has been read once of a key and its list of meters.

A terminal names the same meters minute after minute, a fifth of its frame. So a list is read as
JSON once, and found again by its bytes.
"""

from typing import Final, NamedTuple

import numpy as np

from streams.codecs.words import Word, as_int, is_same
from streams.compiled import compiled
from streams.domain.frames import MeterList
from streams.records import Bytes, Integers

UNKNOWN: Final = -1

_SPAN: Final = 3  # of a key and a list: where the key begins, where the list begins, where it ends
_FIRST_SLOTS: Final = 1 << 10
_FIRST_BYTES: Final = 1 << 16
_BYTES_HASHED: Final = 24
_END: Final = ord("]")
_MULTIPLIER: Final = Word(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio (Knuth, 6.4)
_SHIFT: Final = Word(32)


class Terminal(NamedTuple):
    """A community and the meters that a frame of it names."""

    community_id: str
    meters: MeterList


class Terminals:
    """Remembers terminals, at most as many bytes of them as it is told.

    Attributes:
        known: By number.
        slots: A hash table: the number of a terminal, or `UNKNOWN`.
        spans: (terminal, 3): where in `text` its key begins, its list begins, its list ends.
        text: Keys and lists of meters as they came.
    """

    def __init__(self, *, max_bytes: int) -> None:
        """Begin with none; with more than `max_bytes` of text all are forgotten."""
        self._max_bytes = max_bytes
        self._forget()

    def _forget(self) -> None:
        self.known: list[Terminal] = []
        self.slots: Integers = np.full(_FIRST_SLOTS, UNKNOWN, dtype=np.int64)
        self.spans: Integers = np.empty((_FIRST_SLOTS // 2, _SPAN), dtype=np.int64)
        self.text: Bytes = np.empty(_FIRST_BYTES, dtype=np.uint8)
        self._end = 0

    def of(self, key: bytes, column: bytes) -> Terminal | None:
        """Return the terminal with this key and this text of its list of meters, if known."""
        text = np.frombuffer(key + column, dtype=np.uint8)
        number = find(text, 0, len(key), len(key), self.text, self.spans, self.slots)
        return None if number == UNKNOWN else self.known[number]

    def remember(self, key: bytes, column: bytes, terminal: Terminal) -> None:
        """Know a terminal by a record's key and the text of its list of meters."""
        added = len(key) + len(column)
        if self._end + added > self._max_bytes:
            self._forget()
        while self._end + added > len(self.text):
            self.text = np.concatenate([self.text, np.empty_like(self.text)])
        begin, end = self._end, self._end + added
        self.text[begin:end] = np.frombuffer(key + column, dtype=np.uint8)
        self._end = end
        if len(self.known) == len(self.spans):
            self.spans = np.concatenate([self.spans, np.empty_like(self.spans)])
            self.slots = np.full(2 * len(self.slots), UNKNOWN, dtype=np.int64)
            for number in range(len(self.known)):
                _enter(self.text, self.spans, self.slots, number)
        self.spans[len(self.known)] = begin, begin + len(key), end
        _enter(self.text, self.spans, self.slots, len(self.known))
        self.known.append(terminal)


@compiled
def _slot(text: Bytes, key_begin: int, key_end: int, list_begin: int, slots: int) -> int:
    """Return where to look for a key and a list first: by the key and the list's first bytes."""
    found = Word(0)
    for place in range(key_begin, key_end):
        found = (found ^ Word(text[place])) * _MULTIPLIER
    for place in range(list_begin, list_begin + _BYTES_HASHED):
        if text[place] == _END or text[place] == 0:
            break
        found = (found ^ Word(text[place])) * _MULTIPLIER
    return as_int(found >> _SHIFT) & (slots - 1)


@compiled
def _enter(text: Bytes, spans: Integers, slots: Integers, number: int) -> None:
    slot = _slot(text, spans[number, 0], spans[number, 1], spans[number, 1], len(slots))
    while slots[slot] != UNKNOWN:
        slot = (slot + 1) & (len(slots) - 1)
    slots[slot] = number


@compiled
def find(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    text: Bytes,
    key_begin: int,
    key_end: int,
    list_begin: int,
    known: Bytes,
    spans: Integers,
    slots: Integers,
) -> int:
    """Return the number of the terminal with this key and this list of meters, or `UNKNOWN`."""
    slot = _slot(text, key_begin, key_end, list_begin, len(slots))
    while slots[slot] != UNKNOWN:
        number = slots[slot]
        key_at, list_at, list_end = spans[number]
        if (
            list_at - key_at == key_end - key_begin
            and is_same(text, key_begin, known, key_at, list_at - key_at)
            and is_same(text, list_begin, known, list_at, list_end - list_at)
        ):
            return number  # type: ignore[no-any-return]
        slot = (slot + 1) & (len(slots) - 1)
    return UNKNOWN
