"""`smatrix worker ROLE`."""

from importlib import import_module
from typing import Annotated

import typer

from agents import ROLES
from streams.settings import ConfigurationError, get_settings
from streams.worker import run_worker


def worker(
    role: Annotated[str, typer.Argument(help=f"One of: {', '.join(ROLES)}.")],
) -> None:
    """Run one worker of a role until SIGTERM or Ctrl-C."""
    if role not in ROLES:
        raise ConfigurationError(f"role {role!r} is not one of: {', '.join(ROLES)}")
    # Only this role's module: another role's metrics would stand at zero beside its own.
    attach = import_module(f"agents.{role}").attach
    run_worker(role, attach, get_settings())
