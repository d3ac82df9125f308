"""The running system as its users reach it: the command, Kafka, and ClickHouse over HTTP."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import HttpUrl

from deploy.embedded.processes import free_port, inherited_environment
from deploy.embedded.system import EmbeddedSystem, Worker
from streams.settings import Settings, Unregistered
from tests.builders import DAY_S, NOON, QUARTER_S, Record, a_frame, a_record

ROOT = Path(__file__).parents[2]
Rows = list[list[str]]


def free_settings(unregistered: Unregistered = Unregistered.LEARN) -> Settings:
    """Return settings whose ports nobody uses.

    Most tests send frames of communities that nobody has registered.
    """
    return Settings(
        broker=f"127.0.0.1:{free_port()}",
        clickhouse_url=HttpUrl(f"http://127.0.0.1:{free_port()}"),
        unregistered=unregistered,
    )


def addresses(settings: Settings) -> dict[str, str]:
    """Return the variables that say where the system of these settings is."""
    return {
        "SMATRIX_BROKER": settings.broker,
        "SMATRIX_CLICKHOUSE_URL": str(settings.clickhouse_url),
    }


def start_smatrix(*words: str, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start the command `smatrix`."""
    return subprocess.Popen(
        [sys.executable, "-m", "streams", *words],
        cwd=ROOT,
        env={**inherited_environment(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


def finish(process: "subprocess.Popen[str]", *, within_s: float) -> Ended:
    """Return how a command ended; it is killed, and the test fails, when it takes too long."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {within_s} s:\n{out}\n{err}") from None
    return Ended(process.returncode, out, err)


def smatrix(*words: str, environment: Mapping[str, str], within_s: float = 150) -> Ended:
    """Run the command `smatrix` to its end."""
    return finish(start_smatrix(*words, environment=environment), within_s=within_s)


def send(settings: Settings, records: Iterable[Record], *, topic: str = "meter-frames") -> None:
    """Send records to a topic as any Kafka client does, and wait until the broker has them.

    The partition is that of the client's default partitioner.
    """

    async def deliver() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.broker, acks="all", max_request_size=16 << 20
        )
        await producer.start()
        try:
            sent = [await producer.send(topic, record.value, key=record.key) for record in records]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(deliver())


def curl(settings: Settings, query: str) -> Rows:
    """Ask ClickHouse as an analyst's terminal does; the answer is tab-separated text."""
    answer = subprocess.run(
        ["curl", "-sS", "--fail-with-body", str(settings.clickhouse_url), "--data-binary", "@-"],
        input=query.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout.decode() + answer.stderr.decode()
    return [line.split("\t") for line in answer.stdout.decode().splitlines()]


def eventually(
    what: str, is_so: Callable[[], bool], *, within_s: float = 150, poll_s: float = 0.1
) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(poll_s)


def a_marker(community: str, after: int = NOON) -> list[Record]:
    """Return frames that close all periods of a community, and one a day later of their own.

    A community's frames, and what is told of it, stay in order: once the marker's period is in
    ClickHouse, so is all that came before.
    """
    start = _marker_period(after)
    return [
        a_record(a_frame(community, start, ["marker"])),
        a_record(a_frame(community, start + 2 * QUARTER_S, ["marker"])),
    ]


def await_markers(settings: Settings, communities: Sequence[str], after: int = NOON) -> None:
    """Wait until the markers are in ClickHouse, and with them all that came before them."""
    start, names = _marker_period(after), ", ".join(f"'{name}'" for name in communities)

    def are_there() -> bool:
        tables = ("household_quarter_hours", "period_start"), ("community_minutes", "minute")
        return all(
            curl(
                settings,
                f"SELECT uniqExact(community_id) FROM smatrix.{table} "  # noqa: S608 - our own
                f"WHERE community_id IN ({names}) AND {time} = {start}",
            )
            == [[str(len(set(communities)))]]
            for table, time in tables
        )

    eventually("all that was sent is in ClickHouse", are_there)


def _marker_period(after: int) -> int:
    return after - after % QUARTER_S + DAY_S


def load(system: EmbeddedSystem, truth: Path, **options: object) -> "subprocess.Popen[str]":
    """Start `smatrix load`, which writes its truth when all is sent."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return start_smatrix("load", *words, f"--truth={truth}", environment=addresses(system.settings))


def sent_by(process: "subprocess.Popen[str]", *, within_s: float = 300) -> dict[str, Any]:
    """Return what a load says that it has sent, once it has ended."""
    ended = finish(process, within_s=within_s)
    assert ended.status == 0, ended.err
    counts: dict[str, Any] = json.loads(ended.out.splitlines()[-1])
    return counts


def kill(system: EmbeddedSystem, worker: Worker) -> None:
    """End a worker with -9."""
    worker.child.process.kill()
    worker.child.process.wait()
    system.workers.remove(worker)


def worker_of(system: EmbeddedSystem, role: str) -> Worker:
    """Return the one worker of a role."""
    (worker,) = [worker for worker in system.workers if worker.role == role]
    return worker


def read_frames(settings: Settings) -> list[Record]:
    """Return all of `meter-frames`, each partition in its order."""

    async def read() -> list[Record]:
        consumer = AIOKafkaConsumer(
            "meter-frames", bootstrap_servers=settings.broker, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            records: list[Record] = []
            while polled := await consumer.getmany(timeout_ms=1_000):
                records += [
                    Record(record.key, record.value)
                    for batch in polled.values()
                    for record in batch
                ]
            return records
        finally:
            await consumer.stop()

    return asyncio.run(read())
