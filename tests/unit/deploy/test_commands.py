"""What commands say when they are asked for what can't be: one line, before any work is done."""

import sys
from datetime import datetime
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from pydantic import HttpUrl
from rich.console import Console

from deploy.cli import app
from deploy.cli.destinations import require_file, require_folder
from deploy.cli.doctor import _no
from deploy.cli.sizes import require_day
from load_generator.truth import truth_table, write_truth
from streams.settings import ConfigurationError, Settings, get_settings


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    get_settings.cache_clear()


def smatrix(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command in this process, and return its status."""
    monkeypatch.setattr(sys, "argv", ["smatrix", *words])
    with pytest.raises(SystemExit) as ended:
        app.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "words",
    [
        ("vee-report",),
        ("malfunction-report",),
        ("ev-report",),
        ("battery-report",),
        ("forecast-report",),
        ("simulate", "regulation"),
        ("simulate", "overload"),
        ("demo",),
    ],
)
def test_a_report_that_could_not_be_written_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    (tmp_path / "file").touch()

    status = smatrix(monkeypatch, *words, "--out", str(tmp_path / "file"))

    said = f"smatrix: --out: {tmp_path / 'file'} can't be written (File exists); name a folder"
    assert status == 2
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("option", ["--truth", "--registry"])
def test_a_load_whose_files_could_not_be_written_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    option: str,
) -> None:
    (tmp_path / "file").touch()

    status = smatrix(monkeypatch, "load", option, str(tmp_path / "file" / "x.csv"))

    assert status == 2
    assert capsys.readouterr().err.startswith(f"smatrix: {option}: {tmp_path / 'file'} can't be")


def test_the_system_is_not_started_in_what_is_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SMATRIX_DATA_DIR", str(tmp_path / "file"))

    assert smatrix(monkeypatch, "up") == 2
    assert capsys.readouterr().err.startswith("smatrix: SMATRIX_DATA_DIR: ")


@pytest.mark.parametrize(
    "words",
    [
        ("load", "--household-limit", "99999999999999999999"),
        ("load", "--households", "99999999999999"),
        ("load", "--start", "9999-12-31", "--speed", "max"),
        ("demo", "--day", "9999-12-31"),
        ("battery-report", "--start", "9999-12-31"),
        ("battery-report", "--days", "999999999"),
        ("simulate", "regulation", "--start", "0001-01-01"),
        ("explain", "m1", "noon"),
    ],
)
def test_what_no_grid_can_be_is_refused_by_the_name_of_its_option(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    option = "PERIOD" if words[0] == "explain" else words[-4 if "--speed" in words else -2]

    assert smatrix(monkeypatch, *words) == 2
    assert option in capsys.readouterr().err


def test_what_will_be_measured_is_not_edited(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--at", "2100-01-01T00:00Z", "--consumption-wh", "5", "--by", "a", "--reason", "b")

    assert smatrix(monkeypatch, "edit", "m1", *words) == 2
    assert "--at 2100-01-01T00:00Z lies more than SMATRIX_MAX_AHEAD" in capsys.readouterr().err


def test_a_truth_without_rows_can_not_be_held_against_anything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_truth(truth_table([]), tmp_path / "truth")

    assert smatrix(monkeypatch, "check", "--truth", str(tmp_path / "truth")) == 2
    assert "has no row; give that of a run with readings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied", "x"), DatabaseError("Code: 241\nfull")]
)
def test_what_no_command_has_words_for_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "cli", fail)

    assert smatrix(monkeypatch) == 2
    assert capsys.readouterr().err == f"smatrix: {str(error).partition(chr(10))[0]}\n"


def test_a_folder_that_is_missing_is_made_and_left_as_it_was(tmp_path: Path) -> None:
    require_file("--truth", tmp_path / "new" / "truth")

    assert list((tmp_path / "new").iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    require_folder("--out", tmp_path)

    with pytest.raises(ConfigurationError, match=r"--truth: .* can't be written"):
        require_file("--truth", tmp_path)


def test_a_day_is_within_the_times_of_clickhouse() -> None:
    require_day("--start", datetime(2095, 12, 31))  # noqa: DTZ001 - a local day

    with pytest.raises(ConfigurationError, match="--start 2096-01-01 must lie in the years"):
        require_day("--start", datetime(2096, 1, 1))  # noqa: DTZ001 - a local day


def test_doctor_shows_addresses_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(clickhouse_url=HttpUrl("http://h/[/red]"), broker="[fe80::1]:9092")

    _no(Console(soft_wrap=True), f"{settings.clickhouse_url} {settings.broker}")

    assert capsys.readouterr().out == "no  http://h/[/red] [fe80::1]:9092\n"
