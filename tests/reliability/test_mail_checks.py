"""Mails that are lost or doubled are found; those that are in doubt may have come twice."""

import pytest

from reliability.mail_checks import State, faults_of

SENT = State("sent", None, "mail-1", in_doubt=False)
IN_DOUBT = SENT._replace(in_doubt=True)
NEWS = "news-00001"


def found(
    state: State | None = SENT,
    *,
    told: bool = True,
    came: int = 1,
    mentioned: int = 1,
    of_nobody: int = 0,
) -> list[str]:
    return list(
        faults_of(
            [NEWS] if told else [],
            [NEWS],
            {} if state is None else {NEWS: state},
            {"mail-1": came} | ({"mail-9": of_nobody} if of_nobody else {}),
            {NEWS: mentioned} if mentioned else {},
        )
    )


def test_a_mail_that_came_once_is_as_it_must_be() -> None:
    assert found() == []


def test_a_mail_that_is_in_doubt_may_come_twice() -> None:
    assert found(IN_DOUBT, came=2, mentioned=2) == []


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (found(told=False), "was acknowledged, and is not in the topic"),
        (found(None), "ClickHouse knows nothing of it"),
        (found(State("failed", "content: 451", "mail-1", in_doubt=False)), "is failed"),
        (found(State("given_up", "no_email", None, in_doubt=False)), "is given_up (no_email)"),
        (found(came=0), "mail mail-1 never came"),
        (found(came=2), "came more than once, and is not in doubt"),
        (found(mentioned=2), "is in 2 mails, and is not in doubt"),
        (found(mentioned=0), "is sent, and in no mail"),
        (found(of_nobody=1), "mail mail-9 came, and belongs to nothing"),
    ],
)
def test_what_must_not_be_is_found(faults: list[str], said: str) -> None:
    assert any(said in fault for fault in faults)
