"""What the demo shows while it runs, and at its end."""

import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.report.result import DemoResult, Sample

_PLAIN_LINE_S: Final = 5.0
_UNKNOWN: Final = "-"


class ProgressDisplay:
    """A live table on a terminal; elsewhere a plain line every few seconds."""

    def __init__(
        self, console: Console, *, minutes: int, plain_line_s: float = _PLAIN_LINE_S
    ) -> None:
        """Show progress towards that many closed community minutes."""
        self._console = console
        self._minutes = minutes
        self._plain_line_s = plain_line_s
        self._live = Live(console=console, transient=True) if console.is_terminal else None
        self._said = time.monotonic()
        self._before: Sample | None = None

    def __enter__(self) -> Self:
        """Begin."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def show(self, sample: Sample) -> None:
        """Show how far the run is."""
        if self._live is not None:
            self._live.update(self._table(sample))
        elif time.monotonic() - self._said >= self._plain_line_s:
            self._said = time.monotonic()
            self._console.print(
                ", ".join(f"{name} {value}" for name, value in self._figures(sample))
            )
        else:
            return
        self._before = sample

    def _figures(self, sample: Sample) -> list[tuple[str, str]]:
        rate = _rate(self._before, sample)
        return [
            ("frames sent", f"{sample.frames_sent:,}"),
            ("minutes closed", f"{sample.minutes_closed:,} of {self._minutes:,}"),
            ("household periods in ClickHouse", f"{sample.periods_stored:,}"),
            ("lag", f"{sample.lag_records:,} frames"),
            ("readings a second", _UNKNOWN if rate is None else f"{rate:,.0f}"),
        ]

    def _table(self, sample: Sample) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim")
        table.add_column(justify="right")
        for name, value in self._figures(sample):
            table.add_row(name, value)
        return table


def _rate(before: Sample | None, sample: Sample) -> float | None:
    """Return readings done a second between two samples; None until some can be counted."""
    if before is None or sample.seconds <= before.seconds or not sample.readings_done:
        return None
    return (sample.readings_done - before.readings_done) / (sample.seconds - before.seconds)


def print_summary(console: Console, result: DemoResult, out: Path) -> None:
    """Print a finished run in a few lines."""
    verdict = "green" if result.exact else "red"
    for line in result.first_differences:
        console.print(f"  {line}", markup=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for name, value in (
        ("households", f"{result.households:,} in {result.communities:,} communities"),
        ("readings", f"{result.readings_sent:,}"),
        ("readings a second, end to end", f"{result.readings_per_s:,.0f}"),
        ("duplicates", f"{result.duplicate_frames:,} frames"),
        ("late", f"{result.late_frames:,} frames"),
        ("corrected", f"{result.corrected_frames:,} frames"),
        ("rejected", f"{result.rejected_readings:,} readings"),
        ("periods", f"{result.household_periods:,}"),
        (
            "breakdowns found, and cleared",
            f"{result.breakdowns_found}, {result.breakdowns_cleared} of {len(result.breakdowns)}",
        ),
        ("false tickets", f"{len(result.false_tickets):,}"),
        (
            "estimated",
            f"{result.estimated_periods:,} of {result.incomplete_periods:,} incomplete periods",
        ),
        (
            "off the truth by",
            f"{result.estimate_error_wh:.1f} Wh each ({result.unestimated_error_wh:.1f} without)",
        ),
        ("mails", f"{result.mails:,}"),
        ("difference", f"[{verdict}]{result.difference_mwh} mWh[/]"),
    ):
        table.add_row(name, value)
    console.print(table)
    console.print(f"{out / 'result.json'}\n{out / 'report.html'}\n{out / 'mail'}/")
