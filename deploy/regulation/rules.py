"""The three rules that a simulated grid is steered by: none, the simplest one, and ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from schemas.regulation import Level, SwitchDirective, SwitchReason, SwitchState
from schemas.units import MINUTE_S
from streams.domain.regulation import Registered, RegulationPolicy, directive_id
from streams.domain.regulation_communities import Input, Regulation
from streams.domain.regulation_inputs import ClosedMinute, minute_w

_DAY_S: Final = 86_400

Grid = Mapping[str, Registered]
"""What is registered, by community."""


class Rule(Protocol):
    """Steers a grid by what is told of it."""

    def orders(self, told: Iterable[Input], *, now: int) -> list[SwitchDirective]:
        """Return what is ordered when told of a minute that ends `now`, epoch seconds."""


@dataclass(slots=True)
class Nothing:
    """No control at all."""

    def orders(self, told: Iterable[Input], *, now: int) -> list[SwitchDirective]:  # noqa: ARG002
        """Order nothing."""
        return []


@dataclass(slots=True)
class OneCommunityAMinute:
    """Each minute the next community on the wrong side of its limit is switched as a whole.

    Above the limit everything in it that can be switched is switched off, at the limit or below
    it comes back: without a deadband, without dwell times, and one community a minute.
    """

    grid: Grid
    off: dict[str, bool] = field(default_factory=dict)
    turn: int = 0

    def orders(self, told: Iterable[Input], *, now: int) -> list[SwitchDirective]:
        """Order what follows for one community."""
        loads = {
            minute.community_id: minute_w(minute.net_mwh or 0)
            for minute in told
            if isinstance(minute, ClosedMinute)
        }
        names = list(self.grid)
        for place in range(len(names)):
            name = names[(self.turn + place) % len(names)]
            limit = self.grid[name].limit_w
            if name not in loads or limit is None:
                continue
            is_over = loads[name] > limit
            if is_over != self.off.get(name, False):
                self.turn = (self.turn + place + 1) % len(names)
                self.off[name] = is_over
                return self._switch(name, now, is_off=is_over)
        return []

    def _switch(self, name: str, now: int, *, is_off: bool) -> list[SwitchDirective]:
        state = SwitchState.OFF if is_off else SwitchState.AUTO
        reason = SwitchReason.CONNECTION_LIMIT if is_off else SwitchReason.RELIEVED
        return [
            SwitchDirective(
                directive_id=directive_id(name, meter, now - MINUTE_S, state),
                community_id=name,
                meter_id=meter,
                minute=now - MINUTE_S,
                version=1,
                state=state,
                level=Level.NORMAL,
                limit_w=None,
                reason=reason,
                detail="one community a minute",
                valid_from=now,
                valid_until=now + _DAY_S,
            )
            for meter in self.grid[name].flexible
        ]


class Ours:
    """The rules of `streams.domain.regulation`."""

    def __init__(self, grid: Grid, policy: RegulationPolicy) -> None:
        """Begin with a grid that was told nothing yet."""
        self._grid = grid
        self.regulation = Regulation(policy)

    def orders(self, told: Iterable[Input], *, now: int) -> list[SwitchDirective]:
        """Order what the domain says."""
        step = self.regulation.fold(told, now=now, registered=lambda name, _: self._grid[name])
        return step.directives
