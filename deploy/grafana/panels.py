"""What a dashboard shows, said without Grafana's JSON: sections of panels, and what they ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

WIDTH: Final = 24
"""Grafana's columns."""


class Kind(StrEnum):
    """How a panel shows its answer, by Grafana's names."""

    STAT = "stat"
    SERIES = "timeseries"
    TABLE = "table"
    STATES = "state-timeline"


class Colour(StrEnum):
    """What a value means; blue says nothing of good and bad."""

    PLAIN = "blue"
    GOOD = "green"
    DOUBTFUL = "orange"
    BAD = "red"


@dataclass(frozen=True)
class Promql:
    """A question to Prometheus.

    Attributes:
        legend: Name of each series, with labels as `{{label}}`.
        newest_only: Whether it is asked for the end of the range alone.
    """

    expression: str
    legend: str = ""
    newest_only: bool = False


@dataclass(frozen=True)
class Sql:
    """A question to ClickHouse; a first column `time` makes it a series, in panels of series."""

    text: str


@dataclass(frozen=True)
class Steps:
    """From which value on a panel has another colour; the lowest is that of everything below."""

    lowest: Colour = Colour.PLAIN
    above: tuple[tuple[float, Colour], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One answer.

    Attributes:
        meaning: What one sees here, and when to worry; shown at the panel's corner.
        unit: By Grafana's names: `s`, `watt`, `percentunit`, `short`.
        width: Of 24 columns; None takes an equal share of what its section leaves.
        lowest: Where the axis begins; None lets the data decide.
        names: Words for values, as 0: "waits".
        column_units: Units of a table's columns that have another one.
        hidden: Columns of a table that are left out.
    """

    title: str
    kind: Kind
    queries: tuple[Promql | Sql, ...]
    meaning: str
    unit: str = "short"
    steps: Steps = field(default_factory=Steps)
    width: int | None = None
    lowest: float | None = 0
    is_stacked: bool = False
    shows_steps: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    column_units: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """Panels side by side, under a heading.

    Attributes:
        height: Of each panel, in Grafana's rows of 30 pixels.
    """

    title: str
    panels: tuple[Panel, ...]
    height: int = 8

    def widths(self) -> Sequence[int]:
        """Return the panels' widths, which fill a line.

        Raises:
            ValueError: If they can't.
        """
        given = sum(panel.width or 0 for panel in self.panels)
        free = sum(panel.width is None for panel in self.panels)
        share, rest = divmod(WIDTH - given, free) if free else (0, WIDTH - given)
        if rest or share < 0:
            raise ValueError(f"section {self.title!r}: its panels do not fill {WIDTH} columns")
        return [panel.width or share for panel in self.panels]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the reader picks above a dashboard: one value of a query's only column."""

    name: str
    label: str
    query: Sql


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page, and how far back it looks at first (`24h`)."""

    uid: str
    title: str
    meaning: str
    sections: tuple[Section, ...]
    range: str = "24h"
    choices: tuple[Choice, ...] = ()
