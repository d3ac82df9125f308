"""Which state goes where, and when it may: without a broker."""

from pathlib import Path

import pytest

from deploy.repartition import move
from deploy.repartition.layouts import Layout, RepartitionError, old_and_new
from streams.delivery import layout
from streams.delivery.app import App
from streams.delivery.layout import StateNotMovedError
from streams.delivery.partitions import partition_of
from streams.domain.communities import Community
from streams.settings import Settings
from streams.topics import CHARGE_PLANS, TOPICS
from tables import communities, minutes
from tests.builders import DAY_S, NOON

RETENTION_S = 2 * DAY_S
NEW = Settings(topic_prefix="p8-", partitions=8, generation=1)
P8 = {"p8-smatrix-metering-minutes-changelog": 8}


def a_state(newest: int) -> bytes:
    return communities.encode(Community(newest=newest, settled_before=newest, kept_from=newest))


@pytest.mark.parametrize(
    ("community", "murmur2"),
    # From the tests of Kafka's Java client.
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_a_community_goes_where_kafka_s_java_client_sends_its_frames(
    community: bytes, murmur2: int
) -> None:
    assert partition_of(community, 8) == (murmur2 & 0x7FFF_FFFF) % 8


async def test_changelogs_are_named_as_faust_names_them(tmp_path: Path) -> None:
    settings = Settings(topic_prefix="p8-")
    app = App(
        settings.app_id("metering"),
        broker="127.0.0.1:9092",
        data_dir=tmp_path,
        partitions=8,
        replication=1,
    )
    of_settings = Layout.of(settings)

    for table in (minutes.declare(app), communities.declare(app)):
        name = table.changelog_topic.get_topic_name()
        assert name == of_settings.changelog("metering", table.name)


def test_topics_of_one_prefix_are_taken_from_no_prefix_to_a_prefix() -> None:
    old, new = old_and_new(NEW, old_prefix="", topics={"meter-frames": 4})

    assert (old.frames, old.group("metering"), old.partitions) == (
        "meter-frames",
        "smatrix-metering",
        4,
    )
    assert (new.frames, new.group("metering"), new.partitions) == (
        *("p8-meter-frames", "p8-smatrix-metering"),
        8,
    )


def test_new_topics_that_have_another_number_are_refused() -> None:
    there = {"meter-frames": 4, "p8-meter-frames": 6}

    with pytest.raises(RepartitionError, match="p8-meter-frames has 6 partitions already"):
        old_and_new(NEW, old_prefix="", topics=there)


def test_a_state_too_old_to_be_corrected_is_left_behind_in_a_wrong_partition() -> None:
    stale, living = a_state(NOON - RETENTION_S - 60), a_state(NOON)

    assert move.homes_of({b"c1": {0: stale, 3: living}}, retention_s=RETENTION_S) == {b"c1": 3}


def test_a_community_with_two_living_states_stops_the_move_and_is_named() -> None:
    with pytest.raises(RepartitionError, match=r"c1 has a state in partitions \[0, 3\]"):
        move.homes_of({b"c1": {3: a_state(NOON), 0: a_state(NOON - 60)}}, retention_s=RETENTION_S)


def test_a_state_that_is_still_elsewhere_is_not_taken_for_a_whole_one() -> None:
    with pytest.raises(StateNotMovedError, match="run `smatrix repartition`"):
        layout.require_complete("p8-smatrix-metering-minutes-changelog", layout.AWAITED)

    layout.require_complete("p8-smatrix-metering-minutes-changelog", layout.COMPLETE)
    layout.require_complete("smatrix-metering-minutes-changelog", None)


def test_changelogs_of_every_role_but_control_are_found_and_no_other_prefix_s() -> None:
    there = dict.fromkeys(
        [
            "meter-frames",
            "smatrix-metering-minutes-changelog",
            "smatrix-control-production-changelog",
            "smatrix-alerts-autarky-periods-changelog",
            "p8-smatrix-metering-minutes-changelog",
        ],
        4,
    )
    old, new = old_and_new(NEW, old_prefix="", topics=there | {"p8-meter-frames": 8} | P8)

    assert [old.counterpart(name, new) for name in old.changelogs(there)] == [
        "p8-smatrix-alerts-autarky-periods-changelog",
        "p8-smatrix-metering-minutes-changelog",
    ]


def test_what_is_written_once_and_for_all_goes_along_and_only_control_s_plans_begin_anew() -> None:
    compacted = {t.name for t in TOPICS if t.config.get("cleanup.policy") == "compact"}

    assert {topic.name for topic in move.STANDING} == compacted - {CHARGE_PLANS.name}
