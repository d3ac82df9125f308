"""What the balance remembers comes back as it was."""

from schemas.energy_balance import GridPartial
from streams.domain.energy_balance import Last, Sums
from tables.energy_balance import decode, encode, encode_partial, encode_told

SUMS = Sums("Ulm/3", 1_767_268_800, 2**62, 9, 1, 100, 0, 60, 0)
PARTIAL = GridPartial(
    partition=3,
    minute=1_767_268_800,
    version=2**62,
    communities=2,
    expected_communities=3,
    meters_reported=4,
    meters_missing=0,
    consumption_mwh=100,
    production_mwh=0,
    import_mwh=60,
    export_mwh=0,
    forecast_consumption_mwh=7,
    forecast_net_mwh=-7,
)


def test_what_communities_said_comes_back_with_its_place() -> None:
    place, rows = decode(encode([SUMS, SUMS], place=7))

    assert place == 7
    assert [Sums(*row) for row in rows] == [SUMS, SUMS]  # type: ignore[arg-type]


def test_what_a_silent_one_had_comes_back() -> None:
    _, (row,) = decode(encode([Last(1_767_268_800, 5, -5)], place=7))

    assert Last(*row) == Last(1_767_268_800, 5, -5)  # type: ignore[arg-type]


def test_a_partial_comes_back() -> None:
    place, ((row,),) = decode(encode_partial(PARTIAL, place=8))

    assert (place, GridPartial.model_validate(row)) == (8, PARTIAL)


def test_what_was_told_comes_back() -> None:
    assert decode(encode_told(place=9, time=1.5)) == (9, [[1.5]])
