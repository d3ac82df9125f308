import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    TopicPartition,
)

from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from load_generator.replay import ReplayError, read_frames, replay
from load_generator.sender import Progress, SendError, run
from tests.unit.load_generator.conftest import PARTITIONS, TOPIC

NOON = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)
NOWHERE = "127.0.0.1:1"


def a_plan(path: Path, *, minutes: int = 60) -> Plan:
    return Plan(
        communities=6,
        households=60,
        seed=5,
        start=NOON,
        minutes=minutes,
        profiles=[path],
        faults=FAULT_RATES["many"],
    )


async def received(broker: str, count: int) -> dict[int, list[tuple[bytes, bytes]]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        records: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        while sum(map(len, records.values())) < count:
            record = await asyncio.wait_for(consumer.getone(), 5)
            records[record.partition].append((record.key, record.value))
        return records
    finally:
        await consumer.stop()


async def test_every_frame_arrives_in_its_communitys_order(
    broker: str, a_day_of_profiles: Path
) -> None:
    plan = a_plan(a_day_of_profiles)
    told: list[Progress] = []

    outcome = await run(plan, broker=broker, topic=TOPIC, on_progress=told.append)

    records = await received(broker, outcome.counts.sent)
    for key in {frame.key for minute in plan.batches() for frame in minute.frames}:
        sent = [f.value for minute in plan.batches() for f in minute.frames if f.key == key]
        found = [value for part in records.values() for name, value in part if name == key]
        assert found == sent
    assert [progress.minutes_sent for progress in told] == list(range(1, 61))
    assert told[-1].counts == outcome.counts
    assert outcome.truth.num_rows == 4 * 60


async def test_a_frame_lies_where_a_plain_kafka_client_puts_it(
    broker: str, a_day_of_profiles: Path
) -> None:
    plan = a_plan(a_day_of_profiles, minutes=1)
    outcome = await run(plan, broker=broker, topic=TOPIC)
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()

    plain = {
        key.encode(): (await producer.send_and_wait(TOPIC, b"x", key=key.encode())).partition
        for key in plan.fleet().community_ids
    }

    await producer.stop()
    for partition, records in (await received(broker, outcome.counts.sent)).items():
        assert {plain[key] for key, _ in records} == {partition}


async def test_a_speed_paces_the_minutes(broker: str, a_day_of_profiles: Path) -> None:
    outcome = await run(
        a_plan(a_day_of_profiles, minutes=11), broker=broker, topic=TOPIC, speed=1200
    )

    assert outcome.seconds >= 0.5


async def test_a_broker_that_is_not_there_is_said(a_day_of_profiles: Path) -> None:
    with pytest.raises(SendError, match=NOWHERE):
        await run(a_plan(a_day_of_profiles), broker=NOWHERE, topic=TOPIC)


async def test_a_cancelled_run_ends_at_once(broker: str, a_day_of_profiles: Path) -> None:
    sending = asyncio.create_task(
        run(a_plan(a_day_of_profiles), broker=broker, topic=TOPIC, speed=60)
    )
    await asyncio.sleep(0.3)

    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(sending, timeout=30)


@pytest.mark.parametrize("speed", [0, -1.0, float("nan")])
async def test_a_speed_that_cannot_be_is_refused(a_day_of_profiles: Path, speed: float) -> None:
    with pytest.raises(SendError, match="must be above 0"):
        await run(a_plan(a_day_of_profiles), broker=NOWHERE, topic=TOPIC, speed=speed)


async def test_a_file_is_replayed_byte_for_byte(
    broker: str, a_day_of_profiles: Path, tmp_path: Path
) -> None:
    frames = [f for minute in a_plan(a_day_of_profiles).batches() for f in minute.frames]
    path = tmp_path / "frames.jsonl"
    path.write_bytes(b"\n".join(frame.value for frame in frames))

    outcome = await replay(path, broker=broker, topic=TOPIC)

    assert outcome.frames == len(frames)
    assert outcome.readings == sum(frame.readings for frame in frames)
    records = await received(broker, len(frames))
    assert sorted(value for part in records.values() for _, value in part) == sorted(
        frame.value for frame in frames
    )


def test_a_line_may_name_its_key(tmp_path: Path) -> None:
    value = {"community_id": "c2", "minute": 1_700_000_040, "meter_id": ["m1"]}
    path = tmp_path / "frames.jsonl"
    path.write_text("\n" + json.dumps({"key": "c1", "value": value}) + "\n")

    [(minute, frame)] = list(read_frames(path))

    assert minute == 1_700_000_040
    assert frame.key == b"c1"
    assert json.loads(frame.value) == value


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: a frame or a key and a value expected"),
        ('{"minute": 60, "meter_id": []}', "line 2: no key"),
        ('{"community_id": "c1", "meter_id": []}', "line 2: a frame has a whole number"),
        ('{"key": "c1", "value": null}', "line 2: no key"),
    ],
)
def test_a_line_that_is_no_frame_is_refused(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text('{"community_id": "c1", "minute": 60, "meter_id": ["m"]}\n' + line)

    with pytest.raises(ReplayError, match=said):
        list(read_frames(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"missing.jsonl: cannot be read"):
        list(read_frames(tmp_path / "missing.jsonl"))
