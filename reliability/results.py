"""What came of a campaign: a file for each seed, and a table of all."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

from reliability.faults import Kind

_OF_A_NODE: Final = frozenset({str(Kind.BROKER_KILLED), str(Kind.BROKER_PAUSED)})
_OF_THREE: Final = ", one node of three"


@dataclass(slots=True)
class Happened:
    """A fault that was done, or could not be.

    Attributes:
        at_s: When it began, seconds after the first could have.
        over_s: When its cause was gone.
        healed_s: How long after that the system was well again; None: not before the end.
        note: What was odd about it.
        is_done: Whether it was done.
        is_broken: Whether the system did what it must not.
    """

    kind: str
    role: str
    number: int
    at_s: float
    over_s: float
    note: str = ""
    is_done: bool = True
    is_broken: bool = False
    healed_s: float | None = None


@dataclass(slots=True)
class Result:
    """What came of one seed."""

    command: str
    seed: int
    nodes: int
    faults: list[Happened]
    healed_s: float | None
    exact_s: float | None = None
    frames: int = 0
    messages: int = 0
    difference_mwh: int = 0
    differing: int = 0
    seconds: float = 0.0
    checks: dict[str, str] = field(default_factory=dict)
    ends: dict[str, list[int]] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    control: dict[str, float] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check is well, and the truth was among them."""
        return "truth" in self.checks and all(found == "ok" for found in self.checks.values())

    def is_undisturbed(self, fault: Happened) -> bool:
        """Say whether no other cause was at work from the end of its own until all was well."""
        healed_at = fault.over_s + (fault.healed_s or 0.0)
        return not any(
            other.over_s > fault.over_s and other.at_s < healed_at for other in self.faults
        )

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"passed": self.passed, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` has written."""
        fields = json.loads(path.read_text())
        del fields["passed"]
        faults = [Happened(**fault) for fault in fields.pop("faults")]
        return cls(faults=faults, **fields)


def table_of_runs(results: Iterable[Result]) -> str:
    """Return a table in Markdown: each run, what was done in it, and how it ended."""
    columns = (
        *("run", "faults", "frames", "fenced", "stores rebuilt", "well after the last, s"),
        *("exact after the last, s", "difference, mWh", "all checks"),
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for result in results:
        done = sum(happened.is_done for happened in result.faults)
        said = result.said
        lines.append(
            f"| {_shortly(result.command)} | {done} | "
            f"{result.frames} | {said.get('fenced', 0)} | {said.get('stores rebuilt', 0)} | "
            f"{result.healed_s} | {result.exact_s} | {result.difference_mwh} | "
            f"{'yes' if result.passed else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def table_of_people(results: Iterable[Result]) -> str:
    """Return a table in Markdown of the tickets and mails of those runs that had any."""
    return _table_of_figures((result.command, result.people) for result in results)


def table_of_control(results: Iterable[Result]) -> str:
    """Return a table in Markdown of what control did in those runs that had it."""
    return _table_of_figures((result.command, result.control) for result in results)


def _table_of_figures(of_runs: Iterable[tuple[str, Mapping[str, float]]]) -> str:
    told = [(command, figures) for command, figures in of_runs if figures]
    names = list(dict.fromkeys(name for _, figures in told for name in figures))
    lines = [f"| {' | '.join(('run', *names))} |", "|---" * (len(names) + 1) + "|"]
    for command, figures in told:
        cells = " | ".join(str(figures.get(name, "")) for name in names)
        lines.append(f"| {_shortly(command)} | {cells} |")
    return "\n".join(lines) + "\n"


def _shortly(command: str) -> str:
    options, *without = command.removeprefix("python -m reliability ").split(" --without ")
    return f"`{options}`" + (f", without {len(without)} kinds" if without else "")


def table(results: Iterable[Result]) -> str:
    """Return a table in Markdown: each kind of fault, how often, and the worst healing.

    Healing is undisturbed where no other fault's cause was at work before it was over.
    """
    all_results = list(results)
    by_kind: dict[str, list[tuple[Happened, Result]]] = defaultdict(list)
    for result in all_results:
        for happened in result.faults:
            if happened.is_done:
                of_three = result.nodes > 1 and happened.kind in _OF_A_NODE
                by_kind[happened.kind + _OF_THREE * of_three].append((happened, result))
    lines = [
        "| fault | times | worst healing, undisturbed, s | worst of all, s | difference, mWh |",
        "|---|---|---|---|---|",
    ]
    # A result of an earlier version may tell of a kind that has another name now.
    places = {str(kind): place for place, kind in enumerate(Kind)}
    for kind in sorted(
        by_kind, key=lambda name: (places.get(name.removesuffix(_OF_THREE), len(places)), name)
    ):
        cases = by_kind[kind]
        worst = _worst(happened for happened, _ in cases)
        undisturbed = _worst(
            happened for happened, result in cases if result.is_undisturbed(happened)
        )
        difference = max(result.difference_mwh for _, result in cases)
        lines.append(f"| {kind} | {len(cases)} | {undisturbed} | {worst} | {difference} |")
    done = sum(len(cases) for cases in by_kind.values())
    worst_end = max((r.healed_s for r in all_results if r.healed_s is not None), default=0.0)
    difference = sum(result.difference_mwh for result in all_results)
    lines.append(
        f"| all, in {len(all_results)} runs | {done} | | {worst_end:.1f} after the last | "
        f"{difference} |"
    )
    failed = [result.command for result in all_results if not result.passed]
    return "\n".join([*lines, *(f"\nFailed: `{command}`" for command in failed)]) + "\n"


def _worst(faults: Iterable[Happened]) -> str:
    healed = [fault.healed_s for fault in faults if fault.healed_s is not None]
    return f"{max(healed):.1f}" if healed else "none seen"
