"""Text read eight bytes at a time: digits, and whether two texts are equal.

A number takes a few steps whatever its length, and no loop whose end a processor has to guess.
Source of the conversion: D. Lemire, "Number Parsing at a Gigabyte per Second", 2021, section 3
(parsing eight digits); the first byte of a text is the lowest of its word.
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from streams.compiled import compiled
from streams.records import Bytes

Word = np.uint64

WORD: Final = 8

_ZEROS: Final = Word(0x3030303030303030)
_TO_HIGH_BIT: Final = Word(0x7676767676767676)  # lifts 10 and above to 128 and above
_HIGH_BITS: Final = Word(0x8080808080808080)
_PAIRS: Final = Word(0x000000FF000000FF)
_UPPER: Final = Word(0x000F424000000064)  # 1,000,000 and 100
_LOWER: Final = Word(0x0000271000000001)  # 10,000 and 1
_FOUR_BYTES: Final = Word(0xFFFFFFFF)
_NULL: Final = Word(int.from_bytes(b"null", "little"))
_0, _1, _3, _8, _10 = (Word(number) for number in (0, 1, 3, 8, 10))
_16, _32, _64 = (Word(number) for number in (16, 32, 64))
_BYTE: Final = Word(0xFF)
_STEPS: Final = np.array([1000, 100, 10, 1])
"""Thousandths in the last of so many decimals."""
_POINT: Final = Word(ord(".") ^ ord("0"))


@intrinsic
def _load(typing_context: Any, text: Any, at: Any) -> Any:  # noqa: ANN401, ARG001 - numba's form
    """Read eight bytes wherever they stand: a machine does it at once, numpy has no word for it."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
        array = context.make_array(signature.args[0])(context, builder, given[0])
        place = builder.gep(array.data, [given[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, at), generate


@intrinsic
def _lowest_bit(typing_context: Any, number: Any) -> Any:  # noqa: ANN401, ARG001 - numba's form
    """Return which bit is the lowest that is set, 64 for none: an instruction without a name."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(number), generate


@compiled
def as_int(number: Word) -> int:
    """Return a number with a sign: with one of each, numba would compute in doubles."""
    return np.int64(number)  # type: ignore[return-value]


@compiled
def word(text: Bytes, at: int) -> Word:
    """Return the eight bytes from a place on, the first one lowest, zeros behind the text's end.

    The text must have eight bytes, and the place lie within it.
    """
    beyond = at - (len(text) - WORD)
    if beyond <= 0:
        return _load(text, at)  # type: ignore[call-arg] # numba gives the context
    return _load(text, at - beyond) >> Word(8 * beyond)  # type: ignore[call-arg]


@compiled
def is_null(text: Bytes, at: int) -> bool:
    """Say whether `null` stands here."""
    return bool(word(text, at) & _FOUR_BYTES == _NULL)


@compiled
def _others_in(values: Word) -> Word:
    """Return the high bits of the bytes that are no 0 to 9, right up to the first that is above 9.

    A byte above 0x89 carries into the next.
    """
    return ((values + _TO_HIGH_BIT) | values) & _HIGH_BITS


@compiled
def _first_of(bits: Word) -> Word:
    """Return in which byte the lowest bit is that is set, 8 for none."""
    return _lowest_bit(bits) >> _3  # type: ignore[call-arg] # numba gives the context


@compiled
def _number(values: Word) -> int:
    """Return the number that eight digits make, the lowest byte the first of them."""
    values = values * _10 + (values >> _8)
    return as_int(((values & _PAIRS) * _UPPER + ((values >> _16) & _PAIRS) * _LOWER) >> _32)


@compiled
def digits(text: Bytes, at: int) -> tuple[int, int]:
    """Return the number that the digits from here on make, eight at the most, and their count."""
    values = word(text, at) ^ _ZEROS
    known = _first_of(_others_in(values))
    if known == _0:
        return 0, 0
    return _number(values << (_8 - known) * _8), as_int(known)


@compiled
def thousandths(text: Bytes, at: int) -> tuple[int, int]:
    """Return a number without a sign in thousandths, and where it ends; -1 when it is not short.

    Short is one that ends within eight bytes, with at most three decimals and no superfluous zero.
    It is read as one number, the point taken out of its digits. What follows it is for the caller
    to judge.
    """
    values = word(text, at) ^ _ZEROS
    others = _others_in(values)
    whole = _first_of(others)
    if whole in (_0, _8) or (whole > _1 and values & _BYTE == _0):
        return -1, at
    bits = whole << _3
    if values >> bits & _BYTE != _POINT:
        return _number(values << (_64 - bits)) * 1000, at + as_int(whole)
    # A point carries nothing into the bytes behind it.
    end = _first_of(others & (others - _1))
    decimals = end - whole - _1
    if end == _8 or decimals == _0 or decimals > _3:
        return -1, at
    before = (_1 << bits) - _1
    joined = values & before | values >> _8 & ~before
    number = _number(joined << (_64 - (whole + decimals << _3)))
    return number * _STEPS[decimals], at + as_int(end)


@compiled
def is_same(text: Bytes, at: int, other: Bytes, begin: int, length: int) -> bool:
    """Say whether as many bytes of two texts are the same."""
    if at + length > len(text):
        return False
    whole = length - length % WORD
    for place in range(0, whole, WORD):
        if word(text, at + place) != word(other, begin + place):
            return False
    for place in range(whole, length):  # noqa: SIM110 - numba compiles no generator
        if text[at + place] != other[begin + place]:
            return False
    return True
