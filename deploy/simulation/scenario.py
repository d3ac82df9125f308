"""What a scenario is, and what a run of one leaves behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from pydantic import BaseModel

from deploy.report.pictures import Picture
from deploy.simulation.recording import Recording
from deploy.simulation.verdict import Check
from load_generator.world.grid import World
from load_generator.world.terminals import TerminalRates
from streams.topics import Topic


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        steered: What happened in the grid that the system steered.
        free: What would have happened without a directive; the same where there was none.
        heard: What the system said, in the order of minutes: minute, topic's name, message.
        client: A client of the ClickHouse that has the run's history.
        database: Its name.
        limit_w: What each community's connection bears, W.
    """

    steered: Recording
    free: Recording
    heard: Sequence[tuple[int, str, BaseModel]]
    client: Client
    database: str
    limit_w: Sequence[int]

    def said(self, topic: Topic) -> list[tuple[int, Any]]:
        """Return what was said on a topic, each with the minute after which it was."""
        return [(minute, said) for minute, name, said in self.heard if name == topic.name]


def _nothing(_world: World, _minutes: int) -> Iterable[tuple[Topic, bytes, bytes]]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A story that a grid plays.

    Attributes:
        name: As the command names it.
        title: For people.
        story: What happens and what must come of it, in a sentence or two.
        start: First minute.
        minutes: Length, where nobody says another.
        hears: What is listened to. Devices obey the directives among it, so that what comes of the
            story comes of these alone; nothing: minutes do not wait for an answer.
        world: Of `WorldPlan`, what the story needs.
        connections: Says, of a run that nobody steered, what each community's connection bears, W;
            None: as registered for any fleet.
        judge: Says what came of it.
        draw: Draws it.
        tables: What goes into CSV files, by file name.
        roles: Whose workers the story needs.
        prepare: Says what the system is told before the first minute: topic, key and value.
    """

    name: str
    title: str
    story: str
    start: datetime
    minutes: int
    hears: tuple[Topic, ...] = ()
    world: Mapping[str, Any] = field(default_factory=dict)
    connections: Callable[[Recording], Sequence[int]] | None = None
    roles: tuple[str, ...] = ("metering", "control")
    prepare: Callable[[World, int], Iterable[tuple[Topic, bytes, bytes]]] = _nothing
    judge: Callable[[Run], list[Check]]
    draw: Callable[[Run], Iterator[Picture]]
    tables: Callable[[Run], Mapping[str, pa.Table]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What whoever starts a scenario may choose."""

    communities: int
    households: int
    minutes: int
    seed: int
    profiles: tuple[Path, ...]
    rates: TerminalRates = field(default_factory=TerminalRates)
