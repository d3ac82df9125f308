"""What must be true of mails when it is over: none lost, none twice but those in doubt."""

import asyncio
import email
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

from reliability.checks import Faults, read_records
from schemas.notifications import Notification, Stage
from streams import topics
from streams.settings import Settings

_NEWS: Final = re.compile(r"\bnews-\d{5}\b")
_QUERY: Final = (
    "SELECT notification_id, state::String, reason, mail_id, in_doubt FROM smatrix.notifications"
)


class State(NamedTuple):
    """What ClickHouse has of a notification."""

    state: str
    reason: str | None
    mail_id: str | None
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class Mails:
    """What was found.

    Attributes:
        faults: What must not be.
        notifications: How many were told.
        mails: How many came.
        doubled: How many of these are repetitions; each is of a mail that is in doubt.
        in_doubt: How many mails may have been repeated.
    """

    faults: Faults
    notifications: int
    mails: int
    doubled: int
    in_doubt: int


def check_mails(
    settings: Settings, client: Client, files: Iterable[Path], acknowledged: Collection[str]
) -> Mails:
    """Hold the mails that came against the notifications that the broker has, and their states."""
    records = asyncio.run(
        read_records(settings.broker, topics.NOTIFICATIONS.name, "read_committed")
    )
    told = {Notification.model_validate_json(record.value).notification_id for record in records}
    rows = client.query(_QUERY).result_rows
    states = {row[0]: State(*row[1:]) for row in rows}
    messages = [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]
    came = Counter(message["Message-ID"].strip("<>").partition("@")[0] for message in messages)
    mentioned = Counter(name for message in messages for name in set(_news_in(message)))
    doubtful = {state.mail_id for state in states.values() if state.in_doubt}
    return Mails(
        faults=list(faults_of(told, acknowledged, states, came, mentioned)),
        notifications=len(told),
        mails=len(messages),
        doubled=sum(count - 1 for count in came.values()),
        in_doubt=len(doubtful),
    )


def faults_of(
    told: Collection[str],
    acknowledged: Collection[str],
    states: Mapping[str, State],
    came: Mapping[str, int],
    mentioned: Mapping[str, int],
) -> Iterable[str]:
    """Yield what must not be.

    Args:
        told: The notifications that the topic has.
        acknowledged: Those whose sender knows that the broker has them.
        states: What ClickHouse has of each.
        came: How often each mail came.
        mentioned: In how many mails a notification of the campaign is.
    """
    for name in sorted(set(acknowledged) - set(told)):
        yield f"{name} was acknowledged, and is not in the topic"
    for name in sorted(told):
        state = states.get(name)
        if state is None:
            yield f"{name}: ClickHouse knows nothing of it"
        elif state.state != Stage.SENT:
            yield f"{name} is {state.state} ({state.reason})"
        elif not came.get(state.mail_id or ""):
            yield f"{name} is sent, and mail {state.mail_id} never came"
        elif came[state.mail_id or ""] > 1 and not state.in_doubt:
            yield f"mail {state.mail_id} came more than once, and is not in doubt"
        elif name in mentioned and mentioned[name] > 1 and not state.in_doubt:
            yield f"{name} is in {mentioned[name]} mails, and is not in doubt"
        elif name in acknowledged and name not in mentioned:
            yield f"{name} is sent, and in no mail"
    known = {state.mail_id for state in states.values()}
    for mail in sorted(came.keys() - known):
        yield f"mail {mail} came, and belongs to nothing"


def _news_in(message: EmailMessage) -> list[str]:
    body = message.get_body(("plain",))
    return [] if body is None else _NEWS.findall(body.get_content())
