"""Registered entries as the records of their topics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import topics
from streams.codecs.registry import (
    TOPIC_OF,
    UnreadableEntryError,
    decode,
    encode,
    home_of,
    topic_of,
)
from streams.domain.registry import KINDS, Entry, erased, kind_of
from tests.registered import (
    DAWN,
    IBAN,
    a_community,
    a_household,
    a_person,
    a_plant,
    a_technician,
)

ENTRIES: list[Entry] = [
    a_community(name="Meadow"),
    a_household(customer_id="p1", valid_to=DAWN + 60),
    a_plant(),
    a_technician(community_id="c1"),
    a_person(iban=IBAN),
    erased(a_person(), now_ms=9),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=kind_of)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    _, value = encode(entry)

    assert decode(kind_of(entry), value) == entry


def test_every_kind_has_a_compacted_topic_of_its_own() -> None:
    assert TOPIC_OF.keys() == KINDS.keys()
    assert {topic.config["cleanup.policy"] for topic in TOPIC_OF.values()} == {"compact"}
    assert topic_of(a_person()) is topics.REGISTRY_PERSONS


def test_a_stay_lies_where_its_community_s_frames_do_and_replaces_no_other_stay() -> None:
    stay, moved = a_household(), a_household(community_id="c2", valid_from=DAWN + 60)

    assert encode(stay)[0] == b"c1\0h1\0%d" % DAWN
    assert home_of(encode(stay)[0]) == b"c1"
    assert home_of(encode(moved)[0]) == b"c2"
    assert home_of(encode(a_community())[0]) == b"c1"


def test_an_erasure_replaces_the_record_of_the_person() -> None:
    person = a_person(iban=IBAN)

    key, value = encode(erased(person, now_ms=9))

    assert key == encode(person)[0]
    assert not any(text in value for text in (b"Erika", b"example.org", IBAN.encode()))


@given(value=st.binary())
def test_what_can_t_be_read_is_said_without_quoting_it(value: bytes) -> None:
    for kind in KINDS:
        with pytest.raises(UnreadableEntryError):
            decode(kind, value)
    with pytest.raises(UnreadableEntryError) as refused:
        decode("person", b'{"person_id": "p1", "version": 1, "name": "Erika", "email": "erika"}')
    assert "erika" not in str(refused.value).lower()
