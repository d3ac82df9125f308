"""What the demo says on its way, where there is no terminal."""

from collections.abc import Iterable
from io import StringIO

from rich.console import Console

from deploy.cli.progress import ProgressDisplay
from deploy.report.result import Sample


def at(seconds: float, *, readings_done: int) -> Sample:
    return Sample(
        seconds=seconds,
        frames_sent=0,
        readings_sent=0,
        readings_done=readings_done,
        minutes_closed=0,
        periods_stored=0,
        lag_records=0,
    )


def readings_a_second(samples: Iterable[Sample]) -> list[str]:
    """Return what the line of each sample says of the rate."""
    out = StringIO()
    with ProgressDisplay(Console(file=out, width=200), minutes=60, plain_line_s=0) as display:
        for sample in samples:
            display.show(sample)
    return [line.rpartition("readings a second ")[2] for line in out.getvalue().splitlines()]


def test_a_rate_is_told_once_two_samples_have_one() -> None:
    samples = [at(5, readings_done=2_000), at(10, readings_done=12_000)]

    assert readings_a_second(samples) == ["-", "2,000"]


def test_no_rate_is_told_before_the_first_reading_is_done() -> None:
    samples = [at(5, readings_done=0), at(10, readings_done=0), at(15, readings_done=500)]

    assert readings_a_second(samples) == ["-", "-", "100"]


def test_a_rate_of_nothing_is_told_when_all_is_done() -> None:
    samples = [at(5, readings_done=500), at(10, readings_done=500)]

    assert readings_a_second(samples) == ["-", "0"]
