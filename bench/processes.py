"""A peer as a process with everything that it starts, and the processor time of all of them."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.embedded.processes import start

STOP_S: Final = 12.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class PeerEndedError(Exception):
    """A peer ended by itself; the text says how, and its last words."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running peer, the leader of a session of its own."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def require_alive(self) -> None:
        """Check that it runs.

        Raises:
            PeerEndedError: If it has ended.
        """
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").strip().splitlines()
            words = " | ".join(lines[-4:])
            raise PeerEndedError(f"ended with status {self.process.returncode}: {words}")

    def cpu_s(self) -> float:
        """Return the processor time of its session so far, in seconds, kernel's included."""
        return sum(_cpu_s(pid) for pid in _session(self.process.pid))

    def resident_bytes(self) -> int:
        """Return the memory of its session."""
        return sum(_resident_bytes(pid) for pid in _session(self.process.pid))

    def stop(self) -> None:
        """End it: politely, and after a while for good."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while self.process.poll() is None or _session(self.process.pid):
            if time.monotonic() > deadline:
                self.kill()
                return
            time.sleep(0.05)

    def kill(self) -> None:
        """End all of its session at once."""
        for pid in _session(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def run(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Running:
    """Start a peer that never outlives this process; its output goes to the end of a log."""
    return Running(start("peer", command, log=log, environment=environment).process, log)


def cpu_s_of(pid: int) -> float:
    """Return the processor time of one process and of its children that have ended, in seconds."""
    return _cpu_s(pid)


def _fields(pid: int) -> list[str] | None:
    """Return /proc/PID/stat from the process's state on; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _session(leader: int) -> list[int]:
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields is not None and int(fields[3]) == leader and fields[0] != "Z":
                pids.append(int(entry.name))
    return pids


def _cpu_s(pid: int) -> float:
    fields = _fields(pid)
    return 0.0 if fields is None else sum(map(int, fields[11:15])) / _TICKS


def _resident_bytes(pid: int) -> int:
    fields = _fields(pid)
    return 0 if fields is None else int(fields[21]) * _PAGE_BYTES
