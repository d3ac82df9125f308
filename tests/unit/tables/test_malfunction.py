import orjson
import pytest

from schemas.malfunction import MalfunctionKind, TicketState
from streams.domain.malfunction import (
    SILENCE,
    TERMINAL,
    Cause,
    Failures,
    Refused,
    Ticket,
    Told,
    Watch,
)
from tables import malfunction
from tables.minutes import SchemaError
from tests.builders import NOON
from tests.unit.sinks.messages import a_step

WATCH = Watch(
    community_id="c1",
    first=NOON,
    newest=NOON + 600,
    told_at=NOON + 662.5,
    heard_at=NOON + 700.25,
    meters=5,
    judged=NOON + 480,
    minutes={NOON + 480: Told(7 << 44, frozenset({"m1", "m2"})), NOON + 600: Told(1, frozenset())},
    failures={
        Refused("not_json", TERMINAL): Failures({NOON: 3 << 44, NOON + 60: 5}, 2, NOON, NOON + 60)
    },
    tickets={
        Cause(MalfunctionKind.METER_SILENT, SILENCE, "m1"): Ticket(
            "t-1", NOON, NOON + 180, 4, TicketState.ASSIGNED, "p1", 1
        ),
        Cause(MalfunctionKind.CLOCK, "minute_in_future", TERMINAL): Ticket(
            "t-2", NOON, NOON + 180, 2, TicketState.RESOLVED, None, 0, NOON + 300
        ),
    },
    refusals_until=9 << 44,
    commands_until=4,
    untold=(a_step(), a_step(2, meters=())),
)


def test_a_watch_comes_back_as_it_was() -> None:
    assert malfunction.decode(malfunction.encode(WATCH)) == WATCH


def test_a_record_of_a_later_version_is_refused_by_name() -> None:
    later = orjson.loads(malfunction.encode(WATCH)) | {"schema": 2}

    with pytest.raises(SchemaError, match="malfunction-watches table: schema 2 is unknown"):
        malfunction.decode(orjson.dumps(later))
