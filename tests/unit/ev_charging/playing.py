"""A night played on the pure rules: terminals that report, chargers that obey or do not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from schemas.ev_charging import ChargeDirective, ChargePlan, ChargePromise, EvSession
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.ev_charging import ChargingPolicy
from streams.domain.ev_charging_loads import Minute
from streams.domain.ev_charging_nights import Charging, ClosedMinute, Input
from streams.domain.ev_charging_planning import Tolerance
from streams.domain.forecast import ForecastPolicy

EVENING = 1_800_000_000 // 86_400 * 86_400 + 18 * 3600
MORNING = EVENING + 12 * 3600
POLICY = ChargingPolicy(
    tolerance=Tolerance(gap=0.01, sweeps=30),
    lead_s=300,
    silent_s=45 * 60,
    horizon_periods=144,
    limit_percent=90,
    grid_limit_w=None,
    most_stay_s=7 * 86_400,
    most_ahead_s=180,
    forecast=ForecastPolicy(),
)


def a_session(session_id: str = "s1", **changes: object) -> EvSession:
    """Return the report of a vehicle that is plugged in in the evening."""
    return EvSession.model_validate(
        {
            "session_id": session_id,
            "community_id": "c1",
            "meter_id": f"m-{session_id}",
            "version": 1,
            "plugged_in": EVENING,
            "departure": MORNING,
            "energy_wh": 20_000,
            "charger_w": 11_000,
            "minimum_w": 1400,
            "continuous": True,
            **changes,
        }
    )


def base_w(minute: int) -> int:
    """Return a community's load without vehicles: a peak in the evening, a valley at night."""
    hours = (minute - EVENING) % 86_400 / 3600
    return int(12_000 - 9_000 * max(0.0, 1 - abs(hours - 8) / 6))


@dataclass
class Player:
    """Plays minutes; what the rules say goes to the chargers, what these do comes back in reports.

    Attributes:
        deaf: Sessions whose charger obeys no order and reports nothing.
        loads: By minute, W of all communities, vehicles included.
        charged: By session, mWh in truth.
    """

    charging: Charging = field(default_factory=lambda: Charging(POLICY))
    partition: int = 0
    limit_w: int | None = 60_000
    deaf: frozenset[str] = frozenset()
    others: Sequence[ChargePlan] = ()
    sessions: dict[str, EvSession] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)
    orders: dict[str, ChargeDirective] = field(default_factory=dict)
    directives: list[ChargeDirective] = field(default_factory=list)
    promises: list[ChargePromise] = field(default_factory=list)
    plans: list[ChargePlan] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    loads: dict[int, float] = field(default_factory=dict)

    def give(self, *inputs: Input) -> None:
        """Give the rules some input."""
        self.inputs += inputs
        step = self.charging.fold(
            inputs,
            partition=self.partition,
            limits=lambda _: self.limit_w,
            others=self.others,
        )
        self.directives += step.directives
        self.promises += step.promises
        self.plans += step.plans
        for directive in step.directives:
            self.orders[directive.directive_id] = directive

    def plug_in(self, *sessions: EvSession) -> None:
        """Plug vehicles in."""
        for session in sessions:
            self.sessions[session.session_id] = session
            self.charged[session.session_id] = 0
            self.give(session)

    def report(self, session_id: str, minute: int, **changes: object) -> None:
        """Send a further report of a session."""
        before = self.sessions[session_id]
        session = before.model_copy(
            update={
                "version": before.version + 1,
                "minute": minute,
                "charged_wh": self.charged[session_id] / 1000,
                **changes,
            }
        )
        self.sessions[session_id] = session
        self.give(session)

    def play(self, start: int, end: int, *, communities: Iterable[str] = ("c1",)) -> None:
        """Play the minutes of [start, end)."""
        for minute in range(start, end, MINUTE_S):
            drawn = {name: float(base_w(minute)) for name in communities}
            for session_id, session in self.sessions.items():
                if session.plugged_in <= minute < session.departure and not session.unplugged:
                    drawn[session.community_id] += self._charge(session_id, minute)
            self.loads[minute] = sum(drawn.values())
            self.give(
                *(
                    ClosedMinute(name, minute, Minute(minute, round(load * 1000 / 60)))
                    for name, load in drawn.items()
                )
            )
            if (minute + MINUTE_S) % PERIOD_S == 0:
                for session_id, session in self.sessions.items():
                    if not session.unplugged and session_id not in self.deaf:
                        self.report(session_id, minute + MINUTE_S)

    def _charge(self, session_id: str, minute: int) -> float:
        session = self.sessions[session_id]
        order = self.orders.get(f"{session_id}/{minute // PERIOD_S * PERIOD_S}")
        power = session.charger_w
        if order is not None and order.valid_from <= minute:
            power = order.power_w
        if session_id in self.deaf:
            power = 0
        left = round(session.energy_wh * 1000) - self.charged[session_id]
        taken = min(power * 1000 // 60, left)
        self.charged[session_id] += taken
        return taken * 60 / 1000


def fold_again(charging: Charging, inputs: Sequence[Input], limit_w: int | None) -> int:
    """Fold inputs once more; return how much that caused to be told."""
    step = charging.fold(inputs, partition=0, limits=lambda _: limit_w, others=())
    return len(step.directives) + len(step.promises) + len(step.plans)


def in_partitions(players: Sequence[Player]) -> Iterator[Callable[[], None]]:
    """Yield what tells each of some players the plans of the others."""
    for player in players:

        def tell(player: Player = player) -> None:
            player.others = [plan for other in players for plan in other.plans[-2:]]

        yield tell
