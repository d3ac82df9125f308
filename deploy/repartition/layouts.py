"""Two sets of topics: the one whose state is moved, and the one that it is moved to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from schemas.errors import OperatorError
from streams.settings import Settings
from streams.topics import METER_FRAMES

CHANGELOG: Final = "-changelog"
STARTS_ANEW: Final = "control"
"""The role whose state is not moved: what it has ordered ends by itself within half an hour."""


class RepartitionError(OperatorError):
    """The state can't be moved as things are; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Topics, groups and changelogs that belong together: their names begin alike.

    Attributes:
        prefix: SMATRIX_TOPIC_PREFIX of its workers.
        group_prefix: SMATRIX_GROUP_PREFIX of its workers.
        partitions: Of each of its topics.
    """

    prefix: str
    group_prefix: str
    partitions: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the layout that workers of these settings use."""
        return cls(settings.topic_prefix, settings.group_prefix, settings.partitions)

    @property
    def frames(self) -> str:
        """The topic that terminals send to."""
        return self.prefix + METER_FRAMES.name

    def group(self, role: str) -> str:
        """Return the consumer group of a role."""
        return f"{self.prefix}{self.group_prefix}-{role}"

    def changelog(self, role: str, table: str) -> str:
        """Return the name that Faust gives the changelog of a role's table."""
        return f"{self.group(role)}-{table}{CHANGELOG}"

    def changelogs(self, topics: Mapping[str, int]) -> list[str]:
        """Return those of some topics that are changelogs of this layout and have to be moved."""
        begin, left = self.group(""), self.group(STARTS_ANEW) + "-"
        return sorted(
            topic
            for topic in topics
            if topic.startswith(begin) and topic.endswith(CHANGELOG) and not topic.startswith(left)
        )

    def counterpart(self, changelog: str, other: "Layout") -> str:
        """Return what a changelog of this layout is called in another one."""
        return other.prefix + changelog.removeprefix(self.prefix)


def old_and_new(
    settings: Settings, *, old_prefix: str, topics: Mapping[str, int]
) -> tuple[Layout, Layout]:
    """Return the layout where the state is and the one of these settings.

    Args:
        settings: Of the workers that shall take over.
        old_prefix: SMATRIX_TOPIC_PREFIX of the workers that have the state.
        topics: How many partitions each topic of the broker has.

    Raises:
        RepartitionError: If these settings don't make another layout of it, or it isn't there.
    """
    new = Layout.of(settings)
    if old_prefix == new.prefix:
        raise RepartitionError(
            f"SMATRIX_TOPIC_PREFIX={new.prefix} is the prefix of the topics that there are; choose "
            f"another one for the new topics, as in SMATRIX_TOPIC_PREFIX=p{new.partitions}-"
        )
    frames = old_prefix + METER_FRAMES.name
    if frames not in topics:
        raise RepartitionError(
            f"there is no topic {frames}; name the prefix of the topics that there are with "
            f"--from-prefix"
        )
    old = Layout(old_prefix, new.group_prefix, topics[frames])
    if old.partitions == new.partitions:
        raise RepartitionError(
            f"SMATRIX_PARTITIONS={new.partitions} is what {frames} has; set the new number"
        )
    if settings.generation == 0:
        raise RepartitionError(
            "SMATRIX_GENERATION=0 must be one more than the old workers have, so that versions go "
            "on growing"
        )
    for name in [new.frames, *new.changelogs(topics)]:
        if topics.get(name, new.partitions) != new.partitions:
            raise RepartitionError(
                f"{name} has {topics[name]} partitions already; set SMATRIX_PARTITIONS to that, or "
                f"choose another SMATRIX_TOPIC_PREFIX"
            )
    return old, new
