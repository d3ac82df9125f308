"""Whether the workers of a set of topics have done everything and ended."""

from contextlib import aclosing
from typing import Final

from agents import ROLES
from deploy.repartition.broker import Broker
from deploy.repartition.layouts import STARTS_ANEW, Layout, RepartitionError
from streams.topics import (
    COMMUNITY_MINUTES,
    HOUSEHOLD_INTERVALS,
    METER_FRAMES,
    REJECTED_READINGS,
    TOPICS,
)

# Other topics are asked for where a role has ever read them.
_READ_BY_ALL: Final = {
    ("metering", METER_FRAMES.name),
    ("history", COMMUNITY_MINUTES.name),
    ("history", HOUSEHOLD_INTERVALS.name),
    ("history", REJECTED_READINGS.name),
}


async def require_stopped(broker: Broker, layout: Layout) -> None:
    """Check that no worker that has state is at work, as far as the broker can tell.

    Raises:
        RepartitionError: If there is one.
    """
    changelogs = layout.changelogs(await broker.topics())
    for group in map(layout.group, ROLES):
        if not any(name.startswith(f"{group}-") for name in changelogs):
            continue
        members = await broker.members(group)
        if members:
            raise RepartitionError(
                f"{members} workers are in the group {group}; stop the old workers (a killed one "
                f"counts for some seconds)"
            )


async def require_done(broker: Broker, layout: Layout) -> None:
    """Check that the workers have done all there is to do, but for the role that begins anew.

    From where they have committed to the end there must be no record: read rather than reckoned,
    since offsets that are markers of transactions count in the difference.

    Raises:
        RepartitionError: If frames are left, or results that somebody has not taken.
    """
    there = await broker.topics()
    for role in [role for role in ROLES if role != STARTS_ANEW]:
        for topic in TOPICS:
            group, name = layout.group(role), layout.prefix + topic.name
            if name not in there:
                continue
            starts = await broker.committed(group, name, layout.partitions)
            if not starts and (role, topic.name) not in _READ_BY_ALL:
                continue
            async with aclosing(broker.read(name, layout.partitions, starts=starts)) as reading:
                async for records in reading:
                    raise RepartitionError(
                        f"{name} has records that {group} has not done, from offset "
                        f"{records[0].offset} of partition {records[0].partition} on; let the old "
                        f"workers finish, and the terminals send elsewhere"
                    )
