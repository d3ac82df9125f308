"""A run, told beforehand: which frames are sent in which order, and what must come of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from load_generator.breakdowns import Suspect, draw_breakdowns, suspects_of
from load_generator.dispatch import Dispatcher, MinuteOfFrames
from load_generator.energy_flows import MeterState, flow
from load_generator.faults import MAX_REORDERED_MINUTES, FaultRates
from load_generator.fleet import Fleet
from load_generator.frames import FrameEncoder
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from schemas.errors import OperatorError
from schemas.units import MINUTE_S, PERIOD_S


class PlanError(OperatorError, ValueError):
    """A run that can't be; the text names the option, its value and the rule."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A simulated run; equal plans send equal bytes in equal order.

    Args:
        communities: Number of communities.
        households: Number of households in all of them together.
        seed: Decides everything that looks like chance.
        start: First minute, aware, on the minute.
        minutes: Length of the run.
        profiles: SimBench files with the load shapes.
        faults: What goes wrong on the way, as rates.
        heater_share: Share of households that are registered with a switched water heater; what
            they draw is the same with it and without.
    """

    communities: int
    households: int
    seed: int
    start: datetime
    minutes: int
    profiles: Sequence[Path] = (SHIPPED_PROFILE,)
    faults: FaultRates = field(default_factory=FaultRates)
    heater_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        if self.start.tzinfo is None or self.start.timestamp() % MINUTE_S:
            raise PlanError(f"start={self.start} must have a zone and lie on a whole minute")
        if self.minutes < 1:
            raise PlanError(f"minutes={self.minutes} must be at least 1")
        if self.seed < 0:
            raise PlanError(f"seed={self.seed} must not be negative")

    def fleet(self) -> Fleet:
        """Return the plan's grid.

        Raises:
            ProfileError: If a profile file can't be used.
            FleetError: If the households don't fit the communities.
        """
        return Fleet.build(
            communities=self.communities,
            households=self.households,
            seed=self.seed,
            profiles=read_profiles(self.profiles),
            heater_share=self.heater_share,
        )

    def batches(self) -> Iterator[MinuteOfFrames]:
        """Yield the run minute by minute; it is made by the quarter-hour, as it is asked for.

        Raises:
            ProfileError: If a profile file can't be used.
            FleetError: If the households don't fit the communities.
        """
        dispatcher = self._dispatcher()
        state = MeterState.at_start(dispatcher.fleet)
        for first, minutes in self._quarters():
            flows, state = flow(dispatcher.fleet, state, first_minute=first, minutes=minutes)
            yield from dispatcher.dispatch(flows, first_minute=first)

    def suspects(self) -> list[Suspect]:
        """Return what the tickets of this run can be about; no frame is made for it.

        Raises:
            ProfileError: If a profile file can't be used.
            FleetError: If the households don't fit the communities.
        """
        dispatcher = self._dispatcher()
        fates = [
            dispatcher.fates(first_minute=first, minutes=minutes)
            for first, minutes in self._quarters()
        ]
        lost = np.concatenate([each.lost for each in fates])
        late = np.concatenate([each.delay for each in fates]) > MAX_REORDERED_MINUTES
        invalid = np.concatenate([each.invalid for each in fates])
        return list(
            suspects_of(
                dispatcher.fleet,
                dispatcher.breakdowns,
                absent=lost | late,
                refused=invalid & ~lost[:, dispatcher.fleet.terminal],
                first_minute=int(self.start.timestamp()),
            )
        )

    def _dispatcher(self) -> Dispatcher:
        fleet, first = self.fleet(), int(self.start.timestamp())
        breakdowns = draw_breakdowns(
            fleet,
            silent=self.faults.silent,
            nonsense=self.faults.nonsense,
            first_minute=first,
            minutes=self.minutes,
        )
        last = first + (self.minutes - 1) * MINUTE_S
        return Dispatcher(fleet, FrameEncoder.of(fleet), self.faults, last, breakdowns)

    def _quarters(self) -> Iterator[tuple[int, int]]:
        """Yield the quarter-hours of the run, the first and the last cut: start and minutes."""
        first = int(self.start.timestamp())
        end = first + self.minutes * MINUTE_S
        while first < end:
            until = min((first // PERIOD_S + 1) * PERIOD_S, end)
            yield first, (until - first) // MINUTE_S
            first = until
