"""What is told of a community, assigned to its watch: whatever comes again changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from schemas.malfunction import MalfunctionKind
from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.malfunction import (
    TERMINAL,
    VERDICTS_OF_THE_BROKEN,
    Failures,
    MalfunctionPolicy,
    Refused,
    Told,
    Watch,
    kind_of,
)

_OF_FOREIGN_FRAMES: Final = frozenset({"null_key", "key_mismatch", "community_id"})
"""Rules after which it is not certain whose the frame was."""

_OF_THE_FRAME: Final = frozenset({"meter_id"})
"""Rules whose meters are none, so that they are the terminal's failures."""

_AHEAD_S: Final = 600
"""No sound minute is told so far ahead of the clock of who refused it."""


@dataclass(frozen=True, slots=True)
class ToldMinute:
    """A closed minute, as metering tells it; `told_at` is when, epoch seconds."""

    community_id: str
    minute: int
    version: int
    reported: int
    missing: frozenset[str]
    told_at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one rule has refused of a frame.

    Attributes:
        minute: That of the frame; None where it could not be read.
        meters: Whose readings; empty: the whole frame.
        frame: The place of the frame in its topic.
        place: The place of the refusal in its own.
        told_at: When it was told, epoch seconds.
    """

    community_id: str
    rule: str
    minute: int | None
    meters: tuple[str, ...]
    frame: int
    place: int
    told_at: float


@dataclass(frozen=True, slots=True)
class Failed:
    """What validation has failed of a community's settlement period.

    Attributes:
        period_end: Of the period, epoch seconds.
        readings: Rule, meter and minute of each, for every rule that spoke up at it.
        place: The place of the verdicts in their topic.
        told_at: When they were told, epoch seconds.
    """

    community_id: str
    period_end: int
    readings: tuple[tuple[str, str, int], ...]
    place: int
    told_at: float


def tell(watch: Watch | None, told: ToldMinute, *, policy: MalfunctionPolicy) -> Watch:
    """Return the watch with a told minute; the very same when that says nothing new."""
    watch = watch or Watch(community_id=told.community_id, heard_at=told.told_at)
    if not watch.has_minutes:
        watch = replace(
            watch,
            first=told.minute,
            newest=told.minute - MINUTE_S,
            judged=told.minute - MINUTE_S,
            failures={
                refused: replace(failures, seen=told.minute)
                for refused, failures in watch.failures.items()
            },
        )
    if told.told_at > watch.heard_at:
        watch = replace(watch, heard_at=told.told_at)
    if told.minute > watch.newest:
        watch = replace(
            watch,
            newest=told.minute,
            told_at=told.told_at,
            meters=told.reported + len(told.missing),
        )
    known = watch.minutes.get(told.minute)
    is_newer = known is None or known.version < told.version
    if not is_newer or told.minute <= watch.judged - policy.kept_minutes * MINUTE_S:
        return watch
    fresh = {told.minute: Told(told.version, told.missing)}
    return replace(watch, minutes={**watch.minutes, **fresh})


def refuse(watch: Watch | None, refusal: Refusal, *, policy: MalfunctionPolicy) -> Watch | None:
    """Return the watch with a refusal; the very same when that says nothing new."""
    if refusal.rule in _OF_FOREIGN_FRAMES:
        return watch
    watch = watch or Watch(community_id=refusal.community_id, heard_at=refusal.told_at)
    if refusal.place <= watch.refusals_until:
        return watch
    failures = dict(watch.failures)
    minute, bad_until = _when(watch, refusal)
    for meter in _subjects(refusal):
        key = Refused(refusal.rule, meter)
        failures[key] = _failed(
            failures.get(key, Failures()),
            minute,
            place=refusal.frame,
            bad_until=bad_until,
            watch=watch,
            policy=policy,
        )
    return replace(
        watch,
        failures=failures,
        refusals_until=refusal.place,
        heard_at=max(watch.heard_at, refusal.told_at),
    )


def fail(watch: Watch | None, failed: Failed, *, policy: MalfunctionPolicy) -> Watch:
    """Return the watch with what validation has failed; the very same when that is nothing new.

    A reading's place among those that failed is its minute: however often its period is judged
    again, it fails once. Whether the next period is better is not known before that was judged, so
    until then no minute is good.
    """
    watch = watch or Watch(community_id=failed.community_id, heard_at=failed.told_at)
    if failed.place <= watch.verdicts_until:
        return watch
    failures = dict(watch.failures)
    for rule, meter, minute in failed.readings:
        if rule not in VERDICTS_OF_THE_BROKEN:
            continue
        key = Refused(rule, meter)
        failures[key] = _failed(
            failures.get(key, Failures()),
            minute,
            place=minute,
            bad_until=failed.period_end + PERIOD_S + policy.lateness_s,
            watch=watch,
            policy=policy,
        )
    return replace(watch, failures=failures, verdicts_until=failed.place)


def _subjects(refusal: Refusal) -> Iterable[str]:
    if not refusal.meters or refusal.rule in _OF_THE_FRAME:
        return (TERMINAL,)
    return refusal.meters


def _when(watch: Watch, refusal: Refusal) -> tuple[int, int]:
    """Return in which minute a refused reading failed, and until when that is nothing good."""
    stated = refusal.minute
    if stated is not None and stated > refusal.told_at + _AHEAD_S:
        stated = None
    # What says no minute that can be has none but that in which it was refused.
    start = int(refusal.told_at) if stated is None else stated
    minute = start - start % MINUTE_S
    # What a clock that is wrong says of the time bounds nothing.
    is_known = stated is not None and kind_of(refusal.rule) is not MalfunctionKind.CLOCK
    return minute, minute if is_known else watch.newest


def _failed(  # noqa: PLR0913 - what is known of a failure
    before: Failures,
    minute: int,
    *,
    place: int,
    bad_until: int,
    watch: Watch,
    policy: MalfunctionPolicy,
) -> Failures:
    if place <= before.floor:
        return before
    # A frame that is sent five times is one failure, so a minute counts once.
    latest = max(before.minutes.get(minute, -1), place)
    by_place = sorted(
        {**before.minutes, minute: latest}.items(), key=lambda at: at[1], reverse=True
    )
    ahead_of = watch.judged - policy.kept_minutes * MINUTE_S
    kept = by_place[: policy.kept_failures] + [
        (known, its_place)
        for known, its_place in by_place[policy.kept_failures : policy.kept_ahead]
        if known > ahead_of
    ]
    return Failures(
        dict(kept),
        before.floor,
        max(before.bad_until, bad_until),
        max(before.seen, watch.newest),
    )
