"""What crosses a topic around validation: readings to look at, verdicts, replaced figures.

Metering adds up what has come. Validation holds the same readings against their registers and what
came before, and estimates what is missing or failed; what it says stands beside metering's sums,
never in them.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.metering import SumColumn
from schemas.units import CommunityId, MeterId, MinuteStart, PeriodStart, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Part = Annotated[int, Field(ge=0, description="of a community with many meters")]
OfVersion = Annotated[
    int,
    Field(ge=0, description="of the household-intervals it was worked out from; 0: of none"),
]
Minutes = Annotated[int, Field(ge=0, le=15)]


class Quality(StrEnum):
    """How a figure came about; of several minutes the worst, in this order from the worst.

    MISSING: of at least one minute nothing can be said. ESTIMATED: without registers.
    SUBSTITUTED: estimated in its shape, its net energy told by registers on both sides.
    RECOVERED: measured, the first after its register had been reset. MEASURED: as it came.
    """

    MISSING = "missing"
    ESTIMATED = "estimated"
    SUBSTITUTED = "substituted"
    RECOVERED = "recovered"
    MEASURED = "measured"


class EstimationMethod(StrEnum):
    """How the shape of what was missing was found; NONE: nothing was estimated."""

    NONE = "none"
    INTERPOLATION = "interpolation"
    LIKE_DAYS = "like_days"
    PROFILE = "profile"
    EVEN = "even"


class PeriodReadings(BaseModel):
    """A closed settlement period's readings as metering has them, for validation.

    A community with many meters is told in `parts` messages; each stands alone. Of several
    versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    period_start: PeriodStart
    version: Version
    part: Part
    parts: Annotated[int, Field(ge=1)]
    meter_id: list[MeterId]
    minute: Annotated[list[MinuteStart], Field(description="those that anything is known of")]
    mask: Annotated[
        list[Annotated[int, Field(ge=0, lt=128)]],
        Field(
            description="by minute: a bit for each channel it has a row for, in the order of "
            "MeterFrame's columns"
        ),
    ]
    meters: Annotated[
        list[Annotated[int, Field(ge=0)]],
        Field(description="by minute: how many of meter_id it has columns for"),
    ]
    widths: Annotated[
        list[Annotated[int, Field(ge=0)]],
        Field(description="by minute: bytes of each row's values less 1, three bits a row"),
    ]
    edited: Annotated[
        list[tuple[MinuteStart, MeterId]],
        Field(description="readings that were put right by hand, which no rule fails"),
    ] = []
    cells_base64: Annotated[
        str,
        Field(
            description="minute by minute, row by row: each meter's mWh and 1 more, little-endian; "
            "0: not measured"
        ),
    ]


class ValidatedIntervals(BaseModel):
    """What validation puts in the place of some households' sums of a settlement period.

    Only households of which something failed, was missing, or was so in an earlier version. A
    figure is the sum of what is good and of what was estimated for the rest; null: nothing is
    known. Of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    period_start: PeriodStart
    version: Version
    of_version: OfVersion
    part: Part
    meter_id: list[MeterId]
    consumption_mwh: SumColumn
    production_mwh: SumColumn
    import_mwh: SumColumn
    export_mwh: SumColumn
    battery_charge_mwh: SumColumn
    battery_discharge_mwh: SumColumn
    quality: list[Quality]
    method: Annotated[list[EstimationMethod], Field(description="of the first minute estimated")]
    measured_minutes: Annotated[list[Minutes], Field(description="recovered ones included")]
    substituted_minutes: list[Minutes]
    estimated_minutes: list[Minutes]
    missing_minutes: list[Minutes]


class ReadingVerdicts(BaseModel):
    """What the rules said of a settlement period's readings: those that any rule spoke up at.

    Part, period and version identify it; of several versions the highest stands, as a whole.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    period_start: PeriodStart
    version: Version
    of_version: OfVersion
    part: Part
    meter_id: Annotated[list[MeterId], Field(description="by reading, as the columns below")]
    minute: list[MinuteStart]
    verdict: list[Literal["pass", "warn", "fail"]]
    rules: Annotated[list[list[str]], Field(description="by reading: which rules spoke up")]
