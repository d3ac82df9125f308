"""What operators see of a running system, and what they are told when it can't run."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from agents import ROLES
from deploy.embedded.system import EmbeddedSystem
from streams.topics import TOPICS
from tests.acceptance.running import (
    Ended,
    a_marker,
    addresses,
    await_markers,
    eventually,
    finish,
    free_settings,
    send,
    smatrix,
    start_smatrix,
    worker_of,
)
from tests.builders import a_frame, a_record

pytestmark = pytest.mark.slow

HOUSEHOLD = "a-household-of-operators"
BASE_UNITS = ("_seconds", "_bytes", "_records", "_ratio", "_watts", "_wh", "_total", "_info")
THINGS = (
    *("smatrix_open_minutes", "smatrix_table_keys", "smatrix_history_waiting"),
    "smatrix_worker_ready",
    "smatrix_autarky_states",
    "smatrix_malfunction_open_tickets",
    "smatrix_malfunction_awaiting_proof",
    "smatrix_notifications_queued",
    "smatrix_validation_meters",
    *("smatrix_production_disobeying_plants", "smatrix_production_steering"),
    *("smatrix_regulation_not_steered", "smatrix_regulation_switches_off"),
    *("smatrix_battery_communities", "smatrix_ev_chargers", "smatrix_ev_sessions"),
)

OF_METERING: Final = {
    "smatrix_frames_total": "frames in",
    "smatrix_readings_total": "readings in",
    "smatrix_rejections_total": "rejected by rule",
    "smatrix_duplicate_frames_total": "duplicates",
    "smatrix_corrected_frames_total": "corrections",
    "smatrix_minutes_closed_total": "minutes closed",
    "smatrix_minutes_reopened_total": "minutes reopened",
    "smatrix_periods_closed_total": "periods closed",
    "smatrix_periods_reopened_total": "periods reopened",
    "smatrix_event_time_lag_seconds": "event-time lag",
    "smatrix_consumer_lag_records": "consumer lag",
    "smatrix_batch_records_count": "batch sizes",
    "smatrix_batch_stage_seconds_count": "times by stage",
    "smatrix_open_minutes": "open windows",
    "smatrix_table_keys": "table keys",
    "smatrix_table_bytes": "table bytes",
    "smatrix_recovery_remaining_records": "recovery progress",
    "smatrix_recovery_restored_records_total": "recovery progress",
}
OF_ALERTS: Final = {
    "smatrix_autarky_periods_total": "periods judged",
    "smatrix_autarky_states": "subjects by state",
    "smatrix_autarky_too_old_total": "periods after their time",
    "smatrix_alerts_malformed_messages_total": "messages left out",
    "smatrix_malfunction_open_tickets": "open tickets",
    "smatrix_malfunction_unfounded_total": "suspicions that a proof has ended",
    "smatrix_consumer_lag_records": "consumer lag",
    "smatrix_table_keys": "table keys",
    "smatrix_table_bytes": "table bytes",
}
OF_CONTROL: Final = {
    "smatrix_balance_partials_total": "minutes of partitions told",
    "smatrix_grid_minutes_total": "minutes of the grid told",
    "smatrix_grid_net_load_watts": "net load",
    "smatrix_grid_share_reported_ratio": "share that reported",
    "smatrix_balance_malformed_messages_total": "messages left out",
    "smatrix_plant_readings_total": "readings of plants",
    "smatrix_production_input_age_seconds": "age of the inputs",
    "smatrix_production_broken_orders_total": "orders put right",
    "smatrix_production_deficit_watts": "deficit",
    "smatrix_production_disobeying_plants": "plants that disobey",
    "smatrix_consumer_lag_records": "consumer lag",
    "smatrix_table_keys": "table keys",
}
OF_NOTIFICATIONS: Final = {
    "smatrix_notifications_total": "notifications by state",
    "smatrix_notifications_queued": "queued",
    "smatrix_notifications_failing_seconds": "failing",
    "smatrix_notification_waited_seconds_count": "time to the mail",
    "smatrix_mails_repeated_total": "mails that may come twice",
    "smatrix_mail_server_away_seconds": "mail server away",
    "smatrix_notifications_malformed_messages_total": "messages left out",
    "smatrix_table_keys": "table keys",
}
OF_HISTORY: Final = {
    "smatrix_consumer_lag_records": "consumer lag",
    "smatrix_batch_records_count": "batch sizes",
    "smatrix_history_batches_total": "sink batches",
    "smatrix_history_rows_total": "sink rows",
    "smatrix_history_waiting": "sink waiting now",
    "smatrix_history_insert_seconds_count": "times of inserts",
}
WITHOUT_SAMPLES_WHILE_ALL_IS_WELL: Final = {
    "smatrix_history_retries_total": "sink retries",
    "smatrix_history_waiting_seconds_total": "sink waiting seconds",
}


@pytest.fixture(scope="module")
def system_at_work(system: EmbeddedSystem) -> EmbeddedSystem:
    """A system that has had good, doubled, corrected and bad frames."""
    frames = [
        a_frame("operated", meters=[HOUSEHOLD], sequence=1),
        a_frame("operated", meters=[HOUSEHOLD], sequence=1),
        a_frame("operated", meters=[HOUSEHOLD], consumption_wh=[2], sequence=2),
        a_frame("operated", meters=[HOUSEHOLD], consumption_wh=[-1]),
    ]
    send(system.settings, [*map(a_record, frames), *a_marker("operated")])
    await_markers(system.settings, ["operated"])
    return system


def get(url: str) -> tuple[int, str, bytes]:
    """Return status, content type and body."""
    answer = urllib3.request("GET", url, retries=False, timeout=5)
    return answer.status, answer.headers["Content-Type"].partition(";")[0], answer.data


def exposition(system: EmbeddedSystem, role: str) -> str:
    """Return a worker's `/metrics`."""
    status, content_type, body = get(f"{worker_of(system, role).metrics_url}/metrics")
    assert (status, content_type) == (200, "text/plain")
    return body.decode()


@pytest.mark.parametrize(
    ("role", "name"),
    [("metering", name) for name in OF_METERING]
    + [("alerts", name) for name in OF_ALERTS]
    + [("control", name) for name in OF_CONTROL]
    + [("notifications", name) for name in OF_NOTIFICATIONS]
    + [("history", name) for name in OF_HISTORY],
)
def test_each_quantity_that_operators_need_is_measured(
    system_at_work: EmbeddedSystem, role: str, name: str
) -> None:
    # The tables are looked at now and then.
    eventually(
        f"{role} says {name}",
        lambda: bool(
            re.search(rf"^{name}(\{{.*\}})? \d", exposition(system_at_work, role), re.MULTILINE)
        ),
        within_s=3,
    )


@pytest.mark.parametrize("name", WITHOUT_SAMPLES_WHILE_ALL_IS_WELL)
def test_a_trouble_that_has_not_been_is_declared(system_at_work: EmbeddedSystem, name: str) -> None:
    assert f"# HELP {name} " in exposition(system_at_work, "history")


@pytest.mark.parametrize("role", ROLES)
def test_metrics_are_named_as_prometheus_advises(system_at_work: EmbeddedSystem, role: str) -> None:
    families = [
        family
        for family in text_string_to_metric_families(exposition(system_at_work, role))
        if family.name.startswith("smatrix_") and not family.name.endswith("_created")
    ]

    assert len(families) > 10
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name.endswith((*BASE_UNITS, *THINGS)), name


@pytest.mark.parametrize("role", ROLES)
def test_no_label_names_a_household_or_a_community(
    system_at_work: EmbeddedSystem, role: str
) -> None:
    text = exposition(system_at_work, role)

    labels = set(re.findall(r'[{,](\w+)="', text))
    assert labels <= {
        *("generation", "implementation", "major", "minor", "patchlevel", "version"),
        *("le", "partition", "topic", "rule", "stage", "table", "work", "role", "worker_id"),
        *("subject", "state", "to_state", "kind", "event"),
        # A plant is no household: there are few, and each has its curve.
        *("reason", "plant", "mode", "outcome", "quality", "result", "shortage", "verdict", "why"),
    }
    assert HOUSEHOLD not in text
    assert "operated" not in text


@pytest.mark.parametrize(
    ("role", "others"),
    [
        ("metering", "smatrix_malfunction|smatrix_autarky|smatrix_history"),
        ("alerts", "smatrix_frames|smatrix_history"),
        ("history", "smatrix_frames|smatrix_malfunction|smatrix_autarky"),
    ],
)
def test_no_role_shows_what_another_counts(
    system_at_work: EmbeddedSystem, role: str, others: str
) -> None:
    assert re.findall(f"^({others}).*", exposition(system_at_work, role), re.MULTILINE) == []


@pytest.mark.parametrize("role", ROLES)
def test_health_says_that_a_worker_at_work_is_live_and_ready(
    system_at_work: EmbeddedSystem, role: str
) -> None:
    status, content_type, body = get(f"{worker_of(system_at_work, role).metrics_url}/health")

    assert (status, content_type) == (200, "application/json")
    assert body == b'{"live": true, "ready": true, "waiting_for": null}'


@pytest.mark.parametrize("path", ["/", "/tables", "/table/minutes", "/graph", "/metrics/x"])
def test_nothing_else_is_served(system_at_work: EmbeddedSystem, path: str) -> None:
    status, _, body = get(worker_of(system_at_work, "metering").metrics_url + path)

    assert status == 404
    assert HOUSEHOLD.encode() not in body


def test_a_second_worker_on_one_folder_is_refused_in_one_line(system: EmbeddedSystem) -> None:
    ended = smatrix("worker", "metering", environment=system.environment())

    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1
    assert "SMATRIX_WORKER_ID" in ended.err
    assert str(system.folder / "state" / "metering" / "1") in ended.err
    assert ended.out == ""
    system.require_alive()


def test_doctor_says_what_is_there(system_at_work: EmbeddedSystem) -> None:
    ended = smatrix("doctor", environment=addresses(system_at_work.settings))

    assert (ended.status, ended.err) == (0, "")
    assert not re.search(r"^no ", ended.out, re.MULTILINE)
    for topic in TOPICS:
        assert f"topic {topic.name}, 4 partitions" in ended.out
    assert re.search(r"^yes ClickHouse \d+\.\d+", ended.out, re.MULTILINE)
    assert re.search(r"^Python 3\.\d+", ended.out, re.MULTILINE)


def test_doctor_says_what_to_do_about_what_is_not_there(tmp_path: Path) -> None:
    settings = free_settings()

    ended = smatrix("doctor", environment=addresses(settings) | _folder(tmp_path))

    faults = [line for line in ended.out.splitlines() if line.startswith("no ")]
    assert ended.status == 1
    assert ended.err == ""
    assert len(faults) == 2
    assert settings.broker in faults[0]
    assert str(settings.clickhouse_url) in faults[1]
    assert all("smatrix up" in fault for fault in faults)
    assert all(len(fault) < 200 for fault in faults), faults


REMEDIES: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("SMATRIX_BROKER=nowhere",): ("SMATRIX_BROKER", "HOST:PORT"),
    ("SMATRIX_CLICKHOUSE_URL=clickhouse",): ("SMATRIX_CLICKHOUSE_URL", "URL"),
    ("SMATRIX_PARTITIONS=0",): ("SMATRIX_PARTITIONS", "greater than or equal to 1"),
    ("SMATRIX_ALLOWED_LATENESS=tomorrow",): ("SMATRIX_ALLOWED_LATENESS", "ISO 8601"),
    ("SMATRIX_WORKER_ID=a b",): ("SMATRIX_WORKER_ID", "a b"),
    ("SMATRIX_LOG_LEVEL=loud",): ("SMATRIX_LOG_LEVEL", "warning"),
    ("SMATRIX_DELIVERY=maybe",): ("SMATRIX_DELIVERY", "transactional"),
    ("SMATRIX_METRICS_HOST=nowhere.invalid",): ("SMATRIX_METRICS_HOST", "nowhere.invalid"),
    ("SMATRIX_DATA_DIR=/dev/null",): ("SMATRIX_DATA_DIR", "/dev/null"),
    ("SMATRIX_ALLOWED_LATENESS=PT3H", "SMATRIX_WINDOW_RETENTION=PT2H"): (
        *("SMATRIX_WINDOW_RETENTION", "SMATRIX_ALLOWED_LATENESS"),
    ),
    ("SMATRIX_ALLOWED_LATENESS=PT40M", "SMATRIX_WINDOW_RETENTION=PT1H"): (
        *("SMATRIX_WINDOW_RETENTION", "SMATRIX_ALLOWED_LATENESS"),
    ),
    (): ("SMATRIX_BROKER", "smatrix up"),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], Ended]:
    """How a worker ended with each of the bad settings, and with no broker; two at a time."""
    running: dict[tuple[str, ...], subprocess.Popen[str]] = {}
    ended: dict[tuple[str, ...], Ended] = {}
    for number, bad in enumerate(REMEDIES):
        if number >= 2:
            oldest = next(iter(running))
            ended[oldest] = finish(running.pop(oldest), within_s=120)
        environment = addresses(free_settings()) | _folder(tmp_path_factory.mktemp("worker"))
        environment |= dict(setting.split("=", 1) for setting in bad)
        running[bad] = start_smatrix("worker", "metering", environment=environment)
    return ended | {bad: finish(process, within_s=120) for bad, process in running.items()}


@pytest.mark.parametrize("bad", REMEDIES, ids=lambda bad: " ".join(bad) or "no broker")
def test_a_worker_that_cannot_start_says_why_in_one_line(
    refusals: dict[tuple[str, ...], Ended], bad: tuple[str, ...]
) -> None:
    ended = refusals[bad]

    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1, ended.err
    assert all(word in ended.err for word in REMEDIES[bad]), ended.err
    assert ended.out == ""


def _folder(path: Path) -> dict[str, str]:
    return {"SMATRIX_DATA_DIR": str(path)}
