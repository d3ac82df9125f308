"""What is known of a community's meters and terminal, and what goes wrong with them: the records.

A watch is what is kept of one community. `malfunction_inputs` assigns to it what is told;
`malfunction_judging` decides what that means, by `malfunction_silence` and `malfunction_failures`;
`malfunction_tickets` writes it into tickets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schemas.malfunction import Malfunction, MalfunctionKind, TicketState
from schemas.units import MINUTE_S
from streams.domain.communities import NEVER

TERMINAL: Final = ""
"""In place of a meter: the terminal as a whole."""

SILENCE: Final = ""
"""In place of a rule: nothing was refused, nothing came."""

PERCENT: Final = 100

DAY_MINUTES: Final = 24 * 60


class PolicyError(ValueError):
    """Thresholds that can't be; the text names the numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MalfunctionPolicy:
    """The rules of malfunction.

    Attributes:
        missed_minutes: So many minutes in a row without a reading are silence.
        good_minutes: So many in a row with one clear a ticket.
        terminal_percent: When more of a terminal's meters than these are concerned, percent, it is
            the terminal's fault.
        failures: So many minutes refused by the same rule are an inconsistency, ...
        failures_within_s: ... when they lie within this time, seconds.
        grace_s: After a community's first minute nothing is called silent for so long, seconds.
        lateness_s: How long metering waits for what is missing, seconds.
        remind_after_s: When to remind of a ticket since it was opened, seconds, growing.
        reopen_within_s: A cause that is back so soon after its ticket ended reopens it, seconds.
        live_within_s: A partition whose newest minute was told later than this after its end is
            replaying the past, seconds: nobody is called silent for what has not come yet.

    Raises:
        PolicyError: If a number can't be.
    """

    missed_minutes: int
    good_minutes: int
    terminal_percent: int
    failures: int
    failures_within_s: int
    grace_s: int
    lateness_s: int
    remind_after_s: tuple[int, ...]
    reopen_within_s: int
    live_within_s: int

    def __post_init__(self) -> None:
        """Refuse what would call everything or nothing a malfunction."""
        for name in ("missed_minutes", "good_minutes", "failures"):
            if getattr(self, name) < 1:
                raise PolicyError(f"{name}={getattr(self, name)} must be at least 1")
        if not 0 <= self.terminal_percent < PERCENT:
            raise PolicyError(f"terminal_percent={self.terminal_percent} must be 0 to 99")
        if list(self.remind_after_s) != sorted(set(self.remind_after_s)):
            raise PolicyError(f"remind_after_s={self.remind_after_s} must grow")

    @property
    def kept_minutes(self) -> int:
        """How many judged minutes are kept, since the next ones are judged with them."""
        return max(self.missed_minutes, self.good_minutes) + 1

    @property
    def kept_failures(self) -> int:
        """How many refused minutes are kept of a meter and rule, of those that are judged."""
        return 4 * max(self.failures, self.kept_minutes)

    @property
    def kept_ahead(self) -> int:
        """How many are kept that are known earlier than the minutes they belong to."""
        return max(DAY_MINUTES, self.kept_failures)

    def is_most(self, some: int, of_all: int) -> bool:
        """Say whether so many meters concerned are the terminal's fault."""
        return some * PERCENT > of_all * self.terminal_percent


class Told(NamedTuple):
    """A closed minute as metering has told it last."""

    version: int
    missing: frozenset[str]


class Cause(NamedTuple):
    """What a ticket is about: for each there is at most one that is open.

    `meter` is `TERMINAL` for the terminal, `rule` is `SILENCE` where nothing was refused.
    """

    kind: MalfunctionKind
    rule: str
    meter: str


class Refused(NamedTuple):
    """Under which rule, and whose readings; `TERMINAL`: whole frames."""

    rule: str
    meter: str


@dataclass(frozen=True, slots=True)
class Failures:
    """The minutes of a meter that a rule has refused, or failed.

    They may be known long before the minutes themselves, which come in another topic.

    Attributes:
        minutes: The newest ones by place, each with the place of the frame that was refused last.
        floor: Failures at this place or before it have had their consequence; that the meter sent
            in these minutes, and was not silent, they say for ever.
        bad_until: Good readings count after this minute only.
        seen: The community's newest minute when the last one came.
    """

    minutes: Mapping[int, int] = field(default_factory=dict)
    floor: int = -1
    bad_until: int = 0
    seen: int = 0

    @property
    def pending(self) -> list[int]:
        """The minutes that have had no consequence yet, in order."""
        return sorted(minute for minute, place in self.minutes.items() if place > self.floor)

    @property
    def newest(self) -> int:
        """Up to which minute of the community it says something."""
        return max(self.seen, self.bad_until)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where a ticket stands.

    Attributes:
        since: The first minute at which it was wrong.
        opened_at: When it was opened, or opened again, last.
        step: How many things have happened to it.
        reminded: How often, since it was opened last.
        closed_at: When it ended; None while it has not.
    """

    ticket_id: str
    since: int
    opened_at: int
    step: int
    state: TicketState
    technician_id: str | None = None
    reminded: int = 0
    closed_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is about something that is still wrong."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is kept of a community, all times event time in epoch seconds.

    What was refused may be known before any minute is told: then `first`, `newest` and `judged` are
    `NEVER`, and nothing is judged.

    Attributes:
        community_id: Whose.
        first: The first minute that was told of it.
        newest: The newest one.
        told_at: When that one was told, by the clock of who told it.
        heard_at: When anything was told of it last, by the same clock.
        meters: How many it has, as of its newest minute.
        judged: Every minute up to this one has been judged.
        minutes: The last judged minutes, and those that are not judged yet.
        failures: What was refused of late.
        tickets: The open ones, and those that ended so lately that they can be reopened.
        refusals_until: Place in their topic up to where refusals are known.
        verdicts_until: Place in their topic up to where validation's verdicts are known.
        commands_until: Place in their topic up to where commands are done.
        untold: What has been decided and is still to be told, in order.
    """

    community_id: str
    first: int = NEVER
    newest: int = NEVER
    told_at: float = NEVER
    heard_at: float
    meters: int = 0
    judged: int = NEVER
    minutes: Mapping[int, Told] = field(default_factory=dict)
    failures: Mapping[Refused, Failures] = field(default_factory=dict)
    tickets: Mapping[Cause, Ticket] = field(default_factory=dict)
    refusals_until: int = -1
    verdicts_until: int = -1
    commands_until: int = -1
    untold: tuple[Malfunction, ...] = ()

    @property
    def has_minutes(self) -> bool:
        """Whether any minute of it was ever told."""
        return self.first != NEVER

    @property
    def newest_end(self) -> int:
        """The end of its newest minute."""
        return self.newest + MINUTE_S

    def open_tickets(self) -> dict[Cause, Ticket]:
        """Return the tickets that are open."""
        return {cause: ticket for cause, ticket in self.tickets.items() if ticket.is_open}


_KINDS: Final = {
    "flat_line": MalfunctionKind.STUCK_METER,
    "minute_in_future": MalfunctionKind.CLOCK,
    "minute_too_old": MalfunctionKind.CLOCK,
    "minute_not_aligned": MalfunctionKind.CLOCK,
}


VERDICTS_OF_THE_BROKEN: Final = frozenset({"flat_line", "night_production", "swapped_unit"})
"""The rules of validation that tell of a meter out of order.

Not `register_mismatch`: one reading that is wrong until its correction comes, beside one that is
late, makes all of its quarter-hour mismatch. Nor what only warns.
"""


def kind_of(rule: str) -> MalfunctionKind:
    """Return what kind of malfunction it is when a rule fails again and again.

    >>> kind_of("negative_energy").value, kind_of("minute_in_future").value
    ('inconsistent', 'clock')
    """
    return _KINDS.get(rule, MalfunctionKind.INCONSISTENT)
