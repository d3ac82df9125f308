"""Memory, disk and speed through a long time at full speed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Final

from aiokafka.admin import RecordsToDelete

from bench.broker import Broker, running_broker
from bench.contestants import OURS
from bench.curves.curve import KAFKA, Point
from bench.dataset import START, fill, plan
from bench.measuring import progress_of, started
from load_generator.dispatch import MinuteOfFrames
from load_generator.faults import FaultRates
from load_generator.sender import send
from streams.topics import METER_FRAMES

_COMMUNITIES: Final = 1_000
_HOUSEHOLDS_A_FRAME: Final = 50
_HOUR: Final = 60
_FAULTS: Final = FaultRates(duplicated=0.01, reordered=0.02, late=0.005, corrected=0.002)
_MIB: Final = 2**20
_LIMIT_S: Final = 300.0


async def at_full_speed(full: bool) -> AsyncIterator[Point]:  # noqa: FBT001 - see Curve.points
    """Yield what a worker has and does minute by minute, half an hour long in full.

    Frames are made while the worker reads those of the hour before; done ones are deleted. The
    retention of 48 h is over after some minutes, and as much is deleted as comes from then on.
    """
    length_s, every_s = (1_800, 60) if full else (90, 15)
    households = _COMMUNITIES * _HOUSEHOLDS_A_FRAME
    first_hour = plan(
        households * _HOUR,
        communities=_COMMUNITIES,
        households_a_frame=_HOUSEHOLDS_A_FRAME,
        faults=_FAULTS,
    )
    endless = replace(first_hour, start=START + timedelta(hours=1), minutes=400 * 24 * _HOUR)
    async with running_broker(KAFKA) as broker:
        dataset = await fill(broker, first_hour)
        to_come = endless.batches()
        async with started(OURS, broker, dataset) as (setting, running):
            progress = await progress_of(OURS, broker, dataset, setting.group)
            begin = at = time.monotonic()
            cpu_s, sent, readings = running.cpu_s(), dataset.frames, dataset.readings
            hours = 0
            while at - begin < length_s:
                more = asyncio.create_task(_send_hour(to_come, broker))
                async with asyncio.timeout(_LIMIT_S):
                    while await progress() < sent:
                        running.require_alive()
                        await asyncio.sleep(0.05)
                await _delete_done(broker, setting.group)
                now, hours = time.monotonic(), hours + 1
                if now - at >= every_s:
                    cpu_now = running.cpu_s()
                    yield Point(
                        f"{(now - begin) / 60:.1f} min",
                        {
                            "memory, MiB": running.resident_bytes() / _MIB,
                            "disk, MiB": sum(
                                path.stat().st_size
                                for path in setting.state.rglob("*.sst")
                                if path.is_file()
                            )
                            / _MIB,
                            "readings/s": readings / (now - at),
                            "readings per CPU s": readings / (cpu_now - cpu_s),
                            "hours of event time": float(hours),
                        },
                    )
                    at, readings, cpu_s = now, 0, cpu_now
                frames, more_readings = await more
                sent, readings = sent + frames, readings + more_readings


async def _send_hour(minutes: Iterable[MinuteOfFrames], broker: Broker) -> tuple[int, int]:
    """Send the next hour of frames; return how many frames and readings these are."""
    hour = list(islice(minutes, _HOUR))
    await send(
        ((minute.minute, minute.frames) for minute in hour),
        broker=broker.bootstrap,
        topic=METER_FRAMES.name,
    )
    readings = sum(minute.counts.readings_sent for minute in hour)
    return sum(len(minute.frames) for minute in hour), readings


async def _delete_done(broker: Broker, group: str) -> None:
    committed = await broker.committed(group, list(await broker.ends(METER_FRAMES.name)))
    await broker.admin.delete_records(
        {tp: RecordsToDelete(offset) for tp, offset in committed.items()}
    )
