"""What crosses a topic around metering: frames in, closed minutes and periods out."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.units import (
    CommunityId,
    EnergySum,
    MeterId,
    MinuteStart,
    PeriodStart,
    Version,
)

FrameColumn = Annotated[
    list[float | None],
    Field(description="one number for each meter, in their order; null: not measured"),
]


MOST_BY: Final = 100
MOST_REASON: Final = 500


class Edit(BaseModel):
    """Who puts a reading right by hand, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    by: Annotated[
        str, Field(min_length=1, max_length=MOST_BY, description="whoever answers for it")
    ]
    reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON)]


class MeterFrame(BaseModel):
    """One community's readings for one minute, in columns, as its terminal sends them.

    The topic's key is the community id. All columns are as long as `meter_id`. An absent
    column means that none of the meters measures it. A minute may come in several frames, late,
    twice or out of order. Of two values for one meter and minute the one with the higher
    `sequence` stands; without sequences, the one that the broker has received later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    community_id: CommunityId
    minute: MinuteStart
    meter_id: Annotated[list[MeterId], Field(min_length=1)]
    consumption_wh: FrameColumn
    production_wh: FrameColumn | None = None
    battery_charge_wh: FrameColumn | None = None
    battery_discharge_wh: FrameColumn | None = None
    battery_level_wh: FrameColumn | None = None
    import_register_wh: FrameColumn | None = None
    export_register_wh: FrameColumn | None = None
    sequence: Annotated[int, Field(ge=0, le=2**62)] | None = Field(
        default=None, description="grows with everything the terminal sends"
    )
    first_offset: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="where in its partition the same readings were refused; they rank as if they "
        "had been taken then",
    )
    edit: Edit | None = Field(
        default=None,
        description="these readings are an operator's: they stand above all that the terminal "
        "sends, until a later edit",
    )


# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")


class CommunityMinute(BaseModel):
    """A closed minute of one community: the sums over the meters that reported it.

    A sum is null when no meter measured that quantity. Of several versions the highest stands; a
    version follows from the place of the newest frame it holds, so it has one content for ever.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    minute: MinuteStart
    version: Version
    meters_reported: Annotated[int, Field(ge=0, description="meters with a consumption")]
    missing_meters: Annotated[
        list[MeterId],
        Field(description="registered meters that none of its frames has an accepted reading of"),
    ] = []
    consumption_mwh: EnergySum | None
    production_mwh: EnergySum | None
    import_mwh: EnergySum | None
    export_mwh: EnergySum | None
    battery_charge_mwh: EnergySum | None
    battery_discharge_mwh: EnergySum | None


class EditedReading(BaseModel):
    """A reading that was put right by hand; null: the edit said nothing of that quantity.

    Meter, minute and version identify it: one content for ever.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    meter_id: MeterId
    minute: MinuteStart
    version: Annotated[Version, Field(description="of the minute that holds it")]
    edited_by: str
    reason: str
    edited_at_ms: Annotated[int, Field(ge=0, description="the broker's time stamp, epoch ms")]
    consumption_mwh: EnergySum | None
    production_mwh: EnergySum | None
    battery_charge_mwh: EnergySum | None
    battery_discharge_mwh: EnergySum | None


SumColumn = Annotated[list[EnergySum | None], Field(description="mWh; null: never measured")]


class HouseholdIntervals(BaseModel):
    """A closed settlement period (15 minutes) of one community, a column entry per household.

    A community with many households is told in `parts` messages of the same version; each
    stands alone. Of several versions the highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    period_start: PeriodStart
    version: Version
    part: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=1)]
    meter_id: list[MeterId]
    consumption_mwh: SumColumn
    production_mwh: SumColumn
    import_mwh: SumColumn
    export_mwh: SumColumn
    battery_charge_mwh: SumColumn
    battery_discharge_mwh: SumColumn
    battery_level_mwh: Annotated[
        list[EnergySum | None] | None,
        Field(
            description="mWh in the battery when last told in the period; null: never, as a whole "
            "where nobody has one"
        ),
    ] = None
    measured_minutes: Annotated[
        list[Annotated[int, Field(ge=0, le=15)]],
        Field(description="minutes of the period with a measured consumption"),
    ]


class RejectionRule(StrEnum):
    """Why a frame, or a reading in it, was refused."""

    NULL_KEY = "null_key"
    NULL_VALUE = "null_value"
    FRAME_TOO_LARGE = "frame_too_large"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    EMPTY_FRAME = "empty_frame"
    UNEQUAL_COLUMNS = "unequal_columns"
    COMMUNITY_ID = "community_id"
    KEY_MISMATCH = "key_mismatch"
    MINUTE_NOT_ALIGNED = "minute_not_aligned"
    MINUTE_IN_FUTURE = "minute_in_future"
    MINUTE_TOO_OLD = "minute_too_old"
    METER_ID = "meter_id"
    UNKNOWN_METER = "unknown_meter"
    WRONG_COMMUNITY = "wrong_community"
    OVER_CAP = "over_cap"
    NO_BATTERY = "no_battery"
    BATTERY_LEVEL = "battery_level"
    DUPLICATE_METER = "duplicate_meter"
    NOT_A_NUMBER = "not_a_number"
    NEGATIVE_ENERGY = "negative_energy"
    ENERGY_TOO_LARGE = "energy_too_large"
    UNKNOWN_PLANT = "unknown_plant"


class RejectedReading(BaseModel):
    """A frame, or the readings of it that one rule refused, with the original bytes.

    Where the record came from (topic, partition, offset) and the rule identify it: the same
    record refused twice is one rejection.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    source_topic: str
    source_partition: Annotated[int, Field(ge=0)]
    source_offset: Annotated[int, Field(ge=0)]
    rule: RejectionRule
    detail: Annotated[str, Field(description="the field, the value and the rule, for people")]
    community_id: Annotated[str | None, Field(description="as far as it could be read")]
    minute: Annotated[int | None, Field(description="epoch seconds, as far as it could be read")]
    meter_id: Annotated[
        list[str], Field(description="the refused meters; empty when the whole frame is refused")
    ]
    received_at_ms: Annotated[int, Field(ge=0, description="the broker's time stamp, epoch ms")]
    original_key_base64: str | None
    original_value_base64: Annotated[
        str | None, Field(description="the first 64 KiB of the record's value")
    ]
    original_value_bytes: Annotated[int, Field(ge=0, description="its full length")]
