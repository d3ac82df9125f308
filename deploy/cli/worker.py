"""`smatrix worker ROLE`."""

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
    run_worker(role, ROLES[role], get_settings())
