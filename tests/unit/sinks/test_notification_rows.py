"""How far notifications got, into ClickHouse: of each the last state."""

import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient

from schemas.notifications import NotificationKind, NotificationState, Stage
from sinks.clickhouse.insert import Sink
from sinks.clickhouse.notification_rows import notification_state_rows
from tests.builders import NOON


def a_state(state: Stage, version: int, **others: object) -> NotificationState:
    fields = {
        "notification_id": "n1",
        "version": version,
        "person_id": "p1",
        "kind": NotificationKind.AUTARKY,
        "at": NOON,
        "state": state,
        "attempts": 1,
    }
    return NotificationState.model_validate({**fields, **others})


async def test_the_last_state_of_each_is_there(sink: Sink, client: AsyncClient) -> None:
    states = [
        a_state(Stage.QUEUED, NOON * 1000, attempts=0),
        a_state(Stage.SENT, NOON * 1000 + 2, mail_id="n1", in_doubt=True),
        a_state(Stage.SENDING, NOON * 1000 + 1, mail_id="n1"),
        a_state(Stage.GIVEN_UP, 5, notification_id="n2", reason="no_email"),
    ]

    decoded = notification_state_rows([state.model_dump_json().encode() for state in states])
    for _ in range(2):
        for batch in decoded.batches:
            await sink.insert(batch)

    found = await client.query(
        "SELECT notification_id, state, reason, attempts, mail_id, in_doubt, "
        "toUnixTimestamp(at), toUnixTimestamp64Milli(changed_at) "
        "FROM notifications ORDER BY notification_id"
    )
    assert [tuple(row) for row in found.result_rows] == [
        ("n1", "sent", None, 1, "n1", True, NOON, NOON * 1000 + 2),
        ("n2", "given_up", "no_email", 1, None, False, NOON, 5),
    ]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        a_state(Stage.SENT, 1).model_dump_json().encode().replace(b"1750075200", b"8053063680"),
        a_state(Stage.SENT, 77).model_dump_json().encode().replace(b"77", str(2**64).encode()),
    ],
)
def test_what_is_no_state_is_left_out_and_the_rest_is_kept(value: bytes) -> None:
    good = a_state(Stage.SENT, 1).model_dump_json().encode()

    decoded = notification_state_rows([good, value])

    assert [malformed.index for malformed in decoded.malformed] == [1]
    assert sum(len(batch) for batch in decoded.batches) == 1
