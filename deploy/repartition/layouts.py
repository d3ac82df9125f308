"""Two sets of topics: the one whose state is moved, and the one that it is moved to."""

from dataclasses import dataclass
from typing import Final, Self

from streams.settings import Settings
from streams.topics import COMMUNITY_MINUTES, HOUSEHOLD_INTERVALS, METER_FRAMES, REJECTED_READINGS

OUTPUTS: Final = (COMMUNITY_MINUTES, HOUSEHOLD_INTERVALS, REJECTED_READINGS)


class RepartitionError(Exception):
    """The state can't be moved as things are; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Topics, groups and changelogs that belong together: their names begin alike.

    Attributes:
        prefix: SMATRIX_TOPIC_PREFIX of its workers.
        metering: Metering's consumer group.
        history: History's consumer group.
        partitions: Of each of its topics.
    """

    prefix: str
    metering: str
    history: str
    partitions: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the layout that workers of these settings use."""
        return cls(
            settings.topic_prefix,
            settings.app_id("metering"),
            settings.app_id("history"),
            settings.partitions,
        )

    @property
    def frames(self) -> str:
        """The topic that terminals send to."""
        return self.prefix + METER_FRAMES.name

    @property
    def outputs(self) -> tuple[str, ...]:
        """The topics that history reads."""
        return tuple(self.prefix + topic.name for topic in OUTPUTS)

    @property
    def minutes(self) -> str:
        """The changelog of the table `minutes`."""
        return self.changelog("minutes")

    @property
    def communities(self) -> str:
        """The changelog of the table `communities`."""
        return self.changelog("communities")

    def changelog(self, table: str) -> str:
        """Return the name that Faust gives the changelog of a table of metering."""
        return f"{self.metering}-{table}-changelog"


def old_and_new(
    settings: Settings, *, old_prefix: str, partitions: dict[str, int]
) -> tuple[Layout, Layout]:
    """Return the layout where the state is and the one of these settings.

    Args:
        settings: Of the workers that shall take over.
        old_prefix: SMATRIX_TOPIC_PREFIX of the workers that have the state.
        partitions: How many each topic of the broker has.

    Raises:
        RepartitionError: If these settings don't make another layout of it, or it isn't there.
    """
    new = Layout.of(settings)
    if old_prefix == new.prefix:
        raise RepartitionError(
            f"SMATRIX_TOPIC_PREFIX={new.prefix} is the prefix of the topics that there are; choose "
            f"another one for the new topics, as in SMATRIX_TOPIC_PREFIX=p{new.partitions}-"
        )
    before = settings.model_copy(update={"topic_prefix": old_prefix})
    found = partitions.get(Layout.of(before).frames)
    if found is None:
        raise RepartitionError(
            f"there is no topic {Layout.of(before).frames}; name the prefix of the topics that "
            f"there are with --from-prefix"
        )
    old = Layout.of(before.model_copy(update={"partitions": found}))
    if found == new.partitions:
        raise RepartitionError(
            f"SMATRIX_PARTITIONS={found} is what {old.frames} has; set the new number"
        )
    if settings.generation == 0:
        raise RepartitionError(
            "SMATRIX_GENERATION=0 must be one more than the old workers have, so that versions go "
            "on growing"
        )
    for name in (new.frames, *new.outputs, new.minutes, new.communities):
        if partitions.get(name, new.partitions) != new.partitions:
            raise RepartitionError(
                f"{name} has {partitions[name]} partitions already; set SMATRIX_PARTITIONS to "
                f"that, or choose another SMATRIX_TOPIC_PREFIX"
            )
    return old, new
