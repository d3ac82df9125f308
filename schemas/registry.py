"""What is registered of the grid: communities, households, power plants and technicians.

Names, e-mail, addresses and IBAN are not here but in `schemas.persons`; a person's id is all that
these records know of anyone.
"""

from decimal import Decimal
from functools import cache
from typing import Annotated, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from schemas.units import LATEST_MINUTE, MINUTE_S, CommunityId, Id, MeterId

MAX_POWER_W: Final = 10**12
MAX_STORE_WH: Final = 10**12

# A newer version may send more: whoever reads it takes what it knows.
_SENT = ConfigDict(frozen=True, extra="ignore")

Minute = Annotated[int, Field(ge=0, le=LATEST_MINUTE, multiple_of=MINUTE_S)]
ValidFrom = Annotated[Minute, Field(description="epoch seconds, UTC: the first minute it holds")]
ValidTo = Annotated[
    Minute | None,
    Field(description="epoch seconds, UTC: the first minute it no longer holds; null: open"),
]
RegistryVersion = Annotated[
    int,
    Field(
        ge=1,
        le=2**63 - 1,
        description="grows with every change of the same record: epoch ms of the change, or one "
        "more than the version before where that is higher",
    ),
]
Power = Annotated[int, Field(ge=0, le=MAX_POWER_W)]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("not an IANA time zone, as in Europe/Berlin")
    return name


Zone = Annotated[
    str,
    AfterValidator(_zone),
    Field(description="IANA time zone of its days, as Europe/Berlin"),
]


class Validity(BaseModel):
    """Holds in [valid_from, valid_to); never, where these are equal."""

    model_config = _SENT

    valid_from: ValidFrom
    valid_to: ValidTo = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self


class Community(Validity):
    """A community of households behind one connection to the grid, as registered.

    Its id identifies it; of several versions the highest stands.
    """

    schema_version: Literal[1] = 1
    community_id: CommunityId
    version: RegistryVersion
    name: Annotated[
        str, StringConstraints(max_length=200), Field(description="of the community, of nobody")
    ] = ""
    connection_limit_w: Annotated[Power, Field(description="W that its connection bears")]
    zone: Zone
    latitude_deg: Annotated[
        float | None,
        Field(ge=-90, le=90, description="where it lies, north positive; null: not known"),
    ] = None
    longitude_deg: Annotated[
        float | None, Field(ge=-180, le=180, description="east positive; null: not known")
    ] = None


class Household(Validity):
    """A household's stay in a community with a meter and what is installed, as registered.

    Household, community and valid_from identify the stay; of several versions the highest stands.
    Who moves has a further one. The stays of a household, and those of a meter, never overlap.
    """

    schema_version: Literal[1] = 1
    household_id: Id
    community_id: CommunityId
    version: RegistryVersion
    meter_id: MeterId
    customer_id: Annotated[
        Id | None, Field(description="the person who is the customer; null: not known")
    ] = None
    tariff_id: Annotated[Id | None, Field(description="null: none agreed")] = None
    contract_power_w: Annotated[
        Power | None, Field(description="W that may be drawn at once; null: not agreed")
    ] = None
    pv_peak_w: Annotated[Power | None, Field(description="W; null: no panels")] = None
    battery_wh: Annotated[
        int | None,
        Field(ge=0, le=MAX_STORE_WH, description="Wh that it stores; null: no battery"),
    ] = None
    ev_charger_w: Annotated[Power | None, Field(description="W; null: no charger")] = None
    register_maximum_wh: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_STORE_WH,
            description="Wh at which the meter's registers begin again at 0; null: not known",
        ),
    ] = None
    flexible_w: Annotated[
        Power | None,
        Field(
            description="W of appliances on a switch that the supplier may operate, as a water "
            "heater; null: none"
        ),
    ] = None


class Plant(Validity):
    """A power plant, as registered. Its id identifies it; the highest version stands."""

    schema_version: Literal[1] = 1
    plant_id: Id
    version: RegistryVersion
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    source: Literal["biomass", "coal", "gas", "hydro", "nuclear", "oil", "solar", "storage", "wind"]
    capacity_w: Annotated[Power, Field(description="W that it can feed in")]
    minimum_w: Annotated[Power, Field(description="W below which it must be off")] = 0
    ramp_w_per_minute: Annotated[
        Power | None,
        Field(description="W by which it can go up or down in a minute; null: by any"),
    ] = None
    cost_eur_per_mwh: Annotated[
        Decimal | None,
        Field(
            ge=0,
            max_digits=9,
            decimal_places=2,
            description="EUR of a further MWh; null: not known, asked last",
        ),
    ] = None
    co2_g_per_kwh: Annotated[
        int | None, Field(ge=0, le=100_000, description="g; null: not known")
    ] = None


class Technician(Validity):
    """A technician, as registered. Its id identifies it; the highest version stands."""

    schema_version: Literal[1] = 1
    technician_id: Annotated[Id, Field(description="the person's id: name and e-mail are there")]
    version: RegistryVersion
    community_id: Annotated[
        CommunityId | None, Field(description="whose faults they mend; null: everybody's")
    ] = None
