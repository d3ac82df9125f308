"""What crosses a topic around the grid's balance: sums of partitions, and of the whole grid."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.units import EnergySum, MinuteStart, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Count = Annotated[int, Field(ge=0)]
NetEnergy = Annotated[int, Field(description="mWh of import less export; negative: fed in")]


class Balance(BaseModel):
    """Sums of one minute over communities: what was measured, and the forecast of the rest."""

    model_config = _SENT

    minute: MinuteStart
    communities: Annotated[Count, Field(description="that reported the minute")]
    expected_communities: Annotated[Count, Field(description="that reported within a day")]
    meters_reported: Annotated[Count, Field(description="meters with a consumption")]
    meters_missing: Annotated[Count, Field(description="registered ones of these communities")]
    consumption_mwh: Annotated[EnergySum, Field(description="mWh, measured")]
    production_mwh: Annotated[EnergySum, Field(description="mWh, measured, of households")]
    import_mwh: Annotated[EnergySum, Field(description="mWh, measured")]
    export_mwh: Annotated[EnergySum, Field(description="mWh, measured")]
    forecast_consumption_mwh: Annotated[
        EnergySum, Field(description="mWh, in place of what did not report")
    ]
    forecast_net_mwh: Annotated[
        NetEnergy, Field(description="mWh of import less export, in place of what did not report")
    ]


class GridPartial(Balance):
    """A minute of the communities of one partition.

    Partition and minute identify it. Of several versions the highest stands; a version follows
    from the place of the newest community's minute that was known, so it has one content for ever.
    """

    schema_version: Literal[1] = 1
    partition: Annotated[int, Field(ge=0)]
    version: Version


class GridMinute(Balance):
    """A minute of the whole grid.

    The minute identifies it. Of several versions the highest stands; a version follows from the
    place of the newest partial that was known, so it has one content for ever.
    """

    schema_version: Literal[1] = 1
    version: Version
    partitions: Annotated[list[int], Field(description="whose partials it holds, in their order")]
    forecast_partitions: Annotated[
        list[int], Field(description="that did not tell the minute: their last partial stands in")
    ]
    share_reported: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="measured consumption of that and the forecast; null: both are nothing",
        ),
    ]
    net_load_w: Annotated[
        int, Field(description="W: import less export, measured and forecast; negative: fed in")
    ]
