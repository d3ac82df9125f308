"""What is known of prices, what is likely after that, and what a file makes of them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from schemas.prices import Price, PriceKind
from streams.codecs.prices import decode, encode
from streams.domain.prices import PERIODS_A_DAY, PriceBook, cents_of, euros_of, key_of
from streams.domain.prices_register import Claim, register_prices
from tests.builders import NOON, QUARTER_S

EUROS = st.decimals(-10_000, 10_000, places=2)


def a_price(
    start: int = NOON,
    euros: Decimal = Decimal("80.00"),
    *,
    version: int = 1,
    kind: PriceKind = PriceKind.DAY_AHEAD,
) -> Price:
    return Price(period_start=start, version=version, price_eur_per_mwh=euros, kind=kind)


def a_book(*prices: Price) -> PriceBook:
    book = PriceBook()
    for price in prices:
        book.take(price)
    return book


@given(EUROS, st.sampled_from(PriceKind))
def test_a_price_is_read_as_it_was_written(euros: Decimal, kind: PriceKind) -> None:
    price = a_price(euros=euros, kind=kind)

    _, value = encode(price)

    assert decode(value) == price
    assert euros_of(cents_of(euros)) == euros


def test_prices_of_a_period_by_both_kinds_are_kept_apart_by_compaction() -> None:
    keys = {encode(a_price(kind=kind))[0] for kind in PriceKind}

    assert len(keys) == 2


def test_the_day_ahead_price_counts_before_a_later_estimate() -> None:
    book = a_book(
        a_price(euros=Decimal(70)),
        a_price(euros=Decimal(90), version=5, kind=PriceKind.ESTIMATED),
    )

    found = book.at(NOON)

    assert found is not None
    assert found.price_eur_per_mwh == 70


@given(st.permutations([1, 2, 3]))
def test_the_highest_version_counts_in_whatever_order_they_come(versions: list[int]) -> None:
    book = a_book(*(a_price(euros=Decimal(version), version=version) for version in versions))

    found = book.at(NOON)

    assert found is not None
    assert found.version == 3


def test_what_is_not_known_yet_is_as_at_the_same_time_of_the_last_known_day() -> None:
    book = a_book(
        *(
            a_price(NOON + number * QUARTER_S, Decimal(number))
            for number in range(-PERIODS_A_DAY, 4)
        )
    )

    prospect = book.prospect(NOON, 8)

    assert prospect is not None
    assert prospect.known == 4
    assert prospect.cents.tolist() == [
        *(100 * number for number in range(4)),
        *(100 * number for number in range(4 - PERIODS_A_DAY, 8 - PERIODS_A_DAY)),
    ]


def test_without_the_price_of_the_first_period_nothing_is_said() -> None:
    book = a_book(a_price(NOON + QUARTER_S))

    assert book.prospect(NOON, 8) is None


def test_a_new_price_is_seen_though_it_was_asked_before() -> None:
    book = a_book(a_price())
    book.prospect(NOON, 2)

    book.take(a_price(euros=Decimal(9), version=2))

    prospect = book.prospect(NOON, 2)
    assert prospect is not None
    assert prospect.cents[0] == 900


@given(st.lists(st.tuples(st.integers(0, 9), EUROS), max_size=20), st.integers(1, 10**12))
def test_prices_registered_twice_change_nothing(
    rows: list[tuple[int, Decimal]], now_ms: int
) -> None:
    said = {start * QUARTER_S: euros for start, euros in rows}
    claims = [
        Claim(line, a_price(start, euros)) for line, (start, euros) in enumerate(said.items())
    ]
    first = register_prices({}, claims, now_ms=now_ms)

    again = register_prices(
        {key_of(price): price for price in first.prices}, claims, now_ms=now_ms + 1
    )

    assert (first.added, first.changed, first.faults) == (len(said), 0, [])
    assert (again.prices, again.unchanged) == ([], len(said))


def test_another_price_gets_a_higher_version_whatever_the_clock_says() -> None:
    before = a_price(version=50)

    result = register_prices(
        {key_of(before): before}, [Claim(2, a_price(euros=Decimal(81)))], now_ms=7
    )

    assert [price.version for price in result.prices] == [51]
    assert result.changed == 1


def test_two_lines_that_differ_are_a_fault_and_nothing_is_registered() -> None:
    claims = [Claim(2, a_price()), Claim(3, a_price(euros=Decimal(81)))]

    result = register_prices({}, claims, now_ms=7)

    assert result.prices == []
    assert [(fault.line, fault.rule) for fault in result.faults] == [
        (3, "line 2 says otherwise of 2025-06-16T12:00Z")
    ]
