"""What topics, groups and versions are called."""

from pydantic import Field

from streams.configuration.values import Group


class NameSettings(Group):
    """What topics, groups and versions are called."""

    group_prefix: str = Field(
        default="smatrix",
        pattern=r"^[a-z][a-z0-9-]{0,60}$",
        description="Begins the names of consumer groups, changelogs and transactional ids.",
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9-]{0,38}-)?$",
        description="Begins the names of all topics and of all that belongs to them, as in p8-.",
    )
    generation: int = Field(
        default=0,
        ge=0,
        le=2**19 - 1,
        description="Raise it when the topic of frames is another one: versions go on growing.",
    )
