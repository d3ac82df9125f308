"""Mails go out over SMTP, and it is known how each ended, on a real server's bad days too."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.processes import free_port
from sinks.mail import sending
from sinks.mail.sending import Mailer
from streams.domain.notifications import Failed, NotBegun, Outcome, Refused, Sent
from streams.settings import ConfigurationError, Settings
from tests.unit.sinks.mail.server import (
    PASSWORD,
    USER,
    Server,
    a_certificate,
    a_message,
    knows_the_user,
    settings_for,
)

Certificate = tuple[Path, ssl.SSLContext]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return a_certificate(tmp_path_factory.mktemp("certificate"))


async def send(mailer: Mailer) -> Outcome:
    mailer.reserve(1)
    return await mailer.send(a_message(), to="erika@example.org", unless=asyncio.Event())


async def outcome_of(server: Server, **others: object) -> Outcome:
    async with server.running():
        return await send(Mailer(settings_for(server.port, **others)))


async def test_a_mail_is_taken_as_it_was_written() -> None:
    server = Server()

    assert await outcome_of(server) == Sent()
    assert server.taken == [a_message().as_bytes()]


@pytest.mark.parametrize(
    ("word", "answer", "outcome"),
    [
        ("RCPT", "550 5.1.1 <erika@example.org> unknown", Refused("recipient: 550 5.1.1")),
        ("RCPT", "552 full", Refused("recipient: 552")),
        ("RCPT", "451 4.7.1 come again", Failed("recipient: 451 4.7.1")),
        ("DATA", "554 5.7.1 spam", Refused("content: 554 5.7.1")),
        ("DATA", "452 4.3.1 no room", Failed("content: 452 4.3.1")),
        # A sender that is not allowed is ours to mend: no recipient is given up for it.
        ("MAIL", "550 5.7.1 grid@example.org may not", Failed("sender: 550 5.7.1")),
        ("MAIL", "421 4.3.2 closing", Failed("sender: 421 4.3.2")),
    ],
)
async def test_a_refusal_is_for_good_or_for_now_and_names_no_address(
    word: str, answer: str, outcome: Outcome
) -> None:
    server = Server(answers={word: answer})

    assert await outcome_of(server) == outcome
    assert server.taken == []


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("MAIL", Failed("sender: no answer in time")),
        ("RCPT", Failed("recipient: no answer in time")),
        ("DATA", Failed("content: no answer in time", in_doubt=True)),
    ],
)
async def test_a_server_that_does_not_answer_leaves_a_doubt_after_data_alone(
    word: str, outcome: Outcome
) -> None:
    assert await outcome_of(Server(delays={word: 1.0})) == outcome


async def test_a_server_that_takes_a_mail_and_drops_the_connection_leaves_a_doubt() -> None:
    server = Server(drops_after_data=True)

    outcome = await outcome_of(server)

    assert outcome == Failed("content: connection lost", in_doubt=True)
    assert len(server.taken) == 1


async def test_starttls_and_login(certificate: Certificate) -> None:
    file, context = certificate
    server = Server()
    secure: dict[str, Any] = {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
    }

    async with server.running(**secure, authenticator=knows_the_user):
        login = {"smtp_username": USER, "smtp_password": PASSWORD, "smtp_ca_file": file}
        others = {**login, "smtp_security": "starttls"}
        right = await send(Mailer(settings_for(server.port, **others)))
        wrong = await send(Mailer(settings_for(server.port, **{**others, "smtp_password": "no"})))
        nobody = await send(
            Mailer(settings_for(server.port, smtp_ca_file=file, smtp_security="starttls"))
        )

    assert right == Sent()
    assert wrong == Failed("connecting: 535 5.7.8")
    assert nobody == Failed("sender: 530 5.7.0")
    assert len(server.taken) == 1


async def test_tls_from_the_start(certificate: Certificate) -> None:
    file, context = certificate
    server = Server()

    async with server.running(tls=context):
        settings = settings_for(server.port, smtp_security="tls", smtp_ca_file=file)
        assert await send(Mailer(settings)) == Sent()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(
    certificate: Certificate, security: str
) -> None:
    _, context = certificate
    server = Server()
    options: dict[str, Any] = {"tls": context} if security == "tls" else {"tls_context": context}

    async with server.running(**options):
        outcome = await send(Mailer(settings_for(server.port, smtp_security=security)))

    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("connecting: ")
    assert server.taken == []


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    server = Server()

    outcome = await outcome_of(server, smtp_security="starttls")

    assert isinstance(outcome, Failed)
    assert server.taken == []


async def test_while_the_server_is_away_one_mail_tries_after_pauses_that_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.1)
    port, server = free_port(), Server()
    mailer = Mailer(settings_for(port))

    outcome = await send(mailer)
    assert outcome == Failed("connecting: no connection")
    assert mailer.room() == 0
    await asyncio.sleep(0.15)
    assert mailer.room() == 1
    mailer.reserve(1)
    assert mailer.room() == 0
    mailer.reserve(-1)
    await send(mailer)
    await asyncio.sleep(0.15)
    assert mailer.room() == 0
    assert mailer.away_s() > 0.3

    async with server.running(port=port):
        assert await send(mailer) == Sent()
    assert (mailer.room(), mailer.away_s()) == (sending.BEGUN_AT_ONCE, 0)


async def test_no_more_connections_are_open_than_are_allowed() -> None:
    server = Server(delays={"DATA": 0.1})

    async with server.running():
        mailer = Mailer(settings_for(server.port, smtp_connections=2))
        outcomes = await asyncio.gather(*(send(mailer) for _ in range(6)))

    assert outcomes == [Sent()] * 6
    assert server.most_at_once == 2


async def test_a_mail_whose_turn_comes_too_late_is_not_begun() -> None:
    server, stopping = Server(), asyncio.Event()
    stopping.set()

    async with server.running():
        mailer = Mailer(settings_for(server.port))
        mailer.reserve(1)
        outcome = await mailer.send(a_message(), to="erika@example.org", unless=stopping)

    assert outcome == NotBegun()
    assert mailer.room() == sending.BEGUN_AT_ONCE


async def test_without_a_mail_server_there_is_no_room_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mailer = Mailer(Settings())

    await asyncio.sleep(0.01)
    assert mailer.room() == 0
    assert mailer.away_s() > 0
    assert "SMATRIX_SMTP_HOST" in caplog.text


def test_a_file_without_certificates_is_said_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")

    with pytest.raises(ConfigurationError, match="SMATRIX_SMTP_CA_FILE") as refused:
        Mailer(settings_for(25, smtp_security="tls", smtp_ca_file=file))

    assert "\n" not in str(refused.value)
