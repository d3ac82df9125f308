"""The balance of the whole grid: the partials of partitions, merged.

A minute is told when every partition that is expected has told it, which nobody can say of the very
first one before there is a second; or when the patience has passed since the first partial of it
came: by the clock on the wall, so that a partition that is read a
little later than others is waited for in a replay too. A partition that did not tell it is filled
by its last partial. A partial that comes later makes a new version, as long as its partition could
be expected: a worker that catches up reads hours of one partition before those of another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.energy_balance import Balance, GridMinute, GridPartial
from streams.domain.communities import NEVER
from streams.domain.energy_balance import BalancePolicy
from streams.domain.newest import take_newest

MERGE_S: Final = 5
"""A partition tells its minute when its own patience ends; that much later it must be here."""

_MW_IN_W: Final = 1000
_MINUTES_IN_AN_HOUR: Final = 60


@dataclass(slots=True, eq=False)
class _Minute:
    """What is known of a minute.

    Attributes:
        parts: By partition.
        first_at: When the first of them came, by the wall clock.
        changed_at: Place up to which what changed it last was known.
        told_at: Place up to which all was known that was told; `NEVER`: not told.
    """

    first_at: float
    parts: dict[int, GridPartial] = field(default_factory=dict)
    changed_at: int = NEVER
    told_at: int = NEVER


@dataclass(slots=True)
class GridStep:
    """What a batch causes.

    Attributes:
        taken: Partials to be remembered.
        minutes: To be told.
        expired: Minutes to forget, with the partitions that told them.
        too_old: How many partials came after their time.
    """

    taken: list[GridPartial] = field(default_factory=list)
    minutes: list[GridMinute] = field(default_factory=list)
    expired: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    too_old: int = 0


class GridBalance:
    """The balance of the grid, on the one partition where all partials come together.

    Attributes:
        newest: The newest minute of a partial; `NEVER` while there is none.
    """

    def __init__(self, policy: BalancePolicy) -> None:
        """Begin with nothing known."""
        self._policy = policy
        self._minutes: dict[int, _Minute] = {}
        self._last: dict[int, GridPartial] = {}
        self._read_up_to = 0
        self.newest = NEVER

    def restore(
        self,
        *,
        parts: Iterable[tuple[int, GridPartial]],
        told: Iterable[tuple[int, int, float]],
        now: float,
    ) -> None:
        """Take what was remembered: (place, partial), and (minute, place told, when)."""
        for place, partial in parts:
            self._read_up_to = max(self._read_up_to, place)
            self._take(partial, place=place, now=now)
        for start, place, _ in told:
            self._read_up_to = max(self._read_up_to, place)
            if (minute := self._minutes.get(start)) is not None:
                minute.told_at = place

    def fold(self, partials: Sequence[GridPartial], *, read_up_to: int, now: float) -> GridStep:
        """Take partials in their order; return what that causes.

        Args:
            partials: Of any partitions.
            read_up_to: The place after the last record that has been read of them.
            now: The wall clock, epoch seconds.
        """
        step = GridStep()
        self._read_up_to = max(self._read_up_to, read_up_to)
        for partial in partials:
            if partial.minute < self.newest - self._policy.grid_retention_s:
                step.too_old += 1
            elif self._take(partial, place=self._read_up_to, now=now):
                step.taken.append(partial)
        for start in sorted(self._minutes):
            minute = self._minutes[start]
            if minute.changed_at > minute.told_at and self._is_due(start, minute, now):
                minute.told_at = self._read_up_to
                step.minutes.append(self._grid_minute(start, minute))
        before = self.newest - self._policy.grid_retention_s
        for start in sorted(start for start in self._minutes if start < before):
            step.expired.append((start, tuple(self._minutes.pop(start).parts)))
        return step

    def _take(self, partial: GridPartial, *, place: int, now: float) -> bool:
        """Take a partial; say whether it is new."""
        minute = self._minutes.setdefault(partial.minute, _Minute(now))
        if not take_newest(minute.parts, partial.partition, partial):
            return False
        minute.changed_at = max(minute.changed_at, place)
        self.newest = max(self.newest, partial.minute)
        last = self._last.get(partial.partition)
        if last is None or last.minute <= partial.minute:
            self._last[partial.partition] = partial
        return True

    def _is_due(self, start: int, minute: _Minute, now: float) -> bool:
        patience = self._policy.patience_s + MERGE_S
        if now >= minute.first_at + patience:
            return True
        is_known_who_tells = len(self._minutes) > 1
        return is_known_who_tells and not self._missing(start, minute)

    def _missing(self, start: int, minute: _Minute) -> list[int]:
        """Return the partitions that are expected in a minute and have not told it."""
        return sorted(
            partition
            for partition, last in self._last.items()
            if partition not in minute.parts and last.minute >= start - self._policy.expected_s
        )

    def _grid_minute(self, start: int, minute: _Minute) -> GridMinute:
        missing = self._missing(start, minute)
        parts = list(minute.parts.values())
        absent = [self._last[partition] for partition in missing]
        consumption = sum(part.consumption_mwh for part in parts)
        forecast_consumption = sum(part.forecast_consumption_mwh for part in parts) + sum(
            part.consumption_mwh + part.forecast_consumption_mwh for part in absent
        )
        forecast_net = sum(part.forecast_net_mwh for part in parts) + sum(map(net_mwh, absent))
        imported = sum(part.import_mwh for part in parts)
        exported = sum(part.export_mwh for part in parts)
        all_consumption = consumption + forecast_consumption
        return GridMinute(
            minute=start,
            version=minute.changed_at,
            partitions=sorted(minute.parts),
            forecast_partitions=missing,
            communities=sum(part.communities for part in parts),
            expected_communities=sum(part.expected_communities for part in [*parts, *absent]),
            meters_reported=sum(part.meters_reported for part in parts),
            meters_missing=sum(part.meters_missing for part in parts),
            consumption_mwh=consumption,
            production_mwh=sum(part.production_mwh for part in parts),
            import_mwh=imported,
            export_mwh=exported,
            forecast_consumption_mwh=forecast_consumption,
            forecast_net_mwh=forecast_net,
            share_reported=consumption / all_consumption if all_consumption else None,
            net_load_w=power_w(imported - exported + forecast_net),
        )


def net_mwh(balance: Balance) -> int:
    """Return import less export of a minute, measured and forecast, mWh."""
    return balance.import_mwh - balance.export_mwh + balance.forecast_net_mwh


def power_w(energy_mwh: int) -> int:
    """Return the mean power of an energy in a minute, W, rounded.

    >>> power_w(1_000)
    60
    """
    return round(energy_mwh * _MINUTES_IN_AN_HOUR / _MW_IN_W)
