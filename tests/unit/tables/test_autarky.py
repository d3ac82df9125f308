import orjson
import pytest

from schemas.autarky import AutarkyState
from streams.domain.autarky import Flows, Ledger
from streams.domain.autarky_periods import COMMUNITY, Change, Period
from streams.domain.autarky_states import Trail
from tables import autarky
from tables.minutes import SchemaError
from tests.builders import NOON

UNKNOWN, DEPENDENT, AUTARKIC = AutarkyState

PERIOD = Period(
    version=7 << 44,
    parts=frozenset({0, 1}),
    is_whole=True,
    flows={"m1": Flows(10**14, None, 0, 5, 15)},
    trails={
        "m1": Trail(AUTARKIC, True, DEPENDENT, NOON, NOON, Ledger(10**15, 3)),  # noqa: FBT003
        "absent": Trail(seen=NOON - 900),
        COMMUNITY: Trail(DEPENDENT, False, UNKNOWN, None, NOON),  # noqa: FBT003
    },
    changes={"m1": Change(DEPENDENT, AUTARKIC, NOON - 900, 1_000, 990, 0)},
)


def test_a_period_comes_back_as_it_was() -> None:
    assert autarky.decode(autarky.encode(PERIOD)) == PERIOD


def test_keys_of_a_community_sort_by_time() -> None:
    keys = [autarky.key("c1", start) for start in (NOON, NOON + 900, NOON << 3)]

    assert keys == sorted(keys)


def test_a_record_of_a_later_version_is_refused_by_name() -> None:
    later = orjson.loads(autarky.encode(PERIOD)) | {"schema": 2}

    with pytest.raises(SchemaError, match="autarky-periods table: schema 2"):
        autarky.decode(orjson.dumps(later))
