"""Closed periods from the bytes of their topic, and verdicts on them into the bytes of theirs."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from schemas.autarky import AutarkyChange, AutarkyReason
from schemas.metering import HouseholdIntervals
from streams.codecs.results import HOUSEHOLDS_IN_A_MESSAGE, Message
from streams.domain.autarky import Flows
from streams.domain.autarky_communities import Step, ToldPeriod
from streams.domain.autarky_periods import COMMUNITY, ToldChange, Verdict, threshold_of
from streams.domain.autarky_states import AUTARKIC, AutarkyPolicy


def told_period(value: bytes | None, *, place: int) -> ToldPeriod:
    """Return what a message of `household-intervals` tells; `place` is where it stands.

    Raises:
        ValueError: If it is none.
    """
    told = HouseholdIntervals.model_validate_json(value or b"")
    columns = zip(
        told.meter_id,
        told.consumption_mwh,
        told.production_mwh,
        told.battery_charge_mwh,
        told.battery_discharge_mwh,
        told.measured_minutes,
        strict=True,
    )
    return ToldPeriod(
        told.community_id,
        told.period_start,
        told.version,
        told.part,
        told.parts,
        {meter: Flows(*row) for meter, *row in columns},
        place,
    )


def autarky_changes(step: Step, policy: AutarkyPolicy) -> Iterator[Message]:
    """Yield key and value of an `AutarkyChange` for each change that is to be told."""
    for community_id, (version, changes) in step.changes.items():
        for told in changes:
            event = _change(community_id, version, told, policy)
            yield community_id.encode(), event.model_dump_json().encode()


def _change(
    community_id: str, version: int, told: ToldChange, policy: AutarkyPolicy
) -> AutarkyChange:
    change = told.change
    own = change.solar_used + change.shared
    return AutarkyChange(
        community_id=community_id,
        meter_id=None if told.subject == COMMUNITY else told.subject,
        period_start=told.start,
        version=version,
        from_state=change.from_state,
        to_state=change.to_state,
        reason=AutarkyReason.REACHED if change.to_state is AUTARKIC else AutarkyReason.LOST,
        since=change.since,
        threshold=threshold_of(change, policy),
        self_sufficiency=own / change.consumption,
        consumption_mwh=change.consumption,
        solar_used_mwh=change.solar_used,
        shared_mwh=change.shared,
        withdrawn=told.withdrawn,
        notice=told.notice,
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """A message's columns."""

    meter_id: list[str]
    consumption_mwh: list[int | None]
    production_mwh: list[int | None]
    solar_used_mwh: list[int | None]
    self_consumed_mwh: list[int | None]


def autarky_intervals(step: Step) -> Iterator[Message]:
    """Yield key and value of the `AutarkyIntervals` of each judged period."""
    for (community_id, start), (version, verdict) in step.verdicts.items():
        parts = max(1, -(-len(verdict.households) // HOUSEHOLDS_IN_A_MESSAGE))
        for part in range(parts):
            head = {
                "schema_version": 1,
                "community_id": community_id,
                "period_start": start,
                "version": version,
                "part": part,
                "parts": parts,
                **_community(verdict),
            }
            text = orjson.dumps(head)[:-1] + b"," + orjson.dumps(_columns(verdict, part))[1:]
            yield community_id.encode(), text


def _community(verdict: Verdict) -> dict[str, int | None]:
    sums = verdict.community
    return {
        "community_consumption_mwh": None if sums is None else sums.consumption,
        "community_production_mwh": None if sums is None else sums.production,
        "community_solar_used_mwh": None if sums is None else sums.solar_used,
        "community_self_consumed_mwh": None if sums is None else sums.self_consumed,
        "community_surplus_mwh": None if sums is None else sums.surplus,
        "community_need_mwh": None if sums is None else sums.need,
    }


def _columns(verdict: Verdict, part: int) -> _Columns:
    """Return a part's columns; without panels there is nothing that could have been consumed."""
    columns = _Columns([], [], [], [], [])
    first = part * HOUSEHOLDS_IN_A_MESSAGE
    rows = list(verdict.households.items())[first : first + HOUSEHOLDS_IN_A_MESSAGE]
    for meter, figures in rows:
        columns.meter_id.append(meter)
        # A tuple of numbers: it is never empty, so never false.
        columns.consumption_mwh.append(figures and figures.consumption)
        columns.production_mwh.append(figures and figures.production)
        columns.solar_used_mwh.append(figures and figures.solar_used)
        has_panels = figures is not None and figures.production is not None
        columns.self_consumed_mwh.append(figures.self_consumed if figures and has_panels else None)
    return columns
