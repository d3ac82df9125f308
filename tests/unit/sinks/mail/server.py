"""A real mail server that takes mails, or does what real ones do on bad days."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from streams.settings import Settings

TAKEN = "250 OK"
USER, PASSWORD = "grid", "a password of 24 letters"


@dataclass
class Server:
    """What it answers, and what it took.

    Attributes:
        answers: By SMTP's word, what it says instead of taking it.
        delays: By SMTP's word, how long it thinks, in seconds.
        drops_after_data: Whether it takes a mail, and closes without a word.
        taken: Each mail, as bytes.
        most_at_once: The most mails that it was taking at a time.
    """

    answers: dict[str, str] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    drops_after_data: bool = False
    taken: list[bytes] = field(default_factory=list)
    most_at_once: int = 0
    port: int = 0
    _at_once: int = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer("RCPT")

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        answer = await self._answer("DATA")
        self._at_once -= 1
        if answer == TAKEN:
            self.taken.append(envelope.original_content or b"")
        if self.drops_after_data:
            cast("asyncio.Transport", server.transport).abort()
        return answer

    async def _answer(self, word: str) -> str:
        await asyncio.sleep(self.delays.get(word, 0))
        return self.answers.get(word, TAKEN)

    @asynccontextmanager
    async def running(self, port: int = 0, **options: Any) -> AsyncIterator["Server"]:  # noqa: ANN401 - aiosmtpd's
        """Listen; `tls` is a context for TLS from the start, all else is aiosmtpd's."""
        tls: ssl.SSLContext | None = options.pop("tls", None)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: SMTP(self, **options), "127.0.0.1", port, ssl=tls
        )
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listening.close()


def knows_the_user(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
) -> AuthResult:
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


def a_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return a certificate of this machine, and a server's context with it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return certificate, context


def settings_for(port: int, **others: Any) -> Settings:  # noqa: ANN401 - any setting
    fields = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "plaintext",
        "smtp_timeout": 0.5,
        "mail_sender": "Smatrix Grid <grid@example.org>",
        "mail_secret": "0123456789abcdef",
    }
    return Settings.model_validate({**fields, **others})


def a_message() -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = "Smatrix Grid <grid@example.org>"
    message["To"] = "erika@example.org"
    message["Message-ID"] = "<n1@example.org>"
    message.set_content("Hello\n.\nstill there\n")
    return message
