"""`smatrix notifications`: let people out of mails, and in again, by the token of a mail."""

import asyncio
from typing import Annotated

import typer

from deploy.registry.store import answering
from deploy.subscriptions import subscribe as write
from streams import clock
from streams.domain.subscriptions import read_token
from streams.settings import SHORTEST_SECRET, ConfigurationError, get_settings

notifications = typer.Typer(
    help="Let people out of mails, and in again, by the token of a mail.", no_args_is_help=True
)

Token = Annotated[
    str,
    typer.Argument(metavar="TOKEN", help="Of the link, or of the subject after `unsubscribe`."),
]


@notifications.command("unsubscribe")
def unsubscribe(token: Token) -> None:
    """Send a person no more mails about what the token is for."""
    _change(token, wanted=False)


@notifications.command("subscribe")
def subscribe(token: Token) -> None:
    """Send a person mails about what the token is for again."""
    _change(token, wanted=True)


def _change(token: str, *, wanted: bool) -> None:
    settings = get_settings()
    secret = settings.mail_secret.get_secret_value()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            "SMATRIX_MAIL_SECRET is not set; set it to that of the workers for notifications"
        )
    person_id, kind = read_token(token, secret=secret.encode())
    with answering(settings):
        is_new = asyncio.run(
            write(settings, person_id, kind, wanted=wanted, now_ms=int(clock.epoch_now() * 1000))
        )
    state = "subscribed to" if wanted else "unsubscribed from"
    typer.echo(f"{person_id} {'is' if is_new else 'was already'} {state} mails about {kind}")
