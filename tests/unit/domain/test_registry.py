"""What a list of claims makes of the registry: versions, repetitions, erasures."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import Community
from streams.domain.registry import (
    Claim,
    Entry,
    Registered,
    changes,
    erased,
    key_of,
    next_version,
    same_content,
)
from streams.domain.registry_rules import register
from tests.registered import IBAN, a_community, a_household, a_person, registered

NOW = 1_750_000_000_000


def claims(*entries: Entry) -> list[Claim]:
    return [Claim(line, entry) for line, entry in enumerate(entries, start=1)]


def after(before: Registered, *entries: Entry, now_ms: int = NOW) -> Registered:
    result = register(before, claims(*entries), now_ms=now_ms)
    assert result.faults == []
    return {**before, **registered(*result.entries)}


limits = st.integers(1, 3)
communities = st.builds(
    lambda name, limit: a_community(name, connection_limit_w=limit),
    st.sampled_from(["c1", "c2", "c3"]),
    limits,
)
files = st.lists(communities, unique_by=lambda entry: entry.community_id)


@given(history=st.lists(st.tuples(files, st.integers(1, 50))))
def test_versions_grow_with_every_change_whatever_the_clock_says(
    history: list[tuple[list[Community], int]],
) -> None:
    known: Registered = {}
    for file, clock in history:
        before, known = known, after(known, *file, now_ms=clock)

        for entry in file:
            was, now = before.get(key_of(entry)), known[key_of(entry)]
            assert same_content(now, entry)
            if was is None:
                assert now.version == clock
            elif same_content(was, entry):
                assert now == was
            else:
                assert now.version > was.version


@given(first=files, second=files)
def test_a_file_that_is_registered_twice_changes_nothing(
    first: list[Community], second: list[Community]
) -> None:
    known = after(after({}, *first), *second)

    result = register(known, claims(*second), now_ms=NOW + 1)

    assert (result.entries, result.unchanged) == ([], len(second))


@given(file=files, order=st.randoms())
def test_the_order_of_lines_is_free(file: list[Community], order: Random) -> None:
    shuffled = list(file)
    order.shuffle(shuffled)

    assert after({}, *shuffled) == after({}, *file)


def test_what_is_not_in_a_file_stays() -> None:
    known = after(registered(a_community("c1")), a_community("c2"))

    assert {key for _, key in known} == {"c1", "c2"}


def test_a_line_that_repeats_another_is_no_fault_and_one_that_contradicts_it_is() -> None:
    repeated = changes({}, claims(a_community(), a_community()), now_ms=NOW)
    contradicted = changes({}, claims(a_community(), a_community(name="other")), now_ms=NOW)

    assert (repeated.added, repeated.faults) == (1, [])
    (fault,) = contradicted.faults
    assert (fault.line, fault.field, fault.value) == (2, "community_id", "c1")
    assert "line 1" in fault.rule


def test_one_fault_keeps_everything_from_being_registered() -> None:
    result = register({}, claims(a_community(), a_household(community_id="c9")), now_ms=NOW)

    assert len(result.faults) == 1
    assert (result.entries, result.added) == ([], 0)


def test_an_erased_person_is_an_id_and_nothing_else() -> None:
    person = a_person(iban=IBAN, address="Heidestraße 17", version=NOW + 5)

    gone = erased(person, now_ms=NOW)

    assert (gone.person_id, gone.erased, gone.version) == ("p1", True, NOW + 6)
    assert (gone.name, gone.email, gone.address, gone.iban) == (None, None, None, None)
    assert erased(gone, now_ms=NOW + 99) is gone


def test_who_was_erased_does_not_come_back_with_an_old_file() -> None:
    gone = erased(a_person(), now_ms=NOW)

    result = register(registered(gone), claims(a_person()), now_ms=NOW)

    (fault,) = result.faults
    assert (fault.line, fault.field, fault.value) == (1, "person_id", "p1")
    assert result.entries == []


@pytest.mark.parametrize(("clock", "version"), [(NOW, NOW), (5, 8), (7, 8)])
def test_a_version_is_the_clock_s_or_one_more_than_before(clock: int, version: int) -> None:
    assert next_version(a_community(version=7), now_ms=clock) == version
