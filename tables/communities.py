"""What must be known of a community before its frames can be understood again after a restart.

Keyed by community: its meters in the order of their places, when each was last named, and up to
where its periods are settled. Written when a meter appears and when a period settles.
"""

from typing import Final

import orjson
from faust import Table

from streams.delivery.app import App
from streams.domain.communities import Community
from tables.minutes import SchemaError

SCHEMA: Final = 1


def declare(app: App) -> Table[bytes, bytes]:
    """Declare the table."""
    return app.bytes_table("communities")


def encode(community: Community) -> bytes:
    """Return the lasting part of a community as bytes."""
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "meters": community.meters,
            "last_named": community.last_named,
            "newest": community.newest,
            "settled_before": community.settled_before,
            "kept_from": community.kept_from,
        }
    )


def decode(data: bytes) -> Community:
    """Return the community that bytes hold, without its minutes.

    Raises:
        SchemaError: If a later version wrote them.
    """
    stored = orjson.loads(data)
    if stored["schema"] != SCHEMA:
        raise SchemaError(
            f"communities table: schema {stored['schema']} is unknown here, known is {SCHEMA}"
        )
    return Community(
        meters=stored["meters"],
        last_named=stored["last_named"],
        newest=stored["newest"],
        settled_before=stored["settled_before"],
        kept_from=stored["kept_from"],
    )
