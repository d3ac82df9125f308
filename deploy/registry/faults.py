"""Saying what is wrong with a file."""

from collections.abc import Sequence
from pathlib import Path

import typer

from streams.domain.registry import Fault


def require_none(file: Path, faults: Sequence[Fault], *, otherwise: str) -> None:
    """End the command when there are faults, each on a line: file, line, field, value, rule.

    Args:
        file: Where they are.
        faults: In any order.
        otherwise: What came of it.

    Raises:
        Exit: If there are any.
    """
    for fault in sorted(faults, key=lambda fault: fault.line):
        typer.echo(f"{file}:{fault.line}: {fault.field}={fault.value}: {fault.rule}", err=True)
    if faults:
        typer.echo(f"{len(faults)} faults; {otherwise}", err=True)
        raise typer.Exit(1)
