"""The embedded ClickHouse: chDB behind ClickHouse's HTTP interface, on loopback."""

from deploy.embedded.clickhouse.server import StartError, main, serve

__all__ = ["StartError", "main", "serve"]
