"""`smatrix repartition`: the state into topics with another number of partitions."""

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from deploy.repartition import move
from deploy.repartition.layouts import RepartitionError
from streams.settings import Settings, get_settings
from tables.minutes import SchemaError


def repartition(
    *,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only create the new topics, for terminals to use.")
    ] = False,
    from_prefix: Annotated[
        str, typer.Option(help="SMATRIX_TOPIC_PREFIX of the workers that have the state.")
    ] = "",
) -> None:
    """Move the state to topics with another number of partitions, in steps: see the docs."""
    settings = get_settings()
    doing = _prepare(settings, from_prefix) if prepare else _move(settings, from_prefix)
    try:
        typer.echo(asyncio.run(doing))
    except SchemaError as error:
        raise RepartitionError(f"{error}; install the version that the old workers had") from error
    except (KafkaError, OSError) as error:
        raise RepartitionError(
            f"the broker at {settings.broker} does not answer as it should ({error}); the old "
            f"state is as it was, try again"
        ) from error


async def _prepare(settings: Settings, from_prefix: str) -> str:
    new = await move.prepare(settings, old_prefix=from_prefix)
    return (
        f"{new.frames} is there with {new.partitions} partitions: send all frames to it, and when "
        f"the old workers have done the rest, stop them and run `smatrix repartition`"
    )


async def _move(settings: Settings, from_prefix: str) -> str:
    moved = await move.move(settings, old_prefix=from_prefix)
    return (
        f"the state of {moved.communities} communities is in {moved.after} instead of "
        f"{moved.before} partitions, {moved.records} records; start the new workers"
    )
