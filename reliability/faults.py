"""What is done to the system, and when: a list that follows from a seed."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A kind of fault."""

    WORKER_STOPPED = "worker: SIGTERM"
    WORKER_KILLED = "worker: SIGKILL"
    WORKER_ZOMBIE = "worker: stopped for longer than its session, then woken"
    WORKER_JOINS = "worker: a further one joins, and leaves"
    ALL_KILLED = "worker: all of a role killed at once"
    KILLED_IN_RECOVERY = "worker: killed while it recovers"
    KILLED_IN_REBALANCE = "worker: killed in a rebalance"
    STATE_OLDER = "state: an older copy of the folder"
    STATE_EMPTY = "state: an empty folder"
    STATE_TRUNCATED = "state: a file truncated"
    STATE_FLIPPED = "state: bits of a file flipped"
    STATE_SHARED = "state: two workers given one folder"
    DISK_FULL = "state: the disk is full, and the worker starts on it"
    BROKER_KILLED = "broker: SIGKILL"
    BROKER_PAUSED = "broker: paused"
    NETWORK_SLOW = "broker: slow connections"
    NETWORK_CUT = "broker: connections cut"
    CLICKHOUSE_KILLED = "ClickHouse: SIGKILL"
    CLICKHOUSE_PAUSED = "ClickHouse: paused"
    CLICKHOUSE_ERRORS = "ClickHouse: answers errors"
    CLICKHOUSE_FULL = "ClickHouse: refuses inserts as full"
    CLICKHOUSE_UNANSWERED = "ClickHouse: killed after an insert, before its answer"
    MAIL_KILLED = "mail server: SIGKILL"
    MAIL_PAUSED = "mail server: paused"
    ROLLING_RESTART = "rolling restart of every worker, twice"


STATE_KINDS: Final = frozenset(
    {
        Kind.KILLED_IN_RECOVERY,
        Kind.STATE_OLDER,
        Kind.STATE_EMPTY,
        Kind.STATE_TRUNCATED,
        Kind.STATE_FLIPPED,
        Kind.DISK_FULL,
    }
)
"""Kinds that are about state, which not every role has."""

ROLES_WITH_STATE: Final = ("metering", "validation", "alerts", "control", "notifications")

CONTROL_KINDS: Final[tuple[Kind, ...]] = (
    Kind.WORKER_KILLED,
    Kind.WORKER_ZOMBIE,
    Kind.KILLED_IN_REBALANCE,
)
"""Kinds that hit control in every run, as far as it has so many faults."""

WORKER_KINDS: Final = STATE_KINDS | {
    Kind.WORKER_STOPPED,
    Kind.WORKER_KILLED,
    Kind.WORKER_ZOMBIE,
    Kind.WORKER_JOINS,
    Kind.ALL_KILLED,
    Kind.KILLED_IN_REBALANCE,
    Kind.STATE_SHARED,
}

SESSION_S: Final = 6.0
"""After so long without a sign the broker takes a worker's partitions away; ..."""

CONTROL_SESSION_S: Final = 15.0
"""... after so long, where it is one of control."""

_LASTS_S: Final = {
    Kind.WORKER_ZOMBIE: (SESSION_S + 1.5, SESSION_S + 6),
    Kind.WORKER_JOINS: (6.0, 15.0),
    Kind.STATE_OLDER: (4.0, 8.0),
    Kind.DISK_FULL: (6.0, 12.0),
    Kind.BROKER_KILLED: (0.5, 4.0),
    Kind.BROKER_PAUSED: (1.0, 9.0),
    Kind.NETWORK_SLOW: (3.0, 8.0),
    Kind.NETWORK_CUT: (0.2, 7.0),
    Kind.CLICKHOUSE_KILLED: (0.5, 6.0),
    Kind.CLICKHOUSE_PAUSED: (1.0, 8.0),
    Kind.CLICKHOUSE_ERRORS: (2.0, 8.0),
    Kind.CLICKHOUSE_FULL: (2.0, 8.0),
    Kind.CLICKHOUSE_UNANSWERED: (0.5, 3.0),
    Kind.MAIL_KILLED: (0.5, 6.0),
    Kind.MAIL_PAUSED: (2.0, 9.0),
}
_MOST_AT_ONCE: Final = 3
_SHARES: Final = {
    "metering": 5,
    "validation": 3,
    "alerts": 3,
    "control": 3,
    "notifications": 3,
    "history": 2,
}
"""How often a role is hit, beside the others."""
BURST_S: Final = 0.8
"""Faults of one burst come within so long."""
ROLLING_S: Final = 30.0
"""The last fault, the rolling restart, begins so long before the end."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the list.

    Attributes:
        at_s: When, seconds after the load began.
        kind: What happens.
        role: Of the worker that it happens to; empty when it is not about workers.
        number: Of that worker, from 1, or of the broker's node.
        lasts_s: For how long, where it is not over at once.
        seed: Of what else is left to chance.
    """

    at_s: float
    kind: Kind
    role: str
    number: int
    lasts_s: float
    seed: int


def draw(  # noqa: PLR0913 - all by name
    seed: int,
    *,
    faults: int,
    seconds: float,
    workers: dict[str, int],
    nodes: int,
    without: Collection[Kind] = (),
) -> list[Fault]:
    """Return the faults of a seed, in order of time.

    They come in bursts of one to three at once. Every kind comes once before one comes again.
    `CONTROL_KINDS` are among the first, and hit control the first time. The last is the rolling
    restart, alone: during it somebody is always away, so that nothing else could be seen to heal.

    Args:
        seed: Same seed, same list.
        faults: How many.
        seconds: Within this long.
        workers: How many there are of each role.
        nodes: How many nodes the broker has.
        without: Kinds to leave out.
    """
    rng = random.Random(seed)  # noqa: S311 - to be repeated
    times = _bursts(rng, max(faults - 1, 1), seconds - ROLLING_S)
    kinds = _kinds(rng, {Kind.ROLLING_RESTART, *without}, first=len(times))
    drawn = [_fault(rng, at_s, *next(kinds), workers, nodes) for at_s in times]
    last = _fault(rng, seconds - ROLLING_S, Kind.ROLLING_RESTART, "", workers, nodes)
    return [*drawn, last]


def _kinds(
    rng: random.Random, without: Collection[Kind], *, first: int
) -> Iterator[tuple[Kind, str]]:
    """Yield kinds, and the role that one must hit; those of control are among the `first`."""
    kinds = [kind for kind in Kind if kind not in without]
    of_control = [kind for kind in CONTROL_KINDS if kind in kinds][:first]
    others = [kind for kind in kinds if kind not in of_control]
    begin = [(kind, "") for kind in rng.sample(others, len(others))]
    places = rng.sample(range(min(first, len(kinds))), len(of_control))
    for place, kind in sorted(zip(places, of_control, strict=True)):
        begin.insert(place, (kind, "control"))
    yield from begin
    while True:
        yield from ((kind, "") for kind in rng.sample(kinds, len(kinds)))


def _bursts(rng: random.Random, faults: int, seconds: float) -> Sequence[float]:
    sizes: list[int] = []
    while sum(sizes) < faults:
        sizes.append(min(rng.choice([1, 1, 2, 2, _MOST_AT_ONCE]), faults - sum(sizes)))
    step = seconds / len(sizes)
    starts = [step * (place + rng.uniform(0, 0.7)) for place in range(len(sizes))]
    return sorted(
        start + rng.uniform(0, BURST_S)
        for start, size in zip(starts, sizes, strict=True)
        for _ in range(size)
    )


def _fault(  # noqa: PLR0913, PLR0917 - what it is drawn from
    rng: random.Random, at_s: float, kind: Kind, role: str, workers: dict[str, int], nodes: int
) -> Fault:
    number = rng.randint(1, nodes)
    if kind in WORKER_KINDS:
        if not role:
            roles = [
                each for each in workers if kind not in STATE_KINDS or each in ROLES_WITH_STATE
            ]
            (role,) = rng.choices(roles, [_SHARES[each] for each in roles])
        number = rng.randint(1, workers[role])
    lasts_s = rng.uniform(*_LASTS_S.get(kind, (0.0, 0.0)))
    if kind is Kind.WORKER_ZOMBIE and role == "control":
        lasts_s += CONTROL_SESSION_S - SESSION_S
    return Fault(round(at_s, 2), kind, role, number, round(lasts_s, 2), rng.getrandbits(32))
