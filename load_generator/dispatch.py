"""In which order frames leave: late ones wait, duplicates and corrections follow their original."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from load_generator.breakdowns import Breakdown
from load_generator.energy_flows import EnergyFlows
from load_generator.faults import (
    MAX_REORDERED_MINUTES,
    QUIET_LAST_MINUTES,
    Fates,
    FaultCounts,
    FaultRates,
    draw_fates,
)
from load_generator.fleet import Fleet
from load_generator.frames import Correction, Frame, FrameEncoder, frame_columns
from load_generator.truth import settle
from schemas.units import MINUTE_S, PERIOD_S

CORRECTION_STREAM: Final = 4


@dataclass(frozen=True)
class MinuteOfFrames:
    """What is sent in one minute, in order: delayed frames of earlier minutes, then its own.

    `counts` has the fates of the minute's own frames, and what is sent in it. `settled` is the
    truth of a quarter-hour, given with its last minute (frames of it may still be on their way).
    """

    minute: int
    frames: list[Frame]
    counts: FaultCounts
    settled: pa.RecordBatch | None


@dataclass(frozen=True)
class Dispatcher:
    """Hands out a run's frames minute by minute; `waiting` has the delayed ones by minute."""

    fleet: Fleet
    encoder: FrameEncoder
    rates: FaultRates
    last_minute: int
    breakdowns: Sequence[Breakdown] = ()
    waiting: dict[int, list[Frame]] = field(default_factory=lambda: defaultdict(list))

    def dispatch(self, flows: EnergyFlows, *, first_minute: int) -> Iterator[MinuteOfFrames]:
        """Yield the minutes of one quarter-hour of flows."""
        count = len(flows.consumption)
        fates = self.fates(first_minute=first_minute, minutes=count)
        columns = frame_columns(self.fleet, flows, first_minute=first_minute, invalid=fates.invalid)
        corrections = _corrections(self.fleet, flows, fates, first_minute)
        by_minute: dict[int, list[Correction]] = defaultdict(list)
        for correction in corrections:
            by_minute[correction.minute_index].append(correction)
        originals = self.encoder.frames(columns.before(corrections))
        for index, minute in enumerate(columns.minutes):
            for correction in by_minute[index]:
                frame = self.encoder.correction(columns, correction)
                self._wait(frame, minute, correction.delay_minutes)
            own = self._own_frames(originals, fates, index, minute)
            frames = self.waiting.pop(minute, []) + own
            settled = None
            if index == count - 1:
                settled = settle(
                    self.fleet,
                    flows,
                    fates,
                    corrections,
                    period_start=minute // PERIOD_S * PERIOD_S,
                )
            counts = _counts(self.fleet, fates, by_minute[index], index, frames)
            yield MinuteOfFrames(minute, frames, counts, settled)

    def fates(self, *, first_minute: int, minutes: int) -> Fates:
        """Return what becomes of the frames and readings of one quarter-hour."""
        after = (self.last_minute - first_minute) // MINUTE_S + 1 - minutes
        return draw_fates(
            self.fleet,
            self.rates,
            self.breakdowns,
            first_minute=first_minute,
            minutes=minutes,
            quiet=max(QUIET_LAST_MINUTES - after, 0),
        )

    def _wait(self, frame: Frame, minute: int, delay_minutes: int) -> None:
        self.waiting[min(minute + delay_minutes * MINUTE_S, self.last_minute)].append(frame)

    def _own_frames(
        self, originals: list[list[Frame]], fates: Fates, index: int, minute: int
    ) -> list[Frame]:
        """Return what is sent in time, and let the rest wait."""
        lost, delay, again = fates.lost[index], fates.delay[index], fates.duplicate_delay[index]
        special = lost | (delay > 0) | (again >= 0)
        if not special.any():
            return [frames[index] for frames in originals]
        own = []
        for terminal, is_special in enumerate(special.tolist()):
            frame = originals[terminal][index]
            if not is_special:
                own.append(frame)
                continue
            if lost[terminal]:
                continue
            late = int(delay[terminal])
            sendings = [late] if again[terminal] < 0 else [late, late + int(again[terminal])]
            for after in sendings:
                if after == 0 or minute == self.last_minute:
                    own.append(frame)
                else:
                    self._wait(frame, minute, after)
        return own


def _corrections(
    fleet: Fleet, flows: EnergyFlows, fates: Fates, first_minute: int
) -> list[Correction]:
    """Return the corrections of a quarter-hour: what is wrong is off by up to a half."""
    rng = np.random.Generator(np.random.SFC64([fleet.seed, CORRECTION_STREAM, first_minute]))
    corrections = []
    for minute, number in np.argwhere(fates.correction_delay >= 0).tolist():
        terminal = fleet.terminals[number]
        everyone = np.arange(terminal.first, terminal.last)
        chosen = everyone[rng.random(len(everyone)) < rng.choice([0.2, 1.0])]
        households = chosen if len(chosen) else everyone[:1]
        production = np.zeros(fleet.households, np.int64)
        production[fleet.pv] = flows.production[minute]
        percent = rng.integers(50, 151, len(households))
        corrections.append(
            Correction(
                minute_index=minute,
                terminal=number,
                delay_minutes=int(fates.correction_delay[minute, number]),
                households=households,
                consumption=flows.consumption[minute, households],
                production=production[households],
                # One more, so that nothing is wrong as well.
                wrong_consumption=flows.consumption[minute, households] * percent // 100 + 1,
                wrong_production=production[households] * (200 - percent) // 100,
            )
        )
    return corrections


def _counts(
    fleet: Fleet, fates: Fates, corrections: list[Correction], index: int, frames: list[Frame]
) -> FaultCounts:
    lost, delay = fates.lost[index], fates.delay[index]
    duplicated = fates.duplicate_delay[index] >= 0
    times_sent = (~lost).astype(np.int64) + duplicated
    sizes = np.array([terminal.last - terminal.first for terminal in fleet.terminals])
    return FaultCounts(
        sent=len(frames),
        readings_sent=sum(frame.readings for frame in frames),
        duplicates=int(duplicated.sum()),
        reordered=int(((delay > 0) & (delay <= MAX_REORDERED_MINUTES)).sum()),
        late=int((delay > MAX_REORDERED_MINUTES).sum()),
        lost=int(lost.sum()),
        lost_readings=int(sizes[lost].sum()),
        corrected=len(corrections),
        corrected_readings=sum(len(correction.households) for correction in corrections),
        rejected_readings=int((fates.invalid[index] * times_sent[fleet.terminal]).sum()),
    )
