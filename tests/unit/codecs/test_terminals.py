import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.codecs.terminals import UNKNOWN, Terminal, Terminals, find
from streams.domain.frames import MeterList

MIB = 1 << 20


def a_terminal(community: str, *meters: str) -> tuple[bytes, bytes, Terminal]:
    column = json.dumps(meters, separators=(",", ":")).encode()
    return community.encode(), column, Terminal(community, MeterList(meters))


def number_of(terminals: Terminals, key: bytes, column: bytes, *, behind: bytes = b"") -> int:
    text = np.frombuffer(key + column + behind + bytes(8), dtype=np.uint8)
    return find(text, 0, len(key), len(key), terminals.text, terminals.spans, terminals.slots)


@given(
    st.sets(
        st.tuples(
            st.text("abc", min_size=1, max_size=3),
            st.lists(st.text("xyz]", min_size=1, max_size=12), min_size=1, max_size=4).map(tuple),
        ),
        max_size=40,
    ),
    st.binary(max_size=30),
)
def test_each_terminal_is_found_by_its_key_and_meters_whatever_follows(
    whoever: set[tuple[str, tuple[str, ...]]], behind: bytes
) -> None:
    terminals = Terminals(max_bytes=MIB)
    all_of_them = [a_terminal(community, *meters) for community, meters in whoever]

    for key, column, terminal in all_of_them:
        assert terminals.number_of(key, column) == UNKNOWN
        number = terminals.remember(key, column, terminal)
        assert terminals.meters_of(number) == len(terminal.meters.ids)

    for key, column, terminal in all_of_them:
        number = number_of(terminals, key, column, behind=behind)
        assert number == terminals.number_of(key, column)
        assert terminals.known[number] is terminal
        assert number_of(terminals, key + b"?", column) == UNKNOWN


def test_the_parts_of_a_large_community_are_terminals_of_their_own() -> None:
    terminals = Terminals(max_bytes=MIB)
    parts = [a_terminal("c1", f"m{part}", "m") for part in range(2_000)]

    for key, column, terminal in parts:
        terminals.remember(key, column, terminal)

    assert [terminals.number_of(key, column) for key, column, _ in parts] == list(range(2_000))


def test_lists_that_begin_alike_share_a_few_slots_and_hold_up_nobody() -> None:
    terminals = Terminals(max_bytes=MIB)
    first, *alike, last = [a_terminal("c1", f"{'m' * 30}{part}") for part in range(2_000)]
    other = a_terminal("c2", "m1")

    for key, column, terminal in (first, *alike, other, last):
        terminals.remember(key, column, terminal)

    assert (terminals.slots != UNKNOWN).sum() < 100
    for key, column, terminal in (other, last):
        assert terminals.known[terminals.number_of(key, column)] is terminal


def test_too_many_are_forgotten_when_room_is_made_and_not_before() -> None:
    key, column, terminal = a_terminal("c1", "m1")
    terminals = Terminals(max_bytes=len(key + column))

    terminals.remember(key, column, terminal)
    terminals.make_room()
    assert terminals.number_of(key, column) == 0

    terminals.remember(*a_terminal("c2", "m2"))
    assert terminals.number_of(key, column) == 0
    terminals.make_room()
    assert terminals.number_of(key, column) == UNKNOWN
    assert terminals.known == []
