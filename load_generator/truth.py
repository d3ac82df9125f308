"""What the receiver must find: the sums of what arrived, from the simulation's own integers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from load_generator.energy_flows import Energy, EnergyFlows
from load_generator.faults import Fates
from load_generator.fleet import Fleet, Index
from load_generator.frames import Correction
from schemas.errors import OperatorError

CHANNELS: Final = (
    "consumption_mwh",
    "production_mwh",
    "import_mwh",
    "export_mwh",
    "battery_charge_mwh",
    "battery_discharge_mwh",
)


class TruthError(OperatorError):
    """A truth that can't be read; the text is one line naming the file."""


TRUTH_SCHEMA: Final = pa.schema(
    [
        pa.field("community_id", pa.string(), nullable=False),
        pa.field("meter_id", pa.string(), nullable=False),
        pa.field("period_start", pa.timestamp("s", tz="UTC"), nullable=False),
        *(pa.field(channel, pa.int64()) for channel in CHANNELS),
        pa.field("measured_minutes", pa.int32(), nullable=False),
        pa.field("used_mwh", pa.int64(), nullable=False),
    ]
)
"""One row for each household and quarter-hour with a reading; null: never measured in it.

`used_mwh` is what the household consumed in it, whatever of that was told.
"""


def settle(
    fleet: Fleet,
    flows: EnergyFlows,
    fates: Fates,
    corrections: Sequence[Correction],
    *,
    period_start: int,
) -> pa.RecordBatch:
    """Return the rows of one quarter-hour (epoch s) from its minutes and what became of them.

    A minute counts when its frame or a correction arrived and its reading is valid; where what
    came first was wrong, its correction has come. Import and export are taken minute by minute.
    """
    counted = ~fates.lost[:, fleet.terminal] & ~fates.invalid
    for correction in corrections:
        counted[correction.minute_index, correction.households] = True
    measured_minutes = counted.sum(axis=0)
    rows = np.flatnonzero(measured_minutes)
    everyone = np.arange(fleet.households)
    meters = fleet.meter_ids
    communities = fleet.community_ids
    return pa.record_batch(
        [
            pa.array([communities[c] for c in fleet.community[rows].tolist()], pa.string()),
            pa.array([meters[row] for row in rows.tolist()], pa.string()),
            pa.array(np.full(len(rows), period_start), pa.timestamp("s", tz="UTC")),
            _sums(flows.consumption, everyone, counted, rows),
            _sums(flows.production, fleet.pv, counted, rows),
            _sums(flows.imported, everyone, counted, rows),
            _sums(flows.exported, everyone, counted, rows),
            _sums(flows.battery_charge, fleet.battery, counted, rows),
            _sums(flows.battery_discharge, fleet.battery, counted, rows),
            pa.array(measured_minutes[rows], pa.int32()),
            pa.array(flows.consumption.sum(axis=0)[rows], pa.int64()),
        ],
        schema=TRUTH_SCHEMA,
    )


def truth_table(settled: Iterable[pa.RecordBatch]) -> pa.Table:
    """Return the truth of a run as one table, in the order of time."""
    return pa.Table.from_batches(settled, schema=TRUTH_SCHEMA)


def write_truth(truth: pa.Table, path: Path) -> None:
    """Write the truth as Parquet."""
    pq.write_table(truth, path, compression="zstd")


def read_truth(path: Path) -> pa.Table:
    """Return a truth that `write_truth` has written.

    Raises:
        TruthError: If the file can't be read or is no truth.
    """
    try:
        # Parquet knows no whole seconds, so the period comes back in milliseconds.
        return pq.read_table(path).cast(TRUTH_SCHEMA)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise TruthError(f"{path}: not the truth of a run, as Parquet: {reason}") from error


def _sums(energy: Energy, owners: Index, counted: NDArray[np.bool_], rows: Index) -> pa.Array:
    """Return the counted sums by row; null for households that are not among the owners."""
    sums = np.zeros(counted.shape[1], np.int64)
    unmeasured = np.ones(counted.shape[1], np.bool_)
    sums[owners] = (energy * counted[:, owners]).sum(axis=0)
    unmeasured[owners] = False
    return pa.array(sums[rows], pa.int64(), mask=unmeasured[rows])
