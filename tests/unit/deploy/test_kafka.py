"""Apache Kafka's jars, addresses and configuration; nothing is started."""

from pathlib import Path

import pytest

from deploy.embedded.generation import next_generation, read_generation
from deploy.kafka.cluster import ports_of
from deploy.kafka.jars import POM, require_jars, require_java
from deploy.kafka.properties import Seat, node_properties
from streams.settings import ConfigurationError
from streams.topics import METER_FRAMES

THREE = [Seat(1, 9092, 19092), Seat(2, 9093, 19093), Seat(3, 9094, 19094)]


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the only one in which programs are looked up."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _install(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.usefixtures("nothing_installed")
def test_missing_java_is_one_line_with_the_package() -> None:
    with pytest.raises(ConfigurationError, match=r"^[^\n]*install the package openjdk-17-jre-head"):
        require_java()


def test_old_java_is_said_with_its_version(nothing_installed: Path) -> None:
    _install(nothing_installed, "java", """echo 'openjdk version "11.0.2" 2019-01-15' >&2""")

    with pytest.raises(
        ConfigurationError, match=r"Java 17 or newer, and .*/java is Java 11: install"
    ):
        require_java()


@pytest.mark.usefixtures("nothing_installed")
def test_missing_maven_is_one_line_with_the_package(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^[^\n]*install the package maven$"):
        require_jars(POM, cache=tmp_path / "jars")


def test_what_maven_could_not_get_leaves_no_folder_and_is_said(
    nothing_installed: Path, tmp_path: Path
) -> None:
    _install(nothing_installed, "mvn", "echo '[ERROR] no such artifact'; exit 1")

    with pytest.raises(ConfigurationError, match="no such artifact"):
        require_jars(POM, cache=tmp_path / "jars")

    assert list((tmp_path / "jars").iterdir()) == []


def test_jars_are_got_once_and_again_for_another_version(
    nothing_installed: Path, tmp_path: Path
) -> None:
    _install(
        nothing_installed,
        "mvn",
        f"""for a; do :; done; /bin/mkdir "${{a#*=}}"; echo >>{tmp_path}/got""",
    )
    newer = tmp_path / "pom.xml"
    newer.write_text("<project/>")

    first, again, other = (require_jars(pom, cache=tmp_path / "jars") for pom in (POM, POM, newer))

    assert first == again != other
    assert len((tmp_path / "got").read_text().splitlines()) == 2


def test_three_nodes_have_three_replicas_of_which_two_are_in_sync() -> None:
    for seat in THREE:
        properties = node_properties(seat, THREE, data=Path("data"))
        replicas = {
            value for name, value in properties.items() if name.endswith("replication.factor")
        }
        in_sync = {
            value
            for name, value in properties.items()
            if name.endswith((".min.isr", "insync.replicas"))
        }
        assert (replicas, in_sync) == ({"3"}, {"2"})


def test_nodes_know_each_other_and_listen_on_loopback_alone() -> None:
    properties = [node_properties(seat, THREE, data=Path("data")) for seat in THREE]

    assert {each["controller.quorum.voters"] for each in properties} == {
        "1@127.0.0.1:19092,2@127.0.0.1:19093,3@127.0.0.1:19094"
    }
    assert [each["listeners"] for each in properties] == [
        f"CLIENT://127.0.0.1:{seat.client_port},CONTROLLER://127.0.0.1:{seat.controller_port}"
        for seat in THREE
    ]


def test_the_largest_frame_that_its_topic_takes_passes_the_broker_and_its_replicas() -> None:
    properties = node_properties(THREE[0], THREE, data=Path("data"))

    largest = int(METER_FRAMES.config["max.message.bytes"])
    assert int(properties["message.max.bytes"]) >= largest
    assert int(properties["replica.fetch.max.bytes"]) >= largest


def test_ports_follow_the_first_or_are_all_given() -> None:
    assert ports_of("127.0.0.1:9092", nodes=1) == (9092,)
    assert ports_of("localhost:9092", nodes=3) == (9092, 9093, 9094)
    assert ports_of("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", nodes=3) == (1, 2, 3)


@pytest.mark.parametrize("broker", ["kafka.example:9092", "127.0.0.1:1,127.0.0.1:2"])
def test_other_machines_and_other_numbers_of_addresses_are_refused(broker: str) -> None:
    with pytest.raises(ConfigurationError, match=f"SMATRIX_BROKER={broker}"):
        ports_of(broker, nodes=3)


def test_generations_count_from_nought_and_stay_until_counted(tmp_path: Path) -> None:
    counter = tmp_path / "generation"

    assert read_generation(counter) == 0
    assert [next_generation(counter), next_generation(counter)] == [0, 1]
    assert read_generation(counter) == 1
