"""Workers and who starts them again: what a container engine does in production."""

import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.embedded.processes import Child, free_port, start, stop
from deploy.embedded.system import Worker
from streams import clock

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 8.0
_STEADY_S: Final = 10.0
"""Who has run for so long may fall again without a longer pause."""


@dataclass(slots=True)
class Post:
    """A place that a worker holds; when the worker ends, the next one takes it.

    Attributes:
        role: Of its workers.
        number: Among those of the role, from 1.
        data_dir: Of its workers: each post has its own.
        log: What its workers say.
        environment: Their settings.
        worker: Who has it now.
        held: While true, nobody is started.
        ends: How its workers have ended: exit statuses, oldest first.
        starts: When they were started, epoch seconds.
    """

    role: str
    number: int
    data_dir: Path
    log: Path
    environment: Mapping[str, str]
    worker: Worker | None = None
    held: bool = False
    ends: list[int] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    _pause_s: float = _FIRST_PAUSE_S
    _started_at: float = 0.0
    _start_at: float = 0.0

    @property
    def name(self) -> str:
        """Role and number."""
        return f"{self.role} {self.number}"

    @property
    def state(self) -> Path:
        """The folder of its worker's state."""
        return self.data_dir / self.role / str(self.number)

    @property
    def is_running(self) -> bool:
        """Whether a worker has it, be it a paused one."""
        return self.worker is not None and self.worker.child.process.poll() is None

    def start(self) -> Worker:
        """Start a worker now."""
        self._started_at = time.monotonic()
        self.starts.append(clock.epoch_now())
        self.worker = _start_worker(self, self.log)
        return self.worker

    def start_rival(self) -> Child:
        """Start a second worker on the same state; it must refuse."""
        return _start_worker(self, self.log.with_name(f"{self.log.stem}-rival.log")).child

    def signal(self, number: signal.Signals) -> None:
        """Send its worker a signal, if there is one."""
        if self.worker is not None and self.is_running:
            self.worker.child.process.send_signal(number)

    def kill(self) -> None:
        """End its worker with SIGKILL, and wait for the end."""
        if self.worker is not None and self.is_running:
            self.worker.child.process.kill()
            self.worker.child.process.wait()

    def tend(self) -> None:
        """Start a worker where one has ended, after a pause that grows with each early end."""
        now = time.monotonic()
        if self.worker is not None and not self.is_running:
            self.ends.append(self.worker.child.process.returncode)
            steady = now - self._started_at > _STEADY_S
            self._pause_s = _FIRST_PAUSE_S if steady else min(self._pause_s * 2, _LONGEST_PAUSE_S)
            self._start_at = now + self._pause_s
            self.worker = None
        if self.worker is None and not self.held and now >= self._start_at:
            self.start()


@dataclass(slots=True)
class Crew:
    """All posts."""

    posts: list[Post]

    def of(self, role: str) -> list[Post]:
        """Return the posts of a role."""
        return [post for post in self.posts if post.role == role]

    def post(self, role: str, number: int) -> Post:
        """Return one post."""
        return next(post for post in self.of(role) if post.number == number)

    def tend(self) -> None:
        """Start workers where some have ended."""
        for post in self.posts:
            post.tend()

    def stop(self) -> None:
        """End all workers, also paused ones, politely where they still listen."""
        workers = [post.worker for post in self.posts if post.worker is not None]
        for worker in workers:
            if worker.child.process.poll() is None:
                worker.child.process.send_signal(signal.SIGCONT)
        for worker in workers:
            worker.child.process.terminate()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(w.child.process.poll() is None for w in workers):
            time.sleep(0.05)
        stop([worker.child for worker in workers])


def with_folder(post: Post, change: Callable[[Path], None]) -> None:
    """Do something to a post's state while no worker has it."""
    held, post.held = post.held, True
    post.kill()
    try:
        change(post.state)
    finally:
        post.held = held


def empty(folder: Path) -> None:
    """Delete what a folder holds; the folder itself may be a mount."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _start_worker(post: Post, log: Path) -> Worker:
    port = free_port()
    child = start(
        f"worker {post.name}",
        [sys.executable, "-m", "streams", "worker", post.role],
        log=log,
        environment={
            **post.environment,
            "SMATRIX_DATA_DIR": str(post.data_dir),
            "SMATRIX_WORKER_ID": str(post.number),
            "SMATRIX_METRICS_PORT": str(port),
        },
    )
    return Worker(post.role, str(post.number), child, f"http://127.0.0.1:{port}")
