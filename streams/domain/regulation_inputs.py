"""What a closed minute says of a community's load, and what its households draw."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.newest import take_newest
from streams.domain.regulation import Registered, RegulationPolicy

KEPT_PERIODS: Final = 6
"""Quarter-hours that are kept of a community's households: the bound of who falls silent is the
highest of these."""

SETTLED_S: Final = 120
"""A quarter-hour counts so long after its end: whoever decides then knows it."""

_MINUTES_AN_HOUR: Final = 60
_MWH_A_WH: Final = 1000
_PERIODS_AN_HOUR: Final = 4


def minute_w(energy_mwh: int) -> int:
    """Return the mean power of a minute's energy, W, rounded up.

    >>> minute_w(16_667)
    1001
    """
    return -(-energy_mwh * _MINUTES_AN_HOUR // _MWH_A_WH)


def period_w(energy_mwh: int) -> int:
    """Return the mean power of a quarter-hour's energy, W, rounded up.

    >>> period_w(500_000)
    2000
    """
    return -(-energy_mwh * _PERIODS_AN_HOUR // _MWH_A_WH)


@dataclass(frozen=True, slots=True)
class ClosedMinute:
    """A closed minute, as metering tells it; `told_at` is when, epoch seconds.

    `net_mwh` is import less export of the meters that reported; None: none did.
    """

    community_id: str
    minute: int
    version: int
    net_mwh: int | None
    missing: tuple[str, ...]
    told_at: float


class Drawn(NamedTuple):
    """What a household drew in a quarter-hour, W: `used` by its appliances, `imported` of it."""

    version: int
    used_w: int
    imported_w: int


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A part of a closed quarter-hour: what its measured households drew, by meter."""

    community_id: str
    start: int
    part: int
    drawn: Mapping[str, Drawn]


@dataclass(frozen=True, slots=True)
class _Reliefs:
    """What was worked out last, and from what."""

    bursts: Mapping[str, int]
    registered: Registered
    policy: RegulationPolicy
    by_meter: Mapping[str, int]


_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(slots=True)
class Loads:
    """What a community's households drew in the last quarter-hours, by start and meter."""

    periods: dict[int, dict[str, Drawn]] = field(default_factory=dict)
    _bursts: tuple[int, Mapping[str, int]] | None = field(default=None, compare=False, repr=False)
    _reliefs: _Reliefs | None = field(default=None, compare=False, repr=False)

    def take(self, told: ClosedPeriod) -> list[int]:
        """Take a part of a quarter-hour; return the starts of those that are forgotten."""
        self._bursts = None
        oldest = max([*self.periods, told.start]) - KEPT_PERIODS * PERIOD_S
        if told.start > oldest:
            known = self.periods.setdefault(told.start, {})
            for meter, drawn in told.drawn.items():
                take_newest(known, meter, drawn)
        forgotten = [start for start in self.periods if start <= oldest]
        for start in forgotten:
            del self.periods[start]
        return forgotten

    def bursts_w(self, *, at: int) -> Mapping[str, int]:
        """Return by meter what its appliances drew lately beyond what draws all the time, W.

        In its last measured quarter-hour that had settled at a time, above the least of those that
        are kept. A meter that is not in it has drawn nothing that is known.
        """
        newest = max((start for start in self.periods if _is_settled(start, at)), default=None)
        if newest is None:
            return _NOTHING
        if self._bursts is None or self._bursts[0] != newest:
            least: dict[str, int] = {}
            for start, drawn in self.periods.items():
                if _is_settled(start, at):
                    for meter, one in drawn.items():
                        least[meter] = min(one.used_w, least.get(meter, one.used_w))
            now = self.periods[newest]
            self._bursts = (
                newest,
                {meter: one.used_w - least[meter] for meter, one in now.items()},
            )
        return self._bursts[1]

    def reliefs_w(
        self, *, at: int, registered: Registered, policy: RegulationPolicy
    ) -> Mapping[str, int]:
        """Return what switching off each household is expected to take away, W, by meter.

        Only those to whom the guaranteed minimum is left, and from whom it is worth while.
        """
        bursts = self.bursts_w(at=at)
        known = self._reliefs
        if (
            known is None
            or known.bursts is not bursts
            or known.registered is not registered
            or known.policy is not policy
        ):
            reliefs = {
                meter: policy.relief_w(bursts.get(meter, 0), flexible_w)
                for meter, flexible_w in registered.able(policy.guaranteed_w).items()
            }
            worth = {m: watts for m, watts in reliefs.items() if watts >= policy.least_relief_w}
            known = self._reliefs = _Reliefs(bursts, registered, policy, worth)
        return known.by_meter

    def bound_w(self, meter_id: str, *, at: int, registered: Registered, guaranteed_w: int) -> int:
        """Return the most that a silent household is taken to draw, W.

        The highest of its last good quarter-hours; of whom nothing is known, the guaranteed
        minimum; neither above what was agreed.
        """
        known = [drawn.imported_w for drawn in self._before(meter_id, at)]
        bound = max(known) if known else guaranteed_w
        return min(bound, registered.contract_w.get(meter_id, bound))

    def _before(self, meter_id: str, at: int) -> Iterable[Drawn]:
        for start in sorted(self.periods, reverse=True):
            if _is_settled(start, at) and meter_id in self.periods[start]:
                yield self.periods[start][meter_id]


def _is_settled(start: int, at: int) -> bool:
    return start + PERIOD_S + SETTLED_S <= at


@dataclass(frozen=True, slots=True)
class Measured:
    """A closed minute's load: `load_w` holds `silent_w` for the meters that are silent."""

    minute: int
    version: int
    load_w: int
    silent_w: int
    silent: frozenset[str]

    @property
    def end(self) -> int:
        """The end of the minute, which is when it is decided on."""
        return self.minute + MINUTE_S


def measure(
    told: ClosedMinute, loads: Loads, *, registered: Registered, policy: RegulationPolicy
) -> Measured:
    """Return a closed minute's load, silent meters counted at their last good upper bound."""
    silent_w = sum(
        loads.bound_w(
            meter,
            at=told.minute + MINUTE_S,
            registered=registered,
            guaranteed_w=policy.guaranteed_w,
        )
        for meter in told.missing
    )
    return Measured(
        told.minute,
        told.version,
        minute_w(told.net_mwh or 0) + silent_w,
        silent_w,
        frozenset(told.missing),
    )
