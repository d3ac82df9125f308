"""What batteries are told to take from the grid and give to it, summed by partition and period.

Positive W are given: they are power that plants need not give. A battery on AUTO or HOLD moves
nothing of its own at the grid.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from schemas.batteries import BatteryDirective, BatteryMode
from schemas.production import BatteryCommitment
from schemas.units import PERIOD_S
from streams.domain.newest import take_newest

KEPT_S: Final = 4 * PERIOD_S


class Committed(NamedTuple):
    """The highest version of a battery's directive: its period, and what it gives, W."""

    version: int
    period: int
    given_w: int


class Commitments:
    """The directives of one partition's batteries, as long as their periods matter."""

    def __init__(self, known: Iterable[tuple[str, Committed]] = ()) -> None:
        """Begin with what was remembered, by directive."""
        self._known: dict[str, Committed] = dict(known)

    def take(self, directives: Iterable[BatteryDirective]) -> dict[str, Committed | None]:
        """Take directives; return what to remember and, as None, to forget."""
        changes: dict[str, Committed | None] = {}
        for one in directives:
            known = self._known.get(one.directive_id)
            if known is None or known.version < one.version:
                given = -one.power_w if one.mode is BatteryMode.CHARGE else one.power_w
                period = one.valid_from - one.valid_from % PERIOD_S
                committed = Committed(one.version, period, given)
                self._known[one.directive_id] = changes[one.directive_id] = committed
        newest = max((one.period for one in self._known.values()), default=0)
        for name in [name for name, one in self._known.items() if one.period < newest - KEPT_S]:
            del self._known[name]
            changes[name] = None
        return changes

    def told(
        self, changes: Mapping[str, Committed | None], *, partition: int, version: int
    ) -> list[BatteryCommitment]:
        """Return the sums of the periods that changes concern."""
        periods = {one.period for one in changes.values() if one is not None}
        sums = dict.fromkeys(sorted(periods), (0, 0))
        for one in self._known.values():
            if one.period in sums:
                given, batteries = sums[one.period]
                sums[one.period] = (given + one.given_w, batteries + 1)
        return [
            BatteryCommitment(
                partition=partition,
                period_start=period,
                version=version,
                given_w=given,
                batteries=batteries,
            )
            for period, (given, batteries) in sums.items()
        ]


class GridCommitments:
    """What all partitions' batteries are told, by period."""

    def __init__(self, known: Iterable[BatteryCommitment] = ()) -> None:
        """Begin with what was remembered."""
        self._periods: dict[int, dict[int, BatteryCommitment]] = {}
        for one in known:
            self._periods.setdefault(one.period_start, {})[one.partition] = one

    def take(
        self, told: Iterable[BatteryCommitment], *, oldest: int
    ) -> dict[tuple[int, int], BatteryCommitment | None]:
        """Take sums; return by period and partition what to remember and, as None, to forget.

        Args:
            told: Sums.
            oldest: The oldest minute of the grid that they are still needed for, epoch seconds: as
                what is told of batteries may be read hours before the minutes, or after them, only
                these can say.
        """
        changes: dict[tuple[int, int], BatteryCommitment | None] = {}
        for one in told:
            partitions = self._periods.setdefault(one.period_start, {})
            if take_newest(partitions, one.partition, one):
                changes[one.period_start, one.partition] = one
        # The period before stands where one has not been told.
        for period in [start for start in self._periods if start < oldest - 2 * PERIOD_S]:
            for partition in self._periods.pop(period):
                changes[period, partition] = None
        return changes

    def given_w(self, at: int) -> int:
        """Return what batteries are told to give at a time, W; negative: to take.

        While a period is not told yet, that of the one before stands: nothing says that it ends.
        """
        period = at - at % PERIOD_S
        told = self._periods.get(period) or self._periods.get(period - PERIOD_S, {})
        return sum(one.given_w for one in told.values())
