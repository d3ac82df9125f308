"""What was released of an event's schema binds us until its `schema_version` is raised."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.contract import schema_text, topic_schema
from streams.topics import TOPICS, Topic
from tests.golden.compatibility import incompatibilities

RELEASED = Path(__file__).parent / "schemas"


def version_of(schema: dict[str, Any]) -> int:
    """Return the `schema_version` of an event; frames, which say none, stay at 1 for ever."""
    version: int = schema["properties"].get("schema_version", {"const": 1})["const"]
    return version


def released_file(topic: Topic, version: int) -> Path:
    return RELEASED / f"{topic.message.__name__}.v{version}.json"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_an_event_keeps_what_its_version_has_released(
    topic: Topic, request: pytest.FixtureRequest
) -> None:
    accept = request.config.getoption("--accept-schemas", default=False)
    schema = topic_schema(topic)
    file = released_file(topic, version_of(schema))

    if file.exists():
        broken = incompatibilities(json.loads(file.read_text()), schema, sent=not topic.is_received)
        assert not broken, (
            f"{topic.message.__name__} breaks {file.name}; undo it or raise schema_version:\n"
            + "\n".join(broken)
        )
    if accept:
        RELEASED.mkdir(exist_ok=True)
        file.write_text(schema_text(schema))
    released = file.read_text() if file.exists() else "nothing"
    assert released == schema_text(schema), (
        f"{file.name} has not been released as it is now, and breaks nobody; "
        f"accept it with `pytest tests/golden --accept-schemas`"
    )


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_no_version_of_an_event_was_left_out(topic: Topic) -> None:
    newest = version_of(topic_schema(topic))

    for version in range(1, newest + 1):
        assert released_file(topic, version).exists()
    assert not released_file(topic, newest + 1).exists(), "schema_version went back"


def test_no_released_event_is_gone() -> None:
    released = {file.name.partition(".")[0] for file in RELEASED.glob("*.json")}

    assert released == {topic.message.__name__ for topic in TOPICS}


def test_what_we_send_says_its_version_and_what_we_receive_needs_none() -> None:
    for topic in TOPICS:
        schema = topic_schema(topic)
        says_version = "schema_version" in schema["required"]
        assert says_version == (not topic.is_received)
