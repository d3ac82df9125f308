"""A partition's communities on the way through their periods: told periods in, verdicts out."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from schemas.autarky import AutarkyState
from streams.domain.autarky import Flows
from streams.domain.autarky_periods import (
    COMMUNITY,
    Period,
    ToldChange,
    Verdict,
    differences,
    rejudge,
    take,
)
from streams.domain.autarky_states import UNKNOWN, AutarkyPolicy, Trail

ReadPeriod = Callable[[str, int], Period | None]


@dataclass(frozen=True, slots=True)
class ToldPeriod:
    """One part of a community's closed period, as metering tells it.

    `place` is where it stands in its topic for ever.
    """

    community_id: str
    start: int
    version: int
    part: int
    parts: int
    flows: dict[str, Flows]
    place: int


@dataclass(slots=True)
class Community:
    """What is kept of a community in memory.

    Attributes:
        starts: Its kept periods in order, epoch s.
        head: The newest of them.
    """

    starts: list[int]
    head: Period

    @property
    def newest(self) -> int:
        """Where the newest period starts, epoch s."""
        return self.starts[-1]


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        periods: Records to write; None deletes.
        communities: Records to write.
        verdicts: By community and start; with the version under which they are told.
        changes: By community, what is told of changes, in order; with the version.
        too_old: How many told periods were too old to be judged.
    """

    periods: dict[tuple[str, int], Period | None] = field(default_factory=dict)
    communities: dict[str, Community] = field(default_factory=dict)
    verdicts: dict[tuple[str, int], tuple[int, Verdict]] = field(default_factory=dict)
    changes: dict[str, tuple[int, list[ToldChange]]] = field(default_factory=dict)
    too_old: int = 0


class Autarky:
    """Folds told periods into the communities of a partition.

    Whatever their order, repetition and batching, what stands at the end depends on the highest
    version of each period alone, as long as none comes later than the retention. A verdict's
    version is 1 + the place of the newest record that changed anything in its community, so it
    grows, and has one content for ever.
    """

    def __init__(
        self,
        policy: AutarkyPolicy,
        *,
        read: ReadPeriod,
        communities: Mapping[str, Community] | None = None,
    ) -> None:
        """Start from what the tables hold; `read` returns a kept period."""
        self.policy = policy
        self.communities: dict[str, Community] = dict(communities or {})
        self._read = read
        # What a fold has had in hands, so that nothing is read twice, and the newest not at all.
        self._at_hand: dict[tuple[str, int], Period | None] = {}

    def states(self) -> Counter[tuple[bool, AutarkyState]]:
        """Count the subjects in each state, communities (True) apart from households."""
        return Counter(
            (subject == COMMUNITY, trail.state)
            for community in self.communities.values()
            for subject, trail in community.head.trails.items()
        )

    def fold(self, told: Iterable[ToldPeriod]) -> Step:
        """Take told periods in the order of their places; return what that causes."""
        step = Step()
        places: dict[str, int] = {}
        dirty: dict[str, set[int]] = {}
        heads: dict[str, tuple[int, dict[str, Trail]]] = {}
        for period in told:
            name, community = period.community_id, self.communities.get(period.community_id)
            if community is not None and period.start < community.newest - self.policy.retention_s:
                step.too_old += 1
                continue
            kept = self._period(step, name, period.start)
            record = Period() if kept is None else kept
            if not take(
                record,
                version=period.version,
                part=period.part,
                parts=period.parts,
                flows=period.flows,
            ):
                continue
            if community is None:
                community = self.communities[name] = Community([period.start], record)
                heads[name] = (-1, {})
            heads.setdefault(name, (community.newest, community.head.trails))
            self._at_hand[name, community.newest] = community.head
            if kept is None and period.start not in community.starts:
                insort(community.starts, period.start)
            if period.start == community.newest:
                community.head = record
            step.periods[name, period.start] = record
            step.communities[name] = community
            dirty.setdefault(name, set()).add(period.start)
            places[name] = period.place
        for name, starts in dirty.items():
            self._judge(name, starts, heads[name], places[name] + 1, step)
            self._prune(name, step)
        self._at_hand.clear()
        return step

    def _period(self, step: Step, name: str, start: int) -> Period | None:
        if (name, start) in step.periods:
            return step.periods[name, start]
        community = self.communities.get(name)
        if community is None or start not in community.starts:
            return None
        if start == community.newest:
            return community.head
        if (name, start) not in self._at_hand:
            self._at_hand[name, start] = self._read(name, start)
        return self._at_hand[name, start]

    def _judge(
        self,
        name: str,
        dirty: set[int],
        head: tuple[int, dict[str, Trail]],
        version: int,
        step: Step,
    ) -> None:
        """Judge from the first changed period on, until nothing can differ any more."""
        community, last = self.communities[name], max(dirty)
        place = bisect_left(community.starts, min(dirty))
        before_start = community.starts[place - 1] if place else -1
        before = self._period(step, name, before_start)
        differs = ledgers_differ = False
        told: list[ToldChange] = []
        for start in community.starts[place:]:
            if start > last and not differs:
                break
            period = self._period(step, name, start)
            if period is None:
                continue
            if start in dirty or differs:
                old_trails, old_changes = period.trails, period.changes
                verdict = rejudge(period, start, before, before_start, policy=self.policy)
                if start in dirty or ledgers_differ:
                    step.verdicts[name, start] = version, verdict
                told += differences(start, old_changes, period.changes)
                differs = old_trails != period.trails
                ledgers_differ = differs and _ledgers(old_trails) != _ledgers(period.trails)
                step.periods[name, start] = period
            before_start, before = start, period
        if told:
            newest, trails = head
            step.changes[name] = (
                version,
                _with_notices(told, newest=newest, before=trails, after=community.head.trails),
            )

    def _prune(self, name: str, step: Step) -> None:
        """Drop what can't be corrected any more, but the newest of it: others go on from there."""
        community = self.communities[name]
        horizon = community.newest - self.policy.retention_s
        surplus = max(bisect_left(community.starts, horizon + 1) - 1, 0)
        for start in community.starts[:surplus]:
            step.periods[name, start] = None
        del community.starts[:surplus]


def _ledgers(trails: Mapping[str, Trail]) -> dict[str, object]:
    return {subject: trail.ledger for subject, trail in trails.items()}


def _with_notices(
    told: list[ToldChange],
    *,
    newest: int,
    before: Mapping[str, Trail],
    after: Mapping[str, Trail],
) -> list[ToldChange]:
    """Say which changes have to be told to people, so that they know where they stand.

    A change in a period newer than `newest`, the newest that was judged before, is news when it is
    not what they know already. Of an older period nothing is news but a state now that is another
    one than they know.
    """
    knows = {change.subject: before.get(change.subject, Trail()).settled for change in told}
    last: dict[str, int] = {}
    result = list(told)
    for place, change in enumerate(told):
        last[change.subject] = place
        state = change.change.to_state
        if change.start > newest and not change.withdrawn and knows[change.subject] is not state:
            result[place] = replace(change, notice=state)
            knows[change.subject] = state
    for subject, place in last.items():
        now = after.get(subject, Trail()).settled
        if UNKNOWN not in {now, knows[subject]} and now is not knows[subject]:
            result[place] = replace(result[place], notice=now)
    return result
