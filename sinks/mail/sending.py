"""To the mail server over SMTP, one connection for each mail, as many at a time as are allowed.

Mails that a server can't take now wait outside: `room` says how many may be begun. While the
server does not let us in there is none, for a pause that grows, then for one mail that tries.
"""

import asyncio
import contextlib
import logging
import re
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final, cast

import aiosmtplib

from streams.domain.notifications import Failed, NotBegun, Outcome, Refused, Sent
from streams.settings import ConfigurationError, Settings, SmtpSecurity

logger = logging.getLogger(__name__)

BEGUN_AT_ONCE: Final = 200
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
_STEPS: Final = 5  # connect, login, sender, recipient, content: each answer may take its time
_QUIT_S: Final = 2.0
_CLOSING: Final = 421
_PERMANENT: Final = range(500, 600)
_ENHANCED: Final = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}\b")


class Mailer:
    """The mail server, as it is named in the settings."""

    def __init__(self, settings: Settings) -> None:
        """Describe the server; nothing is asked of it yet.

        Raises:
            ConfigurationError: If the file of authorities can't be used.
        """
        self._settings = settings
        self._tls = _tls_context(settings)
        self._connections = asyncio.Semaphore(settings.smtp_connections)
        self._begun = 0
        self._failures = 0
        self._paused_until = 0.0
        self._away_since: float | None = None
        if not settings.smtp_host:
            self._away_since = asyncio.get_running_loop().time()
            logger.warning("SMATRIX_SMTP_HOST names no mail server: notifications wait")

    def room(self) -> int:
        """Return how many mails may be begun now."""
        if not self._settings.smtp_host:
            return 0
        if self._failures:
            is_paused = asyncio.get_running_loop().time() < self._paused_until
            return 0 if is_paused or self._begun else 1
        return max(BEGUN_AT_ONCE - self._begun, 0)

    def reserve(self, mails: int) -> None:
        """Take note that mails are begun; each is sent then."""
        self._begun += mails

    def away_s(self) -> float:
        """Return for how long there has been no server that lets us in; 0 while there is one."""
        if self._away_since is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._away_since

    async def send(self, message: EmailMessage, *, to: str, unless: asyncio.Event) -> Outcome:
        """Send a mail that has been reserved, unless an event is set before its turn.

        No outcome has anybody's address in it.
        """
        try:
            async with self._connections:
                if unless.is_set():
                    return NotBegun()
                return await self._attempt(message, to=to)
        finally:
            self._begun -= 1

    @property
    def _address(self) -> str:
        return f"{self._settings.smtp_host}:{self._settings.smtp_port}"

    async def _attempt(self, message: EmailMessage, *, to: str) -> Outcome:
        settings = self._settings
        timeout_s = settings.smtp_timeout.total_seconds()
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            local_hostname=socket.gethostname(),
            timeout=timeout_s,
            use_tls=settings.smtp_security is SmtpSecurity.TLS,
            start_tls=settings.smtp_security is SmtpSecurity.STARTTLS,
            tls_context=self._tls,
        )
        step = "connecting"
        try:
            async with asyncio.timeout(_STEPS * timeout_s):
                await client.connect()
                step = "sender"
                await client.mail(_address_of(message["From"]))
                self._is_there()
                step = "recipient"
                await client.rcpt(to)
                step = "content"
                await client.data(message.as_bytes())
        except aiosmtplib.SMTPResponseException as error:
            return self._answered(step, error)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            reason = f"{step}: {_kind(error)}"
            if step in {"connecting", "sender"}:
                self._is_away(reason)
            return Failed(reason, in_doubt=step == "content")
        finally:
            await _leave(client)
        return Sent()

    def _answered(self, step: str, error: aiosmtplib.SMTPResponseException) -> Outcome:
        # The text after the code may name the recipient.
        enhanced = _ENHANCED.match(error.message)
        reason = f"{step}: {error.code}{f' {enhanced[0]}' if enhanced else ''}"
        if step in {"connecting", "sender"} or error.code == _CLOSING:
            self._is_away(reason)
            return Failed(reason)
        return Refused(reason) if error.code in _PERMANENT else Failed(reason)

    def _is_there(self) -> None:
        if self._failures:
            logger.warning("the mail server at %s takes mails again", self._address)
        self._failures, self._away_since = 0, None

    def _is_away(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if not self._failures:
            logger.warning(
                "the mail server at %s takes no mails, they wait: %s", self._address, reason
            )
            self._away_since = now
        self._failures += 1
        pause_s = FIRST_PAUSE_S * (1 << min(self._failures - 1, 10))
        self._paused_until = now + min(pause_s, LONGEST_PAUSE_S)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye where the server still listens, and close the connection."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        if client.is_connected:
            await client.quit(timeout=_QUIT_S)
    client.close()


def _address_of(header: object) -> str:
    (address,) = cast("tuple[Address, ...]", getattr(header, "addresses", ()))
    return str(address.addr_spec)


def _kind(error: Exception) -> str:
    """Return what went wrong in our words: a library's text may quote the server's."""
    match error:
        case TimeoutError() | aiosmtplib.SMTPTimeoutError():
            return "no answer in time"
        case aiosmtplib.SMTPServerDisconnected():
            return "connection lost"
        case ssl.SSLError() as fault:
            return f"TLS failed, {fault.reason or 'unknown'}"
        case aiosmtplib.SMTPConnectError() | OSError():
            return "no connection"
        case _:
            return type(error).__name__


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if settings.smtp_security is SmtpSecurity.PLAINTEXT:
        return None
    try:
        return ssl.create_default_context(cafile=settings.smtp_ca_file)
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"SMATRIX_SMTP_CA_FILE={settings.smtp_ca_file}: no certificates in PEM can be read "
            f"from it ({error})"
        ) from error
