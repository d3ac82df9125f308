"""The mail server is away, slow, and drops the connection: nothing is lost, nothing else waits."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override

from deploy.embedded.mail import Catcher
from deploy.embedded.mail import mails as files_of
from deploy.embedded.processes import free_port
from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.mailing import PEOPLE, inhabited, mails, states, tell
from tests.acceptance.running import eventually, free_settings, kill, worker_of
from tests.notified import a_change

pytestmark = [pytest.mark.slow, pytest.mark.live]

SLOW_S = 4.0


class SlowCatcher(Catcher):
    """It has a mail at once, and takes its time to say so."""

    slow_s = 0.0

    @override
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.slow_s)
        return answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mail-server")


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[EmbeddedSystem]:
    """A system whose mail server is not there yet."""
    system = EmbeddedSystem(free_settings(), folder)
    system.variables["SMATRIX_SMTP_PORT"] = str(free_port())
    with inhabited(system) as running:
        yield running


def test_mails_wait_for_the_server_and_are_not_lost_by_a_kill_while_it_thinks(
    system: EmbeddedSystem, folder: Path
) -> None:
    # Away: mails wait, and everybody works.
    tell(system, a_change("meadow", "m0"))
    eventually(
        "it is said that the server is away",
        lambda: (
            worker_of(system, "notifications").metrics().get("smatrix_mail_server_away_seconds", 0)
            > 1
        ),
    )
    eventually(
        "the first attempt has failed",
        lambda: "failed connecting: no connection" in states(system, "1"),
    )
    assert all(worker.is_ready() for worker in system.workers)
    assert "sent" not in states(system, "1")

    # There, and slow: the worker is killed while the server has mails and has not said so.
    catcher = SlowCatcher(folder / "taken")
    catcher.slow_s = SLOW_S
    port = int(system.variables["SMATRIX_SMTP_PORT"])
    controller = Controller(catcher, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        tell(system, *(a_change("meadow", f"m{n}") for n in range(1, PEOPLE)))
        eventually("it has a mail", lambda: len(files_of(folder / "taken")) > 0, within_s=180)
        kill(system, worker_of(system, "notifications"))
        catcher.slow_s = 0.0
        system.await_ready([system.start_worker("notifications")])
        eventually("all are sent", lambda: states(system, "1") == {"sent": PEOPLE}, within_s=180)
    finally:
        controller.stop()

    # Each came, and twice only what says that it may have.
    doubts = states(system, "in_doubt")
    taken = files_of(folder / "taken")
    came = Counter(mail["Message-ID"] for n in range(PEOPLE) for mail in mails(taken, f"p{n}"))
    assert len(came) == PEOPLE
    assert doubts["sent"] >= sum(count > 1 for count in came.values()) >= 1
    assert "is sent again" in (system.folder / "log" / "notifications-1.log").read_text()


def test_a_worker_without_a_mail_server_works_and_says_what_is_missing(
    system: EmbeddedSystem,
) -> None:
    system.variables |= {"SMATRIX_SMTP_HOST": "", "SMATRIX_MAIL_SENDER": ""}

    worker = system.start_worker("notifications", "2")
    system.await_ready([worker])

    assert worker.metrics()["smatrix_mail_server_away_seconds"] > 0
    assert "SMATRIX_SMTP_HOST names no mail server" in worker.child.log.read_text()
