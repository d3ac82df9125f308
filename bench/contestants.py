"""Who takes part, and how each is started."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench.broker import PARTITIONS
from deploy.kafka.jars import require_jars, require_java
from streams.codecs.registry import TOPIC_OF
from streams.topics import HOUSEHOLD_INTERVALS, METER_FRAMES, TOPICS

ROOT: Final = Path(__file__).resolve().parents[1]
OUT: Final = ROOT / "out" / "bench"
PEERS_PYTHON: Final = OUT / "venv" / "bin" / "python"
_JAVA_PEER: Final = Path(__file__).with_name("kafka_streams")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where one run of a peer takes place."""

    broker: str
    group: str
    state: Path
    frames: int

    @property
    def households(self) -> str:
        """Topic of quarter-hours by household."""
        return f"{self.group}-households"

    @property
    def communities(self) -> str:
        """Topic of quarter-hours by community."""
        return f"{self.group}-communities"

    def arguments(self) -> list[str]:
        """Return the command line of `bench.peers.task`."""
        return [
            *("--broker", self.broker, "--source", METER_FRAMES.name, "--group", self.group),
            *("--households", self.households, "--communities", self.communities),
            *("--state", str(self.state), "--partitions", str(PARTITIONS)),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One way to do the job.

    Attributes:
        name: For the command line and for names on the broker.
        title: For the table.
        does: How it does the job, for the table.
        command: What starts it.
        environment: Variables besides our own.
        passes: What is measured in its one process, in order: a suffix of its name in the table,
            and the suffix of its consumer group.
        is_exact: Whether it takes each minute once, however often it comes.
        tells_last: Whether it tells the last quarter-hour before a later frame has come.
        changelog: Of a peer that commits too rarely to be timed: the end of the name of a topic
            with a record for each reading.
    """

    name: str
    title: str
    does: str
    command: Callable[[Setting], Sequence[str]]
    environment: Callable[[Setting], Mapping[str, str]] = lambda _: {}
    passes: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    is_exact: bool = True
    tells_last: bool = True
    changelog: str | None = None

    @property
    def group(self) -> str:
        """Its consumer group; ours has the name that it is shipped with."""
        return "smatrix-metering" if self.name == "ours" else f"peer-{self.name}"

    def output(self, setting: Setting) -> str:
        """Return the topic of its quarter-hours by household."""
        return HOUSEHOLD_INTERVALS.name if self.name == "ours" else setting.households

    def own_topics(self, present: set[str]) -> list[str]:
        """Return its topics among those that are there: outputs, changelogs, repartitions."""
        found = {name for name in present if self.group in name}
        if self.name == "ours":
            given = {METER_FRAMES.name, *(topic.name for topic in TOPIC_OF.values())}
            found |= ({topic.name for topic in TOPICS} - given) & present
        return sorted(found)


def _worker_environment(setting: Setting) -> dict[str, str]:
    return {
        "SMATRIX_BROKER": setting.broker,
        "SMATRIX_DATA_DIR": str(setting.state),
        "SMATRIX_PARTITIONS": str(PARTITIONS),
    }


def _python(module: str) -> Callable[[Setting], Sequence[str]]:
    return lambda setting: [
        str(PEERS_PYTHON),
        "-m",
        f"bench.peers.{module}",
        *setting.arguments(),
    ]


def _java(setting: Setting) -> list[str]:
    jars, classes = require_jars(_JAVA_PEER / "pom.xml"), OUT / "kafka-streams"
    return [
        *(require_java(), "-Xms1g", "-Xmx2g", "-cp", f"{classes}:{jars}/*", "smatrix.Main"),
        *(*setting.arguments(), "--frames", str(setting.frames)),
    ]


def build_java_peer() -> None:
    """Compile the Kafka Streams peer.

    Raises:
        ConfigurationError: If Java or Maven is missing.
        CalledProcessError: If it does not compile.
    """
    jars = require_jars(_JAVA_PEER / "pom.xml")
    sources = sorted(map(str, (_JAVA_PEER / "src/main/java").rglob("*.java")))
    subprocess.run(
        [
            "javac",
            "--release",
            "17",
            "-cp",
            f"{jars}/*",
            "-d",
            str(OUT / "kafka-streams"),
            *sources,
        ],
        check=True,
    )


_OURS: Final = (sys.executable, "-m", "streams", "worker", "metering")

OURS: Final = Peer(
    name="ours",
    title="Smatrix Grid",
    does="`smatrix worker metering`, as shipped",
    command=lambda _: _OURS,
    environment=_worker_environment,
)


def ours(*, workers: int) -> Peer:
    """Return ours as so many workers of one group."""
    each = [f"SMATRIX_WORKER_ID={number} {shlex.join(_OURS)} &" for number in range(workers)]
    return replace(OURS, command=lambda _: ["sh", "-c", f"{' '.join(each)} wait"])


PEERS: Final = (
    OURS,
    Peer(
        name="limit",
        title="the limit",
        does="a bare loop: confluent-kafka, msgspec, numpy; nothing durable but its outputs",
        command=_python("limit"),
    ),
    Peer(
        name="kafka-streams",
        title="Kafka Streams 4.3",
        does="Processor API, RocksDB, own binary records, Jackson streaming, exactly_once_v2",
        command=_java,
        passes={" (cold)": "-cold", " (warm)": ""},
    ),
    Peer(
        name="quix-expert",
        title="Quix Streams, expert",
        does="a stateful function, one record per community and minute, state as bytes",
        command=_python("quix_expert"),
    ),
    Peer(
        name="quix-windows",
        title="Quix Streams, windows",
        does="its own tumbling window collects a community's frames",
        command=_python("quix_windows"),
        tells_last=False,
    ),
    Peer(
        name="faust-expert",
        title="Faust, expert",
        does="frames as bytes, `take_events`, one table write a community and minute",
        command=_python("faust_expert"),
    ),
    Peer(
        name="faust-stock",
        title="stock Faust",
        does="records, a windowed table, one write a reading; timed by its changelog's records",
        command=_python("faust_stock"),
        is_exact=False,
        changelog="-minutes-changelog",
    ),
)
