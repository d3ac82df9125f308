"""News reaches people: from a change to a mail, and its state to ClickHouse."""

import email
import re
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default

import pytest

from deploy.embedded.system import EmbeddedSystem
from schemas.autarky import AutarkyChange
from schemas.malfunction import Malfunction
from tests.acceptance.running import (
    Ended,
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    send,
    smatrix,
    worker_of,
)
from tests.builders import QUARTER_S, Record
from tests.notified import a_change, a_malfunction

pytestmark = pytest.mark.slow

PEOPLE = 30
REGISTRY = (
    "kind,person_id,name,email,language,community_id,connection_limit_w,zone,household_id,"
    "meter_id,customer_id,technician_id,valid_from\n"
    "community,,,,,meadow,250000,Europe/Berlin,,,,,2025-01-01T00:00Z\n"
    "person,tech,Terra,tech@example.org,fr,,,,,,,,\n"
    "person,mute,Nobody Writes,,,,,,,,,,\n"
    "technician,,,,,,,,,,,tech,2025-01-01T00:00Z\n"
    "household,,,,,meadow,,,hmute,mmute,mute,,2025-01-01T00:00Z\n"
) + "".join(
    f"person,p{n},Person {n},p{n}@example.org,en,,,,,,,,\n"
    f"household,,,,,meadow,,,h{n},m{n},p{n},,2025-01-01T00:00Z\n"
    for n in range(PEOPLE)
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own, as its worker is killed; malfunctions don't wait two minutes."""
    folder = tmp_path_factory.mktemp("notified")
    variables = {"SMATRIX_NOTIFICATION_GATHER": "2"}
    with EmbeddedSystem(free_settings(), folder, variables=variables) as running:
        file = folder / "registry.csv"
        file.write_text(REGISTRY)
        registered = smatrix("registry", "import", str(file), environment=_environment(running))
        assert registered.status == 0, registered.err
        yield running


def _environment(system: EmbeddedSystem) -> dict[str, str]:
    return addresses(system.settings)


def _tell(system: EmbeddedSystem, *causes: AutarkyChange | Malfunction) -> None:
    for topic, model in (("autarky-changes", AutarkyChange), ("malfunctions", Malfunction)):
        records = [
            Record(cause.community_id.encode(), cause.model_dump_json().encode())
            for cause in causes
            if isinstance(cause, model)
        ]
        if records:
            send(system.settings, records, topic=topic)


def _mails(system: EmbeddedSystem, to: str) -> list[EmailMessage]:
    files = system.mails
    messages = [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]
    return [message for message in messages if f"<{to}@example.org>" in message["To"]]


def _states(system: EmbeddedSystem, where: str) -> Counter[str]:
    rows = curl(
        system.settings,
        f"SELECT state, ifNull(reason, ''), count() FROM smatrix.notifications "  # noqa: S608 - our own
        f"WHERE {where} GROUP BY ALL",
    )
    return Counter({" ".join(filter(None, row[:2])): int(row[2]) for row in rows})


def _notifications(system: EmbeddedSystem, *words: str, secret: str) -> Ended:
    environment = _environment(system) | {"SMATRIX_MAIL_SECRET": secret}
    return smatrix("notifications", *words, environment=environment)


def test_a_change_of_autarky_is_one_mail_to_the_customer_and_a_row(system: EmbeddedSystem) -> None:
    change = a_change("meadow", "m0")

    _tell(system, change)
    _tell(system, change)

    eventually(
        "it is sent", lambda: _states(system, "person_id = 'p0'") == {"sent": 1}, within_s=30
    )
    (mail,) = _mails(system, "p0")
    assert mail["Subject"] == "Your household is self-sufficient since 2025-06-16 14:15"
    (identified,) = curl(
        system.settings, "SELECT mail_id FROM smatrix.notifications WHERE person_id = 'p0'"
    )
    assert mail["Message-ID"] == f"<{identified[0]}@example.org>"
    assert "mmute" not in mail.as_string()


def test_a_mass_outage_is_one_mail_to_the_technician_in_french(system: EmbeddedSystem) -> None:
    tickets = [
        a_malfunction(f"t{n}", community_id="meadow", technician_id="tech", meter_id=[f"m{n}"])
        for n in range(PEOPLE)
    ]

    _tell(system, *tickets)

    eventually(
        "all are sent",
        lambda: _states(system, "person_id = 'tech'") == {"sent": PEOPLE},
        within_s=30,
    )
    (mail,) = _mails(system, "tech")
    assert mail["Subject"] == f"{PEOPLE} messages sur vos tickets"
    body = mail.get_body(("plain",))
    assert body is not None
    assert sorted(re.findall(r"Ticket (t\d+) ", body.get_content())) == sorted(
        ticket.ticket_id for ticket in tickets
    )


def test_who_has_no_address_is_given_up_with_the_reason(system: EmbeddedSystem) -> None:
    _tell(system, a_change("meadow", "mmute"))

    eventually(
        "it is given up",
        lambda: _states(system, "person_id = 'mute'") == {"given_up no_email": 1},
        within_s=30,
    )


def test_nothing_is_lost_when_the_worker_is_killed_again_and_again(
    system: EmbeddedSystem,
) -> None:
    at = a_change().period_start + 16 * QUARTER_S
    _tell(system, *(a_change("meadow", f"m{n}", period_start=at) for n in range(PEOPLE)))

    for _ in range(2):
        kill(system, worker_of(system, "notifications"))
        system.await_ready([system.start_worker("notifications")])

    eventually(
        "all are sent",
        lambda: _states(system, "kind = 'autarky' AND person_id LIKE 'p%'") == {"sent": PEOPLE + 1},
        within_s=60,
    )
    repeated = {
        row[0]
        for row in curl(system.settings, "SELECT mail_id FROM smatrix.notifications WHERE in_doubt")
    }
    for number in range(PEOPLE):
        ids = Counter(mail["Message-ID"] for mail in _mails(system, f"p{number}"))
        assert len(ids) == (2 if number == 0 else 1)
        assert all(
            count == 1 or name[1:].partition("@")[0] in repeated for name, count in ids.items()
        )


def test_who_unsubscribes_by_the_token_of_a_mail_gets_no_more(system: EmbeddedSystem) -> None:
    (mail,) = _mails(system, "p1")
    secret = (system.folder / "mail-secret").read_text()
    found = re.search(r"unsubscribe%20([\w.-]+)>", mail["List-Unsubscribe"])
    assert found is not None

    refused = _notifications(system, "unsubscribe", found[1], secret=secret[::-1])
    ended = _notifications(system, "unsubscribe", found[1], secret=secret)
    _tell(system, a_change("meadow", "m1", period_start=a_change().period_start + 32 * QUARTER_S))

    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert (ended.status, ended.out) == (0, "p1 is unsubscribed from mails about autarky\n")
    eventually(
        "it is given up",
        lambda: _states(system, "person_id = 'p1'") == {"sent": 1, "given_up unsubscribed": 1},
        within_s=30,
    )
    assert len(_mails(system, "p1")) == 1
    addresses_told = "count() FROM smatrix.notifications WHERE reason LIKE '%@%'"
    assert curl(system.settings, f"SELECT {addresses_told}") == [["0"]]
