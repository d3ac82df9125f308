"""`smatrix registry`: who and what is in the grid, from files onto the broker and back."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from deploy.registry import work
from deploy.registry.faults import require_none
from deploy.registry.files import fields_of, minute_of, read_claims, write_entries
from deploy.registry.store import answering
from deploy.report.files import write_whole
from streams import clock
from streams.domain.registry import KINDS, Fault, Registration, RegistryError, kind_of
from streams.domain.registry_stays import named
from streams.settings import get_settings

registry = typer.Typer(
    help="Register communities, households, plants, technicians and persons.",
    no_args_is_help=True,
)

At = Annotated[str, typer.Option("--at", help="The minute, as in 2026-01-01T00:00Z.")]
Personal = Annotated[
    bool, typer.Option("--personal", help="With names, e-mail, addresses and IBAN.")
]
Kind = Annotated[str | None, typer.Option(help=f"One of: {', '.join(KINDS)}.")]


@registry.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV (.csv) or JSON lines.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
) -> None:
    """Register what a file says; when anything in it is wrong, list all of that and do nothing.

    What is registered and not in the file stays.
    """
    settings = get_settings()
    claims = read_claims(file)
    with answering(settings):
        # What is wrong between entries is asked too, so that all faults are listed at once.
        result = asyncio.run(
            work.register_claims(
                settings,
                claims.sound,
                now_ms=_now_ms(),
                dry_run=dry_run or bool(claims.faults),
                unclear=claims.unclear,
            )
        )
    require_none(file, [*claims.faults, *result.faults], otherwise="nothing was registered")
    _say(result)


@registry.command("export")
def export(
    file: Annotated[
        Path | None, typer.Argument(help="CSV (.csv) or JSON lines; without: to the terminal.")
    ] = None,
    *,
    kind: Kind = None,
    personal: Personal = False,
) -> None:
    """Write what is registered as a file that `import` takes."""
    settings = get_settings()
    _require_kind(kind)
    with answering(settings):
        entries = asyncio.run(work.registered(settings, personal=personal))
    chosen = [entry for entry in work.in_order(entries) if kind in {None, kind_of(entry)}]
    as_csv = file is not None and file.suffix.lower() == ".csv"
    text = write_entries(chosen, as_csv=as_csv)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        write_whole(file, text, is_private=personal)
    except OSError as error:
        raise RegistryError(f"{file}: can't be written ({error.strerror})") from error


@registry.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of anything, or a household's meter.")],
    *,
    kind: Kind = None,
    personal: Personal = False,
) -> None:
    """Print what is registered under an id, a line of JSON for each entry or stay."""
    settings = get_settings()
    _require_kind(kind)
    with answering(settings):
        entries = asyncio.run(work.registered(settings, personal=personal))
    found = named(work.in_order(entries), name, kind=kind)
    for entry in found:
        typer.echo(json.dumps({**fields_of(entry), "version": entry.version}, ensure_ascii=False))
    if not found:
        hint = "" if personal else "; persons are shown with --personal"
        raise RegistryError(f"there is no {kind or 'entry'} {name}{hint}")


@registry.command("move")
def move(
    household: Annotated[str, typer.Argument(metavar="HOUSEHOLD")],
    *,
    at: At,
    community: Annotated[str | None, typer.Option(help="Where it is from then on.")] = None,
    meter: Annotated[str | None, typer.Option(help="Its meter from then on.")] = None,
) -> None:
    """Let a household be in another community, or have another meter, from a minute on."""
    settings = get_settings()
    minute = minute_of(at)
    with answering(settings):
        result = asyncio.run(
            work.move_household(
                settings,
                household,
                minute,
                community_id=community,
                meter_id=meter,
                now_ms=_now_ms(),
            )
        )
    _require_sound(result.faults)
    _say(result)


@registry.command("close")
def close(name: Annotated[str, typer.Argument(metavar="ID")], *, at: At, kind: Kind = None) -> None:
    """End a household, community, plant or technician at a minute."""
    settings = get_settings()
    minute = minute_of(at)
    _require_kind(kind)
    with answering(settings):
        result = asyncio.run(work.close_entry(settings, name, minute, kind=kind, now_ms=_now_ms()))
    _require_sound(result.faults)
    _say(result)


@registry.command("erase")
def erase(person: Annotated[str, typer.Argument(metavar="PERSON")]) -> None:
    """Erase a person's name, e-mail, address and IBAN for ever; readings and sums stay."""
    settings = get_settings()
    with answering(settings):
        was_known = asyncio.run(work.erase_person(settings, person, now_ms=_now_ms()))
    typer.echo(f"{person} is erased" if was_known else f"{person} was erased before")


def _now_ms() -> int:
    return int(clock.epoch_now() * 1000)


def _require_kind(kind: str | None) -> None:
    if kind is not None and kind not in KINDS:
        raise RegistryError(f"--kind {kind} is not one of: {', '.join(KINDS)}")


def _require_sound(faults: list[Fault]) -> None:
    if faults:
        said = "; ".join(f"{fault.field}={fault.value}: {fault.rule}" for fault in faults)
        raise RegistryError(said)


def _say(result: Registration) -> None:
    counts = {"new": result.added, "changed": result.changed, "unchanged": result.unchanged}
    typer.echo(json.dumps(counts))
