"""Which readings of plants are sound, and what of them is new."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.metering import RejectionRule
from schemas.production import PlantMinute, PlantReading
from schemas.registry import Plant


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPolicy:
    """What readings are held to.

    Attributes:
        max_ahead_s: How far a minute may lie ahead of the wall clock.
        retention_s: How much older than the plant's newest it may be.
        cap_factor: How far a power may be over the plant's capacity.
    """

    max_ahead_s: int
    retention_s: int
    cap_factor: float


class Kept(NamedTuple):
    """A reading that stands: its rank among those of its minute, and what it says."""

    sequence: int
    version: int
    production_w: int
    available_w: int
    out_of_service: bool


class Refused(NamedTuple):
    """Why a reading is refused: the rule, and the field, value and limit for people."""

    rule: RejectionRule
    detail: str


@dataclass(slots=True)
class Readings:
    """The readings that stand, of the plants of one partition.

    Attributes:
        minutes: By plant and minute.
        newest: By plant the newest minute.
    """

    minutes: dict[tuple[str, int], Kept] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, minutes: Mapping[tuple[str, int], Kept]) -> "Readings":
        """Return what was remembered."""
        newest: dict[str, int] = {}
        for name, minute in minutes:
            newest[name] = max(newest.get(name, 0), minute)
        return cls(dict(minutes), newest)

    def take(self, reading: PlantReading, *, place: int) -> PlantMinute | None:
        """Take a sound reading; return the minute as it is now, None when nothing is new.

        Args:
            reading: Of this partition.
            place: Of its record.
        """
        key = (reading.plant_id, reading.minute)
        known = self.minutes.get(key)
        sequence = -1 if reading.sequence is None else reading.sequence
        says = (reading.production_w, reading.available_w, reading.out_of_service)
        if known is not None and (
            sequence < known.sequence or place < known.version or says == known[2:]
        ):
            return None
        self.minutes[key] = Kept(sequence, place + 1, *says)
        self.newest[reading.plant_id] = max(self.newest.get(reading.plant_id, 0), reading.minute)
        return PlantMinute(
            plant_id=reading.plant_id,
            minute=reading.minute,
            version=place + 1,
            production_w=reading.production_w,
            available_w=reading.available_w,
            out_of_service=reading.out_of_service,
        )

    def expire(self, *, retention_s: int) -> list[tuple[str, int]]:
        """Forget minutes that can't be corrected any more; return them."""
        old = [
            (name, minute)
            for name, minute in self.minutes
            if minute < self.newest[name] - retention_s
        ]
        for key in old:
            del self.minutes[key]
        return old


def refusal(  # noqa: PLR0913 - what a reading is held against
    reading: PlantReading,
    *,
    key: bytes | None,
    plant: Plant | None,
    newest: int | None,
    now: float,
    policy: ReadingPolicy,
) -> Refused | None:
    """Return why a reading is refused, None when it is sound.

    Args:
        reading: As it was sent.
        key: Of its record.
        plant: As registered for its minute; None: it is not.
        newest: The plant's newest minute that was taken; None: there is none.
        now: The wall clock, epoch seconds.
        policy: What it is held to.
    """
    name, minute = reading.plant_id, reading.minute
    if key != name.encode():
        shown = None if key is None else key[:200].decode(errors="replace")
        return Refused(RejectionRule.KEY_MISMATCH, f"key={shown!r} is not plant_id={name!r}")
    if plant is None:
        return Refused(
            RejectionRule.UNKNOWN_PLANT, f"plant_id={name!r} is not registered at minute={minute}"
        )
    if minute > now + policy.max_ahead_s:
        return Refused(
            RejectionRule.MINUTE_IN_FUTURE,
            f"minute={minute} is more than {policy.max_ahead_s} s ahead of the wall clock, "
            f"{int(now)}",
        )
    if newest is not None and minute < newest - policy.retention_s:
        return Refused(
            RejectionRule.MINUTE_TOO_OLD,
            f"minute={minute} is more than {policy.retention_s} s older than its plant's newest, "
            f"{newest}",
        )
    highest = plant.capacity_w * policy.cap_factor
    for field_name in ("production_w", "available_w"):
        watts = getattr(reading, field_name)
        if watts > highest:
            return Refused(
                RejectionRule.OVER_CAP,
                f"{field_name}={watts} is over {highest:.0f} W, the plant's capacity_w with "
                f"cap_factor {policy.cap_factor}",
            )
    return None
