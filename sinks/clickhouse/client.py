"""How ClickHouse is reached, and which of its refusals pass."""

from typing import Final

import aiohttp
from clickhouse_connect.driver import create_async_client
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DataError,
    Error,
    NotSupportedError,
    ProgrammingError,
)

from streams.settings import Settings

_CONNECT_TIMEOUT_S: Final = 5
_ANSWER_TIMEOUT_S: Final = 60
"""An insert takes seconds; a server that is silent for longer is asked again."""

_BROKEN_PROMISES: Final = frozenset(
    {
        7,  # INCORRECT_NUMBER_OF_COLUMNS
        8,  # THERE_IS_NO_COLUMN
        10,  # NOT_FOUND_COLUMN_IN_BLOCK
        16,  # NO_SUCH_COLUMN_IN_TABLE
        20,  # NUMBER_OF_COLUMNS_DOESNT_MATCH
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        33,  # CANNOT_READ_ALL_DATA
        44,  # ILLEGAL_COLUMN
        47,  # UNKNOWN_IDENTIFIER
        50,  # UNKNOWN_TYPE
        53,  # TYPE_MISMATCH
        60,  # UNKNOWN_TABLE
        62,  # SYNTAX_ERROR
        70,  # CANNOT_CONVERT_TYPE
        73,  # UNKNOWN_FORMAT
        81,  # UNKNOWN_DATABASE
        115,  # UNKNOWN_SETTING
        117,  # INCORRECT_DATA
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    }
)


async def connect(settings: Settings) -> AsyncClient:
    """Return a client of the settings' ClickHouse and database; the database need not exist yet.

    Raises:
        Exception: One that `will_pass` tells apart, when ClickHouse does not answer as it should.
    """
    url = settings.clickhouse_url
    client = await create_async_client(
        interface=url.scheme,
        host=url.host,
        port=url.port,
        proxy_path=url.path or "",
        username=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
        client_name="smatrix-history",
        connect_timeout=_CONNECT_TIMEOUT_S,
        send_receive_timeout=_ANSWER_TIMEOUT_S,
    )
    # Not at the start, where the client asks for its time zone, and a new server does not have it.
    client.database = settings.clickhouse_database
    return client


def will_pass(error: Exception) -> bool:
    """Return whether the same request may succeed later, when people or time have helped.

    That is so for anything but a request that is wrong in itself, a schema that is not ours above
    all: ClickHouse may be down, slow, full, overloaded, read-only, restarting, or refuse us for
    now, and has too many ways to say so to name them.
    """
    if isinstance(error, DataError | NotSupportedError | ProgrammingError):
        return False
    if isinstance(error, Error):
        return error.code not in _BROKEN_PROMISES
    return isinstance(error, ClickHouseError | OSError | TimeoutError | aiohttp.ClientError)
