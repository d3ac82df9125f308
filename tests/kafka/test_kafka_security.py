"""Our own processes and Apache Kafka over TLS, with a login: frames in, results out."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from deploy.embedded.processes import free_port, start, stop
from deploy.embedded.system import Worker
from deploy.kafka import cluster
from deploy.kafka.cluster import KafkaCluster
from deploy.kafka.jars import require_jars, require_java
from deploy.kafka.properties import Seat, node_properties
from tests.acceptance.running import Ended, eventually, smatrix
from tests.kafka.availability import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

USER: Final = "anna"
PASSWORD: Final = "sesame-open-the-grid"  # noqa: S105 - of a test
LOGIN_MODULE: Final = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecureKafka:
    """A node with listeners of each kind beside the plain one of the tests themselves."""

    ports: dict[str, int]
    ca_file: Path
    folder: Path

    def variables(self, security: str, **more: str) -> dict[str, str]:
        """Return the variables of a process that uses a listener."""
        tls = {"SMATRIX_BROKER_CA_FILE": str(self.ca_file)} if security.endswith("ssl") else {}
        (self.folder / "smatrix_broker_password").write_text(PASSWORD + "\n")
        login = {
            "SMATRIX_BROKER_USERNAME": USER,
            "SMATRIX_SECRETS_DIR": str(self.folder),
        }
        return {
            "SMATRIX_BROKER": f"127.0.0.1:{self.ports[security]}",
            "SMATRIX_BROKER_SECURITY": security,
            "SMATRIX_DATA_DIR": str(self.folder / "state"),
            **tls,
            **(login if security.startswith("sasl") else {}),
            **more,
        }


@pytest.fixture(scope="module")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    require_kafka()
    folder = tmp_path_factory.mktemp("secure")
    ports = {name: free_port() for name in ("ssl", "sasl_plaintext", "sasl_ssl")}
    certificate, store = _certificate(folder)

    def properties(seat: Seat, seats: Sequence[Seat], *, data: Path) -> dict[str, str]:
        plain = node_properties(seat, seats, data=data)
        listeners = [f"{name.upper()}://127.0.0.1:{port}" for name, port in ports.items()]
        kinds = ",".join(f"{name.upper()}:{name.upper()}" for name in ports)
        return plain | {
            "listeners": ",".join([plain["listeners"], *listeners]),
            "advertised.listeners": ",".join([plain["advertised.listeners"], *listeners]),
            "listener.security.protocol.map": (
                f"{plain['listener.security.protocol.map']},{kinds}"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            **{
                f"listener.name.{name}.{mechanism}.sasl.jaas.config": module
                for name in ("sasl_plaintext", "sasl_ssl")
                for mechanism, module in {
                    "plain": (
                        f'{LOGIN_MODULE}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
                    ),
                    "scram-sha-256": f"{LOGIN_MODULE}.scram.ScramLoginModule required;",
                    "scram-sha-512": f"{LOGIN_MODULE}.scram.ScramLoginModule required;",
                }.items()
            },
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "node_properties", properties)
        with KafkaCluster(folder / "kafka") as kafka:
            _add_scram_user(kafka)
            yield SecureKafka(ports, certificate, folder)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate that vouches for itself, and a file of it with its key."""
    key, certificate, store = folder / "key.pem", folder / "ca.pem", folder / "store.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    store.write_text(key.read_text() + certificate.read_text())
    return certificate, store


def _add_scram_user(kafka: KafkaCluster) -> None:
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        subprocess.run(
            [
                *(require_java(), "-cp", f"{require_jars()}/*", "kafka.admin.ConfigCommand"),
                *("--bootstrap-server", kafka.bootstrap, "--alter"),
                *("--entity-type", "users", "--entity-name", USER),
                *("--add-config", f"{mechanism}=[password={PASSWORD}]"),
            ],
            check=True,
            capture_output=True,
        )


def _worker(kafka: SecureKafka, variables: dict[str, str]) -> Worker:
    port = free_port()
    child = start(
        "worker metering",
        [sys.executable, "-m", "streams", "worker", "metering"],
        log=kafka.folder / f"{variables['SMATRIX_TOPIC_PREFIX']}metering.log",
        environment=variables | {"SMATRIX_METRICS_PORT": str(port)},
    )
    return Worker("metering", "1", child, f"http://127.0.0.1:{port}")


def _load(variables: dict[str, str]) -> Ended:
    words = ("--communities=2", "--households=4", "--minutes=20", "--speed=max", "--faults=none")
    return smatrix("load", *words, environment=variables)


@pytest.mark.parametrize(
    ("security", "mechanism"),
    [
        ("ssl", "SCRAM-SHA-512"),
        ("sasl_plaintext", "PLAIN"),
        ("sasl_ssl", "SCRAM-SHA-256"),
        ("sasl_ssl", "SCRAM-SHA-512"),
    ],
)
def test_frames_go_in_and_results_come_out_over_a_secured_listener(
    secure_kafka: SecureKafka, security: str, mechanism: str
) -> None:
    prefix = f"{security}-{mechanism.lower()}-".replace("_", "-")
    variables = secure_kafka.variables(
        security, SMATRIX_BROKER_MECHANISM=mechanism, SMATRIX_TOPIC_PREFIX=prefix
    )
    worker = _worker(secure_kafka, variables)
    try:
        eventually("the worker is ready", worker.is_ready, within_s=150)

        sent = _load(variables)
        assert (sent.status, sent.out.count("\n")) == (0, 1), sent.err

        eventually(
            "a period is told",
            lambda: worker.metrics().get("smatrix_periods_closed_total", 0) >= 2,
            within_s=150,
        )
        # A stage is counted when it ends, which for a transaction is after what it tells.
        eventually(
            "in a transaction",
            lambda: worker.metrics()['smatrix_batch_stage_seconds_count{stage="transaction"}'] > 0,
            within_s=60,
        )
    finally:
        stop([worker.child])
    seen = smatrix("doctor", environment=variables)
    assert f"topic {prefix}meter-frames, 4 partitions" in seen.out
    assert PASSWORD not in seen.out + seen.err + worker.child.log.read_text()


@pytest.mark.parametrize("word", ["worker metering", "load --minutes=1", "repartition --prepare"])
def test_a_wrong_password_is_one_line_that_does_not_show_it(
    secure_kafka: SecureKafka, word: str
) -> None:
    variables = secure_kafka.variables("sasl_ssl", SMATRIX_BROKER_PASSWORD="wrong-as-can-be")  # noqa: S106

    ended = smatrix(*word.split(), environment=variables | {"SMATRIX_TOPIC_PREFIX": "no-"})

    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1, ended.err
    assert "wrong-as-can-be" not in ended.out + ended.err


def test_a_broker_that_nobody_vouches_for_is_not_spoken_to(secure_kafka: SecureKafka) -> None:
    variables = secure_kafka.variables("ssl")
    del variables["SMATRIX_BROKER_CA_FILE"]

    ended = smatrix("worker", "metering", environment=variables)

    assert ended.status == 2
    assert "SMATRIX_BROKER_SECURITY=ssl" in ended.err
