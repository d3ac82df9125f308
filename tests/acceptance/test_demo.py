"""The demo as a user runs it: its figures, its verdict, and how it ends when it is told to."""

import hashlib
import json
import re
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pytest

from deploy.cli.load import DEFAULT_DAY
from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from load_generator.profiles import SHIPPED_PROFILE
from load_generator.truth import read_truth, write_truth
from streams.settings import Settings
from tests.acceptance.running import (
    Ended,
    addresses,
    curl,
    eventually,
    finish,
    free_settings,
    read_frames,
    smatrix,
    start_smatrix,
)
from tests.builders import Record

SMALL_DAY: Final = (
    "--communities=8",
    "--households=160",
    "--minutes=240",
    "--faults=many",
    "--answering-minutes=0",
)

pytestmark = pytest.mark.slow


def start_demo(settings: Settings, out: Path, *words: str) -> "subprocess.Popen[str]":
    """Start a demo of a small day."""
    return start_smatrix(
        "demo",
        *SMALL_DAY,
        f"--out={out}",
        *words,
        environment=addresses(settings) | {"PYTHONUNBUFFERED": "1"},
    )


def processes_of(settings: Settings) -> list[str]:
    """Return the command lines of the living processes of a demo: all inherit its addresses."""
    marks = {f"{name}={value}".encode() for name, value in addresses(settings).items()}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue  # it has ended, or is someone else's
        if marks <= set(environment):
            found.append(command)
    return found


def is_free(port: int) -> bool:
    """Return whether nothing listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Demo:
    """A demo that has been played to its end and keeps running."""

    def __init__(self, out: Path) -> None:
        """Start it."""
        self.out = out
        self.settings = free_settings()
        self.process = start_demo(self.settings, out, "--keep")
        self.said = ""

    def await_end_of_run(self) -> None:
        """Return when it has reported and only keeps running."""
        assert self.process.stdout is not None
        while "Ctrl-C stops everything" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.said += line

    @property
    def result(self) -> dict[str, Any]:
        """Return its figures."""
        result: dict[str, Any] = json.loads((self.out / "result.json").read_text())
        return result


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    try:
        demo.await_end_of_run()
        yield demo
    finally:
        demo.process.send_signal(signal.SIGINT)
        finish(demo.process, within_s=90)


def test_a_day_of_faults_ends_with_difference_zero(demo: Demo) -> None:
    result = demo.result

    assert result["exact"] is True
    assert (result["difference_mwh"], result["rows_differing"]) == (0, 0)
    # A terminal that was silent for a quarter-hour has no rows of it.
    assert 160 * 15 < result["rows_compared"] == result["household_periods"] <= 160 * 16


def test_what_broke_down_got_a_ticket_that_was_cleared_and_nothing_else_did(demo: Demo) -> None:
    result = demo.result

    assert {one["kind"] for one in result["breakdowns"]} == {"terminal_silent", "inconsistent"}
    assert result["breakdowns_found"] == result["breakdowns_cleared"] == len(result["breakdowns"])
    assert result["tickets_opened"] >= len(result["breakdowns"])
    assert result["false_tickets"] == []


def test_every_refused_reading_is_counted_under_its_rule(demo: Demo) -> None:
    assert demo.result["rejections"] == {"negative_energy": demo.result["rejected_readings"]}


def test_the_figures_agree_with_what_the_generator_sent(demo: Demo) -> None:
    result = demo.result
    frames = read_frames(demo.settings)

    assert result["frames_sent"] == len(frames)
    assert result["readings_sent"] == sum(
        len(json.loads(frame.value or b"")["meter_id"]) for frame in frames
    )
    assert result["rejected_readings"] == result["invalid_readings"] > 0
    assert result["frames_sent"] == (
        8 * 240 - result["lost_frames"] + result["duplicate_frames"] + result["corrected_frames"]
    )
    for fault in ("duplicate", "reordered", "late", "lost", "corrected"):
        assert result[f"{fault}_frames"] > 0
    repeated = sum(n - 1 for n in Counter(frame.value for frame in frames).values())
    assert result["duplicate_frames"] == repeated


def test_there_is_a_report_that_opens_offline(demo: Demo) -> None:
    report = (demo.out / "report.html").read_text(encoding="utf-8")

    assert report.rstrip().endswith("</html>")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", report)
    assert report.count("<svg") >= 5


def test_plain_lines_without_noise_where_there_is_no_terminal(demo: Demo) -> None:
    assert "\x1b" not in demo.said
    assert "difference" in demo.said
    assert "0 mWh" in demo.said
    assert "Warning" not in demo.said


def test_the_queries_to_paste_have_answers(demo: Demo) -> None:
    commands = [line.strip() for line in demo.said.splitlines() if line.strip().startswith("curl")]

    assert len(commands) == 3
    for command in commands:
        answer = subprocess.run(
            ["bash", "-c", f"{command} -sS --fail-with-body"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert answer.returncode == 0, command + answer.stdout
        assert len(answer.stdout.splitlines()) > 1


@pytest.mark.parametrize("place", ["metering", "alerts", "history"])
def test_the_addresses_it_prints_are_there(demo: Demo, place: str) -> None:
    said = re.search(rf"^{place}\s+(http://\S+)/metrics", demo.said, re.MULTILINE)

    assert said is not None
    with socket.create_connection(("127.0.0.1", int(said[1].rpartition(":")[2])), timeout=5):
        pass


def test_check_finds_the_truth(demo: Demo) -> None:
    ended = check(demo, demo.out / "system" / "truth.parquet")

    assert ended.status == 0
    assert "difference 0 mWh" in ended.out


def test_check_fails_with_the_first_rows_that_differ(demo: Demo, tmp_path: Path) -> None:
    truth = read_truth(demo.out / "system" / "truth.parquet")
    place = truth.column_names.index("consumption_mwh")
    one_more = pc.if_else(
        pc.equal(truth["meter_id"], truth["meter_id"][7]),
        pc.add(truth["consumption_mwh"], 1),
        truth["consumption_mwh"],
    )
    write_truth(
        truth.set_column(place, truth.schema.field(place), one_more), tmp_path / "altered.parquet"
    )

    ended = check(demo, tmp_path / "altered.parquet")

    meter, energy = truth["meter_id"][7].as_py(), truth["consumption_mwh"][7].as_py()
    assert ended.status == 1
    assert "16 differ, difference 16 mWh" in ended.out
    assert 1 <= len(ended.err.splitlines()) <= 10
    assert all(f" {meter} " in line for line in ended.err.splitlines())
    assert f"consumption_mwh {energy} instead of {energy + 1}" in ended.err


def test_check_fails_when_a_row_is_missing(demo: Demo, tmp_path: Path) -> None:
    truth = read_truth(demo.out / "system" / "truth.parquet")
    write_truth(truth.slice(1), tmp_path / "without-the-first.parquet")

    ended = check(demo, tmp_path / "without-the-first.parquet")

    assert ended.status == 1


def check(demo: Demo, truth: Path) -> Ended:
    """Run `smatrix check` on a demo that keeps running."""
    return smatrix("check", f"--truth={truth}", "--wait=0", environment=addresses(demo.settings))


@pytest.mark.parametrize("setting", ["broker", "clickhouse_url"])
def test_a_port_in_use_is_said_in_one_line_with_its_remedy(
    demo: Demo, tmp_path: Path, setting: str
) -> None:
    mine = free_settings().model_copy(update={setting: getattr(demo.settings, setting)})
    environment = addresses(mine)

    ended = smatrix("demo", *SMALL_DAY, f"--out={tmp_path}", environment=environment)

    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1, ended.err
    assert f"SMATRIX_{setting.upper()}" in ended.err
    assert "another port" in ended.err
    assert processes_of(mine) == []
    assert curl(demo.settings, "SELECT 1") == [["1"]]


def test_the_frames_are_those_of_the_seed(demo: Demo) -> None:
    plan = Plan(
        communities=8,
        households=160,
        seed=1,
        start=DEFAULT_DAY.replace(tzinfo=UTC),
        minutes=240,
        profiles=(SHIPPED_PROFILE,),
        faults=FAULT_RATES["many"],
    )

    made = [Record(frame.key, frame.value) for minute in plan.batches() for frame in minute.frames]

    assert demo.result["frames_sent"] == len(made)
    assert _fingerprints(read_frames(demo.settings)) == _fingerprints(made)


def _fingerprints(frames: list[Record]) -> dict[bytes | None, str]:
    """Return a hash of each community's frames, in their order."""
    digests: dict[bytes | None, Any] = {}
    for frame in frames:
        digests.setdefault(frame.key, hashlib.sha256()).update((frame.value or b"") + b"\n")
    return {key: digest.hexdigest() for key, digest in digests.items()}


def _has_begun(out: Path) -> bool:
    return (out / "system" / "log" / "broker.log").exists()


def _workers_start(out: Path) -> bool:
    return (out / "system" / "log" / "history-1.log").exists()


def _load_runs(out: Path) -> bool:
    return (out / "system" / "log" / "load.log").exists()


def _load_has_ended(out: Path) -> bool:
    return (out / "system" / "truth.parquet").exists()


def _report_is_written(out: Path) -> bool:
    return (out / "result.json").exists()


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, _has_begun),
        (signal.SIGTERM, _workers_start),
        (signal.SIGINT, _load_runs),
        (signal.SIGINT, _load_has_ended),
        (signal.SIGTERM, _report_is_written),
    ],
)
def test_it_stops_at_any_moment_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, moment: Callable[[Path], bool]
) -> None:
    settings, out = free_settings(), tmp_path / "out"
    process = start_demo(settings, out)
    eventually("the moment has come", lambda: moment(out), within_s=150, poll_s=0.01)

    process.send_signal(number)
    ended = finish(process, within_s=90)

    assert ended.status in {130, 0} if moment is _report_is_written else ended.status == 130
    assert "Traceback" not in ended.err
    assert processes_of(settings) == []
    assert is_free(int(settings.broker.rpartition(":")[2]))
    assert settings.clickhouse_url.port
    assert is_free(settings.clickhouse_url.port)
    assert _unfinished(out) == []


def test_it_starts_again_where_it_was_stopped(tmp_path: Path) -> None:
    settings = free_settings()
    interrupted = start_demo(settings, tmp_path)
    eventually("the load runs", lambda: _load_runs(tmp_path), within_s=150)
    interrupted.kill()
    finish(interrupted, within_s=90)
    eventually("its children end with it", lambda: processes_of(settings) == [])

    ended = finish(start_demo(settings, tmp_path), within_s=300)

    assert ended.status == 0
    assert json.loads((tmp_path / "result.json").read_text())["exact"] is True


def test_it_ends_with_a_grid_that_answers(tmp_path: Path) -> None:
    ended = finish(
        start_demo(free_settings(), tmp_path, "--minutes=15", "--answering-minutes=45"),
        within_s=300,
    )

    verdict = json.loads((tmp_path / "production" / "result.json").read_text())
    # So few households are no grid whose plants could follow it as closely as is asked for.
    assert ended.status == (0 if verdict["passed"] else 1)
    limits = verdict["checks"][-1]
    assert (limits["name"], limits["is_met"]) == ("Orders outside a plant's limits", True)
    assert verdict["directives"] > 45
    assert (tmp_path / "production" / "report.html").exists()


def _unfinished(out: Path) -> list[str]:
    """Return what a stopped demo should not have left: drafts, a report without its figures."""
    left = [str(draft) for draft in out.rglob("*.part")]
    report = out / "report.html"
    if report.exists() and not report.read_text().rstrip().endswith("</html>"):
        left.append(str(report))
    return left
