"""When load is shed and given back, and what is kept of a community for it: the records.

`regulation_inputs` says what a closed minute holds; `regulation_deciding` decides on it;
`regulation_communities` keeps a partition's communities. Source: design rules "Regulation";
the guaranteed minimum is that of section 14a EnWG (4.2 kW).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final, NamedTuple

from schemas.regulation import Level, SwitchChoice, SwitchDirective, SwitchState
from schemas.units import MINUTE_S
from streams.domain.regulation_deficits import Deficit, with_order
from streams.domain.regulation_foresight import Demand
from streams.domain.regulation_hours import OffPeak

PERCENT: Final = 100
_ID_BYTES: Final = 10


class PolicyError(ValueError):
    """Thresholds that can't be; the text names the numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegulationPolicy:
    """The rules of regulation.

    Attributes:
        shed_above_percent: Load above this share of the limit is too much, ...
        over_minutes: ... and after so many closed minutes in a row of it load is shed, ...
        at_once_percent: ... after a single one above this, ...
        shed_to_percent: ... down to this, in one step.
        restore_below_percent: What is shed comes back once it fits below this.
        emergency_percent: Above this it is an emergency.
        min_off_s: So long a switch stays off at least, seconds.
        min_on_s: So long it stays on at least; emergencies ask nobody.
        max_off_s: So long it stays off at most.
        calm_s: What is relieved earlier still stays off so long, so that nothing is on, off and on
            again within that time; 0: `min_off_s` alone.
        restore_delay_s: Each switch comes back at its own time within so long.
        validity_s: How long a directive to switch off holds, unless it is renewed.
        resend_after_s: A directive that nobody acknowledged for so long is sent again.
        stale_after_s: Inputs older than this steer nothing.
        guaranteed_w: What every household may always draw, W.
        least_relief_w: Nobody is switched off for less, W.
        burst_percent: Of what a household drew beyond its usual in its last quarter-hour, so much
            is taken to go on, ...
        idle_percent: ... and of what its switch can take away, so much to be on at any time.
        memory_s: Who was not shed for so long is as good as never shed: of these whoever gives most
            goes first.
        off_peak: When AUTO means on; None: always.

    Raises:
        PolicyError: If a combination can't be.
    """

    shed_above_percent: int
    over_minutes: int
    at_once_percent: int
    shed_to_percent: int
    restore_below_percent: int
    emergency_percent: int
    min_off_s: int
    min_on_s: int
    max_off_s: int
    calm_s: int
    restore_delay_s: int
    validity_s: int
    resend_after_s: int
    stale_after_s: int
    guaranteed_w: int
    least_relief_w: int
    burst_percent: int
    idle_percent: int
    memory_s: int
    off_peak: OffPeak | None = None

    def __post_init__(self) -> None:
        """Refuse what would switch for ever, or never."""
        if not (
            0
            < self.restore_below_percent
            < self.shed_to_percent
            < self.shed_above_percent
            <= self.at_once_percent
            <= self.emergency_percent
        ):
            raise PolicyError(
                f"restore_below_percent={self.restore_below_percent}, shed_to_percent="
                f"{self.shed_to_percent}, shed_above_percent={self.shed_above_percent}, "
                f"at_once_percent={self.at_once_percent} and emergency_percent="
                f"{self.emergency_percent} must grow in this order, the first three strictly"
            )
        if self.over_minutes < 1:
            raise PolicyError(f"over_minutes={self.over_minutes} must be at least 1")
        if self.restore_delay_s % MINUTE_S or self.restore_delay_s < 0:
            raise PolicyError(f"restore_delay_s={self.restore_delay_s} must be whole minutes")
        if self.max_off_s < self.least_off_s:
            raise PolicyError(
                f"max_off_s={self.max_off_s} must be at least {self.least_off_s} s: min_off_s="
                f"{self.min_off_s} or calm_s={self.calm_s}, and restore_delay_s="
                f"{self.restore_delay_s}"
            )
        least = self.min_off_s + self.restore_delay_s + MINUTE_S
        if self.validity_s < least:
            raise PolicyError(
                f"validity_s={self.validity_s} must be at least {least} s: a minute longer than "
                f"min_off_s={self.min_off_s} and restore_delay_s={self.restore_delay_s}"
            )
        if not (0 <= self.idle_percent <= PERCENT and 0 < self.burst_percent <= PERCENT):
            raise PolicyError(
                f"burst_percent={self.burst_percent} and idle_percent={self.idle_percent} must be "
                f"at most 100, and the first above 0"
            )
        if min(self.resend_after_s, self.stale_after_s) < MINUTE_S:
            raise PolicyError(
                f"resend_after_s={self.resend_after_s} and stale_after_s={self.stale_after_s} "
                f"must be at least a minute"
            )

    @property
    def renew_within_s(self) -> int:
        """How long before its end a directive is renewed: the time to say it five times."""
        return min(self.validity_s // 3, 5 * self.resend_after_s)

    @property
    def least_off_s(self) -> int:
        """The time off that a directive must have room for: nobody comes back earlier by rule."""
        return max(self.min_off_s, self.calm_s) + self.restore_delay_s

    def relief_w(self, burst_w: int, flexible_w: int) -> int:
        """Return what switching off a household is expected to take away at once, W."""
        expected = burst_w * self.burst_percent + flexible_w * self.idle_percent
        return min(expected // PERCENT, flexible_w)

    def delay_s(self, directive_id: str) -> int:
        """Return how long a switch waits before it comes back, seconds, the same for ever.

        From the directive's id, so that whoever decides it anew says the same.
        """
        return _lot(directive_id, b"delay", self.restore_delay_s + 1)

    def longest_s(self, directive_id: str, *, before_s: int) -> int:
        """Return how long a switch that was told so stays off at most, the same for ever, seconds.

        `before_s` is how long it had been off just before; both together are within `max_off_s`.

        Between the shortest and the longest that there is, so that those that went together come
        back one by one: their appliances have much to catch up on.
        """
        spread_s = self.max_off_s - self.least_off_s
        drawn = self.max_off_s - _lot(directive_id, b"longest", spread_s + 1)
        return min(drawn, self.max_off_s - before_s)


def _lot(directive_id: str, purpose: bytes, lots: int) -> int:
    digest = blake2b(directive_id.encode(), digest_size=8, key=purpose).digest()
    return int.from_bytes(digest, "big") % lots


def directive_id(community_id: str, meter_id: str, minute: int, state: SwitchState) -> str:
    """Return the id of what is ordered of a meter on a closed minute, the same for ever.

    >>> directive_id("c1", "m1", 1_750_075_200, SwitchState.OFF)
    's-014d27768dfd781a3d2d'
    """
    text = "\0".join((community_id, meter_id, str(minute), state))
    return f"s-{blake2b(text.encode(), digest_size=_ID_BYTES).hexdigest()}"


class Flexible(NamedTuple):
    """What is registered of a household that has something to switch.

    Attributes:
        flexible_w: What its switch can take away, W.
        contract_w: What it may draw at once, W; None: not agreed.
    """

    flexible_w: int
    contract_w: int | None

    @property
    def left_w(self) -> int | None:
        """What it may still draw while its switch is off, W; None: as much as it likes."""
        return None if self.contract_w is None else max(self.contract_w - self.flexible_w, 0)

    def keeps(self, guaranteed_w: int) -> bool:
        """Say whether it can still draw the guaranteed minimum while its switch is off."""
        return self.left_w is None or self.left_w >= guaranteed_w


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry says of a community at some time.

    Attributes:
        limit_w: What its connection bears, W; None: not registered.
        zone: IANA name of its time.
        flexible: By meter, who has something to switch.
        contract_w: By meter, what was agreed; a meter without is not in it.
    """

    limit_w: int | None = None
    zone: str = "UTC"
    flexible: Mapping[str, Flexible] = field(default_factory=dict)
    contract_w: Mapping[str, int] = field(default_factory=dict)
    _able: dict[int, dict[str, int]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def able(self, guaranteed_w: int) -> Mapping[str, int]:
        """Return whom the guaranteed minimum is left while its switch is off: W by meter."""
        known = self._able.get(guaranteed_w)
        if known is None:
            known = self._able[guaranteed_w] = {
                meter: flexible.flexible_w
                for meter, flexible in self.flexible.items()
                if flexible.keeps(guaranteed_w)
            }
        return known


@dataclass(frozen=True, slots=True)
class Switch:
    """What was ordered of a meter last, times in epoch seconds.

    It is off from `off_at` until `back_at`, and AUTO before and after.

    Attributes:
        directive: What was sent last.
        off_at: When it was switched off last; 0: never.
        back_at: When it comes back, or came back.
        relief_w: What it drew when it was switched off, as estimated.
        level: Of the order that switched it off.
        shed_s: Seconds that it had been off before `off_at`, all in all.
        before_s: Of them those after which it was not on for the least time, until `off_at`.
        sent_at: When the directive was sent last.
        is_answered: Whether a terminal has acknowledged or refused it.
        refused_until: Nothing is asked of it before; 0: it refused nothing.
        obeyed_at: When it said that it is off; 0: it has not.
        obeyed_until: Until when it said that it stays off.
    """

    directive: SwitchDirective
    off_at: int = 0
    back_at: int = 0
    relief_w: int = 0
    level: Level = Level.NORMAL
    shed_s: int = 0
    sent_at: int = 0
    is_answered: bool = False
    refused_until: int = 0
    before_s: int = 0
    obeyed_at: int = 0
    obeyed_until: int = 0

    def is_off(self, at: int) -> bool:
        """Say whether it is off, as ordered, at a time."""
        return self.off_at <= at < self.back_at

    def off_without_rest_s(self, at: int, *, min_on_s: int) -> int:
        """Return for how long it has been off up to a time at which it is on, seconds.

        Time before that counts as well while it was on for less than `min_on_s` in between; 0 when
        it has been on for so long.
        """
        if at - self.back_at >= min_on_s:
            return 0
        return self.before_s + self.back_at - self.off_at

    def seconds_shed(self, until: int) -> int:
        """Return for how long it has been off up to a time, all in all."""
        return self.shed_s + max(min(self.back_at, until) - self.off_at, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """What is kept of a community but for its switches.

    Attributes:
        newest: The newest closed minute; -1: none yet.
        told_at: When that one was told, by the clock of who told it, epoch seconds.
        over: So many closed minutes in a row, up to the newest, were above `shed_above`.
        demand: What it would have drawn, by quarter-hour.
        let_go: Whether its inputs were too old and its switches were given back.
        deficits: What the grid asks (`regulation_deficits`).
        choices: What customers chose, by meter.
    """

    community_id: str
    newest: int = -1
    told_at: float = 0.0
    over: int = 0
    demand: Demand = field(default_factory=Demand)
    let_go: bool = False
    deficits: tuple[Deficit, ...] = ()
    choices: Mapping[str, SwitchChoice] = field(default_factory=dict)

    def choice_of(self, meter_id: str, at: int) -> SwitchState:
        """Return what a customer chose that holds at a time; AUTO: nothing."""
        choice = self.choices.get(meter_id)
        if choice is None or choice.valid_from > at:
            return SwitchState.AUTO
        is_over = choice.valid_until is not None and choice.valid_until <= at
        return SwitchState.AUTO if is_over else choice.state

    def with_deficit(self, deficit: Deficit) -> "Community":
        """Return it with an order of the grid; the very same when that says nothing new."""
        kept = with_order(self.deficits, deficit, decided=self.newest + MINUTE_S)
        return self if kept is self.deficits else replace(self, deficits=kept)

    def with_choice(self, choice: SwitchChoice) -> "Community":
        """Return it with a customer's choice; the very same when that says nothing new."""
        known = self.choices.get(choice.meter_id)
        if known is not None and known.version >= choice.version:
            return self
        return replace(self, choices={**self.choices, choice.meter_id: choice})


def jain(shed: Iterable[int]) -> float | None:
    """Return Jain's index of how evenly something is shared, in (0, 1]; None: nobody has any.

    `(sum x)^2 / (n sum x^2)`: 1 when all have the same, 1/n when one has it all. Source: Jain,
    Chiu and Hawe, A Quantitative Measure of Fairness, DEC TR-301, 1984.

    >>> jain([30, 30]), jain([60, 0]), jain([0, 0])
    (1.0, 0.5, None)
    """
    values = list(shed)
    squares = sum(value * value for value in values)
    return None if not squares else sum(values) ** 2 / (len(values) * squares)
