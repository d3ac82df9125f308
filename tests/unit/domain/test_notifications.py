"""The queue of notifications: so many mails, none at night, each exactly once, none lost."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.notifications import Notification, NotificationKind, NotificationState, Stage
from streams.domain.event_clock import EventClock
from streams.domain.notification_queue import Queue
from streams.domain.notifications import (
    Failed,
    Mail,
    NotBegun,
    NotificationPolicy,
    Outcome,
    Queued,
    Recipient,
    Refused,
    Sent,
)
from streams.domain.quiet_hours import is_quiet
from tests.builders import DAY_S, HOUR_S, MINUTE_S, NOON
from tests.notified import a_notification

POLICY = NotificationPolicy(
    gap_s=HOUR_S,
    gather_s=2 * MINUTE_S,
    quiet_from=time(22),
    quiet_to=time(7),
    give_up_s=400 * DAY_S,
    retention_s=400 * DAY_S,
)
AUTARKY, MALFUNCTION = NotificationKind.AUTARKY, NotificationKind.MALFUNCTION
EVENING = NOON + 9 * HOUR_S  # 23:00 in Berlin


@dataclass
class Post:
    """A queue on tables as they would be after a crash, and all that it told."""

    policy: NotificationPolicy = POLICY
    now: float = NOON
    queued: dict[tuple[str, str], Queued] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    recipients: dict[str, Recipient] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    states: list[NotificationState] = field(default_factory=list)
    under_way: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.crash()

    def crash(self) -> None:
        """Begin again from what is durable; what is under way ends unheard."""
        self.under_way.clear()
        clock = EventClock()
        for recipient in self.recipients.values():
            clock.advance(recipient.reached, now=recipient.since)
        self.queue = Queue(
            self.policy,
            clock=clock,
            queued=list(self.queued.values()),
            recipient=self.recipients.get,
            is_finished=lambda one: one.notification_id in self.finished,
            refusal=lambda person, _: self.refusals.get(person),
        )

    def take(self, *notifications: Notification) -> None:
        self.queue.take(notifications, now=self.now)
        self._keep()

    def begin(self, *, room: int = 100) -> list[Mail]:
        mails = self.queue.begin(now=self.now, room=room)
        self._keep()
        self.under_way += mails
        return mails

    def end(self, mail: Mail, outcome: Outcome) -> None:
        self.under_way.remove(mail)
        self.queue.conclude(mail, outcome, now=self.now)
        self._keep()

    def event_time(self) -> float:
        return self.queue.event_time(now=self.now)

    def last_states(self) -> dict[str, tuple[Stage, str | None]]:
        return {state.notification_id: (state.state, state.reason) for state in self.states}

    def _keep(self) -> None:
        step = self.queue.drain()
        for place, one in step.queued.items():
            if one is None:
                self.queued.pop(place, None)
            else:
                self.queued[place] = one
        self.finished |= {one.notification_id for one in step.finished}
        self.recipients |= step.recipients
        self.states += step.states


def sent_at_once(*notifications: Notification, post: Post | None = None) -> list[Mail]:
    post = post or Post()
    post.take(*notifications)
    mails = post.begin()
    for mail in mails:
        post.end(mail, Sent())
    return mails


def test_a_notification_is_a_mail_whose_id_is_its_own() -> None:
    post = Post()

    (mail,) = sent_at_once(a_notification("n1"), post=post)

    assert mail.mail_id == "n1"
    assert [state.state for state in post.states] == ["queued", "sending", "sent"]


def test_the_same_notification_again_changes_nothing() -> None:
    post = Post()
    sent_at_once(a_notification("n1"), post=post)

    post.now += DAY_S
    assert sent_at_once(a_notification("n1"), a_notification("n1"), post=post) == []


def test_within_the_hour_autarky_waits_and_then_is_one_mail() -> None:
    post = Post()
    sent_at_once(a_notification("n1"), post=post)

    post.take(a_notification("n2", at=NOON + 900), a_notification("n3", at=NOON + 1_800))
    at_once = post.begin()
    post.now += HOUR_S
    (digest,) = post.begin()

    assert at_once == []
    assert [one.notification_id for one in digest.notifications] == ["n2", "n3"]


def test_a_mass_outage_is_one_mail_after_a_moment_of_gathering() -> None:
    post = Post()
    outage = [a_notification(f"n{n}", kind=MALFUNCTION) for n in range(500)]

    post.take(*outage)
    at_once = post.begin()
    post.now += POLICY.gather_s
    (mail,) = post.begin()

    assert at_once == []
    assert len(mail.notifications) == 500


def test_at_night_autarky_waits_for_the_morning_and_malfunctions_do_not() -> None:
    post = Post()
    post.take(
        a_notification("n1", at=EVENING),
        a_notification("n2", at=EVENING, kind=MALFUNCTION),
    )

    post.now += POLICY.gather_s
    at_night = post.begin()
    post.now += 8 * HOUR_S
    in_the_morning = post.begin()

    assert [mail.kind for mail in at_night] == [MALFUNCTION]
    assert [mail.kind for mail in in_the_morning] == [AUTARKY]


def test_night_is_where_the_recipient_is() -> None:
    mails = sent_at_once(
        a_notification("n1", "here", at=EVENING),
        a_notification("n2", "there", at=EVENING, zone="America/New_York"),
    )

    assert [mail.person_id for mail in mails] == ["there"]


@pytest.mark.parametrize("reason", ["erased", "no_email", "unsubscribed"])
def test_who_can_t_be_written_to_is_given_up_also_when_that_is_new(reason: str) -> None:
    post = Post(refusals={"nobody": reason})
    post.take(a_notification("n1", "nobody"), a_notification("n2", "later", at=EVENING))
    post.refusals["later"] = reason

    post.now += DAY_S

    assert post.begin() == []
    assert post.last_states() == {"n1": ("given_up", reason), "n2": ("given_up", reason)}


def test_a_failed_mail_is_tried_again_after_pauses_that_grow() -> None:
    post = Post()
    post.take(a_notification("n1"))
    tries: list[float] = []
    while len(tries) < 6:
        for mail in post.begin():
            tries.append(post.now)
            post.end(mail, Failed("connecting: no connection"))
        post.now += 30

    gaps = [later - before for before, later in pairwise(tries)]
    assert gaps == [30, 60, 120, 240, 480]


def test_a_refused_one_is_given_up_at_once() -> None:
    post = Post()
    post.take(a_notification("n1"))

    post.end(post.begin()[0], Refused("recipient: 550"))

    assert post.last_states() == {"n1": ("given_up", "recipient: 550")}
    assert len(post.queue) == 0


@pytest.mark.parametrize("room", [0, 10])
def test_what_has_waited_too_long_is_given_up_also_without_a_mail_server(room: int) -> None:
    post = Post(replace(POLICY, give_up_s=2 * DAY_S))
    post.take(a_notification("n1"))
    post.end(post.begin()[0], Failed("connecting: no connection"))
    post.take(a_notification("n2", "p2"))

    post.now += 2 * DAY_S

    assert post.begin(room=room) == []
    assert post.last_states() == {
        "n1": ("given_up", "expired: connecting: no connection"),
        "n2": ("given_up", "expired"),
    }


def test_what_is_older_than_what_is_remembered_is_given_up() -> None:
    post = Post(replace(POLICY, retention_s=2 * DAY_S))

    mails = sent_at_once(a_notification("n1"), a_notification("n2", at=NOON - 3 * DAY_S), post=post)

    assert [one.notification_id for mail in mails for one in mail.notifications] == ["n1"]
    assert post.last_states()["n2"] == ("given_up", "too_old")


def test_what_was_being_sent_when_the_worker_died_is_sent_again_and_says_so() -> None:
    post = Post()
    post.take(a_notification("n1"))
    (first,) = post.begin()

    post.crash()
    (again,) = post.begin()
    post.end(again, Sent())

    assert (first.is_repeated, again.is_repeated) == (False, True)
    assert again.mail_id == first.mail_id
    assert (post.states[-1].state, post.states[-1].attempts) == (Stage.SENT, 2)
    assert post.states[-1].in_doubt


def test_a_mail_that_was_not_begun_counts_as_no_attempt() -> None:
    post = Post()
    post.take(a_notification("n1"))

    post.end(post.begin()[0], NotBegun())
    (mail,) = post.begin()
    post.end(mail, Sent())

    assert not mail.is_repeated
    assert (post.states[-1].attempts, post.states[-1].in_doubt) == (1, False)


def test_there_are_no_more_mails_than_there_is_room_for() -> None:
    post = Post()
    post.take(*(a_notification(f"n{n}", f"p{n}") for n in range(5)))

    begun = [len(post.begin(room=2)) for _ in range(4)]

    assert begun == [2, 2, 1, 0]


@dataclass
class Life:
    """A queue, and what its recipients see."""

    post: Post = field(default_factory=Post)
    told_of: dict[str, Notification] = field(default_factory=dict)
    begun: list[tuple[Mail, float]] = field(default_factory=list)
    sent: list[tuple[Mail, float]] = field(default_factory=list)
    reached: float = 0.0

    def arrive(self, person: str, kind: NotificationKind, quarter: int) -> None:
        at = NOON + quarter * 15 * MINUTE_S
        one = a_notification(f"n{len(self.told_of)}", person, kind=kind, at=at)
        self.told_of[one.notification_id] = one
        self.post.take(one)

    def repeat(self) -> None:
        self.post.take(*self.told_of.values())

    def wait(self, seconds: int) -> None:
        self.post.now += seconds
        self.begin()

    def begin(self) -> None:
        self.begun += [(mail, self.post.event_time()) for mail in self.post.begin(room=2)]

    def end(self, outcome: Outcome) -> None:
        if self.post.under_way:
            mail = self.post.under_way[0]
            self.post.end(mail, outcome)
            if isinstance(outcome, Sent):
                self.sent.append((mail, self.post.event_time()))

    def crash(self) -> None:
        self.post.crash()

    def go_on(self, actions: list[tuple[Any, ...]]) -> None:
        """Live through it, and then as long as it takes with a mail server that takes all."""
        for action, *details in actions:
            getattr(self, action)(*details)
            assert self.post.event_time() >= self.reached
            self.reached = self.post.event_time()
        for _ in range(500):
            self.wait(20 * MINUTE_S)
            while self.post.under_way:
                self.end(Sent())


people = ("p1", "p2", "p3")
outcomes = (Sent(), Sent(), Failed("connecting"), Failed("content", in_doubt=True), NotBegun())
actions = st.one_of(
    st.tuples(
        st.just("arrive"),
        st.sampled_from(people),
        st.sampled_from(NotificationKind),
        st.integers(0, 40),
    ),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 600, 3_600, 6 * 3_600])),
    st.tuples(st.just("end"), st.sampled_from(outcomes)),
    st.sampled_from([("begin",), ("crash",), ("repeat",)]),
)


@settings(max_examples=200, deadline=None)
@given(lived=st.lists(actions, max_size=60))
def test_whatever_happens_nothing_is_lost_or_doubled_and_nobody_is_disturbed(
    lived: list[tuple[Any, ...]],
) -> None:
    life = Life()
    life.arrive("somebody else", AUTARKY, 0)

    life.go_on(lived)

    told = Counter(one.notification_id for mail, _ in life.sent for one in mail.notifications)
    assert told == Counter(life.told_of.keys())
    assert (len(life.post.queue), life.post.queued) == (0, {})
    contents = {mail.mail_id: mail.notifications for mail, _ in life.begun}
    assert all(contents[mail.mail_id] == mail.notifications for mail, _ in life.begun)
    assert not any(
        is_quiet(at, zone="Europe/Berlin", quiet_from=time(22), quiet_to=time(7))
        for mail, at in life.begun
        if mail.kind is AUTARKY
    )
    for person in people:
        times = [at for mail, at in life.sent if (mail.person_id, mail.kind) == (person, AUTARKY)]
        assert all(later - before >= POLICY.gap_s for before, later in pairwise(times))
    versions: dict[str, int] = {}
    for state in life.post.states:
        assert state.version > versions.get(state.notification_id, 0)
        versions[state.notification_id] = state.version
