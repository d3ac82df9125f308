"""Putting a reading right by hand: a frame of one meter that says who did it, and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.door import refused
from deploy.registry.store import read_rosters
from deploy.repartition.broker import Broker
from schemas.errors import OperatorError
from schemas.metering import Edit
from streams.delivery.clients import connection_of
from streams.domain.registry import RegistryError, as_time
from streams.domain.rosters import Rosters
from streams.settings import Settings
from streams.topics import METER_FRAMES


class EditError(OperatorError):
    """An edit that would not count; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an edit stands in the topic of frames."""

    community_id: str
    partition: int
    offset: int


async def edit_reading(
    settings: Settings, meter_id: str, minute: int, energies_wh: Mapping[str, float], edit: Edit
) -> Sent:
    """Send an edit of what a meter measured in a minute (epoch s), and return where it is.

    Args:
        settings: Of the system.
        meter_id: Whose reading it is.
        minute: Which.
        energies_wh: By the name of a channel; what is not named stays as it was.
        edit: Who, and why.

    Raises:
        RegistryError: If the meter is registered nowhere in that minute.
        EditError: If metering would refuse the edit.
        KafkaError: If the broker does not answer.
    """
    async with Broker.connected(connection_of(settings)) as broker:
        rosters = await read_rosters(broker, settings)
        community_id = home_of(rosters, meter_id, minute)
        frame = frame_of(community_id, meter_id, minute, energies_wh, edit)
        for rejection in refused(community_id, frame, rosters, settings):
            raise EditError(f"the edit would be refused ({rejection.rule}): {rejection.detail}")
        at = await broker.producer.send_and_wait(
            settings.topic_prefix + METER_FRAMES.name, frame, key=community_id.encode()
        )
    return Sent(community_id, at.partition, at.offset)


def frame_of(
    community_id: str, meter_id: str, minute: int, energies_wh: Mapping[str, float], edit: Edit
) -> bytes:
    """Return an edit as it is sent; for the arguments see `edit_reading`."""
    columns: dict[str, object] = {f"{name}_wh": [wh] for name, wh in energies_wh.items()}
    frame = {
        "community_id": community_id,
        "minute": minute,
        "meter_id": [meter_id],
        "consumption_wh": [None],
        **columns,
        "edit": edit.model_dump(),
    }
    return json.dumps(frame).encode()


def home_of(rosters: Rosters, meter_id: str, minute: int) -> str:
    """Return the community that a meter is registered in at a minute (epoch s).

    Raises:
        RegistryError: If it is in none.
    """
    home = rosters.home_of(meter_id, minute)
    if home is None:
        raise RegistryError(
            f"meter {meter_id} is registered in no community at {as_time(minute)}; see `smatrix "
            f"registry show {meter_id}`"
        )
    return home
