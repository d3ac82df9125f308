"""What a minute of the grid costs, by communities and partitions: `python -m bench.balance`.

The pure core alone, as one worker runs it: each partition takes the minutes of its communities in
batches as they come from the broker, and one place merges what the partitions tell.
"""

from statistics import median
from time import process_time
from typing import Final

import typer

from schemas.energy_balance import GridPartial
from streams.codecs.energy_balance import community_sums, of_the_grid, partial
from streams.domain.energy_balance import BalancePolicy, PartitionBalance
from streams.domain.energy_balance_grid import GridBalance

START: Final = 1_767_268_800
MINUTES: Final = 12
BATCH: Final = 500
SIZES: Final = ((100, 4), (1_000, 4), (20_000, 4), (20_000, 16))
POLICY: Final = BalancePolicy(patience_s=30, retention_s=7_200)

_MESSAGE: Final = (
    b'{"schema_version":1,"community_id":"c%05d","missing_meters":[],"minute":%d,"version":%d,'
    b'"meters_reported":50,"consumption_mwh":416667,"production_mwh":83333,"import_mwh":350000,'
    b'"export_mwh":16666,"battery_charge_mwh":null,"battery_discharge_mwh":null}'
)


def measure(communities: int, partitions: int) -> tuple[float, float, int]:
    """Return a minute's processor time in all partitions and merging, ms, and its partials."""
    balances = [PartitionBalance(POLICY) for _ in range(partitions)]
    grid, places, merged = GridBalance(POLICY), [0] * partitions, 0
    summing, merging, told = [], [], 0
    for minute in range(START, START + MINUTES * 60, 60):
        partials: list[GridPartial] = []
        began = process_time()
        for number, balance in enumerate(balances):
            mine = range(number, communities, partitions)
            for first in range(0, len(mine), BATCH):
                batch = [
                    community_sums(_MESSAGE % (name, minute, places[number] + place + 1))
                    for place, name in enumerate(mine[first : first + BATCH])
                ]
                places[number] += len(batch)
                step = balance.fold(
                    batch, partition=number, read_up_to=places[number], clock=minute + 60
                )
                partials += step.partials
        summing.append(process_time() - began)
        messages = [value for _, value in of_the_grid(partials)]
        began = process_time()
        merged += len(messages)
        grid.fold([partial(value) for value in messages], read_up_to=merged, now=minute + 62)
        merging.append(process_time() - began)
        told = len(partials)
    return median(summing) * 1000, median(merging) * 1000, told


def main() -> None:
    """Measure and print a line for each size."""
    typer.echo("| communities | partitions | partials a minute | partitions, ms | merging, ms |")
    typer.echo("|---|---|---|---|---|")
    for communities, partitions in SIZES:
        summing, merging, partials = measure(communities, partitions)
        typer.echo(
            f"| {communities:,} | {partitions} | {partials} | {summing:.1f} | {merging:.2f} |"
        )


if __name__ == "__main__":
    main()
