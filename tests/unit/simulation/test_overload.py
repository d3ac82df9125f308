"""What connections bear in the overload scenario, and which overload counts as avoidable."""

from datetime import UTC, datetime

import numpy as np
import pytest

from deploy.simulation.overload import avoidable, connections
from deploy.simulation.playing import play_free
from deploy.simulation.recording import Recording
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from load_generator.world.grid import World, WorldPlan
from streams.policies import regulation_policy
from streams.settings import Settings

POLICY = regulation_policy(Settings())


@pytest.fixture(scope="module")
def evening() -> Recording:
    plan = WorldPlan(
        communities=2,
        households=60,
        seed=1,
        start=datetime(2025, 1, 16, 18, tzinfo=UTC),
        heater_share=0.9,
    )
    return play_free(World(plan, read_profiles([SHIPPED_PROFILE])), 30)


def test_a_connection_bears_all_but_the_heaters_at_the_level_that_is_shed_to(
    evening: Recording,
) -> None:
    limit_w = np.array(connections(evening))

    others = evening.community_w - evening.heating_w

    assert (others.max(axis=0) <= limit_w * POLICY.shed_to_percent / 100).all()
    assert (evening.community_w > limit_w).any()


def test_an_overload_is_avoidable_only_where_enough_can_be_shed(evening: Recording) -> None:
    low, high = np.array([1, 1]), evening.community_w.max(axis=0).astype(np.int64) + 1
    limit_w = np.array(connections(evening))

    found = avoidable(evening, limit_w, POLICY)

    assert not avoidable(evening, low, POLICY).any()  # the others alone are above it
    assert not avoidable(evening, high, POLICY).any()  # nothing is above it
    assert found.any()
    assert not found[evening.community_w <= limit_w].any()
