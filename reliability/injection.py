"""Doing a fault to the system: each is a generator that yields how many seconds it waits."""

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from reliability.faults import Fault, Kind
from reliability.ground import Ground
from reliability.proxies import NOT_ENOUGH_SPACE, UNFINISHED
from reliability.workers import Post, empty, with_folder

_POLL_S: Final = 0.1
_RECOVERY_S: Final = 12.0
_REFUSAL_S: Final = 20.0
_DRAIN_S: Final = 12.0
_READY_S: Final = 30.0
_SLOW_S: Final = 0.15
_ROLLED_AT_ONCE: Final = 2
"""Workers of different roles, so that each role has one left."""
_DATABASE_FILES: Final = ("*.sst", "*.log", "MANIFEST-*", "CURRENT")

Doing = Iterator[float]
"""Yields the seconds until it goes on; it is over when the cause is gone."""


class UnfitFault(Exception):  # noqa: N818 - not an error of anyone
    """The fault can't be done to the system as it is now; the text says why."""


class BrokenPromiseError(Exception):
    """The system did something in answer to a fault that it must not do."""


class Injector:
    """Does faults to a system."""

    def __init__(self, ground: Ground) -> None:
        """Do faults to this one."""
        self._ground = ground
        self._joined = 0
        self._ways: dict[Kind, Callable[[Fault], Doing]] = {
            Kind.WORKER_STOPPED: self._worker_stopped,
            Kind.WORKER_KILLED: self._worker_killed,
            Kind.WORKER_ZOMBIE: self._worker_zombie,
            Kind.WORKER_JOINS: self._worker_joins,
            Kind.ALL_KILLED: self._all_killed,
            Kind.KILLED_IN_RECOVERY: self._killed_in_recovery,
            Kind.KILLED_IN_REBALANCE: self._killed_in_rebalance,
            Kind.STATE_OLDER: self._state_older,
            Kind.STATE_EMPTY: self._state_empty,
            Kind.STATE_TRUNCATED: self._state_truncated,
            Kind.STATE_FLIPPED: self._state_flipped,
            Kind.STATE_SHARED: self._state_shared,
            Kind.DISK_FULL: self._disk_full,
            Kind.BROKER_KILLED: self._broker_killed,
            Kind.BROKER_PAUSED: self._broker_paused,
            Kind.NETWORK_SLOW: self._network_slow,
            Kind.NETWORK_CUT: self._network_cut,
            Kind.CLICKHOUSE_KILLED: self._clickhouse_killed,
            Kind.CLICKHOUSE_PAUSED: self._clickhouse_paused,
            Kind.CLICKHOUSE_ERRORS: self._clickhouse_errors,
            Kind.CLICKHOUSE_FULL: self._clickhouse_full,
            Kind.CLICKHOUSE_UNANSWERED: self._clickhouse_unanswered,
            Kind.MAIL_KILLED: self._mail_killed,
            Kind.MAIL_PAUSED: self._mail_paused,
            Kind.ROLLING_RESTART: self._rolling_restart,
        }

    def begin(self, fault: Fault) -> Doing:
        """Return the doing of a fault; it begins with the first `next`."""
        return self._ways[fault.kind](fault)

    def _post(self, fault: Fault) -> Post:
        """Return the post that a fault is about, or a running one of its role."""
        wanted = self._ground.crew.post(fault.role, fault.number)
        running = [post for post in self._ground.crew.of(fault.role) if post.is_running]
        if not running:
            raise UnfitFault(f"no worker of {fault.role} runs")
        return wanted if wanted in running else running[0]

    def _worker_stopped(self, fault: Fault) -> Doing:
        yield from _end_politely(self._post(fault))

    def _worker_killed(self, fault: Fault) -> Doing:
        self._post(fault).kill()
        yield 0.0

    def _worker_zombie(self, fault: Fault) -> Doing:
        worker = self._post(fault).worker
        if worker is None:
            return
        worker.child.process.send_signal(signal.SIGSTOP)
        yield fault.lasts_s
        worker.child.process.send_signal(signal.SIGCONT)

    def _worker_joins(self, fault: Fault) -> Doing:
        crew = self._ground.crew
        like = crew.of(fault.role)[0]
        self._joined += 1
        number = 100 + self._joined
        joiner = Post(
            fault.role,
            number,
            like.data_dir.with_name(f"{fault.role}-{number}"),
            like.log.with_name(f"{fault.role}-{number}.log"),
            like.environment,
        )
        joiner.start()
        yield fault.lasts_s
        yield from _end_politely(joiner)
        if joiner.is_running:
            joiner.kill()
        shutil.rmtree(joiner.data_dir, ignore_errors=True)

    def _all_killed(self, fault: Fault) -> Doing:
        for post in self._ground.crew.of(fault.role):
            post.kill()
        yield 0.0

    def _killed_in_recovery(self, fault: Fault) -> Doing:
        post = self._post(fault)
        with_folder(post, empty)
        worker = post.start()
        deadline = time.monotonic() + _RECOVERY_S
        while time.monotonic() < deadline and worker.obstacle() != "its partitions' state":
            yield _POLL_S / 2
        if post.worker is worker:
            post.kill()

    def _killed_in_rebalance(self, fault: Fault) -> Doing:
        leaving = self._post(fault)
        others = [post for post in self._ground.crew.of(fault.role) if post is not leaving]
        leaving.signal(signal.SIGTERM)
        yield _chance(fault).uniform(0.1, 1.5)
        for post in others[:1]:
            post.kill()

    def _state_older(self, fault: Fault) -> Doing:
        post = self._post(fault)
        copy = self._ground.folder / "older" / f"{post.role}-{post.number}-{fault.at_s}"

        def put_aside(folder: Path) -> None:
            shutil.copytree(folder, copy, dirs_exist_ok=True)

        with_folder(post, put_aside)
        yield fault.lasts_s

        def put_back(folder: Path) -> None:
            empty(folder)
            shutil.copytree(copy, folder, dirs_exist_ok=True)

        with_folder(post, put_back)
        shutil.rmtree(copy, ignore_errors=True)

    def _state_empty(self, fault: Fault) -> Doing:
        with_folder(self._post(fault), empty)
        yield 0.0

    def _state_truncated(self, fault: Fault) -> Doing:
        rng = _chance(fault)

        def truncate(folder: Path) -> None:
            path = _a_database_file(folder, rng)
            with path.open("r+b") as file:
                file.truncate(int(path.stat().st_size * rng.random()))

        with_folder(self._post(fault), truncate)
        yield 0.0

    def _state_flipped(self, fault: Fault) -> Doing:
        rng = _chance(fault)

        def flip(folder: Path) -> None:
            path = _a_database_file(folder, rng)
            content = bytearray(path.read_bytes())
            for _ in range(rng.randint(1, 16)):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(content)

        with_folder(self._post(fault), flip)
        yield 0.0

    def _state_shared(self, fault: Fault) -> Doing:
        post = self._post(fault)
        holder, rival = post.worker, post.start_rival()
        deadline = time.monotonic() + _REFUSAL_S
        while rival.process.poll() is None and time.monotonic() < deadline and post.is_running:
            yield _POLL_S
        if not post.is_running or post.worker is not holder:
            rival.process.kill()
            rival.process.wait()
            raise UnfitFault("the first worker ended before the second one was refused")
        if rival.process.poll() is None:
            rival.process.kill()
            rival.process.wait()
            raise BrokenPromiseError(f"a second worker on the folder of {post.name} runs")
        if "another worker has the folder" not in rival.last_words():
            raise BrokenPromiseError(
                f"a second worker on the folder of {post.name} says: {rival.last_words()}"
            )

    def _disk_full(self, fault: Fault) -> Doing:
        if not self._ground.has_disks:
            raise UnfitFault("no disk can be mounted here")
        post = self._post(fault)
        filler = post.data_dir / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                _fill(file.write)
            yield fault.lasts_s / 2
            # RocksDB takes room for its log ahead; a start on a full disk meets the end of it.
            post.kill()
            post.start()
            yield fault.lasts_s / 2
        finally:
            filler.unlink(missing_ok=True)

    def _broker_killed(self, fault: Fault) -> Doing:
        node = self._ground.cluster.nodes[fault.number - 1]
        if not node.is_running:
            raise UnfitFault("the node does not run")
        node.kill()
        yield fault.lasts_s
        self._ground.start_nodes()

    def _broker_paused(self, fault: Fault) -> Doing:
        node = self._ground.cluster.nodes[fault.number - 1]
        if not node.is_running:
            raise UnfitFault("the node does not run")
        node.pause()
        yield fault.lasts_s
        if node.is_running:
            node.resume()

    def _network_slow(self, fault: Fault) -> Doing:
        for way in self._ground.broker_ways:
            way.delay_s = _SLOW_S
        yield fault.lasts_s
        for way in self._ground.broker_ways:
            way.delay_s = 0.0

    def _network_cut(self, fault: Fault) -> Doing:
        for way in self._ground.broker_ways:
            way.cut()
        yield fault.lasts_s
        for way in self._ground.broker_ways:
            way.is_cut = False

    def _clickhouse_killed(self, fault: Fault) -> Doing:
        process = self._ground.clickhouse.process
        process.kill()
        process.wait()
        yield fault.lasts_s
        self._ground.start_clickhouse()

    def _clickhouse_paused(self, fault: Fault) -> Doing:
        process = self._ground.clickhouse.process
        if process.poll() is not None:
            raise UnfitFault("ClickHouse does not run")
        process.send_signal(signal.SIGSTOP)
        yield fault.lasts_s
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)

    def _clickhouse_errors(self, fault: Fault) -> Doing:
        way = self._ground.clickhouse_way
        way.refuses, way.inserts_only = UNFINISHED, False
        yield fault.lasts_s
        way.refuses = None

    def _clickhouse_full(self, fault: Fault) -> Doing:
        way = self._ground.clickhouse_way
        way.refuses, way.inserts_only = NOT_ENOUGH_SPACE, True
        yield fault.lasts_s
        way.refuses = None

    def _clickhouse_unanswered(self, fault: Fault) -> Doing:
        process = self._ground.clickhouse.process
        self._ground.clickhouse_way.swallow_next_answer(process.kill)
        deadline = time.monotonic() + _RECOVERY_S
        while process.poll() is None and time.monotonic() < deadline:
            yield _POLL_S
        self._ground.clickhouse_way.mend()
        yield fault.lasts_s
        self._ground.start_clickhouse()

    def _mail_killed(self, fault: Fault) -> Doing:
        process = self._ground.mail.process
        process.kill()
        process.wait()
        yield fault.lasts_s
        self._ground.start_mail()

    def _mail_paused(self, fault: Fault) -> Doing:
        process = self._ground.mail.process
        if process.poll() is not None:
            raise UnfitFault("the mail server does not run")
        process.send_signal(signal.SIGSTOP)
        yield fault.lasts_s
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)

    def _rolling_restart(self, _: Fault) -> Doing:
        by_number = sorted(self._ground.crew.posts, key=lambda post: post.number)
        for _round in range(2):
            for first in range(0, len(by_number), _ROLLED_AT_ONCE):
                posts = by_number[first : first + _ROLLED_AT_ONCE]
                for post in posts:
                    post.signal(signal.SIGTERM)
                for post in posts:
                    yield from _end_politely(post)
                deadline = time.monotonic() + _READY_S
                while time.monotonic() < deadline and not all(
                    post.worker is not None and post.worker.is_ready() for post in posts
                ):
                    yield _POLL_S


def _chance(fault: Fault) -> random.Random:
    return random.Random(fault.seed)  # noqa: S311 - to be repeated


def _end_politely(post: Post) -> Doing:
    """End a worker with SIGTERM, and wait for the end."""
    worker = post.worker
    if worker is None or not post.is_running:
        return
    worker.child.process.terminate()
    deadline = time.monotonic() + _DRAIN_S
    while worker.child.process.poll() is None and time.monotonic() < deadline:
        yield _POLL_S


def _a_database_file(folder: Path, rng: random.Random) -> Path:
    files = sorted(
        path for pattern in _DATABASE_FILES for path in folder.rglob(pattern) if path.stat().st_size
    )
    if not files:
        raise UnfitFault(f"{folder} holds no database")
    return rng.choice(files)


def _fill(write: Callable[[bytes], int | None]) -> None:
    for size in (1 << 20, 4096, 1):
        try:
            while write(bytes(size)):
                pass
        except OSError:
            continue
