"""An outage on Apache Kafka: proven though what is told is told in transactions."""

from pathlib import Path

import pytest

from deploy.cli.check import connect
from deploy.embedded.system import EmbeddedSystem
from deploy.malfunction_check import Opened, opened
from tests.acceptance.running import eventually, free_settings, send
from tests.builders import MINUTE_S, NOON, a_frame, a_record
from tests.kafka.availability import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.live]

BEFORE, AFTER = range(10), range(40, 50)


def test_a_gap_in_a_replay_is_an_outage_with_one_ticket(tmp_path: Path) -> None:
    require_kafka()
    system = EmbeddedSystem(free_settings(), tmp_path, kafka_nodes=1)
    system.variables["SMATRIX_MALFUNCTION_GRACE"] = "0"
    with system:
        client, database = connect(system.settings), system.settings.clickhouse_database
        minutes = (NOON + number * MINUTE_S for number in (*BEFORE, *AFTER))
        send(system.settings, [a_record(a_frame("c1", minute)) for minute in minutes])

        eventually("the outage has a ticket", lambda: opened(client, database).total() > 0)

        assert opened(client, database) == {Opened("terminal_silent", "c1"): 1}
