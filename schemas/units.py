"""Physical quantities and identifiers, as they travel.

Inside the system energy is an integer number of milliwatt-hours (mWh), so that sums are exact
in any order; a field that holds Wh says so in its name. Time is epoch seconds, UTC.
"""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

MINUTE_S: Final = 60
PERIOD_S: Final = 900
PERIOD_MINUTES: Final = PERIOD_S // MINUTE_S

LATEST_MINUTE: Final = 4_294_967_280
"""The last whole minute that ClickHouse's DateTime holds, in 2106."""

MAX_ID_LENGTH: Final = 128

CommunityId = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH, pattern=r"^[^\x00-\x1f\x7f]+$")
]
MeterId = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Id = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_ID_LENGTH, pattern=r"^[^\x00-\x1f\x7f]+$")
]
MinuteStart = Annotated[
    int,
    Field(ge=0, le=LATEST_MINUTE, multiple_of=MINUTE_S, description="epoch seconds, UTC"),
]
PeriodStart = Annotated[
    int,
    Field(ge=0, le=LATEST_MINUTE, multiple_of=PERIOD_S, description="epoch seconds, UTC"),
]
Version = Annotated[
    int,
    # What tables and ClickHouse's UInt64 hold.
    Field(ge=1, le=2**64 - 1, description="grows with every change of the same key and period"),
]
EnergySum = Annotated[int, Field(ge=0, description="mWh")]
