"""The faults of a list, done one after the other while the load runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from deploy.embedded.processes import Child
from reliability.control_checks import Away
from reliability.faults import BURST_S, Fault, Kind
from reliability.ground import Ground
from reliability.injection import BrokenPromiseError, Doing, Injector, UnfitFault
from reliability.results import Happened
from reliability.watch import Watch
from streams import clock

TICK_S: Final = 0.05
_LAST_PATIENCE_S: Final = 25.0
_LOAD_ENDS_S: Final = 90.0

Say = Callable[[str], None]


@dataclass(slots=True)
class _Doing:
    """A fault under way."""

    fault: Fault
    doing: Doing
    began: float
    goes_on: float


@dataclass(slots=True)
class Battle:
    """Doing the faults of a list while the load runs."""

    ground: Ground
    watch: Watch
    injector: Injector
    say: Say
    begin: float
    patience_s: float
    shift_s: float = 0.0
    under_way: list[_Doing] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    _last_at_s: float = 0.0

    def fight(self, faults: list[Fault], load: Child) -> None:
        """Do all faults, and wait for the end of the load."""
        waiting = list(faults)
        limit = time.monotonic() + faults[-1].at_s + self.patience_s + _LOAD_ENDS_S
        while waiting or self.under_way or load.process.poll() is None:
            now = time.monotonic()
            if now > limit and not self.under_way and not waiting:
                load.process.kill()
            while waiting and now - self.begin >= waiting[0].at_s + self.shift_s:
                if self._waits(waiting[0]):
                    self.shift_s += TICK_S
                    self.patience_s -= TICK_S
                    break
                self._begin(waiting.pop(0), now)
            for doing in list(self.under_way):
                if now >= doing.goes_on:
                    self._go_on(doing)
            self.ground.crew.tend()
            time.sleep(TICK_S)

    def aways(self) -> list[Away]:
        """Return what was done to control and to the broker, by the wall clock."""
        epoch = clock.epoch_now() - time.monotonic() + self.begin
        return [
            Away(one.kind, is_control, epoch + one.at_s, epoch + one.over_s)
            for one in self.happened
            if one.is_done
            and (
                (is_control := one.role == "control" or one.kind == Kind.ROLLING_RESTART)
                or one.kind.startswith("broker")
            )
        ]

    def _waits(self, fault: Fault) -> bool:
        """Say whether a fault had better wait, so that earlier ones can be seen to heal."""
        is_of_a_burst = fault.at_s - self._last_at_s < BURST_S
        well = self.watch.is_well and not self.under_way
        # The last can't be told from what came before it unless that has healed.
        reserve_s = _LAST_PATIENCE_S if fault.kind is Kind.ROLLING_RESTART else 0.0
        return self.patience_s + reserve_s > 0 and not is_of_a_burst and not well

    def _begin(self, fault: Fault, now: float) -> None:
        target = f" ({fault.role} {fault.number})" if fault.role else ""
        self.say(f"{now - self.begin:6.1f} s  {fault.kind}{target}")
        self._last_at_s = fault.at_s
        self.under_way.append(_Doing(fault, self.injector.begin(fault), now, now))

    def _go_on(self, doing: _Doing) -> None:
        note, is_broken = "", False
        try:
            doing.goes_on = time.monotonic() + next(doing.doing)
        except StopIteration:
            pass
        except UnfitFault as unfit:
            note = f"not done: {unfit}"
        except BrokenPromiseError as broken:
            note, is_broken = str(broken), True
        else:
            return
        self.under_way.remove(doing)
        self.happened.append(
            Happened(
                kind=str(doing.fault.kind),
                role=doing.fault.role,
                number=doing.fault.number,
                at_s=round(doing.began - self.begin, 2),
                over_s=round(time.monotonic() - self.begin, 2),
                note=note,
                is_done=not note or is_broken,
                is_broken=is_broken,
            )
        )
