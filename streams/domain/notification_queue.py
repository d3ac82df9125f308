"""A queue of notifications for each recipient: what becomes a mail, when, and how it ended.

Two times are at work. Rate limits, quiet hours and the gathering of malfunctions follow event
time, so that a replay tells what the days would have told. Attempts at a mail server, their pauses
and giving up follow the wall clock (`now`, epoch s), as the server lives in it.

A mail, once begun, keeps its notifications and its id until it is sent or given up; a recipient
has at most one unfinished mail of a kind, and what comes meanwhile is in the next one.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from schemas.notifications import Notification, NotificationKind, NotificationState, Stage
from streams.domain.event_clock import EventClock
from streams.domain.notifications import (
    Failed,
    Mail,
    NotBegun,
    NotificationPolicy,
    Outcome,
    Queued,
    Recipient,
    Refusal,
    Refused,
    Sent,
    Step,
)
from streams.domain.quiet_hours import after_quiet

TOO_OLD: Final = "too_old"
EXPIRED: Final = "expired"


class Queue:
    """The notifications of a partition that are not finished."""

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        policy: NotificationPolicy,
        *,
        clock: EventClock,
        queued: Iterable[Queued],
        recipient: Callable[[str], Recipient | None],
        is_finished: Callable[[Notification], bool],
        refusal: Refusal,
    ) -> None:
        """Go on with what was queued; what was being sent when a worker ended is in doubt."""
        self._policy: Final = policy
        self._clock: Final = clock
        self._read_recipient: Final = recipient
        self._is_finished: Final = is_finished
        self._refusal: Final = refusal
        self._persons: dict[str, dict[str, Queued]] = {}
        self._recipients: dict[str, Recipient] = {}
        self._by_event_time: list[tuple[float, str]] = []
        self._by_wall_clock: list[tuple[float, str]] = []
        self._due: OrderedDict[str, None] = OrderedDict()
        self._step = Step()
        for each in queued:
            one = each
            if each.state is Stage.SENDING:
                one = replace(each, state=Stage.FAILED, in_doubt=True, retry_at=0.0)
            person, name = each.notification.person_id, each.notification.notification_id
            self._persons.setdefault(person, {})[name] = one
        for person, waiting in self._persons.items():
            self._due[person] = None
            self._await_end(person, waiting.values())

    def __len__(self) -> int:
        """Return how many notifications are not finished."""
        return sum(map(len, self._persons.values()))

    def event_time(self, *, now: float) -> float:
        """Return event time, epoch s."""
        return self._clock.time(now=now)

    def oldest_s(self, *, now: float) -> float:
        """Return how long the notification has failed that was queued first; 0 when none does."""
        failed = (
            one.queued_at
            for waiting in self._persons.values()
            for one in waiting.values()
            if one.state is Stage.FAILED
        )
        return max(now - min(failed, default=now), 0.0)

    def take(self, notifications: Iterable[Notification], *, now: float) -> None:
        """Queue notifications; those known already change nothing."""
        arrived = list(notifications)
        for one in arrived:
            # What is told at once is ahead of what waits for late readings; time never goes back.
            if one.at > self._clock.time(now=now):
                self._clock.advance(one.at, now=now)
        event_time = self._clock.time(now=now)
        for one in arrived:
            waiting = self._persons.get(one.person_id, {})
            if one.notification_id in waiting or self._is_finished(one):
                continue
            queued = Queued(
                notification=one,
                state=Stage.QUEUED,
                version=int(now * 1000),
                attempts=0,
                queued_at=now,
                seen_at=event_time,
                retry_at=0.0,
            )
            if one.at < event_time - self._policy.retention_s:
                # It could not be told from one that is finished and forgotten.
                self._tell(replace(queued, state=Stage.GIVEN_UP, reason=TOO_OLD))
                continue
            self._persons.setdefault(one.person_id, {})[one.notification_id] = queued
            reason = self._refusal(one.person_id, one.kind)
            if reason is not None:
                self._finish(queued, Stage.GIVEN_UP, now=now, reason=reason)
                continue
            self._remember(queued)
            self._tell(queued)
            before = self._recipient_of(one.person_id)
            self._know(one.person_id, None if before is None else before.told_at)
            self._due[one.person_id] = None
            self._await_end(one.person_id, [queued])

    def begin(self, *, now: float, room: int) -> list[Mail]:
        """Return the mails that are due, at most `room`, and note that they are being sent."""
        self._wake(now=now)
        mails: list[Mail] = []
        kept_back: dict[str, None] = {}
        while self._due:
            person, _ = self._due.popitem(last=False)
            for kind in NotificationKind:
                chosen = self._chosen(person, kind, now=now)
                if chosen and len(mails) < room:
                    mails.append(self._begin(chosen, now=now))
                elif chosen:
                    kept_back[person] = None
            if len(mails) >= room and kept_back:
                break
        for person in reversed(kept_back):
            self._due[person] = None
            self._due.move_to_end(person, last=False)
        return mails

    def conclude(self, mail: Mail, outcome: Outcome, *, now: float) -> None:
        """Note how a mail ended."""
        waiting = self._persons[mail.person_id]
        for notification in mail.notifications:
            self._conclude(waiting[notification.notification_id], outcome, now=now)
        if isinstance(outcome, Sent) and mail.kind is NotificationKind.AUTARKY:
            self._know(mail.person_id, self._clock.time(now=now))
        if mail.person_id in self._persons:
            self._due[mail.person_id] = None
        else:
            self._recipients.pop(mail.person_id, None)

    def drain(self) -> Step:
        """Return what has changed since the last time."""
        step, self._step = self._step, Step()
        return step

    def _wake(self, *, now: float) -> None:
        event_time = self._clock.time(now=now)
        while self._by_event_time and self._by_event_time[0][0] <= event_time:
            self._due[heapq.heappop(self._by_event_time)[1]] = None
        while self._by_wall_clock and self._by_wall_clock[0][0] <= now:
            person = heapq.heappop(self._by_wall_clock)[1]
            # Even while there is no room for a mail.
            for kind in NotificationKind:
                self._give_up(person, kind, now=now)
            self._due[person] = None

    def _give_up(self, person: str, kind: NotificationKind, *, now: float) -> None:
        """Give up what has waited too long, or is for who can't be written to any more."""
        waiting = self._of_kind(person, kind)
        if not waiting or any(one.state is Stage.SENDING for one in waiting):
            return
        refusal = self._refusal(person, kind)
        begun = [one for one in waiting if one.mail_id is not None]
        # A mail stays whole: it ends with the last of its notifications.
        last_of_mail = max((one.queued_at for one in begun), default=0.0)
        for one in waiting:
            queued_at = one.queued_at if one.mail_id is None else last_of_mail
            if refusal is not None:
                self._finish(one, Stage.GIVEN_UP, now=now, reason=refusal)
            elif now - queued_at >= self._policy.give_up_s:
                reason = f"{EXPIRED}: {one.reason}" if one.reason else EXPIRED
                self._finish(one, Stage.GIVEN_UP, now=now, reason=reason)

    def _chosen(self, person: str, kind: NotificationKind, *, now: float) -> list[Queued]:
        """Return what shall be in a recipient's mail now; nothing when none is due."""
        self._give_up(person, kind, now=now)
        waiting = self._of_kind(person, kind)
        if not waiting or any(one.state is Stage.SENDING for one in waiting):
            return []
        begun = [one for one in waiting if one.mail_id is not None]
        retry_at = max((one.retry_at for one in begun), default=0.0)
        if retry_at > now:
            heapq.heappush(self._by_wall_clock, (retry_at, person))
            return []
        at, event_time = self._due_at(person, begun or waiting, now=now), self._clock.time(now=now)
        if at > event_time:
            heapq.heappush(self._by_event_time, (at, person))
            return []
        return begun or waiting

    def _due_at(self, person: str, chosen: list[Queued], *, now: float) -> float:
        """Return the event time at which a mail with these is due, if nothing more comes."""
        first = min(one.seen_at for one in chosen)
        if chosen[0].notification.kind is NotificationKind.MALFUNCTION:
            return first + self._policy.gather_s
        recipient = self._recipient_of(person)
        told_at = None if recipient is None else recipient.told_at
        allowed = first if told_at is None else max(first, told_at + self._policy.gap_s)
        # Quiet hours may have begun while it waited.
        return after_quiet(
            max(allowed, self._clock.time(now=now)),
            zone=chosen[-1].notification.zone,
            quiet_from=self._policy.quiet_from,
            quiet_to=self._policy.quiet_to,
        )

    def _begin(self, chosen: list[Queued], *, now: float) -> Mail:
        mail_id = chosen[0].mail_id or chosen[0].notification.notification_id
        is_repeated = any(one.in_doubt for one in chosen)
        for one in chosen:
            self._change(one, Stage.SENDING, now=now, attempts=one.attempts + 1, mail_id=mail_id)
        first = chosen[0].notification
        return Mail(
            mail_id,
            first.person_id,
            first.kind,
            tuple(one.notification for one in chosen),
            is_repeated,
        )

    def _conclude(self, one: Queued, outcome: Outcome, *, now: float) -> None:
        match outcome:
            case Sent():
                self._step.waited_s.append(max(now - one.queued_at, 0.0))
                self._finish(one, Stage.SENT, now=now, reason=None)
            case Refused(reason):
                self._finish(one, Stage.GIVEN_UP, now=now, reason=reason)
            case Failed(reason, in_doubt):
                self._change(
                    one,
                    Stage.FAILED,
                    now=now,
                    reason=reason,
                    in_doubt=one.in_doubt or in_doubt,
                    retry_at=now + self._policy.pause_s(one.attempts),
                )
            case NotBegun():
                # Its mail keeps its id.
                state = Stage.FAILED if one.reason or one.in_doubt else Stage.QUEUED
                self._change(one, state, now=now, attempts=one.attempts - 1)

    def _change(self, one: Queued, state: Stage, *, now: float, **others: object) -> None:
        changed = replace(
            one,
            state=state,
            version=max(int(now * 1000), one.version + 1),
            **others,  # type: ignore[arg-type] # of Queued
        )
        notification = one.notification
        self._persons[notification.person_id][notification.notification_id] = changed
        self._remember(changed)
        self._tell(changed)

    def _finish(self, one: Queued, state: Stage, *, now: float, reason: str | None) -> None:
        notification = one.notification
        version = max(int(now * 1000), one.version + 1)
        self._tell(replace(one, state=state, version=version, reason=reason))
        self._step.queued[notification.person_id, notification.notification_id] = None
        self._step.finished.append(notification)
        waiting = self._persons[notification.person_id]
        del waiting[notification.notification_id]
        if not waiting:
            del self._persons[notification.person_id]
            self._recipients.pop(notification.person_id, None)

    def _remember(self, one: Queued) -> None:
        notification = one.notification
        self._step.queued[notification.person_id, notification.notification_id] = one

    def _tell(self, one: Queued) -> None:
        notification = one.notification
        self._step.states.append(
            NotificationState(
                notification_id=notification.notification_id,
                version=one.version,
                person_id=notification.person_id,
                kind=notification.kind,
                at=notification.at,
                state=one.state,
                reason=one.reason,
                attempts=one.attempts,
                mail_id=one.mail_id,
                in_doubt=one.in_doubt,
            )
        )

    def _of_kind(self, person: str, kind: NotificationKind) -> list[Queued]:
        """Return a recipient's notifications of a kind, the earliest first."""
        waiting: Mapping[str, Queued] = self._persons.get(person, {})
        return sorted(
            (one for one in waiting.values() if one.notification.kind is kind),
            key=lambda one: (one.notification.at, one.notification.notification_id),
        )

    def _recipient_of(self, person: str) -> Recipient | None:
        if person not in self._recipients:
            known = self._read_recipient(person)
            if known is None:
                return None
            self._recipients[person] = known
        return self._recipients[person]

    def _know(self, person: str, told_at: float | None) -> None:
        known = Recipient(told_at=told_at, reached=self._clock.reached, since=self._clock.since)
        self._recipients[person] = known
        self._step.recipients[person] = known

    def _await_end(self, person: str, waiting: Iterable[Queued]) -> None:
        for one in waiting:
            at = one.queued_at + self._policy.give_up_s
            heapq.heappush(self._by_wall_clock, (at, person))
