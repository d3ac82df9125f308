"""Notifications on Apache Kafka: routed and queued in transactions."""

from collections import Counter
from pathlib import Path

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.mailing import PEOPLE, inhabited, mails, states, tell
from tests.acceptance.running import eventually, free_settings, kill, worker_of
from tests.kafka.availability import require_kafka
from tests.notified import a_change

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_everyone_is_told_though_both_roles_are_killed(tmp_path: Path) -> None:
    require_kafka()

    with inhabited(EmbeddedSystem(free_settings(), tmp_path, kafka_nodes=1)) as system:
        tell(system, *(a_change("meadow", f"m{n}") for n in range(PEOPLE)))
        for role in ("alerts", "notifications"):
            kill(system, worker_of(system, role))
            system.await_ready([system.start_worker(role)])

        eventually("all are sent", lambda: states(system, "1") == {"sent": PEOPLE}, within_s=180)
        doubts = states(system, "in_doubt")["sent"]
        came = Counter(m["Message-ID"] for n in range(PEOPLE) for m in mails(system.mails, f"p{n}"))
        assert len(came) == PEOPLE
        assert sum(count > 1 for count in came.values()) <= doubts
