"""The open windows of one partition: what frames do to them, and when they close.

A minute closes when every meter that is registered in its community has reported it (where nobody
is registered: every meter that the community has named in the last hour), or when the watermark
passes it by the allowed lateness. A settlement period closes with its minutes.
A frame for a closed window reopens it: it is told again with a higher version. Time is event time:
the newest minute of the community, or of the whole partition for one that has fallen silent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.metering import RejectionRule
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.communities import (
    NEVER,
    Community,
    Naming,
    is_complete,
    missing_of,
    reported_by,
    scatter,
)
from streams.domain.frames import Frame, Rejection, offset_of
from streams.domain.minutes import Effect, Minute, absorb
from streams.domain.rosters import Rosters
from streams.domain.steps import ClosedPeriod, Step

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
        rosters: Rosters | None = None,
    ) -> None:
        """Start from what the tables hold.

        Args:
            policy: How long they wait.
            read: Returns a stored minute of a closed period.
            communities: As far as they are known.
            rosters: Who is registered; None: nobody, so that communities name their meters.
        """
        self.policy = policy
        self._rosters = Rosters(learns=True) if rosters is None else rosters
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
        latest, retention_s = now + self.policy.max_ahead_s, self.policy.retention_s
        readings = 0
        for frame in frames:
            community = self.communities.get(frame.community_id)
            newest = NEVER if community is None else community.newest
            if frame.minute > latest or frame.minute < newest - retention_s:
                step.rejections.append(self._refusal(frame, newest, now))
                continue
            if community is None:
                community = self.communities[frame.community_id] = Community()
                step.communities[frame.community_id] = community
            if frame.edit is not None:
                step.edits.append(frame)
            step.tally.frames += 1
            readings += len(frame.meters.ids)
            self._take(frame, community, step, reopened)
            touched[frame.community_id] = community
        step.tally.readings = readings
        time = min(max(clock, self.newest + MINUTE_S), now)
        if time >= self._swept_until + MINUTE_S:
            self._swept_until = int(time) // MINUTE_S * MINUTE_S
            touched = self.communities
        for community_id, community in touched.items():
            self._close(community_id, community, time, step)
        for (community_id, period), minutes in reopened.items():
            self._tell_again(community_id, period, minutes, step)
        return step

    def _refusal(self, frame: Frame, newest: int, now: float) -> Rejection:
        """Return why a frame is out of its community's time."""
        if frame.minute > now + self.policy.max_ahead_s:
            rule, detail = (
                RejectionRule.MINUTE_IN_FUTURE,
                (
                    f"minute={frame.minute} is more than {self.policy.max_ahead_s} s ahead of the "
                    f"wall clock, {int(now)}"
                ),
            )
        else:
            rule, detail = (
                RejectionRule.MINUTE_TOO_OLD,
                (
                    f"minute={frame.minute} is more than {self.policy.retention_s} s older than "
                    f"its community's newest, {newest}"
                ),
            )
        offset = offset_of(frame.place)
        return Rejection(offset, rule, detail, frame.community_id, frame.minute)

    def _take(
        self,
        frame: Frame,
        community: Community,
        step: Step,
        reopened: dict[tuple[str, int], dict[int, Minute]],
    ) -> None:
        start = frame.minute
        if start > community.newest or start < community.kept_from:
            self._advance(community, start)
        naming = self._naming(frame, community, step)
        is_settled = start < community.settled_before
        minutes = community.minutes
        if is_settled:
            period = (frame.community_id, start - start % PERIOD_S)
            minutes = reopened[period] if period in reopened else self._stored(*period)
        minute = minutes.get(start)
        if is_settled or (minute is not None and minute.closed):
            step.tally.late += 1
        in_order = naming.places is None
        cells = frame.cells if in_order else scatter(frame.cells, naming, len(community.meters))
        rank = (frame.sequence, frame.place if frame.first_place is None else frame.first_place)
        if minute is None:
            minute = minutes[start] = Minute(
                frame.mask,
                cells,
                (rank,),
                frame.place + 1,
                reported=reported_by(None, naming),
                digest=frame.digest if in_order else None,
            )
        else:
            minute.reported = reported_by(minute, naming)
            effect = absorb(minute, frame.mask, cells, rank, place=frame.place)
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

    def _naming(self, frame: Frame, community: Community, step: Step) -> Naming:
        # Nearly always the very same object: looking it up by its hash takes longer.
        meters, naming = community.latest
        if meters is not frame.meters or naming is None:
            naming = community.namings.get(frame.meters) or self._meet(frame, community, step)
            community.latest = (frame.meters, naming)
        naming.last_named = max(naming.last_named, frame.minute)
        return naming

    def _meet(self, frame: Frame, community: Community, step: Step) -> Naming:
        """Get to know meters that were not named together before."""
        places = []
        for meter in frame.meters.ids:
            place = community.places.get(meter)
            if place is None:
                place = community.places[meter] = len(community.meters)
                community.meters.append(meter)
                community.last_named.append(frame.minute)
                step.communities[frame.community_id] = community
            places.append(place)
        naming = Naming(
            None if places == list(range(len(places))) else tuple(places),
            len(places),
            frame.minute,
            frame.minute,
        )
        community.namings[frame.meters] = naming
        return naming

    def _close(self, community_id: str, community: Community, time: float, step: Step) -> None:
        """Close what is complete or has waited long enough, and forget what is past correction."""
        frontier = (
            max(community.newest + MINUTE_S, time) - MINUTE_S - self.policy.allowed_lateness_s
        )
        for start, minute in community.minutes.items():
            if minute.closed:
                continue
            roster = self._rosters.at(community_id, start)
            if start <= frontier or is_complete(community, start, minute, roster):
                minute.closed = True
                minute.missing = missing_of(community, minute, roster)
                step.closed_minutes[community_id, start] = minute
                step.tally.minutes_closed += 1
        self._settle(community_id, community, frontier, step)

    def _settle(self, community_id: str, community: Community, frontier: float, step: Step) -> None:
        """Tell the periods whose minutes have all closed, oldest first, up to one still open."""
        before = community.settled_before
        while community.minutes and _may_settle(community, frontier):
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
                    ClosedPeriod(community_id, period, community.meters, list(known), minutes)
                )
                step.tally.periods_closed += 1
            for start in known:
                del community.minutes[start]
            community.settled_before = _next_period(community, period)
        if community.settled_before != before:
            community.remember_namings()
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
        community = self.communities[community_id]
        for start, minute in minutes.items():
            if (community_id, start) in step.closed_minutes:
                roster = self._rosters.at(community_id, start)
                minute.missing = missing_of(community, minute, roster)
        starts = sorted(minutes)
        step.closed_periods.append(
            ClosedPeriod(
                community_id,
                period,
                community.meters,
                starts,
                [minutes[start] for start in starts],
            )
        )
        step.tally.periods_reopened += 1


def _may_settle(community: Community, frontier: float) -> bool:
    """Say whether the last minute of the oldest period is done; most times it is not."""
    last = community.settled_before + PERIOD_S - MINUTE_S
    minute = community.minutes.get(last)
    return last <= frontier if minute is None else minute.closed


def _next_period(community: Community, period: int) -> int:
    """Return the next period with a known minute; the one after `period` when there is none."""
    following = period + PERIOD_S
    if following in community.minutes or not community.minutes:
        return following
    oldest = min(community.minutes)
    return max(following, oldest - oldest % PERIOD_S)
