"""ClickHouse against the autarky that the simulator's truth comes to, in mWh."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from load_generator.autarky import QUARTER_S, PlainFigures, autarky_of

Place = tuple[str, str, int]
"""Community, meter ("" is the community itself), start of the period (epoch s)."""

Values = tuple[Any, ...] | None
_ABSENT: Final = "nothing"
_HOUSEHOLD: Final = ("consumption", "production", "solar_used", "self_consumed")
_COMMUNITY: Final = (*_HOUSEHOLD, "surplus", "need")
_CHANGE: Final = ("consumption", "solar_used", "shared")


@dataclass(frozen=True, slots=True)
class ExpectedAutarky:
    """What must be found.

    Attributes:
        first: Start of the first period, epoch s.
        end: End of the last one.
        intervals: The figures of households and communities.
        changes: Those that stand: from, to, and the period's energies.
    """

    first: int
    end: int
    intervals: Mapping[Place, Values]
    changes: Mapping[Place, Values]

    @classmethod
    def of(cls, truth: pa.Table) -> Self:
        """Work it out, by the default settings, from what the load generator wrote."""
        communities = autarky_of(truth)
        bounds = pc.min_max(truth["period_start"])
        return cls(
            first=int(bounds["min"].as_py().timestamp()),
            end=int(bounds["max"].as_py().timestamp()) + QUARTER_S,
            intervals={
                (community, meter, start): _told(figures, is_community=not meter)
                for community, autarky in communities.items()
                for (meter, start), figures in autarky.figures.items()
            },
            changes={
                (community, meter, start): (str(before), str(after), *energies)
                for community, autarky in communities.items()
                for meter, start, before, after, *energies in autarky.flips
            },
        )

    def differences(self, client: Client, database: str) -> list[str]:
        """Return what the public views say otherwise, each difference in words.

        Args:
            client: A client that may read the database.
            database: Its name.
        """
        households = self._ask(
            client, f"{database}.household_autarky_quarter_hours", "meter_id", _HOUSEHOLD
        )
        communities = self._ask(
            client, f"{database}.community_autarky_quarter_hours", "''", _COMMUNITY
        )
        changes = self._ask(
            client,
            f"{database}.autarky_changes",
            "ifNull(meter_id, '')",
            _CHANGE,
            states=("from_state::String", "to_state::String"),
        )
        return [
            *_differences("interval", self.intervals, households | communities),
            *_differences("change", self.changes, changes),
        ]

    def _ask(
        self,
        client: Client,
        view: str,
        meter: str,
        energies: tuple[str, ...],
        *,
        states: tuple[str, ...] = (),
    ) -> dict[Place, Values]:
        columns = ", ".join((*states, *(f"toInt64({name}_wh * 1000)" for name in energies)))
        answer = client.query(
            f"SELECT community_id::String, {meter}, "  # noqa: S608 - a checked setting
            f"toUnixTimestamp(period_start), {columns} FROM {view} "
            "WHERE period_start >= fromUnixTimestamp({first:UInt32}) "
            "AND period_start < fromUnixTimestamp({end:UInt32})",
            parameters={"first": self.first, "end": self.end},
        )
        return {
            (community, subject, int(start)): tuple(values)
            for community, subject, start, *values in answer.result_rows
        }


def _told(figures: PlainFigures | None, *, is_community: bool) -> Values:
    """Return figures as the views have them."""
    if is_community:
        return (None,) * len(_COMMUNITY) if figures is None else figures
    if figures is None:
        return (None,) * len(_HOUSEHOLD)
    # Without panels there is nothing that could have been consumed.
    self_consumed = None if figures.production is None else figures.self_consumed
    return figures.consumption, figures.production, figures.solar_used, self_consumed


def _differences(
    what: str, expected: Mapping[Place, Values], stored: Mapping[Place, Values]
) -> Iterator[str]:
    for place in sorted(expected.keys() | stored.keys()):
        want, got = expected.get(place), stored.get(place)
        if want != got:
            community, meter, start = place
            subject = f"{community} {meter}".rstrip()
            yield f"{what} of {subject} at {start}: {got or _ABSENT} instead of {want or _ABSENT}"
