"""Orders about tickets, on the topic that the worker for alerts reads."""

import asyncio

from aiokafka.errors import KafkaError

from deploy.repartition.broker import Broker
from deploy.tickets.history import TicketError
from schemas.malfunction import TicketCommand
from streams.delivery.clients import connection_of
from streams.delivery.partitions import partition_of
from streams.settings import Settings
from streams.topics import TICKET_COMMANDS


def give(settings: Settings, command: TicketCommand) -> None:
    """Write an order, and return when the broker has it.

    Raises:
        TicketError: If the broker does not take it.
    """
    try:
        asyncio.run(_give(settings, command))
    except (KafkaError, OSError) as error:
        raise TicketError(
            f"the broker at {settings.broker} did not take the order ({error}); give it again, "
            f"what is done twice changes nothing"
        ) from error


async def _give(settings: Settings, command: TicketCommand) -> None:
    name, key = settings.topic_prefix + TICKET_COMMANDS.name, command.community_id.encode()
    async with Broker.connected(connection_of(settings)) as broker:
        partitions = len(await broker.producer.partitions_for(name))
        await broker.producer.send_and_wait(
            name,
            command.model_dump_json().encode(),
            key=key,
            partition=partition_of(key, partitions),
        )
