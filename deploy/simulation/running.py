"""Running a scenario on a system that works."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from clickhouse_connect.driver.client import Client

from deploy.registry.store import answering
from deploy.registry.work import register_claims
from deploy.simulation.link import Link
from deploy.simulation.playing import DIRECTIVES, TOLD, Player, play_free
from deploy.simulation.reading import topics_read
from deploy.simulation.recording import Recording
from deploy.simulation.scenario import Options, Run, Scenario
from deploy.simulation.verdict import Verdict
from load_generator.profiles import SHIPPED_PROFILE, read_profiles
from load_generator.registered import WAITING, registered
from load_generator.world.grid import World, WorldPlan
from load_generator.world.plants import registered_plants
from schemas.registry import Community
from streams import clock
from streams.delivery.clients import connection_of
from streams.domain.registry import Claim, Entry, RegistryError
from streams.settings import Settings

ROLES: Final = ("metering", "control")
"""Those that directives come of; the others are not waited for."""


def reads_of(scenario: Scenario, settings: Settings) -> dict[str, list[str]]:
    """Return what the consumer groups that a scenario waits for read; nothing need run yet."""
    steering = [role for role in scenario.roles if role in ROLES]
    read = asyncio.run(topics_read(steering, settings))
    return {settings.app_id(role): sorted(topics) for role, topics in read.items()}


def run(  # noqa: PLR0913 - what, where, and who listens
    scenario: Scenario,
    options: Options,
    settings: Settings,
    *,
    reads: Mapping[str, Sequence[str]],
    client: Client,
    on_minute: Callable[[int], None] = lambda _: None,
) -> tuple[Run, Verdict]:
    """Play a scenario to the system of these settings, and judge it.

    Raises:
        LinkError: If the system does not answer.
        RegistryError: If the grid can't be registered.
        ProfileError: If a profile file can't be used.
        FleetError: If the households don't fit the communities.
    """
    began = time.perf_counter()
    plan = WorldPlan(
        communities=options.communities,
        households=options.households,
        seed=options.seed,
        start=scenario.start,
        profiles=options.profiles or (SHIPPED_PROFILE,),
        rates=options.rates,
    )
    plan = replace(plan, **scenario.world)
    profiles = read_profiles(plan.profiles)
    world = World(plan, profiles)
    free = None
    if scenario.connections is not None:
        free = play_free(World(plan, profiles), options.minutes)
    connections_w = scenario.connections(free) if scenario.connections and free else None
    limits = _register(world, connections_w, settings)
    player, steered = asyncio.run(
        _play(world, scenario, options, settings, reads=reads, on_minute=on_minute)
    )
    if free is None:
        free = play_free(World(plan, profiles), options.minutes) if player.told else steered
    finished = Run(steered, free, player.heard, client, settings.clickhouse_database, limits)
    checks = tuple(scenario.judge(finished))
    return finished, Verdict(
        scenario=scenario.name,
        seed=options.seed,
        communities=options.communities,
        households=options.households,
        minutes=options.minutes,
        first_minute=int(plan.start.timestamp()),
        seconds=round(time.perf_counter() - began, 1),
        directives=player.told,
        decisions=player.decisions,
        checks=checks,
    )


def _register(world: World, connections_w: Sequence[int] | None, settings: Settings) -> list[int]:
    """Register a world, and return what each community's connection bears, W."""
    entries: list[Entry] = [
        *registered(world.fleet, connections_w=connections_w),
        *registered_plants(world.plants, version=WAITING),
    ]
    claims = [Claim(line, entry) for line, entry in enumerate(entries, start=1)]
    with answering(settings):
        now_ms = int(clock.epoch_now() * 1000)
        result = asyncio.run(register_claims(settings, claims, now_ms=now_ms))
    if result.faults:
        fault = result.faults[0]
        raise RegistryError(
            f"the grid can't be registered: {fault.field}={fault.value} {fault.rule}"
        )
    return [entry.connection_limit_w for entry in entries if isinstance(entry, Community)]


async def _play(  # noqa: PLR0913 - as above
    world: World,
    scenario: Scenario,
    options: Options,
    settings: Settings,
    *,
    reads: Mapping[str, Sequence[str]],
    on_minute: Callable[[int], None],
) -> tuple[Player, Recording]:
    prefix = settings.topic_prefix
    told = {prefix + topic.name for topic in TOLD}
    steers = bool(scenario.hears)
    heard = {prefix + topic.name for topic in scenario.hears}
    heard |= {topic for topics in reads.values() for topic in topics} - told
    async with Link.connected(
        connection_of(settings),
        reads=reads,
        hears=sorted(heard),
        partitions=settings.partitions,
    ) as link:
        obeys = tuple(topic for topic in scenario.hears if topic in DIRECTIVES)
        player = Player(world, link, settings, obeys, is_steered=steers, on_minute=on_minute)
        await player.prepare(scenario.prepare(world, options.minutes))
        return player, await player.play(options.minutes)
