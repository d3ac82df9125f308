"""News reaches people: from a change to a mail, and its state to ClickHouse."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.mailing import PEOPLE, inhabited, mails, states, tell
from tests.acceptance.running import (
    Ended,
    addresses,
    curl,
    eventually,
    free_settings,
    kill,
    smatrix,
    worker_of,
)
from tests.builders import QUARTER_S
from tests.notified import a_change, a_malfunction

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """A system of its own, as its worker is killed."""
    folder = tmp_path_factory.mktemp("notified")
    with inhabited(EmbeddedSystem(free_settings(), folder)) as running:
        yield running


def _notifications(system: EmbeddedSystem, *words: str, secret: str) -> Ended:
    environment = addresses(system.settings) | {"SMATRIX_MAIL_SECRET": secret}
    return smatrix("notifications", *words, environment=environment)


def test_a_change_of_autarky_is_one_mail_to_the_customer_and_a_row(system: EmbeddedSystem) -> None:
    change = a_change("meadow", "m0")

    tell(system, change)
    tell(system, change)

    eventually(
        "it is sent", lambda: states(system, "person_id = 'p0'") == {"sent": 1}, within_s=120
    )
    (mail,) = mails(system.mails, "p0")
    assert mail["Subject"] == "Your household is self-sufficient since 2025-06-16 14:15"
    (identified,) = curl(
        system.settings, "SELECT mail_id FROM smatrix.notifications WHERE person_id = 'p0'"
    )
    assert mail["Message-ID"] == f"<{identified[0]}@example.org>"


def test_a_mass_outage_is_one_mail_to_the_technician_in_french(system: EmbeddedSystem) -> None:
    tickets = [
        a_malfunction(f"t{n}", community_id="meadow", technician_id="tech", meter_id=[f"m{n}"])
        for n in range(PEOPLE)
    ]

    tell(system, *tickets)

    eventually(
        "all are sent",
        lambda: states(system, "person_id = 'tech'") == {"sent": PEOPLE},
        within_s=120,
    )
    (mail,) = mails(system.mails, "tech")
    assert mail["Subject"] == f"{PEOPLE} messages sur vos tickets"
    body = mail.get_body(("plain",))
    assert body is not None
    assert sorted(re.findall(r"Ticket (t\d+) ", body.get_content())) == sorted(
        ticket.ticket_id for ticket in tickets
    )


def test_who_has_no_address_is_given_up_with_the_reason(system: EmbeddedSystem) -> None:
    tell(system, a_change("meadow", "mmute"))

    eventually(
        "it is given up",
        lambda: states(system, "person_id = 'mute'") == {"given_up no_email": 1},
        within_s=120,
    )


def test_nothing_is_lost_when_the_worker_is_killed_again_and_again(
    system: EmbeddedSystem,
) -> None:
    at = a_change().period_start + 16 * QUARTER_S
    tell(system, *(a_change("meadow", f"m{n}", period_start=at) for n in range(PEOPLE)))

    for _ in range(2):
        kill(system, worker_of(system, "notifications"))
        system.await_ready([system.start_worker("notifications")])

    eventually(
        "all are sent",
        lambda: states(system, "kind = 'autarky' AND person_id LIKE 'p%'") == {"sent": PEOPLE + 1},
        within_s=150,
    )
    doubted = curl(system.settings, "SELECT mail_id FROM smatrix.notifications WHERE in_doubt")
    may_be_double = {f"<{row[0]}@example.org>" for row in doubted}
    for number in range(PEOPLE):
        came = Counter(mail["Message-ID"] for mail in mails(system.mails, f"p{number}"))
        assert len(came) == (2 if number == 0 else 1)
        assert {name for name, count in came.items() if count > 1} <= may_be_double


def test_who_unsubscribes_by_the_token_of_a_mail_gets_no_more(system: EmbeddedSystem) -> None:
    mail, *others = mails(system.mails, "p1")
    secret = (system.folder / "mail-secret").read_text()
    found = re.search(r"unsubscribe%20([\w.-]+)>", mail["List-Unsubscribe"])
    assert found is not None

    refused = _notifications(system, "unsubscribe", found[1], secret=secret[::-1])
    ended = _notifications(system, "unsubscribe", found[1], secret=secret)
    tell(system, a_change("meadow", "m1", period_start=a_change().period_start + 32 * QUARTER_S))

    assert (refused.status, len(refused.err.splitlines())) == (2, 1)
    assert (ended.status, ended.out) == (0, "p1 is unsubscribed from mails about autarky\n")
    eventually(
        "it is given up",
        lambda: states(system, "person_id = 'p1'") == {"sent": 1, "given_up unsubscribed": 1},
        within_s=120,
    )
    assert len(mails(system.mails, "p1")) == 1 + len(others)


def test_nobody_s_address_is_in_clickhouse_but_with_the_persons(system: EmbeddedSystem) -> None:
    told = "count() FROM smatrix.told_notification_states"
    with_address = "WHERE arrayExists(x -> x LIKE '%@%', [ifNull(reason, ''), person_id, mail_id])"

    assert int(curl(system.settings, f"SELECT {told}")[0][0]) > PEOPLE
    assert curl(system.settings, f"SELECT {told} {with_address}") == [["0"]]
