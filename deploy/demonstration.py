"""The demo's run: load on a running system, watched until ClickHouse holds the truth."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from deploy.embedded.processes import Child, ProcessEndedError, start, stop
from deploy.embedded.system import EmbeddedSystem
from deploy.estimates_check import NOTHING_ESTIMATED, EstimatesCheck, check_estimates
from deploy.malfunction_check import check_tickets
from deploy.report.result import Breakdown, Sample
from deploy.truth_check import Comparison, compare, stored_periods
from load_generator.breakdowns import Suspect
from load_generator.truth import read_truth

SAMPLE_S: Final = 0.5
PATIENCE_S: Final = 60.0
ESTIMATES_S: Final = 5.0


@dataclass(slots=True)
class Demonstration:
    """One run.

    Attributes:
        system: A running embedded system.
        client: Of its ClickHouse.
        database: Where history is.
        load: Options of `smatrix load`.
        profiles: Load profiles for it; none means the shipped ones.
        suspects: What its tickets can be about.
        watch: Called with every sample.
        samples: How far the run was, twice a second.
        phases_s: How long each phase took.
        counts: What the generator says that it sent.
        estimates: How far what was estimated is from the truth.
    """

    system: EmbeddedSystem
    client: Client
    database: str
    load: dict[str, str]
    profiles: tuple[Path, ...]
    suspects: Sequence[Suspect]
    watch: Callable[[Sample], None]
    samples: list[Sample] = field(default_factory=list)
    phases_s: dict[str, float] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    estimates: EstimatesCheck = NOTHING_ESTIMATED
    _began: float = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase."""
        began = time.perf_counter()
        yield
        self.phases_s[name] = round(time.perf_counter() - began, 3)

    @property
    def end_to_end_s(self) -> float:
        """Time from the first frame to the last period in ClickHouse."""
        return self.samples[-1].seconds

    def run(self) -> Comparison:
        """Send the load, and return what comparing ClickHouse with the truth found.

        Raises:
            ProcessEndedError: If a process that can't be restarted ends, or the load fails.
        """
        folder = self.system.folder
        truth_file = folder / "truth.parquet"
        options = [word for option in self.load.items() for word in option]
        options += [word for file in self.profiles for word in ("--profiles", str(file))]
        command = [sys.executable, "-m", "streams", "load", "--speed", "max"]
        generator = start(
            "load",
            [*command, "--truth", str(truth_file), *options],
            log=folder / "log" / "load.log",
            environment=self.system.environment(),
        )
        self._began = time.perf_counter()
        try:
            with self.phase("load"):
                while generator.process.poll() is None:
                    self._sample(generator)
                    time.sleep(SAMPLE_S)
        finally:
            stop([generator])
        if generator.process.returncode:
            raise ProcessEndedError(f"the load failed: {generator.last_words()}")
        self.counts = json.loads(generator.last_words())
        truth = read_truth(truth_file)
        with self.phase("drain"):
            self._await_stored(generator, truth)
        with self.phase("tickets"):
            self._await_tickets()
        with self.phase("estimates"):
            self._await_estimates(truth)
        with self.phase("compare"):
            return compare(self.client, self.database, truth)

    def figures(self, comparison: Comparison) -> dict[str, Any]:
        """Return the run in the figures of `DemoResult`."""
        counts = self.counts
        return {
            "frames_sent": counts["sent"],
            "readings_sent": counts["readings_sent"],
            "duplicate_frames": counts["duplicates"],
            "reordered_frames": counts["reordered"],
            "late_frames": counts["late"],
            "lost_frames": counts["lost"],
            "lost_readings": counts["lost_readings"],
            "corrected_frames": counts["corrected"],
            "corrected_readings": counts["corrected_readings"],
            "invalid_readings": counts["rejected_readings"],
            "rejected_readings": self._count("sum(length(meter_id)) FROM {}.rejected_readings"),
            "rejections": self._rejections(),
            **self._tickets(),
            "community_minutes": self._count("count() FROM {}.community_minutes"),
            "household_periods": self._count("count() FROM {}.household_quarter_hours"),
            "autarky_changes": self._count("count() FROM {}.autarky_changes"),
            "incomplete_periods": self.estimates.incomplete,
            "estimated_periods": self.estimates.estimated,
            "estimate_error_wh": self.estimates.error_wh,
            "unestimated_error_wh": self.estimates.without_wh,
            "rows_compared": comparison.rows,
            "rows_differing": comparison.differing,
            "difference_mwh": comparison.difference_mwh,
            "first_differences": comparison.examples,
            "end_to_end_s": self.end_to_end_s,
            "phases_s": self.phases_s,
        }

    def _rejections(self) -> dict[str, int]:
        """Return how many readings each rule has refused, the most first."""
        query = (
            "SELECT rule::String, sum(length(meter_id)) AS readings "  # noqa: S608 - ours
            f"FROM {self.database}.rejected_readings GROUP BY rule ORDER BY readings DESC, rule"
        )
        return {rule: int(readings) for rule, readings in self.client.query(query).result_rows}

    def _tickets(self) -> dict[str, Any]:
        check = check_tickets(self.client, self.database, self.suspects)
        return {
            "breakdowns": [
                Breakdown(
                    kind=suspect.kind,
                    community_id=suspect.community_id,
                    meter_id=suspect.meter_id,
                    begins=_time(suspect.first_minute),
                    ends=_time(suspect.end),
                    opened_at=None if ticket is None else _time(ticket.at),
                    cleared_at=None
                    if ticket is None or ticket.cleared_at is None
                    else _time(ticket.cleared_at),
                )
                for suspect, ticket in check.breakdowns
            ],
            "tickets_opened": check.opened,
            "false_tickets": check.false,
        }

    def _await_tickets(self) -> None:
        """Wait until silence is proven, and what was found is in ClickHouse.

        Only so long after the last record was done: what was not found by then never will be.
        """
        patience = time.monotonic() + PATIENCE_S
        while (
            check_tickets(self.client, self.database, self.suspects).missed
            and time.monotonic() < patience
        ):
            self.system.restart_ended_workers()
            if self._backlog():
                patience = time.monotonic() + PATIENCE_S
            time.sleep(SAMPLE_S)

    def _await_estimates(self, truth: pa.Table) -> None:
        """Wait until every incomplete period is estimated, as long as there are more."""
        patience = time.monotonic() + ESTIMATES_S
        while True:
            found = check_estimates(self.client, self.database, truth)
            if found != self.estimates:
                patience = time.monotonic() + ESTIMATES_S
            self.estimates = found
            if found.estimated >= found.incomplete or time.monotonic() > patience:
                return
            time.sleep(SAMPLE_S)

    def _count(self, what: str) -> int:
        return int(self.client.query(f"SELECT {what.format(self.database)}").result_rows[0][0])

    def _await_stored(self, generator: Child, truth: pa.Table) -> None:
        """Wait until history has caught up, as long as there is progress."""
        patience = time.monotonic() + PATIENCE_S
        before: Sample | None = None
        while True:
            sample = self._sample(generator)
            if self._backlog() == 0 and all(
                stored_periods(self.client, self.database, truth, view=view) >= truth.num_rows
                for view in ("household_quarter_hours", "household_autarky_quarter_hours")
            ):
                return
            if before is None or sample != replace(before, seconds=sample.seconds):
                patience = time.monotonic() + PATIENCE_S
            if time.monotonic() > patience:
                return
            before = sample
            time.sleep(SAMPLE_S / 5)

    def _backlog(self) -> float:
        """Return the records that workers have not done yet.

        But for control's: what it orders on a day that is over is compared with nothing.
        """
        return sum(
            worker.metrics().get("smatrix_consumer_lag_records", 0.0)
            for worker in self.system.workers
            if worker.role != "control"
        )

    def _sample(self, generator: Child) -> Sample:
        self.system.restart_ended_workers()
        sent = _told(generator)
        metering, history = (_metrics(self.system, role) for role in ("metering", "history"))
        sample = Sample(
            seconds=round(time.perf_counter() - self._began, 3),
            frames_sent=self.counts.get("sent", sent.get("frames", 0)),
            readings_sent=self.counts.get("readings_sent", sent.get("readings", 0)),
            readings_done=int(metering.get("smatrix_readings_total", 0)),
            minutes_closed=int(metering.get("smatrix_minutes_closed_total", 0)),
            periods_stored=int(
                history.get('smatrix_history_rows_total{table="household_intervals"}', 0)
            ),
            lag_records=int(metering.get("smatrix_consumer_lag_records", 0)),
        )
        self.samples.append(sample)
        self.watch(sample)
        return sample


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _metrics(system: EmbeddedSystem, role: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    for worker in system.workers:
        if worker.role == role:
            for name, value in worker.metrics().items():
                totals[name] = totals.get(name, 0.0) + value
    return totals


def _told(generator: Child) -> dict[str, int]:
    """Return the newest figures that the generator has printed: `frames=… readings=…`."""
    words = generator.last_words()
    if words.startswith("{"):
        counts = json.loads(words)
        return {"frames": counts["sent"], "readings": counts["readings_sent"]}
    pairs = (word.split("=") for word in words.split() if word.count("=") == 1)
    return {name: int(value) for name, value in pairs if value.isdigit()}
