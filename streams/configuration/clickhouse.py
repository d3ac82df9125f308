"""Where ClickHouse is."""

from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr

from streams.configuration.values import Group, bare


class ClickHouseSettings(Group):
    """Where ClickHouse is."""

    clickhouse_url: Annotated[
        HttpUrl, bare("set SMATRIX_CLICKHOUSE_USER and SMATRIX_CLICKHOUSE_PASSWORD")
    ] = Field(default=HttpUrl("http://127.0.0.1:8123"), description="ClickHouse's HTTP interface.")
    clickhouse_user: str = Field(default="default", description="ClickHouse user.")
    clickhouse_password: SecretStr = Field(
        default=SecretStr(""),
        description="ClickHouse password; the embedded server asks for it too.",
    )
    clickhouse_database: str = Field(
        default="smatrix", pattern=r"^[a-z_][a-z0-9_]*$", description="ClickHouse database."
    )
