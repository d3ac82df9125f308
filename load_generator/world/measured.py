"""What a world's meters tell of a minute: frames as every terminal sends them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from load_generator.fleet import Fleet
from load_generator.frames import Frame, FrameEncoder, frame_columns
from load_generator.world.grid import MinuteTruth


@dataclass(frozen=True)
class Meters:
    """Writes the frames of a fleet."""

    fleet: Fleet
    encoder: FrameEncoder

    @classmethod
    def of(cls, fleet: Fleet) -> Self:
        """Return a fleet's meters."""
        return cls(fleet, FrameEncoder.of(fleet))

    def frames(self, truth: MinuteTruth) -> list[Frame]:
        """Return the frames of a minute, but those of terminals that are silent in it."""
        columns = frame_columns(
            self.fleet,
            truth.flows,
            first_minute=truth.minute,
            invalid=np.zeros((1, self.fleet.households), np.bool_),
        )
        return [
            frames[0]
            for frames, silent in zip(
                self.encoder.frames(columns), truth.silent.tolist(), strict=True
            )
            if not silent
        ]
