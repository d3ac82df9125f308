"""The system in containers agrees with the settings, and gives nothing away.

There is no container engine where these tests run: they hold the files to what can be read there.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from agents import ROLES
from deploy.kafka.properties import Seat, node_properties
from streams.settings import Settings

DEPLOY = Path(__file__).parents[3] / "deploy"
VARIABLES = {f"SMATRIX_{name.upper()}" for name in Settings.model_fields}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b", re.IGNORECASE)
PINNED = re.compile(r"^[a-z0-9./-]+:v?\d+\.\d+\.\d+")

Service = dict[str, Any]


def _read(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((DEPLOY / name).read_text()))


COMPOSE = _read("compose.yaml")
SERVICES: dict[str, Service] = COMPOSE["services"]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    return SERVICES[request.param]


def test_every_role_has_a_service_that_starts_it() -> None:
    for role in ROLES:
        words = " ".join(
            [*SERVICES[role].get("entrypoint", ["smatrix"]), *SERVICES[role]["command"]]
        )
        assert words.endswith(f"worker {role}")
        assert "smatrix" in words


def test_every_setting_exists_and_can_be_so() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "compose.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )

    for role in ROLES:
        given = SERVICES[role]["environment"] | example
        assert given.keys() - VARIABLES == set()
        Settings.model_validate(
            {name.removeprefix("SMATRIX_").lower(): value for name, value in given.items()}
        )


def test_workers_find_the_broker_and_the_database_by_their_services() -> None:
    kafka = SERVICES["kafka"]["environment"]

    for role in ROLES:
        assert SERVICES[role]["environment"]["SMATRIX_BROKER"] == "kafka:19092"
        assert "broker" in SERVICES[role]["networks"]
    assert "INTERNAL://kafka:19092" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    history = SERVICES["history"]
    assert history["environment"]["SMATRIX_CLICKHOUSE_URL"] == "http://clickhouse:8123"
    assert (
        history["environment"]["SMATRIX_CLICKHOUSE_USER"]
        == SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"]
    )
    assert set(history["networks"]) & set(SERVICES["clickhouse"]["networks"])


def test_this_machine_reaches_it_at_the_default_addresses() -> None:
    defaults = Settings.model_fields

    (broker,) = SERVICES["kafka"]["ports"]
    (database,) = SERVICES["clickhouse"]["ports"]

    assert broker.rpartition(":")[0] == defaults["broker"].default
    assert f"http://{database.rpartition(':')[0]}/" == str(defaults["clickhouse_url"].default)


def test_the_broker_is_set_as_the_one_that_the_tests_run_on() -> None:
    alone = Seat(1, 9092, 9093)
    properties = node_properties(alone, [alone], data=Path("data"))

    for name, value in SERVICES["kafka"]["environment"].items():
        key = name.removeprefix("KAFKA_").lower().replace("_", ".")
        about_addresses = "listener" in key or key in {"controller.quorum.voters", "log.dirs"}
        if key in properties and not about_addresses:
            assert value == properties[key], key
    image = SERVICES["kafka"]["image"]
    pom = (DEPLOY / "kafka/pom.xml").read_text()
    assert f"<kafka.version>{image.partition(':')[2]}</kafka.version>" in pom


def test_a_service_has_a_health_check_and_is_restarted(service: Service) -> None:
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()
    assert service["restart"] == "unless-stopped"


def test_a_service_has_few_rights(service: Service) -> None:
    assert service["user"] not in {"root", "0"}
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & service.keys()


@pytest.mark.parametrize("name", [*ROLES, "prometheus", "grafana"])
def test_its_root_file_system_is_read_only(name: str) -> None:
    assert SERVICES[name]["read_only"] is True


def test_a_service_is_reached_from_this_machine_alone(service: Service) -> None:
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []


def test_a_service_keeps_its_data_in_a_volume_of_its_own() -> None:
    volumes = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service["volumes"]
        if not volume.startswith(".")
    ]

    assert sorted(volumes) == sorted(COMPOSE["volumes"])
    assert set(SERVICES) == set(volumes)


def test_a_service_is_of_one_version(service: Service) -> None:
    assert PINNED.match(service["image"])


def test_no_secret_is_in_the_files(service: Service) -> None:
    literal = [
        name
        for name, value in service.get("environment", {}).items()
        if SECRET.search(name) and not str(value).startswith("/run/secrets/")
    ]

    assert literal == []
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    assert not SECRET.search("".join(_variables(DEPLOY / "compose.env.example")))


def test_secrets_are_files_that_are_not_committed() -> None:
    ignored = (DEPLOY.parent / ".gitignore").read_text().splitlines()

    assert all(secret["file"].startswith("secrets/") for secret in COMPOSE["secrets"].values())
    assert {"deploy/secrets/", "deploy/compose.env"} <= set(ignored)
    assert "deploy/secrets" in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()


def test_prometheus_scrapes_every_role_where_it_listens() -> None:
    jobs = {job["job_name"]: job for job in _read("prometheus/prometheus.yml")["scrape_configs"]}

    assert jobs.keys() == set(ROLES)
    for role in ROLES:
        (found,) = jobs[role]["dns_sd_configs"]
        assert found["names"] == [role]
        assert str(found["port"]) == SERVICES[role]["environment"]["SMATRIX_METRICS_PORT"]
        assert set(SERVICES["prometheus"]["networks"]) <= set(SERVICES[role]["networks"])


def test_the_image_runs_as_an_ordinary_user_and_holds_all_that_the_command_may_import() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    taken = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    packages = " | ".join(layers[layers.index("deploy") :]).split(" | ")

    assert [line for line in lines if line.startswith("USER ")][-1] == "USER smatrix"
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {
        "python:3.11.14-slim-bookworm"
    }
    assert taken[1] == "*"
    assert {f"!{package}" for package in packages} <= set(taken)


def _variables(example: Path) -> list[str]:
    lines = example.read_text().splitlines()
    return [line.partition("=")[0] for line in lines if not line.startswith("#")]
