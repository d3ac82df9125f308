"""What a demo run came to: every figure once, for people and for programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    computed_field,
)

from deploy.report.files import write_whole

RESULT_FILE: Final = "result.json"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How far the run was, `seconds` after its first frame; all but the lag count from its start.

    `readings_done` are those that metering has finished with; `lag_records` are the frames that
    the broker holds and metering has not fetched.
    """

    seconds: float
    frames_sent: int
    readings_sent: int
    readings_done: int
    minutes_closed: int
    periods_stored: int
    lag_records: int


class Breakdown(BaseModel):
    """Something that broke down in the simulation, and the ticket that it got."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    community_id: str
    meter_id: Annotated[str | None, Field(description="null: the whole terminal")]
    begins: AwareDatetime
    ends: AwareDatetime
    opened_at: Annotated[AwareDatetime | None, Field(description="event time; null: no ticket")]
    cleared_at: Annotated[AwareDatetime | None, Field(description="null: it was not cleared")]


class DemoResult(BaseModel):
    """A finished run in figures. Frames and readings are counted by the sender, unless it is said.

    The comparison is between ClickHouse and the simulator's truth: one row for each household
    and quarter-hour, each channel in mWh.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    started_at: AwareDatetime
    first_minute: Annotated[AwareDatetime, Field(description="of the simulated time")]
    minutes: PositiveInt
    seed: NonNegativeInt
    faults: Annotated[str, Field(description="none, some or many")]
    communities: PositiveInt
    households: PositiveInt

    frames_sent: NonNegativeInt
    readings_sent: Annotated[
        NonNegativeInt, Field(description="with duplicates and corrections, without lost ones")
    ]
    duplicate_frames: NonNegativeInt
    reordered_frames: NonNegativeInt
    late_frames: NonNegativeInt
    lost_frames: NonNegativeInt
    lost_readings: NonNegativeInt
    corrected_frames: NonNegativeInt
    corrected_readings: NonNegativeInt
    invalid_readings: Annotated[
        NonNegativeInt, Field(description="sent; each must come back as a rejected one")
    ]
    rejected_readings: Annotated[NonNegativeInt, Field(description="found in ClickHouse")]

    community_minutes: Annotated[NonNegativeInt, Field(description="found in ClickHouse")]
    household_periods: Annotated[NonNegativeInt, Field(description="found in ClickHouse")]
    autarky_changes: Annotated[
        NonNegativeInt, Field(description="of households and communities, found in ClickHouse")
    ]
    rejections: Annotated[
        Mapping[str, NonNegativeInt],
        Field(description="rejected readings in ClickHouse, by the rule that refused them"),
    ] = {}
    breakdowns: Annotated[
        tuple[Breakdown, ...], Field(description="that must have a ticket, in the order of time")
    ] = ()
    tickets_opened: Annotated[
        NonNegativeInt, Field(description="with those opened again, found in ClickHouse")
    ] = 0
    false_tickets: Annotated[
        tuple[str, ...], Field(description="a line on each that nothing in the run explains")
    ] = ()
    mails: Annotated[
        NonNegativeInt, Field(description="that the embedded mail server has, of all kinds")
    ] = 0
    incomplete_periods: Annotated[
        NonNegativeInt,
        Field(description="household quarter-hours of which a minute did not come or was refused"),
    ] = 0
    estimated_periods: Annotated[
        NonNegativeInt, Field(description="of these, with an estimate in ClickHouse")
    ] = 0
    estimate_error_wh: Annotated[
        NonNegativeFloat,
        Field(description="mean absolute error of their consumption, Wh a quarter-hour"),
    ] = 0.0
    unestimated_error_wh: Annotated[
        NonNegativeFloat, Field(description="the same, if what did not come were nothing")
    ] = 0.0
    rows_compared: NonNegativeInt
    rows_differing: Annotated[
        NonNegativeInt, Field(description="with those that only one side has")
    ]
    difference_mwh: Annotated[
        NonNegativeInt, Field(description="sum of all absolute differences, over all channels")
    ]
    first_differences: Annotated[
        tuple[str, ...], Field(description="a line for people on each of the first such rows")
    ] = ()

    end_to_end_s: Annotated[
        PositiveFloat, Field(description="from the first frame sent to the last period stored")
    ]
    phases_s: Annotated[
        Mapping[str, NonNegativeFloat], Field(description="by name, in their order")
    ]
    versions: Annotated[Mapping[str, str], Field(description="by the software's name")]
    machine: Annotated[str, Field(description="cores, memory and system, for people")] = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def readings_per_s(self) -> float:
        """Return the readings sent by each second of the way from terminal to ClickHouse."""
        return round(self.readings_sent / self.end_to_end_s, 1)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def breakdowns_found(self) -> int:
        """Return how many breakdowns have a ticket."""
        return sum(one.opened_at is not None for one in self.breakdowns)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def breakdowns_cleared(self) -> int:
        """Return how many of them were cleared when readings were good again."""
        return sum(one.cleared_at is not None for one in self.breakdowns)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exact(self) -> bool:
        """Return whether ClickHouse holds the truth: rows were compared, and none differs."""
        return bool(self.rows_compared) and not self.rows_differing and not self.difference_mwh


def write_result(out_dir: Path, result: DemoResult) -> None:
    """Write a run's figures as JSON into `result.json`; an interruption leaves the old file.

    Raises:
        OSError: If the folder or the file can't be written.
    """
    write_whole(out_dir / RESULT_FILE, result.model_dump_json(indent=2) + "\n")
