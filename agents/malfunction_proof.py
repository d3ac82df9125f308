"""The proof that what is missing never came: everything that there was has been read.

In this order: metering has committed all frames that the partition held at the question, and then
this worker has taken all minutes and refusals that metering had told by then. A metering that is
down, restarting, paused or behind keeps the proof away, and silence with it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from streams import topics
from streams.delivery.app import App
from streams.delivery.clients import client_settings
from streams.delivery.progress import Source, until_read, until_read_by_group
from streams.domain.malfunction_communities import Proof
from streams.settings import Settings

METERING = "metering"

Reached = Mapping[str, int | None]
"""Up to where each topic of a partition has been read; filled as that goes on."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question under way; `reached` is the memory of the assignment that it belongs to."""

    reached: Reached
    proof: Proof
    task: "asyncio.Task[None]"


class Proving:
    """One question at a time for each partition."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Ask the broker of an app."""
        self._app = app
        self._group = settings.app_id(METERING)
        self._asked: dict[int, _Asked] = {}

    def ask(self, partition: int, until: Mapping[str, int], reached: Reached) -> None:
        """Begin a question about communities, each up to a minute, unless one is under way."""
        asked = self._asked.get(partition)
        if asked is not None and asked.reached is not reached:
            self.give_up(partition)
        if not until or partition in self._asked:
            return
        task = asyncio.create_task(self._prove(partition, reached))
        task.add_done_callback(self._app.crash_on_failure)
        self._asked[partition] = _Asked(reached, Proof(dict(until)), task)

    def proof(self, partition: int, reached: Reached) -> Proof | None:
        """Return the answer to the question of this assignment, once; None while there is none."""
        asked = self._asked.get(partition)
        if asked is None or asked.reached is not reached or not asked.task.done():
            return None
        del self._asked[partition]
        return None if asked.task.cancelled() else asked.proof

    def give_up(self, partition: int) -> None:
        """Forget the question of a partition that another worker has now."""
        asked = self._asked.pop(partition, None)
        if asked is not None:
            asked.task.cancel()

    async def _prove(self, partition: int, reached: Reached) -> None:
        connection = client_settings(self._app)
        frames = Source(self._app.topic_prefix + topics.METER_FRAMES.name, partition)
        await until_read_by_group(connection, self._group, frames)
        for topic in (topics.COMMUNITY_MINUTES, topics.REJECTED_READINGS):
            name = self._app.topic_prefix + topic.name
            await until_read(connection, Source(name, partition), partial(reached.get, name))
