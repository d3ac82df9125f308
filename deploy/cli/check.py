"""`smatrix check`: ClickHouse against the truth that `smatrix load` wrote."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import clickhouse_connect
import typer
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.truth_check import Comparison, compare, stored_periods
from load_generator.truth import read_truth
from streams.settings import ConfigurationError, Settings, get_settings

_POLL_S: Final = 0.5
_NO_LOGIN: Final = frozenset(
    {
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        194,  # REQUIRED_PASSWORD
        516,  # AUTHENTICATION_FAILED
    }
)


def check(
    *,
    truth: Annotated[Path, typer.Option(help="The file that `smatrix load --truth` wrote.")],
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for rows that are still under way.")
    ] = 180.0,
) -> None:
    """Compare every household and quarter-hour in ClickHouse with the truth."""
    settings = get_settings()
    expected = read_truth(truth)
    if not expected.num_rows:
        raise ConfigurationError(f"--truth {truth} has no row; give that of a run with readings")
    client = connect(settings)
    deadline = time.monotonic() + wait
    with asking(settings):
        while stored_periods(client, settings.clickhouse_database, expected) < expected.num_rows:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        comparison = compare(client, settings.clickhouse_database, expected)
        while not comparison.is_equal and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            comparison = compare(client, settings.clickhouse_database, expected)
    say(comparison)
    if not comparison.is_equal:
        raise typer.Exit(1)


def say(comparison: Comparison) -> None:
    """Print what comparing found."""
    for example in comparison.examples:
        typer.echo(example, err=True)
    typer.echo(
        f"{comparison.rows} household periods in the truth, {comparison.stored} in ClickHouse, "
        f"{comparison.differing} differ, difference {comparison.difference_mwh} mWh"
    )


def _reason(error: BaseException) -> str:
    """Return what lies at the bottom of a chain of errors, in a few words."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0][:120]


def connect(settings: Settings) -> Client:
    """Return a ClickHouse client.

    Raises:
        ConfigurationError: If ClickHouse does not answer, or does not let us in.
    """
    url = settings.clickhouse_url
    try:
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.host,
            port=url.port,
            proxy_path=url.path or "",
            username=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
        )
    except (ClickHouseError, OSError) as error:
        if getattr(error, "code", None) in _NO_LOGIN:
            raise ConfigurationError(
                f"SMATRIX_CLICKHOUSE_USER={settings.clickhouse_user}: ClickHouse at {url} does not "
                f"let this user in; set it and SMATRIX_CLICKHOUSE_PASSWORD to what is agreed there"
            ) from error
        reason = _reason(error)
        raise ConfigurationError(
            f"SMATRIX_CLICKHOUSE_URL={url}: ClickHouse does not answer ({reason}); start it with "
            f"`smatrix up`, or set the address"
        ) from error


@contextmanager
def asking(settings: Settings) -> Iterator[None]:
    """Say in one line that ClickHouse has no answer: it is down, or has no tables yet.

    Raises:
        ConfigurationError: If so.
    """
    try:
        yield
    except ClickHouseError as error:
        raise ConfigurationError(
            f"ClickHouse at {settings.clickhouse_url} has no answer ({_reason(error)}); start it "
            f"and `smatrix worker history`, which makes its tables"
        ) from error
