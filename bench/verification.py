"""What a peer has told against the generator's truth, household by household, in mWh."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pyarrow as pa

from bench.broker import Broker
from bench.contestants import Peer
from bench.dataset import Dataset
from bench.measuring import started
from load_generator.truth import CHANNELS
from streams.topics import METER_FRAMES

Key = tuple[str, int]
"""A meter and a quarter-hour, epoch seconds."""
Sums = tuple[int | None, ...]
"""By channel of the truth, then the measured minutes."""

_SETTLE_S: Final = 2.0
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a peer's quarter-hours compare.

    Attributes:
        compared: Household quarter-hours of the truth.
        differing: How many of them were not told, or told otherwise, and how many were told that
            the truth does not have.
        examples: The first of them, in words.
    """

    compared: int
    differing: int
    examples: tuple[str, ...]


async def verify(peer: Peer, broker: Broker, dataset: Dataset, *, limit_s: float) -> Verdict:
    """Let a peer do the job, and compare what it has told.

    Raises:
        PeerEndedError: If it ends by itself.
        TimeoutError: If it is not through in time.
    """
    async with started(peer, broker, dataset) as (setting, running):
        partitions = list(await broker.ends(METER_FRAMES.name))
        group = setting.group + list(peer.passes.values())[-1]
        deadline = time.monotonic() + limit_s
        while sum((await broker.committed(group, partitions)).values()) < dataset.frames:
            running.require_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{peer.name} was not through within {limit_s:.0f} s")
            await asyncio.sleep(0.1)
        await asyncio.sleep(_SETTLE_S)
        told = last_told(await broker.values(peer.output(setting)))
    expected = expectation(dataset.truth)
    if not peer.tells_last:
        last = max(period for _, period in expected)
        expected = {key: sums for key, sums in expected.items() if key[1] != last}
    return compare(expected, told)


def expectation(truth: pa.Table) -> dict[Key, Sums]:
    """Return the truth by meter and quarter-hour."""
    columns = [truth[name].to_pylist() for name in (*CHANNELS, "measured_minutes")]
    starts = [int(start.timestamp()) for start in truth["period_start"].to_pylist()]
    keys = zip(truth["meter_id"].to_pylist(), starts, strict=True)
    return dict(zip(keys, zip(*columns, strict=True), strict=True))


def last_told(values: Iterable[bytes]) -> dict[Key, Sums]:
    """Return what was told last of each meter and quarter-hour, or in the highest version.

    A quarter-hour without a measured minute says nothing.
    """
    versions: dict[Key, int] = {}
    told: dict[Key, Sums] = {}
    for value in values:
        message: dict[str, Any] = orjson.loads(value)
        columns = [message[name] for name in (*CHANNELS, "measured_minutes")]
        version = message.get("version", 0)
        for meter, *sums in zip(message["meter_id"], *columns, strict=True):
            key = meter, message["period_start"]
            if version >= versions.get(key, 0) and sums[-1]:
                versions[key], told[key] = version, tuple(sums)
    return told


def compare(expected: dict[Key, Sums], told: dict[Key, Sums]) -> Verdict:
    """Return how what was told differs from what was expected."""
    differing = [key for key in expected.keys() | told.keys() if expected.get(key) != told.get(key)]
    return Verdict(
        compared=len(expected),
        differing=len(differing),
        examples=tuple(
            f"{meter} at {period}: {told.get((meter, period))} instead of "
            f"{expected.get((meter, period))}"
            for meter, period in sorted(differing)[:_SHOWN]
        ),
    )
