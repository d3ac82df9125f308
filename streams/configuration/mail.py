"""The mail server, who writes, and how long a mail is tried."""

from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    HttpUrl,
    SecretStr,
    model_validator,
)

from streams.configuration.values import MAX_PORT, Duration, Group, bare, given

SHORTEST_SECRET: Final = 16


class SmtpSecurity(StrEnum):
    """How the mail server is reached: STARTTLS after the greeting, TLS from the start, or none."""

    PLAINTEXT = "plaintext"
    STARTTLS = "starttls"
    TLS = "tls"


def sender_of(mailbox: str) -> Address:
    """Return who writes, as mails name them.

    Raises:
        ValueError: If the text is no mailbox, or mails would name somebody else.
    """
    name, address = parseaddr(mailbox)
    try:
        sender = Address(name, addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        sender = Address()
    is_said_so = mailbox in {address, f"{name} <{address}>", str(sender)}
    if not (sender.username and sender.domain and is_said_so):
        raise ValueError(
            f"{mailbox!r} is no mailbox, as in Smatrix Grid <grid@example.org>; a name with signs "
            f'in it is put into quotes, as in "Smatrix, Grid" <grid@example.org>'
        )
    if not (address.isascii() and mailbox.isprintable()):
        raise ValueError(f"{mailbox!r} has letters in it that few mail servers take")
    return sender


def _mailbox(text: str) -> str:
    if text:
        sender_of(text)
    return text


class MailSettings(Group):
    """The mail server, who writes, and how long a mail is tried."""

    smtp_host: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.:-]*$",
        description="The mail server; empty: notifications wait in their queue.",
    )
    smtp_port: int = Field(default=587, ge=1, le=MAX_PORT, description="The mail server's port.")
    smtp_security: SmtpSecurity = Field(
        default=SmtpSecurity.STARTTLS,
        description="How the mail server is reached; plaintext is for a trusted machine.",
    )
    smtp_ca_file: Annotated[FilePath | None, BeforeValidator(given)] = Field(
        default=None,
        description="PEM file of who vouches for the mail server; empty: those the system trusts.",
    )
    smtp_username: str = Field(default="", description="The mail server's user; empty: no login.")
    smtp_password: SecretStr = Field(
        default=SecretStr(""), description="The user's password; better a file, see SECRETS_DIR."
    )
    smtp_timeout: Duration = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        le=timedelta(minutes=10),
        description="How long the mail server may take for each answer.",
    )
    smtp_connections: int = Field(
        default=8, ge=1, le=200, description="Connections to the mail server at a time."
    )
    mail_sender: Annotated[str, AfterValidator(_mailbox)] = Field(
        default="", description="Who writes, as in Smatrix Grid <grid@example.org>."
    )
    mail_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs the links to unsubscribe, 16 characters or more; better a file.",
    )
    mail_base_url: Annotated[
        HttpUrl | None,
        BeforeValidator(given),
        bare("whoever gets a mail can read it, and ?token= is put behind it"),
    ] = Field(
        default=None,
        description="Where links to unsubscribe lead, followed by ?token=; empty: by mail alone.",
    )
    mail_give_up: Duration = Field(
        default=timedelta(hours=48),
        ge=timedelta(hours=24),
        description="How long a notification is tried, its night included, before it is given up.",
    )

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if bool(self.smtp_username) != bool(self.smtp_password.get_secret_value()):
            raise ValueError(
                "SMATRIX_SMTP_USERNAME and SMATRIX_SMTP_PASSWORD: set both, or none for no login"
            )
        if self.smtp_username and self.smtp_security is SmtpSecurity.PLAINTEXT:
            raise ValueError(
                "SMATRIX_SMTP_SECURITY=plaintext would show the password to others; set it to "
                "starttls or tls"
            )
        if self.smtp_host and not self.mail_sender:
            raise ValueError(
                f"SMATRIX_SMTP_HOST={self.smtp_host} needs SMATRIX_MAIL_SENDER, as in "
                f"Smatrix Grid <grid@example.org>"
            )
        if self.smtp_host and len(self.mail_secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"SMATRIX_SMTP_HOST={self.smtp_host} needs SMATRIX_MAIL_SECRET, "
                f"{SHORTEST_SECRET} characters or more, as `openssl rand -base64 24` makes them"
            )
        return self
