"""Child processes that never outlive their parent."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.errors import OperatorError

STOP_S: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class ProcessEndedError(OperatorError):
    """A child ended by itself; the text says which, how, and its last words."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running child process."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def require_alive(self) -> None:
        """Check that it runs.

        Raises:
            ProcessEndedError: If it has ended.
        """
        status = self.process.poll()
        if status is not None:
            raise ProcessEndedError(f"{self.name} ended with status {status}: {self.last_words()}")

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"nothing in {self.log}"


def start(name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Child:
    """Start a child in a session of its own, so that Ctrl-C reaches the parent alone.

    Args:
        name: What it is, for people.
        command: Program and arguments.
        log: File that its output is appended to.
        environment: Variables besides this process's own.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, _uninterrupted():
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**inherited_environment(), **environment},
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - only a system call
        )
    return Child(name, process, log)


def stop(children: Sequence[Child]) -> None:
    """Stop children, all at once: politely, and after two seconds for good."""
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + STOP_S
    for child in children:
        try:
            child.process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def inherited_environment() -> dict[str, str]:
    """Return this process's environment, for its children."""
    return dict(os.environ)  # noqa: TID251 - handed on, not read


def _die_with_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold signals back: one that came while a child is forked would be swallowed there."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that nobody else is given.

    The connection that is ended here keeps it for a minute: the kernel chooses it for nobody,
    neither to listen on nor to connect from, and only who names it (with SO_REUSEADDR, as servers
    do) may have it.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    return port
