from dataclasses import replace

import orjson
import pytest

from schemas.notifications import Stage
from streams.domain.notifications import Queued, Recipient
from tables import notifications
from tables.minutes import SchemaError
from tests.builders import NOON
from tests.notified import a_notification

QUEUED = Queued(
    notification=a_notification(),
    state=Stage.FAILED,
    version=7,
    attempts=2,
    queued_at=NOON + 0.5,
    seen_at=NOON + 900.25,
    retry_at=NOON + 30.0,
    mail_id="n1",
    in_doubt=True,
    reason="connecting: no connection",
)


@pytest.mark.parametrize(
    "queued", [QUEUED, replace(QUEUED, mail_id=None, reason=None, state=Stage.QUEUED)]
)
def test_a_notification_comes_back_as_it_was(queued: Queued) -> None:
    assert notifications.decode(notifications.encode(queued)) == queued


@pytest.mark.parametrize("told_at", [None, NOON + 0.25])
def test_a_recipient_comes_back_as_it_was(told_at: float | None) -> None:
    recipient = Recipient(told_at=told_at, reached=NOON, since=NOON + 0.5)

    assert notifications.decode_recipient(notifications.encode_recipient(recipient)) == recipient


def test_finished_notifications_sort_by_the_time_of_their_causes() -> None:
    times = (NOON, NOON + 60, 2 * NOON)

    keys = [notifications.finished_key(a_notification(at=at)) for at in times]

    assert keys == sorted(keys)


def test_a_key_tells_whose_it_is_so_that_it_can_be_moved_to_their_partition() -> None:
    notification = a_notification("n1", "p1")

    assert notifications.person_of(notifications.key("p1", "n1")) == b"p1"
    assert notifications.person_of(notifications.key("p1")) == b"p1"
    assert notifications.person_of_finished(notifications.finished_key(notification)) == b"p1"


def test_a_record_of_a_later_version_is_refused_by_name() -> None:
    later = orjson.loads(notifications.encode(QUEUED)) | {"schema": 2}

    with pytest.raises(SchemaError, match="notifications table: schema 2"):
        notifications.decode(orjson.dumps(later))
