"""Estimates in ClickHouse against what the simulated households really used."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from schemas.units import PERIOD_MINUTES

KEYS = ("community_id", "meter_id", "period_start")


@dataclass(frozen=True, slots=True)
class EstimatesCheck:
    """How far estimates are from the truth.

    Attributes:
        incomplete: Household quarter-hours in the truth of which a minute did not come, or was
            refused.
        estimated: Those of them that have an estimate.
        error_wh: Mean absolute error of these, Wh a quarter-hour.
        without_wh: The same if what did not come were taken for nothing.
    """

    incomplete: int
    estimated: int
    error_wh: float
    without_wh: float


NOTHING_ESTIMATED: Final = EstimatesCheck(0, 0, 0.0, 0.0)


def check_estimates(client: Client, database: str, truth: pa.Table) -> EstimatesCheck:
    """Compare the consumption of quarter-hours that did not come whole.

    Args:
        client: A client that may read the database.
        database: Its name.
        truth: As the load generator writes it.
    """
    incomplete = truth.filter(pc.less(truth["measured_minutes"], PERIOD_MINUTES))
    expected = incomplete.select([*KEYS, "consumption_mwh", "used_mwh"]).set_column(
        2,
        "period_start",
        pc.cast(pc.cast(incomplete["period_start"], pa.timestamp("s")), pa.int64()),
    )
    told = client.query_arrow(
        "SELECT community_id::String AS community_id, meter_id, "  # noqa: S608 - a checked setting
        "toUnixTimestamp(period_start)::Int64 AS period_start, "
        "toInt64(consumption_wh * 1000) AS estimated_mwh "
        f"FROM {database}.validated_quarter_hours WHERE version > 0 AND missing_minutes = 0",
        use_strings=True,
    )
    joined = expected.join(told, list(KEYS), join_type="inner")
    if not joined.num_rows:
        return EstimatesCheck(expected.num_rows, 0, 0.0, 0.0)
    used, measured, estimated = (
        pc.fill_null(joined[name], 0).to_numpy()
        for name in ("used_mwh", "consumption_mwh", "estimated_mwh")
    )
    return EstimatesCheck(
        expected.num_rows,
        joined.num_rows,
        round(float(np.abs(used - estimated).mean()) / 1000, 3),
        round(float(np.abs(used - measured).mean()) / 1000, 3),
    )
