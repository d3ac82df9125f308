"""Watches as earlier versions have written them are read by this one, which goes on exactly.

Each file is what a worker of its version had in its table of a community, minutes that came later,
and what the same worker told of them.
"""

import json
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from streams.domain.malfunction_communities import Watches
from tables.malfunction import decode, encode
from tests.unit.domain.watching import POLICY, Watching, a_minute, at

FILES: Final = sorted((Path(__file__).parent / "state").glob("malfunction-schema-*.json"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def content(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(request.param.read_text())
    return content


def test_later_minutes_are_told_as_the_old_worker_told_them(content: dict[str, Any]) -> None:
    watch = decode(orjson.dumps(content["record"]))
    watching = Watching(Watches(POLICY, {watch.community_id: watch}))

    for later in content["later_minutes"]:
        minute = a_minute(later["minute"], later["missing"])
        watching.give(minute, now=at(later["minute"] + 1) + 2)

    assert len(watch.open_tickets()) == len(content["later_told"])
    assert [told.model_dump(mode="json") for told in watching.told] == content["later_told"]


def test_a_record_written_anew_says_the_same(content: dict[str, Any]) -> None:
    watch = decode(orjson.dumps(content["record"]))

    assert decode(encode(watch)) == watch
