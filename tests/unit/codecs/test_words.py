import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs.words import WORD, digits, is_null, is_same, thousandths, word
from streams.records import Bytes


def bytes_of(text: bytes) -> Bytes:
    return np.frombuffer(text, dtype=np.uint8)


@given(st.binary(min_size=WORD, max_size=30), st.data())
def test_a_word_is_the_next_eight_bytes_with_zeros_behind_the_end(
    text: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text) - 1))

    assert word(bytes_of(text), at) == int.from_bytes(text[at : at + WORD], "little")


@given(st.binary(max_size=12), st.text("0123456789", max_size=WORD), st.binary(max_size=12))
def test_digits_are_read_up_to_what_is_none(before: bytes, number: str, after: bytes) -> None:
    text = before + number.encode() + b"," + after + bytes(WORD)

    value, count = digits(bytes_of(text), len(before))

    assert (value, count) == (int(number or "0"), len(number))


def test_no_more_than_eight_digits_are_read_at_once() -> None:
    assert digits(bytes_of(b"1234567890,"), 0) == (12_345_678, WORD)


@pytest.mark.parametrize("sign", [b"/", b":", b" ", b"-", b".", b"e", b"\xb5", b"\0"])
def test_a_sign_next_to_the_digits_is_none(sign: bytes) -> None:
    assert digits(bytes_of(b"17" + sign + b"5,,,,,,,"), 0) == (17, 2)


@given(
    st.binary(max_size=12),
    st.from_regex(rb"[0-9]{0,9}(\.[0-9]{0,5})?", fullmatch=True),
    st.binary(max_size=12),
)
def test_a_short_number_is_read_in_thousandths_and_no_other(
    before: bytes, number: bytes, after: bytes
) -> None:
    text = before + number + b"," + after + bytes(WORD)
    whole, point, decimals = number.partition(b".")
    is_short = (
        len(number) < WORD
        and re.fullmatch(rb"0|[1-9][0-9]*", whole)
        and (not point or 1 <= len(decimals) <= 3)
    )

    value, end = thousandths(bytes_of(text), len(before))

    if is_short:
        assert (value, end) == (int(Decimal(number.decode()) * 1000), len(before) + len(number))
    else:
        assert value == -1


@pytest.mark.parametrize("sign", [b"/", b":", b" ", b"-", b"e", b"\xb5", b"\xff", b"\0", b"]"])
def test_a_short_number_ends_before_whatever_is_no_digit(sign: bytes) -> None:
    assert thousandths(bytes_of(b"17" + sign + b"5,,,,,,,"), 0) == (17_000, 2)
    assert thousandths(bytes_of(b"1.7" + sign + b"5,,,,,,,"), 0) == (1_700, 3)


def test_null_is_known_at_the_very_end_too() -> None:
    text = bytes_of(b"1234null")

    assert is_null(text, 4)
    assert not is_null(text, 5)
    assert not is_null(text, 0)


@given(st.binary(min_size=WORD, max_size=60), st.data())
def test_texts_are_the_same_if_every_byte_is(text: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, len(text) - at))
    other = bytes(WORD) + text[at : at + length]

    assert is_same(bytes_of(text), at, bytes_of(other), WORD, length)
    if length:
        place = data.draw(st.integers(0, length - 1))
        changed = bytearray(other)
        changed[WORD + place] ^= data.draw(st.integers(1, 255))
        assert not is_same(bytes_of(text), at, bytes_of(bytes(changed)), WORD, length)
    assert not is_same(bytes_of(text), at, bytes_of(other + bytes(9)), WORD, len(text) - at + 1)
