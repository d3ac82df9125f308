"""The windows as one would explain them: dictionaries and comparisons, no arrays, no speed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.units import PERIOD_S
from streams.domain.channels import CHANNELS, MISSING, positions
from streams.domain.frames import Frame

Cell = tuple[str, int, str, str]  # community, minute, meter, channel


@dataclass
class PlainWindows:
    """Each cell with the value of the highest rank that it has been given."""

    cells: dict[Cell, tuple[tuple[int, int], int]] = field(default_factory=dict)

    def take(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            rank = (frame.sequence, frame.place)
            for row, channel in enumerate(positions(frame.mask)):
                for column, meter in enumerate(frame.meters.ids):
                    value = int(frame.cells[row, column])
                    cell = (frame.community_id, frame.minute, meter, CHANNELS[channel])
                    if value != MISSING and (cell not in self.cells or rank > self.cells[cell][0]):
                        self.cells[cell] = (rank, value)

    def household_periods(self) -> dict[tuple[str, int, str], dict[str, int | None]]:
        """Return each household period's sums by name, None where never measured."""
        readings: dict[tuple[str, int, str], dict[str, int]] = {}
        for (community, minute, meter, channel), (_, value) in self.cells.items():
            readings.setdefault((community, minute, meter), {})[channel] = value
        sums: dict[tuple[str, int, str], dict[str, int | None]] = {}
        for (community, minute, meter), reading in readings.items():
            period = sums.setdefault((community, minute - minute % PERIOD_S, meter), {})
            for name, value in _flows(reading).items():
                period[name] = (period.get(name) or 0) + value
            period["measured_minutes"] = (period.get("measured_minutes") or 0) + (
                "consumption" in reading
            )
        energy = ("consumption", "production", "import", "export")
        battery = ("battery_charge", "battery_discharge")
        return {
            key: {name: period.get(name) for name in (*energy, *battery, "measured_minutes")}
            for key, period in sums.items()
            if any(name in period for name in (*energy, *battery))
        }


def _flows(reading: dict[str, int]) -> dict[str, int]:
    flows: dict[str, int] = {
        name: reading[name]
        for name in ("consumption", "production", "battery_charge", "battery_discharge")
        if name in reading
    }
    if "consumption" in reading:
        net = (
            reading["consumption"]
            - reading.get("production", 0)
            + reading.get("battery_charge", 0)
            - reading.get("battery_discharge", 0)
        )
        flows["import"], flows["export"] = max(net, 0), max(-net, 0)
    return flows
