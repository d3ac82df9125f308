import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records import EMPTY, Record, Records

TEXTS = st.none() | st.binary(max_size=20)
LISTS = st.lists(st.tuples(st.integers(1, 3), st.integers(-1, 2**41), TEXTS, TEXTS), max_size=20)


def records_of(drawn: list[tuple[int, int, bytes | None, bytes | None]]) -> list[Record]:
    """Return records whose offsets grow by the first number of each."""
    offset, records = 0, []
    for step, timestamp, key, value in drawn:
        offset += step
        records.append(Record(offset, timestamp, key, value))
    return records


@given(LISTS)
def test_records_come_back_as_they_were(drawn: list) -> None:  # type: ignore[type-arg]
    records = records_of(drawn)

    in_columns = Records.of(records)

    assert list(in_columns) == records
    assert [in_columns[place] for place in range(len(records))] == records
    assert list(in_columns[3:9]) == records[3:9]
    assert all(in_columns.at(record.offset) == record for record in records)


@given(LISTS, st.integers(0, 30))
def test_those_since_an_offset_are_the_later_ones(drawn: list, offset: int) -> None:  # type: ignore[type-arg]
    records = records_of(drawn)

    later = Records.of(records).since(offset)

    assert list(later) == [record for record in records if record.offset >= offset]


@given(LISTS, st.integers(0, 20))
def test_parts_are_joined_in_their_order(drawn: list, middle: int) -> None:  # type: ignore[type-arg]
    records = records_of(drawn)
    whole = Records.of(records)

    of_one_block = Records.joined([whole[:middle], whole[middle:]])
    of_two = Records.joined([Records.of(records[:middle]), Records.of(records[middle:])])

    assert list(of_one_block) == list(of_two) == records


def test_an_offset_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError):
        EMPTY.at(3)
    with pytest.raises(KeyError):
        Records.of([Record(2, 0, None, None)]).at(1)
