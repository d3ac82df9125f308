"""The peers in interleaved rounds on the same frames, verified before they are timed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import typer

from bench.broker import Broker, running_broker
from bench.contestants import OUT, Peer
from bench.dataset import Dataset, fill, plan
from bench.journal import Journal, Line
from bench.measuring import TooSlowError, measure
from bench.processes import PeerEndedError
from bench.report import write_comparison
from bench.verification import verify
from load_generator.faults import FaultRates

COMMUNITIES: Final = 1_000
HOUSEHOLDS_A_FRAME: Final = 50

_VERIFY_COMMUNITIES: Final = 20
_VERIFY_READINGS: Final = 45_000
_VERIFY_S: Final = 120.0
_FAULTS: Final = FaultRates(duplicated=0.05, reordered=0.1, invalid=0.002)
_NEGATIVE_ONLY: Final = FaultRates(invalid=0.002)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        readings: In the topic, at least; the same frames for everyone.
        rounds: Each peer once in each, in turn; 0 verifies only.
        limit_s: What one run of a peer may take; a slower one is judged by what it has done.
        resume: Whether to keep what an earlier call has measured.
    """

    readings: int
    rounds: int
    limit_s: float
    resume: bool


async def compare_peers(peers: Sequence[Peer], effort: Effort) -> bool:
    """Verify and measure; write `result.json`, `table.md` and pictures.

    A peer whose results differ from the truth is told, and not timed.

    Returns:
        Whether every peer was right, and every run gave a rate.
    """
    journal = Journal(OUT / "peers.jsonl", resume=effort.resume)
    async with running_broker(OUT / "kafka") as broker:
        right = await _verified(peers, broker)
        failures = len(peers) - len(right)
        if effort.rounds:
            dataset = await fill(
                broker,
                plan(
                    effort.readings,
                    communities=COMMUNITIES,
                    households_a_frame=HOUSEHOLDS_A_FRAME,
                    faults=FaultRates(),
                ),
            )
            typer.echo(f"{dataset.readings:,} readings in {dataset.frames:,} frames")
            for number in range(1, effort.rounds + 1):
                for peer in right:
                    failures += not await _run(peer, number, broker, dataset, journal, effort)
            write_comparison(OUT, journal.lines(), dataset, peers)
    return not failures


async def _verified(peers: Sequence[Peer], broker: Broker) -> list[Peer]:
    """Return the peers whose results are the truth, in their order."""
    right = []
    for is_exact, faults in ((True, _FAULTS), (False, _NEGATIVE_ONLY)):
        group = [peer for peer in peers if peer.is_exact is is_exact]
        if not group:
            continue
        wanted = plan(
            _VERIFY_READINGS,
            communities=_VERIFY_COMMUNITIES,
            households_a_frame=HOUSEHOLDS_A_FRAME,
            faults=faults,
        )
        dataset = await fill(broker, wanted)
        for peer in group:
            try:
                verdict = await verify(peer, broker, dataset, limit_s=_VERIFY_S)
            except (PeerEndedError, TimeoutError) as error:
                typer.echo(f"{peer.name}: not verified: {error}")
                continue
            typer.echo(
                f"{peer.name}: {verdict.compared} household quarter-hours, "
                f"{verdict.differing} differ {'; '.join(verdict.examples)}".rstrip()
            )
            if not verdict.differing:
                right.append(peer)
    return [peer for peer in peers if peer in right]


async def _run(  # noqa: PLR0913, PLR0917 - one line of the plan
    peer: Peer, number: int, broker: Broker, dataset: Dataset, journal: Journal, effort: Effort
) -> bool:
    """Measure a peer in a round, unless that was done; return whether there is a rate."""
    if any(line.peer == peer.name and line.round == number for line in journal.lines()):
        return True
    try:
        found = await measure(peer, broker, dataset, limit_s=effort.limit_s)
    except (PeerEndedError, TooSlowError) as error:
        typer.echo(f"round {number}, {peer.name}: {error}")
        return False
    for each in found:
        line = Line(peer.name, number, each)
        journal.add(line)
        typer.echo(
            f"round {number}, {each.name}: {each.rate:,.0f} readings/s, "
            f"{each.rate_per_cpu_s:,.0f} per CPU second"
            + ("" if each.is_whole else ", its time was up")
        )
    return True
