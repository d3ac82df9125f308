"""What batteries read of closed periods, and what limits they see in regulation's messages."""

from typing import Any

import pytest

from schemas.metering import HouseholdIntervals
from schemas.production import ShedOrder, ShedReason
from schemas.regulation import Level, SwitchDirective, SwitchReason, SwitchState
from streams.codecs.batteries import shed, switched_off, told_period
from streams.domain.batteries_communities import Limited, Measured
from tests.builders import NOON, QUARTER_S


def a_period(**columns: Any) -> bytes:  # noqa: ANN401 - any column
    meters = ["m1", "m2", "m3"]
    nothing: list[int | None] = [None] * 3
    return (
        HouseholdIntervals(
            **{
                "community_id": "c1",
                "period_start": NOON,
                "version": 4,
                "part": 0,
                "parts": 1,
                "meter_id": meters,
                "consumption_mwh": [300, 200, 100],
                "production_mwh": [500, None, None],
                "import_mwh": nothing,
                "export_mwh": nothing,
                "battery_charge_mwh": [50, None, None],
                "battery_discharge_mwh": [0, None, None],
                "battery_level_mwh": [7_000, None, None],
                "measured_minutes": [15, 15, 15],
                **columns,
            }
        )
        .model_dump_json()
        .encode()
    )


def test_reads_net_loads_without_the_battery_and_its_level() -> None:
    told = told_period(a_period())

    assert (told.start, told.version, told.net) == (NOON, 4, -200 + 200 + 100)
    assert told.batteries == {"m1": Measured(net=-200, level=7_000)}


def test_of_who_was_not_measured_throughout_the_net_load_is_not_known() -> None:
    told = told_period(a_period(measured_minutes=[14, 15, 15]))

    assert told.batteries == {"m1": Measured(net=None, level=7_000)}
    assert told.net == (200 + 100) * 3 // 2


def test_with_more_than_half_of_the_households_missing_nothing_is_known_of_the_community() -> None:
    assert told_period(a_period(measured_minutes=[15, 3, 0])).net is None


def test_reads_periods_of_before_levels_were_told() -> None:
    told = told_period(a_period(battery_level_mwh=None))

    assert told.batteries == {"m1": Measured(net=-200, level=None)}


def a_switch(state: SwitchState, reason: SwitchReason) -> bytes:
    directive = SwitchDirective(
        directive_id="d1",
        community_id="c1",
        meter_id="m1",
        minute=NOON,
        version=1,
        state=state,
        level=Level.NORMAL,
        limit_w=None,
        reason=reason,
        detail="too much",
        valid_from=NOON,
        valid_until=NOON + QUARTER_S,
    )
    return directive.model_dump_json().encode()


def test_a_community_is_limited_while_regulation_has_somebody_switched_off() -> None:
    limited = Limited("c1", NOON, NOON + QUARTER_S)

    assert switched_off(a_switch(SwitchState.OFF, SwitchReason.CONNECTION_LIMIT)) == limited
    assert switched_off(a_switch(SwitchState.OFF, SwitchReason.CUSTOMER_CHOICE)) is None
    assert switched_off(a_switch(SwitchState.AUTO, SwitchReason.RELIEVED)) is None


@pytest.mark.parametrize(("shed_w", "is_limited"), [(5_000, True), (0, False)])
def test_a_community_is_limited_while_the_grid_lacks_energy(
    shed_w: int,
    is_limited: bool,  # noqa: FBT001 - a case
) -> None:
    order = ShedOrder(
        order_id="o1",
        community_id="c1",
        version=1,
        minute=NOON,
        valid_from=NOON,
        valid_until=NOON + QUARTER_S,
        shed_w=shed_w,
        deficit_w=9_000,
        reason=next(iter(ShedReason)),
    )

    found = shed(order.model_dump_json().encode())

    assert found == (Limited("c1", NOON, NOON + QUARTER_S) if is_limited else None)
