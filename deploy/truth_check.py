"""ClickHouse against the simulator's truth: every household and quarter-hour, in mWh."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from streams.domain.channels import FLOWS

KEYS: Final = ("community_id", "meter_id", "period_start")
_SHOWN: Final = 10
_ABSENT: Final = "no row"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing found.

    Attributes:
        rows: Household periods in the truth.
        stored: Household periods in ClickHouse, of the truth's communities and time.
        difference_mwh: Sum of the absolute differences; a missing value counts whole.
        differing: How many household periods differ in anything.
        examples: The first of them, in words.
    """

    rows: int
    stored: int
    difference_mwh: int
    differing: int
    examples: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether ClickHouse holds the truth and nothing else."""
        return self.differing == 0 and self.rows == self.stored


def stored_periods(
    client: Client, database: str, truth: pa.Table, *, view: str = "household_quarter_hours"
) -> int:
    """Return how many household periods a view of ClickHouse has in the truth's time."""
    first, last = _span(truth)
    answer = client.query(
        f"SELECT count() FROM {database}.{view} "  # noqa: S608 - a checked setting
        "WHERE period_start BETWEEN fromUnixTimestamp({first:UInt32}) "
        "AND fromUnixTimestamp({last:UInt32})",
        parameters={"first": first, "last": last},
    )
    return int(answer.result_rows[0][0])


def compare(client: Client, database: str, truth: pa.Table) -> Comparison:
    """Compare what the public view says with the truth.

    Args:
        client: A client that may read the database.
        database: Its name.
        truth: As the load generator writes it.
    """
    first, last = _span(truth)
    wh = ", ".join(f"toInt64({channel}_wh * 1000) AS {channel}_mwh" for channel in FLOWS)
    stored = client.query_arrow(
        f"SELECT community_id::String AS community_id, meter_id, "  # noqa: S608 - a checked setting
        f"toUnixTimestamp(period_start)::Int64 AS period_start, {wh}, "
        f"measured_minutes::Int64 AS measured_minutes FROM {database}.household_quarter_hours "
        "WHERE period_start BETWEEN fromUnixTimestamp({first:UInt32}) "
        "AND fromUnixTimestamp({last:UInt32})",
        parameters={"first": first, "last": last},
        use_strings=True,
    )
    values = [*(f"{channel}_mwh" for channel in FLOWS), "measured_minutes"]
    expected = truth.set_column(
        truth.column_names.index("period_start"),
        "period_start",
        pc.cast(pc.cast(truth["period_start"], pa.timestamp("s")), pa.int64()),
    )
    joined = expected.join(
        stored.append_column("is_stored", pa.array(np.ones(stored.num_rows, dtype=bool))),
        list(KEYS),
        join_type="full outer",
        right_suffix="_stored",
    )
    differs = np.zeros(joined.num_rows, dtype=bool)
    difference = 0
    for name in values:
        want, got = joined[name], joined[f"{name}_stored"]
        unequal = pc.if_else(
            pc.and_(pc.is_valid(want), pc.is_valid(got)),
            pc.not_equal(want, pc.cast(got, want.type)),
            pc.xor(pc.is_valid(want), pc.is_valid(got)),
        )
        differs |= pc.fill_null(unequal, fill_value=True).to_numpy()
        if name != "measured_minutes":
            gap = pc.subtract(pc.fill_null(want, 0), pc.fill_null(got, 0))
            difference += pc.sum(pc.abs(gap)).as_py() or 0
    rows = joined.filter(pa.array(differs)).slice(0, _SHOWN).to_pylist()
    return Comparison(
        rows=truth.num_rows,
        stored=stored.num_rows,
        difference_mwh=difference,
        differing=int(differs.sum()),
        examples=tuple(_describe(row, values) for row in rows),
    )


def _span(truth: pa.Table) -> tuple[int, int]:
    bounds = pc.min_max(pc.cast(pc.cast(truth["period_start"], pa.timestamp("s")), pa.int64()))
    return bounds["min"].as_py(), bounds["max"].as_py()


def _describe(row: dict[str, object], values: list[str]) -> str:
    where = " ".join(str(row[key]) for key in KEYS)
    if row["is_stored"] is None:
        return f"{where}: {_ABSENT} in ClickHouse"
    gaps = [
        f"{name} {row[f'{name}_stored']} instead of {row[name]}"
        for name in values
        if row[name] != row[f"{name}_stored"]
    ]
    return f"{where}: {', '.join(gaps)}"
