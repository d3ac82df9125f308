"""`smatrix load`: the generator, or a replay, against any broker."""

import asyncio
import dataclasses
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.cli.destinations import require_file
from deploy.cli.sizes import Communities, Households, Minutes, require_day
from deploy.registry.files import write_entries
from deploy.registry.store import answering
from deploy.registry.work import register_claims
from load_generator.faults import FAULT_RATES, FaultRates
from load_generator.plan import Plan
from load_generator.profiles import SHIPPED_PROFILE
from load_generator.registered import HOUSEHOLD_LIMIT_W, connections_of, registered
from load_generator.replay import replay
from load_generator.sender import Progress, Speed, run
from load_generator.truth import write_truth
from streams import clock
from streams.delivery.clients import security_of
from streams.domain.registry import Claim, Entry, RegistryError
from streams.settings import ConfigurationError, Settings, get_settings
from streams.topics import METER_FRAMES

# A fixed day, so that runs with one seed send the same frames whenever they are started.
DEFAULT_DAY: Final = datetime(2025, 7, 16, tzinfo=UTC)
DAY_MINUTES: Final = 24 * 60
_SAY_EVERY_S: Final = 1.0

Profiles = Annotated[
    list[Path] | None, typer.Option(help="Load profiles in the SimBench format; repeatable.")
]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same frames.")]
Faults = Annotated[str, typer.Option(help=f"One of: {', '.join(FAULT_RATES)}.")]


def load(  # noqa: PLR0913 - options of a command
    *,
    communities: Communities = 40,
    households: Households = 2_000,
    minutes: Minutes = DAY_MINUTES,
    profiles: Profiles = None,
    seed: Seed = 1,
    faults: Faults = "some",
    speed: Annotated[str, typer.Option(help="Factor of real time, or max.")] = "1",
    start: Annotated[
        datetime | None,
        typer.Option(help="First minute, UTC; default: now, or with --speed max a fixed day."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write the truth here, as Parquet, for `smatrix check`.")
    ] = None,
    household_limit: Annotated[
        int,
        typer.Option(
            min=0, max=100_000, help="W that each household adds to its community's connection."
        ),
    ] = HOUSEHOLD_LIMIT_W,
    heaters: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of households registered with a switched water heater. Nobody obeys here: "
            "`smatrix simulate` has a grid that answers.",
        ),
    ] = 0.0,
    registry: Annotated[
        Path | None,
        typer.Option(
            help="Write the fleet's registry here, as `smatrix registry import` takes it."
        ),
    ] = None,
    replay_file: Annotated[
        Path | None, typer.Option("--replay", help="Send the frames of this file (JSON lines).")
    ] = None,
) -> None:
    """Register a simulated fleet and send its frames to the broker; or the frames of a file."""
    settings = get_settings()
    pace = _pace(speed)
    topic, security = settings.topic_prefix + METER_FRAMES.name, security_of(settings)
    if replay_file is not None:
        replayed = asyncio.run(
            replay(replay_file, broker=settings.broker, topic=topic, speed=pace, security=security)
        )
        typer.echo(json.dumps(dataclasses.asdict(replayed)))
        return
    plan = Plan(
        communities=communities,
        households=households,
        seed=seed,
        start=_first_minute(start, pace),
        minutes=minutes,
        profiles=tuple(profiles or (SHIPPED_PROFILE,)),
        faults=rates(faults),
        heater_share=heaters,
    )
    for named, file in (("--registry", registry), ("--truth", truth)):
        if file is not None:
            require_file(named, file)
    simulated = plan.fleet()
    connections_w = connections_of(simulated, household_limit)
    fleet = list(registered(simulated, connections_w=connections_w))
    if registry is not None:
        registry.write_text(
            write_entries(fleet, as_csv=registry.suffix == ".csv"), encoding="utf-8"
        )
    _register(fleet, settings)
    outcome = asyncio.run(
        run(
            plan,
            broker=settings.broker,
            topic=topic,
            speed=pace,
            security=security,
            on_progress=_Teller(minutes).tell,
        )
    )
    if truth is not None:
        write_truth(outcome.truth, truth)
    typer.echo(json.dumps({"seconds": outcome.seconds, **dataclasses.asdict(outcome.counts)}))


def _register(fleet: Sequence[Entry], settings: Settings) -> None:
    """Register a fleet; one that is registered already changes nothing.

    Raises:
        RegistryError: If somebody else has one of its meters, or the broker does not answer.
    """
    claims = [Claim(line, entry) for line, entry in enumerate(fleet, start=1)]
    with answering(settings):
        now_ms = int(clock.epoch_now() * 1000)
        result = asyncio.run(register_claims(settings, claims, now_ms=now_ms))
    if result.faults:
        fault = result.faults[0]
        raise RegistryError(
            f"the fleet can't be registered: {fault.field}={fault.value} {fault.rule}"
        )


def rates(word: str) -> FaultRates:
    """Return the fault rates that a word stands for.

    Raises:
        ConfigurationError: If there is no such word.
    """
    if word not in FAULT_RATES:
        raise ConfigurationError(f"--faults {word!r} is not one of: {', '.join(FAULT_RATES)}")
    return FAULT_RATES[word]


def _pace(speed: str) -> Speed:
    if speed == "max":
        return "max"
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise ConfigurationError(f"--speed {speed!r} is neither a factor above 0 nor max")
    return factor


def _first_minute(start: datetime | None, pace: Speed) -> datetime:
    if start is None:
        return DEFAULT_DAY if pace == "max" else clock.utc_now().replace(second=0, microsecond=0)
    require_day("--start", start)
    return start.replace(tzinfo=UTC) if start.tzinfo is None else start


class _Teller:
    """Says once a second how far the sending has come: a live line, or plain ones."""

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._console = Console(stderr=True, highlight=False)
        self._said = time.monotonic()

    def tell(self, progress: Progress) -> None:
        """Take note of progress."""
        now = time.monotonic()
        if now - self._said < _SAY_EVERY_S and progress.minutes_sent < self._minutes:
            return
        self._said = now
        counts = progress.counts
        self._console.print(
            f"minutes={progress.minutes_sent}/{self._minutes} frames={counts.sent} "
            f"readings={counts.readings_sent}",
            end="\r" if self._console.is_terminal else "\n",
        )
