"""Files of prices: what is wrong with them."""

from pathlib import Path

import pytest

from deploy.prices.files import Claims, read_claims

COLUMNS = "start,minutes,price_eur_per_mwh"


def claims_of(folder: Path, *lines: str) -> Claims:
    file = folder / "prices.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return read_claims(file)


def test_an_hour_makes_four_prices(tmp_path: Path) -> None:
    claims = claims_of(tmp_path, COLUMNS, "2026-01-01T00:00Z,60,83.17")

    assert (len(claims.sound), claims.faults) == (4, [])


@pytest.mark.parametrize("start", ["2106-02-07T06:00Z", "2107-01-01T00:00Z", "9999-12-31T23:00Z"])
def test_a_time_that_clickhouse_does_not_have_is_refused(tmp_path: Path, start: str) -> None:
    claims = claims_of(tmp_path, COLUMNS, f"{start},60,83.17")

    (fault,) = claims.faults
    assert (fault.line, fault.field, fault.value) == (2, "start", start)
    assert fault.rule == "must be at most 2106-02-07T05:15Z"


def test_a_column_that_is_named_twice_is_refused_and_not_chosen_from(tmp_path: Path) -> None:
    claims = claims_of(tmp_path, f"{COLUMNS},price_eur_per_mwh", "2026-01-01T00:00Z,60,83.17,9.99")

    (fault,) = claims.faults
    assert (fault.line, fault.field) == (1, "price_eur_per_mwh")
    assert fault.rule == "the first line names this column twice"
    assert claims.sound == []
