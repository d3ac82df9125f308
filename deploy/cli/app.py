"""`smatrix`: one command for the embedded system, the workers, the load and the checks."""

import logging
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import typer
import typer.main
from rich.console import Console
from typer.core import TyperGroup
from typing_extensions import override

from schemas.errors import OperatorError

_COMMANDS: Final = (
    "up",
    "worker",
    "load",
    "check",
    "demo",
    "doctor",
    "reprocess",
    "edit",
    "explain",
    "repartition",
    "vee-report",
    "ev-report",
    "forecast-report",
    "malfunction-report",
    "battery-report",
    "registry",
    "simulate",
    "prices",
    "tickets",
    "notifications",
)
"""Each is what has its name, with `_` for `-`, in the module of the same name beside this one."""


class _Commands(TyperGroup):
    """Loads a command when it is asked for: a worker needs nothing of what reports draw with.

    Typer has no public names for the types of a context and a command.
    """

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        found = getattr(import_module(f"deploy.cli.{name}"), name)
        if not isinstance(found, typer.Typer):
            command, found = found, typer.Typer(add_completion=False)
            found.command()(command)
        loaded = typer.main.get_command(found)
        loaded.name = cmd_name
        return loaded


cli = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@cli.callback()
def smatrix() -> None:
    """Smatrix Grid: an energy supplier's back end for a smart grid."""


def main() -> None:
    """Run the command; what an operator can mend is said in one line, without a traceback."""
    for client in ("aiokafka", "clickhouse_connect", "urllib3"):
        # They log every attempt; the commands say in one line what came of them.
        logging.getLogger(client).setLevel(logging.CRITICAL)
    try:
        cli()
    except OperatorError as error:
        _refuse(str(error))
    except _outside() as error:
        _refuse(str(error).partition("\n")[0])
    except KeyboardInterrupt:
        sys.exit(130)


def _outside() -> tuple[type[Exception], ...]:
    """Return the errors of files, networks and ClickHouse that no command has words for.

    Asked for only when there is one: a worker has no use for the client of ClickHouse.
    """
    return OSError, import_module("clickhouse_connect.driver.exceptions").ClickHouseError


def _refuse(reason: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"smatrix: {reason}", markup=False)
    sys.exit(2)
