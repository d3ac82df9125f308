from collections.abc import Sequence

import numpy as np

from streams.domain.channels import MISSING
from streams.domain.register_rules import UNKNOWN_NET, check_registers, net_of
from streams.domain.registers import Followed, follow, unknown
from streams.domain.validation import EXPORT_REGISTER, IMPORT_REGISTER
from streams.domain.vee import Flags, Rule, Thresholds
from tests.unit.vee.meters import ALL, NOON, cells, told

THRESHOLDS = Thresholds()
MINUTE_MWH = 10_000


def check(
    consumption: Sequence[int], imported: Sequence[int], *, production: Sequence[int] | None = None
) -> tuple[Flags, list[bool]]:
    """Hold readings against what their register went on by; export stands at 0."""
    readings = cells(
        consumption=consumption,
        production=production or [MISSING] * len(consumption),
        import_register=10**9 + np.cumsum(imported),
        export_register=[0] * len(consumption),
    )

    def register(channel: int) -> Followed:
        return follow(
            readings[:, channel],
            NOON,
            unknown(1),
            minute_caps=np.array([10**8]),
            maximum=np.array([0]),
            glitch_readings=3,
        )

    flags, confirmed = check_registers(
        readings,
        ALL,
        NOON,
        register(IMPORT_REGISTER),
        register(EXPORT_REGISTER),
        imports_before=unknown(1),
        exports_before=unknown(1),
        thresholds=THRESHOLDS,
    )
    return flags, confirmed[:, 0].tolist()


def test_readings_that_their_register_says_as_well_are_confirmed() -> None:
    flags, confirmed = check([MINUTE_MWH] * 3, [MINUTE_MWH] * 3)

    assert not flags.any()
    assert confirmed == [False, True, True]


def test_a_reading_that_its_register_contradicts_fails_alone() -> None:
    flags, confirmed = check([MINUTE_MWH, 50_000, MINUTE_MWH], [MINUTE_MWH] * 3)

    assert told(flags, Rule.REGISTER_MISMATCH) == [False, True, False]
    assert confirmed == [False, False, True]


def test_what_rounding_explains_is_no_contradiction() -> None:
    flags, _ = check([MINUTE_MWH] * 3, [MINUTE_MWH, MINUTE_MWH + 2_000, MINUTE_MWH - 2_000])

    assert not flags.any()


def test_what_no_minute_shows_is_found_in_the_period() -> None:
    flags, _ = check([100] * 15, [1_500] * 15)

    assert told(flags, Rule.REGISTER_MISMATCH) == [False, *[True] * 14]


def test_the_net_counts_production_against_consumption() -> None:
    readings = cells(consumption=[500, MISSING], production=[200, 100], battery_charge=[50, 0])

    assert net_of(readings, ALL)[:, 0].tolist() == [350, UNKNOWN_NET]


def test_energy_in_another_unit_is_told_as_such() -> None:
    for factor in (1_000, 60, 1 / 60, 1 / 1_000):
        consumption = [round(MINUTE_MWH * factor)] * 15

        flags, _ = check(consumption, [MINUTE_MWH] * 15)

        assert told(flags, Rule.SWAPPED_UNIT) == [False, *[True] * 14]


def test_energy_that_is_only_wrong_is_no_other_unit() -> None:
    flags, _ = check([MINUTE_MWH * 7] * 15, [MINUTE_MWH] * 15)

    assert told(flags, Rule.REGISTER_MISMATCH)[-1]
    assert not any(told(flags, Rule.SWAPPED_UNIT))
