"""What crosses a topic around autarky: how self-sufficient a period was, and who became it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.units import CommunityId, EnergySum, MeterId, PeriodStart, Version

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")


class AutarkyState(StrEnum):
    """Whether a household or a community lives on its own sun."""

    UNKNOWN = "unknown"
    DEPENDENT = "dependent"
    AUTARKIC = "autarkic"


class AutarkyReason(StrEnum):
    """Why a state changed: self-sufficiency reached a threshold, and stayed there for the hold."""

    REACHED = "self_sufficiency_reached"
    LOST = "self_sufficiency_lost"


class AutarkyChange(BaseModel):
    """A household or a community became autarkic, or dependent.

    Community, meter and period identify it; of several versions the highest stands. A correction
    of the readings can change its figures, or withdraw it.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    meter_id: Annotated[MeterId | None, Field(description="null: the community as a whole")]
    period_start: Annotated[PeriodStart, Field(description="the period that decided, epoch s UTC")]
    version: Version
    from_state: AutarkyState
    to_state: AutarkyState
    reason: AutarkyReason
    since: Annotated[
        PeriodStart, Field(description="the first period beyond the threshold, epoch s UTC")
    ]
    threshold: Annotated[float, Field(ge=0, le=1, description="of self-sufficiency, a share")]
    self_sufficiency: Annotated[
        float, Field(ge=0, le=1, description="of the period: (solar used + shared) / consumption")
    ]
    consumption_mwh: EnergySum
    solar_used_mwh: Annotated[
        EnergySum, Field(description="mWh of one's own sun, directly and through one's battery")
    ]
    shared_mwh: Annotated[
        EnergySum, Field(description="mWh that neighbours had left; 0 for a household")
    ]
    withdrawn: Annotated[bool, Field(description="corrected readings took it back")]
    notice: Annotated[
        AutarkyState | None,
        Field(description="what to tell whoever was told the last notice; null: nothing"),
    ]


FigureColumn = Annotated[
    list[EnergySum | None], Field(description="mWh; null: the period was not measured throughout")
]
CommunityFigure = Annotated[
    EnergySum | None,
    Field(description="mWh; null: a household was not measured throughout"),
]


class AutarkyIntervals(BaseModel):
    """How much of a period's energy stayed at home, a column entry per household.

    Ratios are formed where they are asked for: of sums over the time in question. A community
    with many households is told in `parts` messages of the same version. Of several versions the
    highest stands.
    """

    model_config = _SENT

    schema_version: Literal[1] = 1
    community_id: CommunityId
    period_start: PeriodStart
    version: Version
    part: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=1)]
    community_consumption_mwh: CommunityFigure
    community_production_mwh: CommunityFigure
    community_solar_used_mwh: CommunityFigure
    community_self_consumed_mwh: CommunityFigure
    community_surplus_mwh: Annotated[
        CommunityFigure, Field(description="mWh of sun that households had left for others")
    ]
    community_need_mwh: Annotated[
        CommunityFigure, Field(description="mWh that households lacked for their loads")
    ]
    meter_id: list[MeterId]
    consumption_mwh: FigureColumn
    production_mwh: Annotated[
        list[EnergySum | None], Field(description="mWh; null as well without panels")
    ]
    solar_used_mwh: FigureColumn
    self_consumed_mwh: Annotated[
        list[EnergySum | None],
        Field(description="mWh of the sun used at once or stored; null as well without panels"),
    ]
