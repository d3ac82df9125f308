"""A compiled scan of a batch of frames: JSON text to whole mWh in one pass, without an object.

Numbers become integers digit by digit, so no binary fraction stands between what was sent and its
mWh. The scan knows the plain frame only, in the contract's own words; whatever else a record holds,
good or bad, it leaves to `streams.codecs.judgement`. A zero byte stands behind each text, which no
JSON has (Kafka puts one there: no headers follow): so every loop ends at the record's end, and none
checks where it is.
"""

from typing import Final

import numpy as np

from schemas.units import LATEST_MINUTE, MINUTE_S
from streams.codecs.terminals import LIST_BEGIN, LIST_END, UNKNOWN, find
from streams.codecs.terminals import METERS as METERS_OF_TERMINAL
from streams.codecs.words import digits, is_null, thousandths
from streams.compiled import compiled
from streams.domain.channels import CHANNELS, MISSING
from streams.records import KEY_BEGIN, KEY_END, NULL, VALUE_BEGIN, VALUE_END, Bytes, Integers

# What is told of a record, by column of `heads`.
MASK, MINUTE, SEQUENCE, METERS, CELLS, TERMINAL, METERS_BEGIN, METERS_END = range(8)
NUMBERS_A_RECORD: Final = 8

_N: Final = len(CHANNELS)
_NAMES: Final = (
    *(f"{channel}_wh" for channel in CHANNELS),
    "community_id",
    "minute",
    "meter_id",
    "sequence",
)
_COMMUNITY, _MINUTE, _METER, _SEQUENCE = range(_N, _N + 4)
_REQUIRED: Final = 1 | 1 << _COMMUNITY | 1 << _MINUTE | 1 << _METER
_LENGTHS: Final = np.array([len(name) for name in _NAMES])
_LETTERS: Final = np.zeros((len(_NAMES), _LENGTHS.max()), dtype=np.uint8)
for _row, _text in zip(_LETTERS, _NAMES, strict=True):
    _row[: len(_text)] = np.frombuffer(_text.encode(), dtype=np.uint8)

_MAX_DIGITS: Final = 18  # of what an int64 always holds
_MAX_WHOLE_DIGITS: Final = 13
_DOUBLE_DIGITS: Final = 15  # decimals that a double tells apart from each other
_MWH_DECIMALS: Final = 3
_TENS: Final = 10 ** np.arange(_MAX_DIGITS + 1)
_MWH: Final = 10**_MWH_DECIMALS  # a Wh

_FAILED: Final = -1
_QUOTE, _COMMA, _DOT, _COLON, _BACKSLASH = (ord(sign) for sign in '",.:\\')
_OPEN, _CLOSE, _BEGIN, _END = (ord(sign) for sign in "{}[]")
_ZERO, _NINE, _SPACE = ord("0"), ord("9"), ord(" ")
_TAB, _LINE, _RETURN = ord("\t"), ord("\n"), ord("\r")


@compiled
def _after_space(text: Bytes, at: int) -> int:
    while text[at] <= _SPACE and (
        text[at] == _SPACE or text[at] == _LINE or text[at] == _TAB or text[at] == _RETURN
    ):
        at += 1
    return at


@compiled
def _whole_number(text: Bytes, at: int) -> tuple[int, int]:
    """Return a whole number without a sign, and where it ends; -1 when there is none."""
    begin, value = at, 0
    while _ZERO <= text[at] <= _NINE and at - begin <= _MAX_DIGITS:
        value = value * 10 + int(text[at] - _ZERO)
        at += 1
    digits = at - begin
    if digits == 0 or digits > _MAX_DIGITS or (text[begin] == _ZERO and digits > 1):
        return _FAILED, at
    return value, at


@compiled
def _energy(text: Bytes, at: int, limit_wh: int) -> tuple[int, int]:
    """Return a number of Wh in mWh, half to even, and where it ends; -1 when it isn't plain."""
    value, count = digits(text, at)
    end = at + count
    decimals, fraction = 0, 0
    if text[end] == _DOT:
        fraction, decimals = digits(text, end + 1)
        end += 1 + decimals
    is_short = 0 < decimals <= _MWH_DECIMALS or (end == at + count and text[end] < _ZERO)
    if not is_short or count == 0 or (count > 1 and text[at] == _ZERO):
        return _long_energy(text, at, limit_wh)
    energy_mwh = value * _MWH + fraction * _TENS[_MWH_DECIMALS - decimals]
    return (energy_mwh if energy_mwh <= limit_wh * _MWH else _FAILED), end


@compiled
def _long_energy(text: Bytes, at: int, limit_wh: int) -> tuple[int, int]:
    """Do the same for a number of any length."""
    begin, value = at, 0
    while _ZERO <= text[at] <= _NINE:
        value = value * 10 + int(text[at] - _ZERO)
        at += 1
    digits, decimals = at - begin, 0
    if digits == 0 or digits > _MAX_WHOLE_DIGITS or (text[begin] == _ZERO and digits > 1):
        return _FAILED, at
    if text[at] == _DOT:
        at += 1
        point = at
        while _ZERO <= text[at] <= _NINE and at - point < _MAX_DIGITS:
            value = value * 10 + int(text[at] - _ZERO)
            at += 1
        decimals = at - point
        digits += decimals
        if decimals == 0 or digits > _MAX_DIGITS:
            return _FAILED, at
    if decimals <= _MWH_DECIMALS:
        energy_mwh = value * _TENS[_MWH_DECIMALS - decimals]
        return (energy_mwh if energy_mwh <= limit_wh * _TENS[_MWH_DECIMALS] else _FAILED), at
    unit = _TENS[decimals]
    if value // unit > limit_wh or (value // unit == limit_wh and value % unit):
        return _FAILED, at
    step = _TENS[decimals - _MWH_DECIMALS]
    energy_mwh, rest = value // step, value % step
    if digits > _DOUBLE_DIGITS and abs(2 * rest - step) <= value >> (_DOUBLE_DIGITS * 3):
        return _FAILED, at  # the judgement reads it as a double, which may lie beyond the tie
    if 2 * rest > step or (2 * rest == step and energy_mwh % 2):
        energy_mwh += 1
    return energy_mwh, at


@compiled
def _column(text: Bytes, at: int, limit_wh: int, cells: Integers, cell: int) -> tuple[int, int]:
    """Put a list of energies and nulls into `cells` from `cell` on; return both new places."""
    if text[at] != _BEGIN:
        return _FAILED, cell
    at = _after_space(text, at + 1)
    # The numbers of a column are alike: after a long one the others are long, as in registers.
    is_short = True
    while True:
        energy_mwh, end = thousandths(text, at) if is_short else (_FAILED, at)
        if energy_mwh == _FAILED:
            if is_null(text, at):
                energy_mwh, end = MISSING, at + 4
            else:
                is_short = False
                energy_mwh, end = _energy(text, at, limit_wh)
                if energy_mwh == _FAILED:
                    return _FAILED, cell
        cells[cell] = energy_mwh
        at = end
        cell += 1
        at = _after_space(text, at)
        if text[at] == _END:
            return at + 1, cell
        if text[at] != _COMMA:
            return _FAILED, cell
        at = _after_space(text, at + 1)


@compiled
def _after_string(text: Bytes, at: int) -> int:
    """Return where a string without escapes ends."""
    if text[at] != _QUOTE:
        return _FAILED
    at += 1
    while text[at] != _QUOTE:
        if text[at] == _BACKSLASH or text[at] < _SPACE:
            return _FAILED
        at += 1
    return at + 1


@compiled
def _after_strings(text: Bytes, at: int) -> int:
    """Return where a list of strings without escapes ends."""
    if text[at] != _BEGIN:
        return _FAILED
    at = _after_space(text, at + 1)
    while True:
        at = _after_string(text, at)
        if at == _FAILED:
            return _FAILED
        at = _after_space(text, at)
        if text[at] == _END:
            return at + 1
        if text[at] != _COMMA:
            return _FAILED
        at = _after_space(text, at + 1)


@compiled
def _name(text: Bytes, begin: int, length: int) -> int:
    """Return which of the contract's names this is; -1 for none."""
    for name in range(len(_LENGTHS)):
        if _LENGTHS[name] == length:
            place = 0
            while place < length and _LETTERS[name, place] == text[begin + place]:
                place += 1
            if place == length:
                return name
    return _FAILED


@compiled
def _sort_rows(cells: Integers, begin: int, width: int, rows: Integers, count: int) -> None:
    """Sort a record's rows by their channels."""
    for low in range(1, count):
        place = low
        while place and rows[place - 1] > rows[place]:
            rows[place - 1], rows[place] = rows[place], rows[place - 1]
            above, below = begin + (place - 1) * width, begin + place * width
            for column in range(width):
                cells[above + column], cells[below + column] = (
                    cells[below + column],
                    cells[above + column],
                )
            place -= 1


@compiled
def _scan_one(  # noqa: C901, PLR0911, PLR0912, PLR0913, PLR0917 - one pass over all that a frame has
    text: Bytes,
    at: int,
    end: int,
    key_begin: int,
    key_length: int,
    limits_wh: Integers,
    known: Bytes,
    spans: Integers,
    slots: Integers,
    cells: Integers,
    cell: int,
    head: Integers,
    rows: Integers,
) -> int:
    """Scan one record; return the place behind its cells. Not plain: `MASK` stays 0."""
    head[MASK], head[SEQUENCE], head[CELLS] = 0, MISSING, cell
    before, found, n_rows, width, meters = cell, 0, 0, 0, 0
    at = _after_space(text, at)
    if text[at] != _OPEN:
        return before
    while True:
        at = _after_space(text, at + 1)
        begin, at = at + 1, _after_string(text, at)
        if at == _FAILED:
            return before
        name = _name(text, begin, at - 1 - begin)
        at = _after_space(text, at)
        if name == _FAILED or found >> name & 1 or text[at] != _COLON:
            return before
        found |= 1 << name
        at = _after_space(text, at + 1)
        if name < _N:
            row = cell
            at, cell = _column(text, at, limits_wh[name], cells, cell)
            if at == _FAILED or (n_rows and cell - row != width):
                return before
            width, rows[n_rows], n_rows = cell - row, name, n_rows + 1
        elif name == _METER:
            head[METERS_BEGIN] = at
            number = find(text, key_begin, key_begin + key_length, at, known, spans, slots)
            head[TERMINAL] = number
            if number == UNKNOWN:
                at = _after_strings(text, at)
                if at == _FAILED:
                    return before
            else:
                at += spans[number, LIST_END] - spans[number, LIST_BEGIN]
                meters = spans[number, METERS_OF_TERMINAL]
            head[METERS_END] = at
        elif name == _COMMUNITY:
            begin, at = at + 1, _after_string(text, at)
            if at == _FAILED or at - 1 - begin != key_length:
                return before
            for place in range(key_length):
                if text[begin + place] != text[key_begin + place]:
                    return before
        elif name == _SEQUENCE and is_null(text, at):
            at += 4
        else:
            value, at = _whole_number(text, at)
            is_minute = name == _MINUTE
            if value == _FAILED or (is_minute and (value > LATEST_MINUTE or value % MINUTE_S)):
                return before
            head[MINUTE if is_minute else SEQUENCE] = value
        at = _after_space(text, at)
        if text[at] != _COMMA:
            break
    if text[at] != _CLOSE or _after_space(text, at + 1) != end or found & _REQUIRED != _REQUIRED:
        return before
    if head[TERMINAL] != UNKNOWN and meters != width:
        return before
    _sort_rows(cells, before, width, rows, n_rows)
    head[MASK], head[METERS] = found & ((1 << _N) - 1), width
    return cell


@compiled
def scan(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    text: Bytes,
    records: Integers,
    max_bytes: int,
    limits_wh: Integers,
    known: Bytes,
    spans: Integers,
    slots: Integers,
    cells: Integers,
    heads: Integers,
) -> int:
    """Scan a batch of records.

    Args:
        text: What keys and values stand in. A value without a zero byte behind it is not plain.
        records: Their columns, as in `streams.records`: a frame's `community_id` must be its key.
        max_bytes: A longer value is not plain.
        limits_wh: By channel; a larger value is not plain.
        known: `Terminals.text`.
        spans: `Terminals.spans`.
        slots: `Terminals.slots`.
        cells: Takes the mWh of plain records, (channel, meter) of one after the other in the order
            of channels, `MISSING` for null. As long as all values together it is long enough.
        heads: (record, number) takes what is told of each: `MASK` of its channels, 0 if it is not
            plain; `MINUTE`; `SEQUENCE` or -1; `METERS`, their number by the columns; `CELLS`, where
            these begin; `TERMINAL`, its number if it is known; `METERS_BEGIN` and `METERS_END`,
            where the list of meters stands in `text`.

    Returns:
        How many cells there are.
    """
    rows = np.empty(_N, dtype=np.int64)
    cell = 0
    for record in range(len(records)):
        key_begin, begin = records[record, KEY_BEGIN], records[record, VALUE_BEGIN]
        end = records[record, VALUE_END]
        if (
            min(key_begin, begin) == NULL
            or end - begin > max_bytes
            or end >= len(text)
            or text[end] != 0
        ):
            heads[record, MASK] = 0
        else:
            key_length = records[record, KEY_END] - key_begin
            cell = _scan_one(
                text,
                begin,
                end,
                key_begin,
                key_length,
                limits_wh,
                known,
                spans,
                slots,
                cells,
                cell,
                heads[record],
                rows,
            )
    return cell
