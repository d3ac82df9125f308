"""Mails as messages: headers, plain text and HTML, in the recipient's language.

What people or terminals have named, reasons too, is text and nothing else: HTML is escaped by the
template's name, and the library refuses a header with a line break in it.
"""

from datetime import datetime
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from math import floor
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from schemas.notifications import Notification
from schemas.persons import Language
from sinks.mail.words import FORMATS, SUBJECTS, WORDS
from streams.configuration.mail import sender_of
from streams.domain.addressees import Addressee
from streams.domain.notifications import Mail
from streams.domain.subscriptions import token_of

TEMPLATES: Final = Path(__file__).parent / "templates"
_TEXT: Final = ".txt.jinja"
_HTML: Final = ".html.jinja"
_MWH_IN_WH: Final = 1_000
# Folded at 78, a link would be written as an encoded word, in which no mail program looks for it.
_POLICY: Final = policy.SMTP.clone(max_line_length=998)
_ENCODED: Final = "quoted-printable"


class AddressError(Exception):
    """Nobody can be written to there; the text does not have the address in it."""


class Renderer:
    """Writes mails for one sender."""

    def __init__(self, *, sender: str, secret: bytes, base_url: str | None) -> None:
        """Write for a sender.

        Args:
            sender: Who writes, as in `Smatrix Grid <grid@example.org>`.
            secret: Signs the tokens with which recipients unsubscribe.
            base_url: Where a link to unsubscribe leads; None: there is none, but a mail address.
        """
        self._sender: Final = sender_of(sender)
        self._secret: Final = secret
        self._base_url: Final = base_url
        self._templates: Final = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(enabled_extensions=(_HTML,), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )

    def render(self, mail: Mail, to: Addressee, *, now: datetime) -> EmailMessage:
        """Return a mail as a message, dated `now`.

        Raises:
            AddressError: If the addressee's e-mail is no address that SMTP takes.
        """
        token = token_of(mail.person_id, mail.kind, secret=self._secret)
        mail_to = f"mailto:{self._sender.addr_spec}?subject={quote(f'unsubscribe {token}')}"
        link = None if self._base_url is None else f"{self._base_url}?{urlencode({'token': token})}"
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender
        message["To"] = _recipient(to)
        message["Subject"] = _subject(mail, to.language)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.mail_id}@{self._sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = ", ".join(
            f"<{way}>" for way in (link, mail_to) if way is not None
        )
        if link is not None:
            # RFC 8058: mail programs post to the link, and ask nothing more.
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        words = {
            "name": _name(to),
            "items": [_item(each, to.language) for each in mail.notifications],
            "unsubscribe": link or mail_to,
        }
        text, html = (self._text(mail, to.language, end, words) for end in (_TEXT, _HTML))
        message.set_content(text, cte=_ENCODED)
        message.add_alternative(html, subtype="html", cte=_ENCODED)
        # Setting the content takes away what was said of another one.
        message["Content-Language"] = to.language.value
        return message

    def _text(self, mail: Mail, language: Language, ending: str, words: dict[str, Any]) -> str:
        name = f"{mail.kind}.{language}{ending}"
        return self._templates.get_template(name).render(words)


def _name(to: Addressee) -> str:
    """Return a name without the line breaks that it may have been registered with."""
    letters = (letter if letter.isprintable() else " " for letter in to.name or "")
    return " ".join("".join(letters).split())


def _recipient(to: Addressee) -> Address:
    email = to.email or ""
    if not email.isascii():
        raise AddressError("the address has letters that few mail servers take")
    try:
        return Address(_name(to), addr_spec=email)
    except (ValueError, IndexError, HeaderParseError):
        raise AddressError("the address is none") from None


def _subject(mail: Mail, language: Language) -> str:
    one, many = SUBJECTS[language][mail.kind]
    if len(mail.notifications) > 1:
        return many.format(count=len(mail.notifications))
    (notification,) = mail.notifications
    return one.format(**_item(notification, language))


def _item(notification: Notification, language: Language) -> dict[str, Any]:
    """Return what a template may say of a notification."""
    words, zone = WORDS[language], ZoneInfo(notification.zone)

    def clock(at: int) -> str:
        return datetime.fromtimestamp(at, zone).strftime(FORMATS[language])

    item: dict[str, Any] = {
        "community": notification.community_id,
        "meters": notification.meter_id,
        "at": clock(notification.at),
        "zone": notification.zone,
    }
    if (autarky := notification.autarky) is not None:
        item |= {
            "state": words[autarky.state],
            # Not rounded up: 99.5 % is not all of it.
            "percent": floor(round(100 * autarky.self_sufficiency, 6)),
            "consumption_wh": autarky.consumption_mwh // _MWH_IN_WH,
            "solar_used_wh": autarky.solar_used_mwh // _MWH_IN_WH,
        }
    if (malfunction := notification.malfunction) is not None:
        item |= {
            "ticket": malfunction.ticket_id,
            "event": words[malfunction.event],
            "kind": words[malfunction.kind],
            "since": clock(malfunction.since),
            "reason": malfunction.reason,
        }
    return item
