"""What a community draws without its vehicles, in whatever order its topics are read."""

import numpy as np
import pytest

from schemas.ev_charging import EvSession
from schemas.units import PERIOD_S
from streams.domain.ev_charging_loads import Minute
from streams.domain.ev_charging_nights import ClosedMinute, Input
from tests.unit.ev_charging.playing import EVENING, Player, a_session, base_w

CAME, AWAY_S, HOUR_S = EVENING + 1800, 3 * 3600, 3600


def while_nobody_steers() -> tuple[list[ClosedMinute], list[EvSession]]:
    """Return three hours in which a vehicle comes and charges at once, as nobody tells it not to.

    Each report comes at the end of a quarter-hour.
    """
    session, charged_wh = a_session(plugged_in=CAME), 0.0
    minutes, reports = [], [session]
    for minute in range(EVENING, EVENING + AWAY_S, 60):
        power_w = min(11_000.0, (20_000 - charged_wh) * 60) if minute >= CAME else 0.0
        charged_wh += power_w / 60
        energy_mwh = round((base_w(minute) + power_w) * 1000 / 60)
        minutes.append(ClosedMinute("c1", minute, Minute(minute, energy_mwh)))
        if minute >= CAME and (minute + 60) % PERIOD_S == 0:
            told = {"version": len(reports) + 1, "minute": minute + 60, "charged_wh": charged_wh}
            reports.append(session.model_copy(update=told))
    return minutes, reports


def known_at(given: Input) -> int:
    if isinstance(given, ClosedMinute):
        return given.minute + 60
    assert isinstance(given, EvSession)
    return given.minute or given.plugged_in


@pytest.mark.parametrize("first", ["in step", "reports", "minutes"])
def test_the_past_is_known_without_vehicles_whichever_topic_is_read_first(first: str) -> None:
    player = Player()
    player.play(EVENING - HOUR_S, EVENING)
    minutes, reports = while_nobody_steers()
    ordered: dict[str, list[Input]] = {
        "in step": sorted([*reports, *minutes], key=known_at),
        "reports": [*reports, *minutes],
        "minutes": [*minutes, *reports],
    }

    for given in ordered[first]:
        player.give(given)
    player.play(EVENING + AWAY_S, EVENING + AWAY_S + HOUR_S)
    last = {"version": len(reports) + 1, "minute": EVENING + AWAY_S + HOUR_S}
    player.give(reports[-1].model_copy(update=last))

    community = player.charging.communities["c1"]
    ends = community.history_end - PERIOD_S * np.arange(len(community.history))[::-1]
    truth = [sum(base_w(minute) for minute in range(end - PERIOD_S, end, 60)) / 15 for end in ends]
    assert ends[-1] > EVENING + AWAY_S
    np.testing.assert_allclose(community.history, truth, rtol=0.05)
