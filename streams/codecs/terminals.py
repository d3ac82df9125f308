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

KEY_BEGIN, LIST_BEGIN, LIST_END, METERS = range(4)
_NUMBERS_A_SPAN: Final = 4
_FIRST_SLOTS: Final = 1 << 10
_FIRST_BYTES: Final = 1 << 16
_BYTES_HASHED: Final = 24
_MOST_STEPS: Final = 64
"""Slots that are looked at for a terminal. Only lists that begin alike under one key need as many:
who makes them up has his own read as JSON again, and takes no one's time beyond that."""

_END: Final = ord("]")
_MULTIPLIER: Final = Word(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio (Knuth, 6.4)
_SHIFT: Final = Word(32)


class Terminal(NamedTuple):
    """A community and the meters that a frame of it names."""

    community_id: str
    meters: MeterList


class Terminals:
    """Remembers terminals, each by a record's key and the text of its list of meters.

    Attributes:
        known: By number.
        slots: A hash table: the number of a terminal, or `UNKNOWN`.
        spans: (terminal, 4): where in `text` its key begins, its list begins, its list ends; how
            many meters it names.
        text: Keys and lists of meters as they came.
    """

    def __init__(self, *, max_bytes: int) -> None:
        """Begin with none; remember about as many bytes of text."""
        self._max_bytes = max_bytes
        self._forget()

    def _forget(self) -> None:
        self.known: list[Terminal] = []
        self.slots: Integers = np.full(_FIRST_SLOTS, UNKNOWN, dtype=np.int64)
        self.spans: Integers = np.empty((_FIRST_SLOTS // 2, _NUMBERS_A_SPAN), dtype=np.int64)
        self.text: Bytes = np.empty(_FIRST_BYTES, dtype=np.uint8)
        self._end = 0

    def make_room(self) -> None:
        """Forget all of them when they have become too many; their numbers are worth nothing then.

        Those that are still about are soon known again.
        """
        if self._end > self._max_bytes:
            self._forget()

    def number_of(self, key: bytes, column: bytes) -> int:
        """Return the number of the terminal with this key and text of a list, or `UNKNOWN`."""
        text = np.frombuffer(key + column, dtype=np.uint8)
        return find(text, 0, len(key), len(key), self.text, self.spans, self.slots)

    def meters_of(self, number: int) -> int:
        """Return how many meters a terminal names."""
        return len(self.known[number].meters.ids)

    def remember(self, key: bytes, column: bytes, terminal: Terminal) -> int:
        """Know a terminal that was not known; return its number."""
        number, begin, end = len(self.known), self._end, self._end + len(key) + len(column)
        while end > len(self.text):
            self.text = np.concatenate([self.text, np.empty_like(self.text)])
        self.text[begin:end] = np.frombuffer(key + column, dtype=np.uint8)
        self._end = end
        if number == len(self.spans):
            self.spans = np.concatenate([self.spans, np.empty_like(self.spans)])
            self.slots = np.full(2 * len(self.slots), UNKNOWN, dtype=np.int64)
            for earlier in range(number):
                _enter(self.text, self.spans, self.slots, earlier)
        self.spans[number] = begin, begin + len(key), end, len(terminal.meters.ids)
        _enter(self.text, self.spans, self.slots, number)
        self.known.append(terminal)
        return number


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
    """Enter a terminal into the slots; where there is no room near, in another's place."""
    key_at, list_at = spans[number, KEY_BEGIN], spans[number, LIST_BEGIN]
    first = _slot(text, key_at, list_at, list_at, len(slots))
    for step in range(_MOST_STEPS):
        slot = (first + step) & (len(slots) - 1)
        if slots[slot] == UNKNOWN:
            slots[slot] = number
            return
    slots[first] = number


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
    """Return the number of the terminal with this key and this list of meters, or `UNKNOWN`.

    One that is known may be `UNKNOWN` where many lists under its key begin alike.
    """
    slot = _slot(text, key_begin, key_end, list_begin, len(slots))
    for _ in range(_MOST_STEPS):
        number = slots[slot]
        if number == UNKNOWN:
            break
        key_at, list_at, list_end, _ = spans[number]
        if (
            list_at - key_at == key_end - key_begin
            and is_same(text, key_begin, known, key_at, list_at - key_at)
            and is_same(text, list_begin, known, list_at, list_end - list_at)
        ):
            return number  # type: ignore[no-any-return]
        slot = (slot + 1) & (len(slots) - 1)
    return UNKNOWN
