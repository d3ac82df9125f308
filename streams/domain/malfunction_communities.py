"""A partition's communities under watch: what is told of them in, what is to be said out.

What is decided is remembered first and told with the next step: should a worker end between the
two, the next one tells the very same, though it might have decided otherwise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from schemas.malfunction import Malfunction, MalfunctionKind
from streams.domain.event_clock import EventClock
from streams.domain.malfunction import MalfunctionPolicy, Watch
from streams.domain.malfunction_inputs import Failed, Refusal, ToldMinute, fail, refuse, tell
from streams.domain.malfunction_judging import judge
from streams.domain.malfunction_silence import PartitionTime
from streams.domain.malfunction_tickets import Command, obey

SWEEP_EVERY_S: Final = 10.0
"""How often communities of which nothing comes are looked at."""

Input = ToldMinute | Refusal | Failed | Command


@dataclass(frozen=True, slots=True)
class Registered:
    """What the registry says of a community.

    Attributes:
        technician_id: Who mends its faults; None: nobody.
        ends_at: From when on it is none any more, epoch seconds; None: it is open.
    """

    technician_id: str | None = None
    ends_at: int | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """That up to a minute of each of some communities, what has not been told never came."""

    until: Mapping[str, int]


@dataclass(slots=True)
class Step:
    """What a batch causes.

    Attributes:
        watches: Records to write; None deletes.
        told: What was decided and remembered before, to be told now, in order.
        disobeyed: Why each order was not obeyed that was not.
        unfounded: Suspicions of silence that a proof has ended.
    """

    watches: dict[str, Watch | None] = field(default_factory=dict)
    told: list[Malfunction] = field(default_factory=list)
    disobeyed: list[str] = field(default_factory=list)
    unfounded: int = 0


class Watches:
    """The watches of a partition.

    Attributes:
        watches: By community.
        asking: The communities whose silence waits for a proof, and up to which minute.
    """

    def __init__(
        self, policy: MalfunctionPolicy, watches: Mapping[str, Watch] | None = None
    ) -> None:
        """Start from what the table holds."""
        self.policy = policy
        self.watches: dict[str, Watch] = dict(watches or {})
        self.asking: dict[str, int] = {}
        self._to_tell = [name for name, watch in self.watches.items() if watch.untold]
        self._clock = EventClock()
        self._swept_at = 0.0
        for watch in self.watches.values():
            self._advance(watch)

    def fold(
        self,
        inputs: Iterable[Input],
        *,
        now: float,
        registered: Callable[[str], Registered],
        proof: Proof | None = None,
    ) -> Step:
        """Take inputs in the order of their places; return what that causes.

        Args:
            inputs: Of this partition.
            now: The wall clock, epoch seconds.
            registered: What the registry says of a community.
            proof: Of what was in `asking` when it was begun.
        """
        step = Step()
        self._tell(step)
        proven = {} if proof is None else proof.until
        touched = self._take(inputs, step) | proven.keys()
        if now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            touched = set(self.watches)
        time = self._time(now)
        for name in sorted(touched):
            self._judge(name, step, time=time, of=registered(name), proven_until=proven.get(name))
        return step

    def tickets(self) -> Counter[MalfunctionKind]:
        """Count the open tickets of each kind."""
        return Counter(
            cause.kind for watch in self.watches.values() for cause in watch.open_tickets()
        )

    def _tell(self, step: Step) -> None:
        for name in self._to_tell:
            watch = self.watches[name]
            step.told += watch.untold
            self._keep(replace(watch, untold=()), step)
        self._to_tell = []

    def _take(self, inputs: Iterable[Input], step: Step) -> set[str]:
        touched = set()
        for given in inputs:
            name = given.community_id
            before = self.watches.get(name)
            after = self._after(before, given, step)
            if after is None or after is before:
                continue
            self._advance(after)
            self._keep(after, step)
            touched.add(name)
        return touched

    def _after(self, before: Watch | None, given: Input, step: Step) -> Watch | None:
        match given:
            case ToldMinute():
                return tell(before, given, policy=self.policy)
            case Refusal():
                return refuse(before, given, policy=self.policy)
            case Failed():
                return fail(before, given, policy=self.policy)
            case Command():
                after, why_not = obey(before, given)
                if why_not is not None:
                    step.disobeyed.append(why_not)
                return after

    def _advance(self, watch: Watch) -> None:
        if watch.has_minutes:
            self._clock.advance(watch.newest_end, now=watch.told_at)

    def _time(self, now: float) -> PartitionTime:
        lag_s = self._clock.since - self._clock.reached
        return PartitionTime(
            event_time=min(self._clock.time(now=now), now),
            is_live=lag_s <= self.policy.live_within_s,
            now=now,
        )

    def _judge(
        self,
        name: str,
        step: Step,
        *,
        time: PartitionTime,
        of: Registered,
        proven_until: int | None,
    ) -> None:
        before = self.watches[name]
        judged = judge(
            before,
            policy=self.policy,
            time=time,
            proven_until=proven_until,
            technician_id=of.technician_id,
            ends_at=of.ends_at,
        )
        self.asking.pop(name, None)
        if judged.watch is None:
            del self.watches[name]
            step.watches[name] = None
            return
        if judged.asks_until is not None:
            self.asking[name] = judged.asks_until
        has_decided = len(judged.watch.untold) > len(before.untold)
        if proven_until is not None and judged.asks_until is None and not has_decided:
            step.unfounded += 1
        if judged.watch != before:
            self._keep(judged.watch, step)

    def _keep(self, watch: Watch, step: Step) -> None:
        name = watch.community_id
        self.watches[name] = step.watches[name] = watch
        if watch.untold and name not in self._to_tell:
            self._to_tell.append(name)
