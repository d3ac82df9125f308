"""`make bench`: the peers against each other, and how our cost grows."""

import asyncio
import sys
from typing import Annotated

import typer

from bench.comparison import Effort, compare_peers
from bench.contestants import PEERS, build_java_peer
from bench.growth import CURVES, grow
from bench.profiling import profile
from bench.publish import publish
from streams.settings import ConfigurationError

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@cli.command()
def peers(  # noqa: PLR0913 - options of a command
    *,
    readings: Annotated[int, typer.Option(min=10_000, help="At least so many.")] = 10_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Each peer once in each, in turn.")] = 5,
    only: Annotated[
        str, typer.Option("--peers", help=f"Some of: {','.join(peer.name for peer in PEERS)}.")
    ] = "",
    limit: Annotated[float, typer.Option(help="Seconds that one run of a peer may take.")] = 120.0,
    resume: Annotated[bool, typer.Option(help="Keep what was measured, do the rest.")] = False,
    verify_only: Annotated[bool, typer.Option(help="Check results, measure nothing.")] = False,
) -> None:
    """Verify every peer against the truth, then measure them in interleaved rounds."""
    names = only.split(",") if only else [peer.name for peer in PEERS]
    unknown = set(names) - {peer.name for peer in PEERS}
    if unknown:
        raise typer.BadParameter(f"no such peer: {', '.join(sorted(unknown))}")
    chosen = [peer for peer in PEERS if peer.name in names]
    if "kafka-streams" in names:
        build_java_peer()
    effort = Effort(
        readings=readings, rounds=0 if verify_only else rounds, limit_s=limit, resume=resume
    )
    if not asyncio.run(compare_peers(chosen, effort)):
        raise typer.Exit(1)


@cli.command()
def growth(
    *,
    full: Annotated[bool, typer.Option("--full/--quick", help="Hours, or a look.")] = False,
    only: Annotated[
        str, typer.Option("--curves", help=f"Some of: {','.join(curve.name for curve in CURVES)}.")
    ] = "",
    resume: Annotated[bool, typer.Option(help="Keep what was measured, do the rest.")] = False,
) -> None:
    """Measure how our cost grows with frames, communities, lateness, workers and history."""
    names = only.split(",") if only else [curve.name for curve in CURVES]
    unknown = set(names) - {curve.name for curve in CURVES}
    if unknown:
        raise typer.BadParameter(f"no such curve: {', '.join(sorted(unknown))}")
    if not grow([curve for curve in CURVES if curve.name in names], full=full, resume=resume):
        raise typer.Exit(1)


@cli.command("profile")
def profile_worker(
    *,
    readings: Annotated[int, typer.Option(min=1_000_000, help="At least so many.")] = 12_000_000,
) -> None:
    """Tell where a worker's time goes, by stage."""
    profile(readings)


@cli.command("publish")
def publish_tables() -> None:
    """Put the tables of the last runs into docs/benchmarks.md."""
    typer.echo(f"docs/benchmarks.md: {', '.join(publish())}")


@cli.callback()
def main() -> None:
    """Measure Smatrix Grid beside its peers."""


if __name__ == "__main__":
    try:
        cli()
    except ConfigurationError as error:
        sys.exit(str(error))
