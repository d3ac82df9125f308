import numpy as np
import pytest

from streams.domain.channels import MISSING, Cells
from streams.domain.minute_rules import check_minutes, is_negative, is_over, is_unbalanced
from streams.domain.vee import Flags, MeterLimits, Rule, Thresholds
from tests.unit.vee.meters import ALL, BATTERY_MWH, cells, limits, told

THRESHOLDS = Thresholds()
# 9 kW of the connection, 5 of the panels and 10 of the battery for a minute, and a tenth more.
CAP_MWH = int((9_000 + 5_000 + 10_000) * 1000 / 60 * 1.1)


def check(
    readings: Cells,
    *,
    of: MeterLimits | None = None,
    is_night: bool = False,
    level_before: int = MISSING,
    thresholds: Thresholds = THRESHOLDS,
) -> Flags:
    caps = (of or limits()).minute_caps(thresholds)
    night = np.full(len(readings), is_night)
    before = np.array([level_before])
    return check_minutes(readings, ALL, caps, night, before, thresholds=thresholds)[0]


def test_an_ordinary_minute_breaks_no_rule() -> None:
    readings = cells(
        consumption=[4_000], production=[60_000], battery_charge=[56_000], battery_level=[500_000]
    )

    assert not check(readings).any()


def test_what_is_missing_breaks_no_rule() -> None:
    assert not check(cells(consumption=[MISSING]), is_night=True).any()


@pytest.mark.parametrize("channel", ["consumption", "production", "battery_discharge"])
def test_an_energy_below_nothing_is_negative(channel: str) -> None:
    assert told(check(cells(**{channel: [0, -2]})), Rule.NEGATIVE_ENERGY) == [False, True]


def test_missing_is_not_negative() -> None:
    assert not is_negative(MISSING)


def test_a_household_may_use_what_connection_panels_and_battery_give() -> None:
    readings = cells(consumption=[CAP_MWH, CAP_MWH + 1])

    assert told(check(readings), Rule.OVER_CAP) == [False, True]


def test_panels_give_no_more_than_their_peak_and_a_tenth() -> None:
    most = int(5_000 * 1000 / 60 * 1.1)

    assert told(check(cells(production=[most, most + 1])), Rule.OVER_CAP) == [False, True]


def test_who_has_no_panels_produces_nothing() -> None:
    readings = cells(production=[0, 1])

    assert told(check(readings, of=limits(pv_w=0)), Rule.OVER_CAP) == [False, True]


def test_a_level_lies_between_nothing_and_the_capacity() -> None:
    readings = cells(battery_level=[0, BATTERY_MWH, BATTERY_MWH + 1, -2])

    assert told(check(readings), Rule.BATTERY_LEVEL) == [False, False, True, True]


@pytest.mark.parametrize("channel", ["battery_charge", "battery_discharge"])
def test_who_has_no_battery_neither_charges_nor_discharges(channel: str) -> None:
    readings = cells(**{channel: [0, 1]})

    assert told(check(readings, of=limits(battery_mwh=0)), Rule.NO_BATTERY) == [False, True]


def test_panels_give_nothing_at_night_but_five_watts() -> None:
    readings = cells(production=[83, 84])

    assert told(check(readings, is_night=True), Rule.NIGHT_PRODUCTION) == [False, True]
    assert not check(readings, is_night=False).any()


def test_a_level_goes_where_charge_and_efficiency_say() -> None:
    readings = cells(
        battery_charge=[100_000, 100_000],
        battery_discharge=[0, 0],
        battery_level=[590_000, 590_000],
    )

    flags = check(readings, level_before=500_000)

    assert told(flags, Rule.BATTERY_BALANCE) == [False, True]


def test_without_a_level_before_nothing_is_out_of_balance() -> None:
    readings = cells(battery_charge=[100_000], battery_discharge=[0], battery_level=[900_000])

    assert not check(readings).any()


def test_a_threshold_is_the_communitys_own() -> None:
    strict = Thresholds(cap_factor=1.0, night_power_w=1.0)
    readings = cells(consumption=[CAP_MWH], production=[83])

    flags = check(readings, is_night=True, thresholds=strict)

    assert told(flags, Rule.OVER_CAP) == [True]
    assert told(flags, Rule.NIGHT_PRODUCTION) == [True]


def test_a_batch_of_channels_that_nobody_measures_is_judged_all_the_same() -> None:
    only_consumption = cells(consumption=[CAP_MWH + 1])[:, :1]

    flags, _ = check_minutes(
        only_consumption,
        0b1,
        limits().minute_caps(THRESHOLDS),
        np.array([True]),
        np.array([MISSING]),
        thresholds=THRESHOLDS,
    )

    assert told(flags, Rule.OVER_CAP) == [True]


def test_the_compiled_questions_are_plain_comparisons() -> None:
    assert is_over(2, 1)
    assert not is_over(1, 1)
    assert is_unbalanced(100, 0, 0, 0, 0.9, 50)
    assert not is_unbalanced(90, 0, 100, 0, 0.9, 0.5)
