"""Who unsubscribes by a token, and who can't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.notifications import NotificationKind
from schemas.persons import Person
from schemas.units import Id
from streams.domain.addressees import Addressees
from streams.domain.registry import erased
from streams.domain.subscriptions import TokenError, changed, read_token, token_of
from tests.registered import a_person

SECRET = b"0123456789abcdef"
KIND = NotificationKind.AUTARKY
is_id = TypeAdapter(Id).validate_python
ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128)


@given(person=ids, kind=st.sampled_from(NotificationKind))
def test_a_token_says_whom_it_unsubscribes_from_what(person: str, kind: NotificationKind) -> None:
    token = token_of(is_id(person), kind, secret=SECRET)

    assert read_token(token, secret=SECRET) == (person, kind)


@given(place=st.integers(0, 56), letter=st.sampled_from("Aa0_.-é \n"))
def test_a_token_that_was_changed_is_refused(place: int, letter: str) -> None:
    token = token_of("p1", KIND, secret=SECRET)
    forged = token[:place] + letter + token[place + 1 :]

    if forged != token:
        with pytest.raises(TokenError):
            read_token(forged, secret=SECRET)


def test_a_token_of_another_secret_is_refused() -> None:
    with pytest.raises(TokenError, match="SMATRIX_MAIL_SECRET"):
        read_token(token_of("p1", KIND, secret=SECRET[::-1]), secret=SECRET)


def test_a_subscription_changes_once_and_back_under_growing_versions() -> None:
    out = changed(None, "p1", KIND, wanted=False, now_ms=10)
    assert out is not None
    again = changed(out, "p1", KIND, wanted=False, now_ms=11)
    back = changed(out, "p1", KIND, wanted=True, now_ms=5)

    assert (out.unsubscribed, again) == ([KIND], None)
    assert back is not None
    assert (back.unsubscribed, back.version) == ([], 11)


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (a_person("p1"), None),
        (a_person("p1", email=None), "no_email"),
        (erased(a_person("p1"), now_ms=2), "erased"),
        (a_person("p2"), "unknown_person"),
    ],
)
def test_who_can_be_written_to(person: Person, reason: str | None) -> None:
    addressees = Addressees()

    addressees.take_person(person)

    assert addressees.refusal("p1", KIND) == reason


def test_an_older_version_does_not_bring_back_what_was_erased() -> None:
    addressees = Addressees()

    addressees.take_person(erased(a_person("p1"), now_ms=2))
    addressees.take_person(a_person("p1"))

    assert addressees["p1"].email is None


def test_who_unsubscribed_from_one_kind_gets_the_others() -> None:
    addressees = Addressees()
    addressees.take_person(a_person("p1"))
    out = changed(None, "p1", KIND, wanted=False, now_ms=10)
    assert out is not None

    addressees.take_subscription(out)

    assert addressees.refusal("p1", KIND) == "unsubscribed"
    assert addressees.refusal("p1", NotificationKind.MALFUNCTION) is None
