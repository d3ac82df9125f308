"""What a mail says, in which language, and that nobody writes into its headers or its HTML."""

import email
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from schemas.notifications import MalfunctionNotice, Notification, NotificationKind
from schemas.persons import Language
from sinks.mail.rendering import AddressError, Renderer
from sinks.mail.words import SUBJECTS, WORDS
from streams.domain.addressees import Addressee
from streams.domain.notifications import Mail
from streams.domain.subscriptions import read_token
from tests.notified import a_notification

SECRET = b"0123456789abcdef"
SENDER = "Smatrix Grid <grid@example.org>"
NOW = datetime(2025, 6, 16, 12, 20, tzinfo=UTC)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language",
    "List-Unsubscribe", "MIME-Version", "Content-Type",
}  # fmt: skip


@cache
def renderer(base_url: str | None) -> Renderer:
    return Renderer(sender=SENDER, secret=SECRET, base_url=base_url)


def written(
    *notifications: Notification,
    name: str = "Erika Mustermann",
    address: str = "erika@example.org",
    language: Language = Language.ENGLISH,
    base_url: str | None = None,
) -> bytes:
    """Return a mail as it goes to the mail server."""
    first = notifications[0]
    mail = Mail(
        first.notification_id, first.person_id, first.kind, notifications, is_repeated=False
    )
    to = Addressee(1, name, address, language)
    return renderer(base_url).render(mail, to, now=NOW).as_bytes()


def rendered(*notifications: Notification, **others: Any) -> EmailMessage:  # noqa: ANN401 - as written
    """Return a mail as a mail program reads it."""
    return email.message_from_bytes(written(*notifications, **others), policy=default)


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("language", "subject", "greeting"),
    [
        (Language.ENGLISH, "Your household is self-sufficient since 2025-06-16 14:00", "Hello"),
        (Language.FRENCH, "Votre foyer est autosuffisant depuis le 16/06/2025 14:00", "Bonjour"),
    ],
)
def test_a_mail_is_in_the_recipient_s_language_and_zone_as_text_and_html(
    language: Language, subject: str, greeting: str
) -> None:
    message = rendered(a_notification(), language=language)

    assert message["Subject"] == subject
    assert message["Content-Language"] == language
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    for text in (body(message, "plain"), Tags(body(message, "html")).text):
        assert f"{greeting} Erika Mustermann," in text
        assert "199 Wh" in text
        assert "99 %" in text
        assert "Europe/Berlin" in text


@pytest.mark.parametrize("language", Language)
def test_all_that_can_be_told_has_words(language: Language) -> None:
    assert WORDS[language].keys() == WORDS[Language.ENGLISH].keys()
    assert SUBJECTS[language].keys() == set(NotificationKind)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", NotificationKind)
def test_a_digest_has_each_notification_once(kind: NotificationKind, language: Language) -> None:
    many = [a_notification(f"n{n}", kind=kind, meter_id=[f"meter{n};"]) for n in range(20)]

    message = rendered(*many, language=language)

    for subtype in ("plain", "html"):
        text = body(message, subtype)
        assert all(text.count(f"meter{n};") == 1 for n in range(20))
    assert "20" in message["Subject"]


def test_a_mail_is_known_by_its_notification_and_lets_its_recipient_out() -> None:
    message = rendered(a_notification("n7", "p7"), base_url="https://grid.example.org/out")

    assert message["Message-ID"] == "<n7@example.org>"
    link, mail_to = message["List-Unsubscribe"].split(", ")
    token = link.removeprefix("<https://grid.example.org/out?token=").removesuffix(">")
    assert read_token(token, secret=SECRET) == ("p7", NotificationKind.AUTARKY)
    assert mail_to == f"<mailto:grid@example.org?subject=unsubscribe%20{token}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link[1:-1] in body(message, "plain")


def test_the_way_out_is_a_link_and_no_encoded_word_however_long_an_id_is() -> None:
    raw = written(a_notification("n" * 128, "p" * 128))

    headers, _, _ = raw.partition(b"\r\n\r\n")
    assert b"List-Unsubscribe: <mailto:" in headers
    assert b"=?" not in headers


@given(
    name=st.text(min_size=1, max_size=60),
    meter=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60),
    reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
def test_whatever_is_named_how_headers_and_html_are_ours(
    name: str, meter: str, reason: str
) -> None:
    told = a_notification(kind=NotificationKind.MALFUNCTION, meter_id=[meter])
    assert told.malfunction is not None
    malfunction = MalfunctionNotice(**{**told.malfunction.model_dump(), "reason": reason})

    try:
        message = rendered(told.model_copy(update={"malfunction": malfunction}), name=name)
    except UnicodeEncodeError:
        assert any("\ud800" <= letter <= "\udfff" for letter in name)  # no text at all
        return

    assert set(message.keys()) == HEADERS
    assert message.defects == []
    plain = rendered(a_notification(kind=NotificationKind.MALFUNCTION))
    assert Tags(body(message, "html")).tags == Tags(body(plain, "html")).tags


@pytest.mark.parametrize(
    "attack", ["\r\nBcc: x@example.org", "\n\nBody", "\r", "\u2028Bcc: x", "\0"]
)
def test_a_line_break_in_a_name_makes_no_header(attack: str) -> None:
    message = rendered(a_notification(), name=f"Erika{attack}")

    assert set(message.keys()) == HEADERS
    assert "x@example.org" not in [address.addr_spec for address in message["To"].addresses]


def test_markup_in_a_name_is_text() -> None:
    message = rendered(a_notification(), name="<script>alert(1)</script>")

    page = Tags(body(message, "html"))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c\r\nBcc: x@example.org",
        "a b@example.org",
        "<a@example.org>",
        "a,b@c.d,e@f.g",
        "é@b.c",
        "@",
        "",
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(address: str) -> None:
    with pytest.raises(AddressError) as refused:
        rendered(a_notification(), address=address)

    assert not address or address not in str(refused.value)
