"""What ClickHouse knows of a run, as arrays to draw: flows of energy by quarter-hour and hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from schemas.units import PERIOD_S

Watts = NDArray[np.float64]
"""Mean power of each interval; NaN: not known."""

HOUR_S: Final = 3_600

_FLOWS: Final = """
SELECT
    toUnixTimestamp(period_start) AS start,
    toFloat64(consumption_wh) * 4 AS consumption,
    toFloat64(production_wh) * 4 AS production,
    toFloat64(import_wh) * 4 AS imported,
    toFloat64(export_wh) * 4 AS exported,
    toFloat64(battery_charge_wh) * 4 AS charge,
    toFloat64(battery_discharge_wh) * 4 AS discharge
"""

_GRID: Final = _FLOWS + "FROM {database:Identifier}.grid_quarter_hours ORDER BY start"

_COMMUNITY: Final = (
    _FLOWS
    + """
FROM {database:Identifier}.community_quarter_hours
WHERE community_id = {community:String} ORDER BY start
"""
)

_HOUSEHOLD: Final = (
    _FLOWS
    + """
FROM {database:Identifier}.household_quarter_hours
WHERE community_id = {community:String} AND meter_id = {meter:String} ORDER BY start
"""
)

_TELLING_COMMUNITY: Final = """
SELECT community_id AS community
FROM {database:Identifier}.community_quarter_hours
GROUP BY community_id
ORDER BY max(ifNull(import_wh, 0)) + max(ifNull(export_wh, 0)) DESC, community_id
LIMIT 1
"""

_TELLING_HOUSEHOLD: Final = """
SELECT community_id AS community, meter_id AS meter
FROM {database:Identifier}.household_quarter_hours
GROUP BY community_id, meter_id
ORDER BY
    least(
        sum(ifNull(import_wh, 0)), sum(ifNull(export_wh, 0)), sum(ifNull(battery_discharge_wh, 0))
    ) DESC,
    sum(ifNull(production_wh, 0)) DESC,
    sum(ifNull(consumption_wh, 0)) DESC,
    community_id, meter_id
LIMIT 1
"""

_HOUSEHOLD_HOURS: Final = """
SELECT
    dense_rank() OVER (ORDER BY hours.community_id, hours.meter_id) - 1 AS household,
    toUnixTimestamp(period_start) AS start,
    toFloat64(import_wh) - toFloat64(export_wh) AS net,
    production_wh IS NOT NULL AS has_pv,
    battery_charge_wh IS NOT NULL AS has_battery,
    autarky.share AS self_sufficiency
FROM {database:Identifier}.household_hours AS hours
LEFT JOIN
(
    SELECT community_id, meter_id, toStartOfHour(period_start) AS hour,
        toFloat64(sum(solar_used_wh)) / nullIf(toFloat64(sum(consumption_wh)), 0) AS share
    FROM {database:Identifier}.household_autarky_quarter_hours
    GROUP BY community_id, meter_id, hour
) AS autarky
ON autarky.community_id = hours.community_id AND autarky.meter_id = hours.meter_id
    AND autarky.hour = hours.period_start
"""


@dataclass(frozen=True, kw_only=True)
class Flows:
    """The energy flows of a household or of many, as mean power by quarter-hour.

    `edges` are where the quarter-hours begin, epoch s, and the end of the last: one more than
    there are values.
    """

    edges: NDArray[np.int64]
    consumption: Watts
    production: Watts
    imported: Watts
    exported: Watts
    charge: Watts
    discharge: Watts


@dataclass(frozen=True, kw_only=True)
class HouseholdHours:
    """Each household's net import in W and self-sufficiency, both (households, hours).

    Self-sufficiency is a share of the consumption, NaN where it is not defined.

    `edges` are where the hours begin, epoch s, and the end of the last.
    """

    edges: NDArray[np.int64]
    net: Watts
    self_sufficiency: NDArray[np.float64]
    has_pv: NDArray[np.bool_]
    has_battery: NDArray[np.bool_]


class Days:
    """Reads the views of one database; None: the database has nothing of it."""

    def __init__(self, client: Client, database: str) -> None:
        """Keep where to read; nothing is asked of ClickHouse yet."""
        self._client = client
        self._database = database

    def grid(self) -> Flows | None:
        """Return the whole grid."""
        return _flows(self._ask(_GRID))

    def telling_community(self) -> tuple[str, Flows] | None:
        """Return the community whose peaks of import and export are largest, and its id."""
        for row in self._ask(_TELLING_COMMUNITY).to_pylist():
            flows = _flows(self._ask(_COMMUNITY, row))
            if flows is not None:
                return row["community"], flows
        return None

    def telling_household(self) -> tuple[str, Flows] | None:
        """Return the household where most happens, and its meter's id.

        That is one that imports, exports and has a battery; where none is, one with much
        production, and then one with much consumption.
        """
        for row in self._ask(_TELLING_HOUSEHOLD).to_pylist():
            flows = _flows(self._ask(_HOUSEHOLD, row))
            if flows is not None:
                return row["meter"], flows
        return None

    def household_hours(self) -> HouseholdHours | None:
        """Return all households, in the order of their communities and ids."""
        table = self._ask(_HOUSEHOLD_HOURS)
        if not table.num_rows:
            return None
        column = {name: table[name].to_numpy() for name in table.column_names}
        household = column["household"].astype(np.int64)
        edges, hour = _regular(column["start"].astype(np.int64), HOUR_S)
        count = int(household.max()) + 1
        net = np.full((count, len(edges) - 1), np.nan)
        net[household, hour] = column["net"]
        self_sufficiency = np.full(net.shape, np.nan)
        self_sufficiency[household, hour] = column["self_sufficiency"]
        has_pv = np.zeros(count, np.bool_)
        np.logical_or.at(has_pv, household, column["has_pv"].astype(np.bool_))
        has_battery = np.zeros(count, np.bool_)
        np.logical_or.at(has_battery, household, column["has_battery"].astype(np.bool_))
        return HouseholdHours(
            edges=edges,
            net=net,
            self_sufficiency=self_sufficiency,
            has_pv=has_pv,
            has_battery=has_battery,
        )

    def _ask(self, query: str, parameters: Mapping[str, str] | None = None) -> pa.Table:
        return self._client.query_arrow(
            query, parameters={"database": self._database, **(parameters or {})}
        )


def _flows(table: pa.Table) -> Flows | None:
    if not table.num_rows:
        return None
    edges, place = _regular(table["start"].to_numpy().astype(np.int64), PERIOD_S)
    values: dict[str, Watts] = {}
    for name in ("consumption", "production", "imported", "exported", "charge", "discharge"):
        values[name] = np.full(len(edges) - 1, np.nan)
        values[name][place] = table[name].to_numpy()
    return Flows(edges=edges, **values)


def _regular(starts: NDArray[np.int64], step_s: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the edges of all steps from the first to the last start, and each start's place."""
    first = int(starts.min())
    place = (starts - first) // step_s
    return first + step_s * np.arange(int(place.max()) + 2, dtype=np.int64), place
