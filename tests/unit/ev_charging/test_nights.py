from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ev_charging import ChargerState, EvSession, SessionRule, Shortage
from schemas.production import ShedOrder, ShedReason
from schemas.units import PERIOD_S
from streams.domain.ev_charging import Place, judge
from streams.domain.ev_charging_loads import Minute
from streams.domain.ev_charging_nights import ClosedMinute
from tests.unit.ev_charging.playing import (
    EVENING,
    MORNING,
    POLICY,
    Player,
    a_session,
    base_w,
    fold_again,
    in_partitions,
)

pytestmark = pytest.mark.slow  # the first plan compiles


def test_all_are_charged_by_morning_within_the_limit() -> None:
    player = Player(limit_w=30_000)
    player.plug_in(*(a_session(f"s{number}") for number in range(8)))

    player.play(EVENING, MORNING)

    assert set(player.charged.values()) == {20_000_000}
    settled = [load for minute, load in player.loads.items() if minute >= EVENING + 2 * PERIOD_S]
    assert max(settled) <= 30_000 * 0.95


def test_charging_fills_the_valley() -> None:
    player = Player()
    player.play(EVENING - 86_400, EVENING)  # the day before, from which the valley is known
    player.loads.clear()
    player.plug_in(*(a_session(f"s{number}", energy_wh=10_000) for number in range(4)))

    player.play(EVENING, MORNING)

    at_peak = [player.loads[m] - base_w(m) for m in range(EVENING, EVENING + 7200, 60)]
    assert sum(at_peak) < 0.1 * sum(load - base_w(m) for m, load in player.loads.items())


def test_a_vehicle_is_told_at_plug_in_what_it_gets_and_waits_from_the_first_minute_on() -> None:
    player = Player()

    player.plug_in(a_session(plugged_in=EVENING + 120, energy_wh=5_000))

    (promise,) = player.promises
    assert (promise.promised_mwh, promise.shortage) == (5_000_000, Shortage.NONE)
    directive = player.directives[0]
    assert directive.valid_from == EVENING + 180 - 60
    assert directive.valid_until == EVENING + PERIOD_S


def test_who_stays_too_short_is_told_so() -> None:
    player = Player()

    player.plug_in(a_session(departure=EVENING + 3600))

    assert player.promises[0].promised_mwh == 11_000_000
    assert player.promises[0].shortage is Shortage.WINDOW


def test_behind_a_narrow_connection_all_get_the_same_share() -> None:
    player = Player(limit_w=15_000)
    player.play(EVENING - 3600, EVENING)
    player.plug_in(*(a_session(f"s{number}") for number in range(8)))

    player.play(EVENING, MORNING)

    shares = [charged / 20_000_000 for charged in player.charged.values()]
    assert min(shares) < 0.9
    assert max(shares) - min(shares) < 0.1
    assert {promise.shortage for promise in player.promises[-8:]} == {Shortage.COMMUNITY_LIMIT}


def test_a_change_is_answered_at_once() -> None:
    player = Player()
    player.plug_in(a_session())
    player.play(EVENING, EVENING + 1800)

    player.report("s1", EVENING + 1800, departure=EVENING + 5400)

    assert player.promises[-1].departure == EVENING + 5400
    assert player.promises[-1].shortage is Shortage.WINDOW
    assert player.directives[-1].power_w == 11_000


def test_an_early_departure_ends_the_session() -> None:
    player = Player()
    player.plug_in(a_session())
    player.play(EVENING, EVENING + 3600)

    player.report("s1", EVENING + 3600, unplugged=True)
    told = len(player.directives)
    player.play(EVENING + 3600, EVENING + 7200)

    assert player.promises[-1].ended
    assert len(player.directives) == told


def test_a_charger_that_does_not_answer_is_told_once() -> None:
    player = Player(deaf=frozenset({"s1"}))
    player.plug_in(a_session(energy_wh=80_000, departure=EVENING + 8 * 3600), a_session("s2"))

    player.play(EVENING, EVENING + 4 * 3600)

    silent = [one for one in player.promises if one.charger is ChargerState.SILENT]
    assert {one.session_id for one in silent} == {"s1"}


def test_a_charger_that_reports_and_does_nothing_lags() -> None:
    player = Player()
    player.plug_in(a_session(energy_wh=80_000, departure=EVENING + 8 * 3600))
    player.play(EVENING, EVENING + PERIOD_S)
    player.charged["s1"] = 0

    player.report("s1", EVENING + PERIOD_S + 60, charged_wh=0)
    for quarter in range(1, 4):
        player.report("s1", EVENING + quarter * PERIOD_S + 120, charged_wh=0)
        player.deaf = frozenset({"s1"})
        player.play(EVENING + quarter * PERIOD_S, EVENING + (quarter + 1) * PERIOD_S)

    assert ChargerState.LAGS in {one.charger for one in player.promises}


def test_what_regulation_takes_is_not_planned() -> None:
    player = Player(limit_w=30_000)
    player.plug_in(*(a_session(f"s{number}") for number in range(8)))
    order = an_order(EVENING + 3600, EVENING + 7200, shed_w=27_000)

    player.give(order)
    player.play(EVENING, EVENING + 7200)

    during = [
        one for one in player.directives if order.valid_from <= one.valid_from < order.valid_until
    ]
    assert during
    assert not any(one.power_w for one in during)


def test_what_regulation_takes_in_a_quarter_hour_is_taken_back_in_its_next_minute() -> None:
    player = Player(limit_w=30_000)
    player.plug_in(*(a_session(f"s{number}") for number in range(8)))
    when = EVENING + 3600 + 5 * 60
    player.play(EVENING, when)

    player.give(an_order(when, when + 3600, shed_w=5_000))
    player.play(when, when + 10 * 60)

    room = 30_000 * 0.9 - 5_000
    assert player.loads[when - 60] > room + 2_000
    assert max(player.loads[minute] for minute in range(when, when + 600, 60)) <= room * 1.01


def test_an_order_that_takes_nothing_from_vehicles_tells_them_nothing() -> None:
    player = Player(limit_w=60_000)
    player.plug_in(a_session())
    player.play(EVENING, EVENING + 3600)
    told = len(player.directives)

    player.give(an_order(EVENING + 3600, EVENING + 7200, shed_w=5_000))

    assert len(player.directives) == told


def test_who_comes_late_in_a_quarter_hour_has_its_power_and_not_its_energy() -> None:
    player = Player(limit_w=20_000)
    player.play(EVENING - 3600, EVENING + 10 * 60)

    # What the connection has room for in a quarter-hour would be 18 kW in the last five minutes.
    player.plug_in(a_session(plugged_in=EVENING + 10 * 60, departure=EVENING + PERIOD_S))

    assert 0 < player.directives[0].power_w <= 20_000 * 0.9 - base_w(EVENING) + 1_000


@given(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.integers(0, 3))
@settings(max_examples=40)
def test_whenever_vehicles_are_heard_of_their_orders_have_room_together(
    heard: list[int], on_off: int
) -> None:
    limit_w, base = 16_000, 1_800
    waiting = defaultdict(list)
    for number, minute in enumerate(heard):
        session = a_session(
            f"s{number}",
            departure=EVENING + 3 * 3600,
            energy_wh=10_000,
            continuous=number >= on_off,
        )
        waiting[minute].append(session)
    player = Player(limit_w=limit_w)

    for number in range(61):
        minute = EVENING - 3600 + number * 60
        for session in waiting[number]:
            player.give(session)
            together = sum(
                order.power_w
                for order in player.orders.values()
                if order.valid_from <= EVENING < order.valid_until
            )
            assert together <= limit_w * 0.9 - (base if number > 1 else 0) + 3
        player.give(ClosedMinute("c1", minute, Minute(minute, base * 1000 // 60)))


def an_order(start: int, end: int, *, shed_w: int) -> ShedOrder:
    """Return what regulation asks of the community in a time."""
    return ShedOrder(
        order_id="o1",
        community_id="c1",
        version=1,
        minute=start,
        valid_from=start,
        valid_until=end,
        shed_w=shed_w,
        deficit_w=shed_w,
        reason=ShedReason.DEFICIT,
    )


def test_the_same_inputs_again_change_nothing() -> None:
    player = Player()
    player.plug_in(a_session(), a_session("s2"))
    player.play(EVENING, EVENING + 3600)

    assert fold_again(player.charging, player.inputs, player.limit_w) == 0


def test_orders_have_one_content_for_each_id_and_version() -> None:
    player = Player()
    player.plug_in(a_session(), a_session("s2"))
    player.play(EVENING, EVENING + 3600)
    player.report("s1", EVENING + 3600, departure=MORNING - 3600)

    seen = [(one.directive_id, one.version) for one in player.directives]

    assert len(seen) == len(set(seen))


def test_two_runs_decide_the_same() -> None:
    runs = []
    for _ in range(2):
        player = Player()
        player.plug_in(a_session(), a_session("s2", continuous=False))
        player.play(EVENING, EVENING + 3600)
        runs.append(player.directives)

    assert runs[0] == runs[1]


def test_partitions_that_plan_at_the_same_time_do_not_pile_up() -> None:
    players = [Player(partition=number, limit_w=None) for number in range(4)]
    for number, player in enumerate(players):
        player.plug_in(*(a_session(f"s{number}-{car}") for car in range(6)))
    together = Player(limit_w=None)
    together.plug_in(*(a_session(f"t{car}", community_id=f"c{car % 4}") for car in range(24)))

    for quarter in range(EVENING, MORNING, PERIOD_S):
        for tell in list(in_partitions(players)):
            tell()
        for player in players:
            player.play(quarter, quarter + PERIOD_S)
        together.play(quarter, quarter + PERIOD_S, communities=[f"c{n}" for n in range(4)])

    apart = [sum(player.loads[m] for player in players) for m in together.loads]
    assert all(charged == 20_000_000 for player in players for charged in player.charged.values())
    assert max(apart) <= 1.05 * max(together.loads.values())


@pytest.mark.parametrize(
    ("session", "rule"),
    [
        (a_session(departure=EVENING), SessionRule.DEPARTURE),
        (a_session(departure=EVENING + 8 * 86_400), SessionRule.STAY_TOO_LONG),
        (a_session(minute=EVENING + 8 * 86_400), SessionRule.STAY_TOO_LONG),
        (a_session(minimum_w=12_000), SessionRule.MINIMUM_POWER),
        (a_session(plugged_in=EVENING + 3600), SessionRule.PLUGGED_IN_IN_FUTURE),
        (a_session(community_id="c2"), SessionRule.KEY_MISMATCH),
        (a_session(meter_id="m9"), SessionRule.MOVED),
    ],
)
def test_refuses_what_cannot_be(session: EvSession, rule: SessionRule) -> None:
    refused = judge(
        session,
        key="c1",
        known=a_session(),
        registered=Place("c1"),
        must_be_registered=True,
        now=EVENING + 60,
        policy=POLICY,
    )

    assert refused is not None
    assert refused.rule is rule


@pytest.mark.parametrize(
    ("registered", "rule"),
    [(None, SessionRule.UNKNOWN_METER), (Place("c2"), SessionRule.WRONG_COMMUNITY)],
)
def test_refuses_whom_the_registry_does_not_know_there(
    registered: Place | None, rule: SessionRule
) -> None:
    refused = judge(
        a_session(),
        key="c1",
        known=None,
        registered=registered,
        must_be_registered=True,
        now=EVENING + 60,
        policy=POLICY,
    )

    assert refused is not None
    assert refused.rule is rule
