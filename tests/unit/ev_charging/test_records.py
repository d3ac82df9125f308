import numpy as np
import pytest

from streams.domain.ev_charging_nights import Charging
from tables import ev_charging as tables
from tables.minutes import SchemaError
from tests.unit.ev_charging.playing import EVENING, POLICY, Player, a_session

pytestmark = pytest.mark.slow


def records_of(charging: Charging) -> dict[bytes, bytes]:
    records = {tables.CLOCK_KEY: tables.encode_clock(charging.clock)}
    for name, community in charging.communities.items():
        records[tables.sessions_key(name)] = tables.encode_sessions(community)
        records[tables.minutes_key(name)] = tables.encode_minutes(community)
        records[tables.history_key(name)] = tables.encode_history(community)
    return records


def test_a_worker_that_starts_again_decides_as_the_one_before() -> None:
    player = Player(limit_w=20_000)
    player.plug_in(a_session(), a_session("s2", continuous=False, energy_wh=30_000.123))
    player.play(EVENING, EVENING + 3_600)
    restarted = tables.restore(POLICY, records_of(player.charging).items())
    told = len(player.directives)

    player.play(EVENING + 3_600, EVENING + 5_400)
    step = restarted.fold(player.inputs, partition=0, limits=lambda _: player.limit_w, others=())

    assert player.directives[told:] == step.directives
    for name, community in player.charging.communities.items():
        assert restarted.communities[name].sessions == community.sessions
        assert np.allclose(restarted.communities[name].history, community.history, rtol=1e-6)


def test_a_record_of_a_later_version_is_refused() -> None:
    with pytest.raises(SchemaError, match="schema 2 is unknown"):
        tables.restore(POLICY, [(tables.CLOCK_KEY, b'{"schema": 2}')])
