"""The mail server of the embedded system: it takes every mail and writes it into a folder.

It listens on 127.0.0.1 alone, and nothing leaves the machine.
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Final

import typer
from aiosmtpd.smtp import SMTP, Envelope, Session

SENDER: Final = "Smatrix Grid <grid@example.org>"
_TAKEN: Final = "250 OK"


class Catcher:
    """Writes each mail into a folder, numbered in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        """Write into a folder, after the mails that are there; a new one is its owner's alone."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._taken = len(mails(folder))

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Write a mail, whole or not at all."""
        self._taken += 1
        file = self._folder / f"{self._taken:06d}.eml"
        writing = file.with_suffix(".part")
        writing.write_bytes(envelope.original_content or b"")
        writing.replace(file)
        return _TAKEN


def mails(folder: Path) -> list[Path]:
    """Return the mails in a folder, in the order in which they came."""
    return sorted(folder.glob("*.eml"))


async def catch(port: int, folder: Path) -> None:
    """Catch mails until SIGTERM."""
    loop, stopping, catcher = asyncio.get_running_loop(), asyncio.Event(), Catcher(folder)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    server = await loop.create_server(lambda: SMTP(catcher), "127.0.0.1", port)
    async with server:
        await stopping.wait()


def main(
    port: Annotated[int, typer.Option(help="Of 127.0.0.1.")],
    folder: Annotated[Path, typer.Option(help="Where mails are written.")],
) -> None:
    """Catch mails."""
    asyncio.run(catch(port, folder))


if __name__ == "__main__":
    typer.run(main)
