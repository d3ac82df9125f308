"""The signed word with which somebody unsubscribes, and nobody else for them."""

import base64
import binascii
import hmac
from typing import Final

from schemas.errors import OperatorError
from schemas.notifications import NotificationKind, Subscription

_DIGEST: Final = "sha256"
_SEPARATOR: Final = b"\0"


class TokenError(OperatorError):
    """A token that was not signed by us; the text is one line for people."""


def token_of(person_id: str, kind: NotificationKind, *, secret: bytes) -> str:
    """Return the token that unsubscribes a person from a kind, fit for a link."""
    said = kind.encode() + _SEPARATOR + person_id.encode()
    return _signed(said, secret=secret)


def read_token(token: str, *, secret: bytes) -> tuple[str, NotificationKind]:
    """Return whom a token unsubscribes, and from what.

    Raises:
        TokenError: If it was not signed with this secret, or was changed.
    """
    try:
        content = _bytes(token.partition(".")[0])
    except (binascii.Error, ValueError):
        raise TokenError("that is no token: copy the whole of it") from None
    if not hmac.compare_digest(token.encode(), _signed(content, secret=secret).encode()):
        raise TokenError("the token is not signed with SMATRIX_MAIL_SECRET, or was changed")
    kind, _, person_id = content.partition(_SEPARATOR)
    return person_id.decode(), NotificationKind(kind.decode())


def changed(
    before: Subscription | None,
    person_id: str,
    kind: NotificationKind,
    *,
    wanted: bool,
    now_ms: int,
) -> Subscription | None:
    """Return a person's subscription once a kind is wanted or not; None when it is so already."""
    unwanted = set() if before is None else set(before.unsubscribed)
    after = unwanted - {kind} if wanted else unwanted | {kind}
    if after == unwanted:
        return None
    version = now_ms if before is None else max(now_ms, before.version + 1)
    return Subscription(person_id=person_id, version=version, unsubscribed=sorted(after))


def _signed(content: bytes, *, secret: bytes) -> str:
    return f"{_text(content)}.{_text(hmac.digest(secret, content, _DIGEST))}"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
