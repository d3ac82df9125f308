"""Moving, closing, and finding by name."""

import pytest

from streams.domain.registry import Entry, RegistryError
from streams.domain.registry_stays import closed, moved, named
from tests.registered import DAWN, a_community, a_household, a_person

NOON = DAWN + 12 * 3600
MINUTE = 60


def test_a_move_ends_one_stay_and_begins_another_as_it_was() -> None:
    stay = a_household(pv_peak_w=5_000, customer_id="p1", valid_to=NOON + MINUTE)

    ended, begun = moved([stay], NOON, community_id="c2", meter_id=None)

    assert (ended.community_id, ended.valid_to) == ("c1", NOON)
    assert (begun.community_id, begun.valid_from, begun.valid_to) == ("c2", NOON, NOON + MINUTE)
    assert (begun.meter_id, begun.pv_peak_w, begun.customer_id) == ("m1", 5_000, "p1")


def test_a_new_meter_is_a_new_stay_in_the_same_community() -> None:
    ended, begun = moved([a_household()], NOON, community_id=None, meter_id="m9")

    assert (ended.meter_id, ended.valid_to) == ("m1", NOON)
    assert (begun.community_id, begun.meter_id, begun.valid_from) == ("c1", "m9", NOON)


def test_a_meter_that_was_wrong_from_the_start_is_corrected_in_place() -> None:
    (corrected,) = moved([a_household()], DAWN, community_id=None, meter_id="m9")

    assert (corrected.meter_id, corrected.valid_from) == ("m9", DAWN)


def test_of_a_stay_in_the_wrong_community_nothing_is_left() -> None:
    ended, begun = moved([a_household()], DAWN, community_id="c2", meter_id=None)

    assert (ended.community_id, ended.valid_from, ended.valid_to) == ("c1", DAWN, DAWN)
    assert (begun.community_id, begun.valid_from) == ("c2", DAWN)


def test_who_is_nowhere_or_there_already_does_not_move() -> None:
    with pytest.raises(RegistryError, match="in no community at 2024-12-31T23:59Z"):
        moved([a_household()], DAWN - MINUTE, community_id="c2", meter_id=None)
    with pytest.raises(RegistryError, match="in c1 with m1 at 2025-01-01T12:00Z already"):
        moved([a_household()], NOON, community_id="c1", meter_id="m1")


def test_closing_ends_what_is_valid_and_what_would_have_begun() -> None:
    now, later = a_household(valid_to=NOON + MINUTE), a_household(valid_from=NOON + MINUTE)
    past = a_household(community_id="c2", valid_from=0, valid_to=DAWN)

    ends = closed([now, later, past], NOON)

    assert [(stay.valid_from, stay.valid_to) for stay in ends] == [
        (DAWN, NOON),
        (NOON + MINUTE, NOON + MINUTE),
    ]
    assert closed(ends, NOON) == []


def test_an_id_names_whatever_has_it_and_a_meter_its_households() -> None:
    entries: list[Entry] = [
        a_community("x"),
        a_household("h1", meter_id="x"),
        a_household("x"),
        a_person("p"),
    ]

    assert named(entries, "x") == entries[:3]
    assert named(entries, "x", kind="community") == entries[:1]
