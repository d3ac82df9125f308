"""The open windows of one partition: what frames do to them, and when they close.

A minute closes when every meter that its community has named in the last hour has reported it, or
when the watermark passes it by the allowed lateness. A settlement period closes with its minutes.
A frame for a closed window reopens it: it is told again with a higher version. Time is event time:
the newest minute of the community, or of the whole partition for one that has fallen silent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from schemas.metering import RejectionRule
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.channels import MISSING, Cells
from streams.domain.frames import OFFSET_BITS, Frame, MeterList, Rejection
from streams.domain.minutes import Effect, Minute, absorb

HOUR_S: Final = 3600
NEVER: Final = -(10**12)

ReadMinute = Callable[[str, int], Minute | None]


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """How long windows wait, and how long they can be reopened; seconds.

    Raises:
        ValueError: If a window would be forgotten before it has closed.
    """

    allowed_lateness_s: int
    retention_s: int
    max_ahead_s: int

    def __post_init__(self) -> None:
        """Reject a policy that forgets open windows."""
        if self.retention_s < self.allowed_lateness_s + 2 * PERIOD_S:
            raise ValueError(
                f"retention_s={self.retention_s} must be at least {2 * PERIOD_S} s more than "
                f"allowed_lateness_s={self.allowed_lateness_s}"
            )


@dataclass(slots=True, eq=False)
class Roster:
    """Meters that frames name together.

    Attributes:
        places: Their places among the community's meters; None when these are the first ones.
        size: How many they are.
        first_named: First minute that named them.
        last_named: Newest minute that named them.
    """

    places: tuple[int, ...] | None
    size: int
    first_named: int
    last_named: int

    def members(self) -> Iterable[int]:
        """Return their places among the community's meters."""
        return range(self.size) if self.places is None else self.places


@dataclass(slots=True, eq=False)
class Community:
    """What is kept in memory of one community; the rest is in the tables.

    Attributes:
        meters: Every meter it has named, in the order of appearance; positions never change.
        last_named: Newest minute that named each of them, as of the last settled period.
        newest: Newest minute of an accepted frame.
        settled_before: Every period that starts earlier is closed and out of memory.
        kept_from: No minute before it is in the table any more.
        minutes: The known minutes from there on.
    """

    meters: list[str] = field(default_factory=list)
    last_named: list[int] = field(default_factory=list)
    newest: int = NEVER
    settled_before: int = NEVER
    kept_from: int = NEVER
    minutes: dict[int, Minute] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    rosters: dict[MeterList, Roster] = field(default_factory=dict)

    def remember_roster(self) -> None:
        """Write down when each meter was last named, and forget rosters older than an hour."""
        for meters, roster in list(self.rosters.items()):
            for place in roster.members():
                self.last_named[place] = max(self.last_named[place], roster.last_named)
            if roster.last_named <= self.newest - HOUR_S:
                del self.rosters[meters]


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A settlement period to be told: its known minutes, in order."""

    community_id: str
    start: int
    meters: Sequence[str]
    minutes: Sequence[Minute]

    @property
    def version(self) -> int:
        """The newest of its minutes' versions."""
        return max(minute.version for minute in self.minutes)


@dataclass(slots=True)
class Tally:
    """What a batch held, counted."""

    frames: int = 0
    readings: int = 0
    duplicates: int = 0
    corrections: int = 0
    late: int = 0
    minutes_closed: int = 0
    minutes_reopened: int = 0
    periods_closed: int = 0
    periods_reopened: int = 0

    def count(self, effect: Effect) -> None:
        """Count what a further frame did to a known minute."""
        match effect:
            case Effect.NOTHING | Effect.RANK:
                self.duplicates += 1
            case Effect.CORRECTED:
                self.corrections += 1
            case Effect.ADDED:
                pass


@dataclass(slots=True)
class Step:
    """What a batch causes: a plain value that delivery makes true as a whole or not at all.

    Attributes:
        minutes: Records of the minutes table to write.
        communities: Records of the communities table to write.
        expired: Minutes to delete after that, (community, start).
        closed_minutes: To be told to the world, by (community, start).
    """

    minutes: dict[tuple[str, int], Minute] = field(default_factory=dict)
    communities: dict[str, Community] = field(default_factory=dict)
    expired: list[tuple[str, int]] = field(default_factory=list)
    closed_minutes: dict[tuple[str, int], Minute] = field(default_factory=dict)
    closed_periods: list[ClosedPeriod] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


class Windows:
    """The windows of the communities of one partition.

    Not thread-safe; one agent owns it. What it has told in a `Step` it takes as done: when the
    step can't be delivered, the windows are thrown away and loaded again from the tables.
    """

    def __init__(
        self,
        policy: WindowPolicy,
        *,
        read: ReadMinute,
        communities: Mapping[str, Community] | None = None,
    ) -> None:
        """Start from what the tables hold; `read` returns a stored minute of a closed period."""
        self.policy = policy
        self.communities: dict[str, Community] = dict(communities or {})
        self.newest = max((c.newest for c in self.communities.values()), default=NEVER)
        self._read = read
        self._swept_until = NEVER

    @property
    def open_minutes(self) -> int:
        """How many minutes are in memory."""
        return sum(len(community.minutes) for community in self.communities.values())

    @property
    def lag_s(self) -> int:
        """How far the newest minute is ahead of the oldest period that is still open, seconds."""
        oldest = min(
            (c.settled_before for c in self.communities.values() if c.minutes), default=None
        )
        return 0 if oldest is None else self.newest + MINUTE_S - oldest

    def fold(self, frames: Sequence[Frame], *, now: float, clock: float) -> Step:
        """Take frames in the order of their offsets; return what that causes.

        Args:
            frames: Of this partition.
            now: The wall clock, epoch seconds.
            clock: The partition's event time, epoch seconds: the end of its newest minute, and in
                a silent partition as much later as it has been silent.
        """
        step = Step()
        touched: dict[str, Community] = {}
        reopened: dict[tuple[str, int], dict[int, Minute]] = {}
        for frame in frames:
            community = self.communities.get(frame.community_id)
            rejection = self._refuse(frame, community, now)
            if rejection is not None:
                step.rejections.append(rejection)
                continue
            if community is None:
                community = self.communities[frame.community_id] = Community()
                step.communities[frame.community_id] = community
            step.tally.frames += 1
            step.tally.readings += len(frame.meters.ids)
            self._take(frame, community, step, reopened)
            touched[frame.community_id] = community
        time = min(max(clock, self.newest + MINUTE_S), now)
        if time >= self._swept_until + MINUTE_S:
            self._swept_until = int(time) // MINUTE_S * MINUTE_S
            touched = self.communities
        for community_id, community in touched.items():
            self._close(community_id, community, time, step)
        for (community_id, period), minutes in reopened.items():
            self._tell_again(community_id, period, minutes, step)
        return step

    def _refuse(self, frame: Frame, community: Community | None, now: float) -> Rejection | None:
        if frame.minute > now + self.policy.max_ahead_s:
            rule, detail = (
                RejectionRule.MINUTE_IN_FUTURE,
                (
                    f"minute={frame.minute} is more than {self.policy.max_ahead_s} s ahead of the "
                    f"wall clock, {int(now)}"
                ),
            )
        elif community is not None and frame.minute < community.newest - self.policy.retention_s:
            rule, detail = (
                RejectionRule.MINUTE_TOO_OLD,
                (
                    f"minute={frame.minute} is more than {self.policy.retention_s} s older than "
                    f"its community's newest, {community.newest}"
                ),
            )
        else:
            return None
        offset = frame.place & ((1 << OFFSET_BITS) - 1)
        return Rejection(offset, rule, detail, frame.community_id, frame.minute)

    def _take(
        self,
        frame: Frame,
        community: Community,
        step: Step,
        reopened: dict[tuple[str, int], dict[int, Minute]],
    ) -> None:
        start = frame.minute
        self._advance(community, start)
        roster = self._roster(frame, community, step)
        is_settled = start < community.settled_before
        minutes = community.minutes
        if is_settled:
            period = (frame.community_id, start - start % PERIOD_S)
            minutes = reopened[period] if period in reopened else self._stored(*period)
        minute = minutes.get(start)
        if is_settled or (minute is not None and minute.closed):
            step.tally.late += 1
        cells = _scatter(frame.cells, roster, len(community.meters))
        rank = (frame.sequence, frame.place)
        if minute is None:
            minute = Minute(frame.mask, cells, (rank,), frame.place + 1)
            minute.reported = _reported(None, roster)
            minutes[start] = minute
        else:
            minute.reported = _reported(minute, roster)
            effect = absorb(minute, frame.mask, cells, rank)
            step.tally.count(effect)
            if effect is not Effect.NOTHING:
                step.minutes[frame.community_id, start] = minute
            if effect in {Effect.NOTHING, Effect.RANK}:
                return
        step.minutes[frame.community_id, start] = minute
        if is_settled:
            reopened[frame.community_id, start - start % PERIOD_S] = minutes
            step.closed_minutes[frame.community_id, start] = minute
            step.tally.minutes_reopened += 1
        elif minute.closed:
            minute.closed = False
            step.tally.minutes_reopened += 1

    def _advance(self, community: Community, start: int) -> None:
        """Take note of the time of a frame."""
        if start > community.newest:
            if community.newest == NEVER:
                community.settled_before = community.kept_from = start - start % PERIOD_S
            community.newest = start
            self.newest = max(self.newest, start)
        community.kept_from = min(community.kept_from, start)

    def _stored(self, community_id: str, period: int) -> dict[int, Minute]:
        found = {
            start: self._read(community_id, start)
            for start in range(period, period + PERIOD_S, MINUTE_S)
        }
        return {start: minute for start, minute in found.items() if minute is not None}

    def _roster(self, frame: Frame, community: Community, step: Step) -> Roster:
        roster = community.rosters.get(frame.meters)
        if roster is not None:
            roster.last_named = max(roster.last_named, frame.minute)
            return roster
        places = []
        for meter in frame.meters.ids:
            place = community.places.get(meter)
            if place is None:
                place = community.places[meter] = len(community.meters)
                community.meters.append(meter)
                community.last_named.append(frame.minute)
                step.communities[frame.community_id] = community
            places.append(place)
        roster = Roster(
            None if places == list(range(len(places))) else tuple(places),
            len(places),
            frame.minute,
            frame.minute,
        )
        community.rosters[frame.meters] = roster
        return roster

    def _close(self, community_id: str, community: Community, time: float, step: Step) -> None:
        """Close what is complete or has waited long enough, and forget what is past correction."""
        frontier = (
            max(community.newest + MINUTE_S, time) - MINUTE_S - self.policy.allowed_lateness_s
        )
        for start, minute in community.minutes.items():
            if not minute.closed and (start <= frontier or _complete(community, start, minute)):
                minute.closed = True
                step.closed_minutes[community_id, start] = minute
                step.tally.minutes_closed += 1
        self._settle(community_id, community, frontier, step)

    def _settle(self, community_id: str, community: Community, frontier: float, step: Step) -> None:
        """Tell the periods whose minutes have all closed, oldest first, up to one still open."""
        before = community.settled_before
        while community.minutes:
            period = community.settled_before
            starts = range(period, period + PERIOD_S, MINUTE_S)
            known = {start: m for start in starts if (m := community.minutes.get(start))}
            if not all(
                known[start].closed if start in known else start <= frontier for start in starts
            ):
                break
            minutes = list(known.values())
            if minutes:
                step.closed_periods.append(
                    ClosedPeriod(community_id, period, community.meters, minutes)
                )
                step.tally.periods_closed += 1
            for start in known:
                del community.minutes[start]
            community.settled_before = _next_period(community, period)
        if community.settled_before != before:
            community.remember_roster()
            step.communities[community_id] = community
            self._expire(community_id, community, before, step)

    def _expire(self, community_id: str, community: Community, before: int, step: Step) -> None:
        """Delete the minutes that can't be corrected any more; `before` is where memory began."""
        until = min(community.settled_before - self.policy.retention_s - PERIOD_S, before)
        for start in range(community.kept_from, until, MINUTE_S):
            step.expired.append((community_id, start))
        community.kept_from = max(community.kept_from, until)

    def _tell_again(
        self, community_id: str, period: int, minutes: dict[int, Minute], step: Step
    ) -> None:
        step.closed_periods.append(
            ClosedPeriod(
                community_id,
                period,
                self.communities[community_id].meters,
                [minutes[start] for start in sorted(minutes)],
            )
        )
        step.tally.periods_reopened += 1


def _next_period(community: Community, period: int) -> int:
    """Return the next period with a known minute; the one after `period` when there is none."""
    following = period + PERIOD_S
    if following in community.minutes or not community.minutes:
        return following
    oldest = min(community.minutes)
    return max(following, oldest - oldest % PERIOD_S)


def _complete(community: Community, start: int, minute: Minute) -> bool:
    """Say whether every meter named in the hour up to this minute has reported it."""
    expected = [
        roster
        for roster in community.rosters.values()
        if roster.first_named <= start < roster.last_named + HOUR_S
    ]
    reported: range | frozenset[int]
    if minute.reported is None:
        reported = range(minute.cells.shape[1])
        if all(roster.places is None and roster.size <= len(reported) for roster in expected):
            return True
    else:
        reported = minute.reported
    return all(place in reported for roster in expected for place in roster.members())


def _reported(minute: Minute | None, roster: Roster) -> frozenset[int] | None:
    """Return who has reported a minute once this roster has; None: all of the first meters."""
    if minute is None:
        return None if roster.places is None else frozenset(roster.places)
    if minute.reported is None and roster.places is None:
        return None
    before = range(minute.cells.shape[1]) if minute.reported is None else minute.reported
    return frozenset(before).union(roster.members())


def _scatter(cells: Cells, roster: Roster, n_meters: int) -> Cells:
    """Put a frame's columns at its meters' places among the community's."""
    if roster.places is None:
        return cells
    wide = np.full((cells.shape[0], n_meters), MISSING, dtype=cells.dtype)
    wide[:, list(roster.places)] = cells
    return wide
