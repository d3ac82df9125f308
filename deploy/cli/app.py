"""`smatrix`: one command for the embedded system, the workers, the load and the checks."""

import logging
import sys

import typer
from rich.console import Console

from deploy.cli import (
    battery_report,
    check,
    demo,
    doctor,
    edit,
    ev_report,
    explain,
    forecast_report,
    load,
    malfunction_report,
    notifications,
    prices,
    registry,
    regulation_report,
    repartition,
    reprocess,
    simulate,
    tickets,
    up,
    vee_report,
    worker,
)
from deploy.embedded.processes import ProcessEndedError
from deploy.repartition.layouts import RepartitionError
from deploy.simulation.link import LinkError
from deploy.tickets.history import TicketError
from load_generator.faults import FaultRateError
from load_generator.fleet import FleetError
from load_generator.plan import PlanError
from load_generator.profiles import ProfileError
from load_generator.replay import ReplayError
from load_generator.sender import SendError
from load_generator.truth import TruthError
from streams.domain.registry import RegistryError
from streams.domain.subscriptions import TokenError
from streams.settings import ConfigurationError
from streams.worker import WorkerError

_FOR_THE_OPERATOR = (
    ConfigurationError,
    FaultRateError,
    FleetError,
    LinkError,
    PlanError,
    ProcessEndedError,
    ProfileError,
    RegistryError,
    RepartitionError,
    ReplayError,
    SendError,
    TicketError,
    TokenError,
    TruthError,
    WorkerError,
)

cli = typer.Typer(
    name="smatrix",
    help="Smatrix Grid: an energy supplier's back end for a smart grid.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command("up")(up.up)
cli.command("worker")(worker.worker)
cli.command("load")(load.load)
cli.command("check")(check.check)
cli.command("demo")(demo.demo)
cli.command("doctor")(doctor.doctor)
cli.command("reprocess")(reprocess.reprocess)
cli.command("edit")(edit.edit)
cli.command("explain")(explain.explain)
cli.command("repartition")(repartition.repartition)
cli.command("vee-report")(vee_report.vee_report)
cli.command("ev-report")(ev_report.ev_report)
cli.command("forecast-report")(forecast_report.forecast_report)
cli.command("malfunction-report")(malfunction_report.malfunction_report)
cli.command("battery-report")(battery_report.battery_report)
cli.add_typer(registry.registry, name="registry")
simulate.simulate.command("regulation")(regulation_report.regulation_report)
cli.add_typer(simulate.simulate, name="simulate")
cli.add_typer(prices.prices, name="prices")
cli.add_typer(tickets.tickets, name="tickets")
cli.add_typer(notifications.notifications, name="notifications")


def main() -> None:
    """Run the command; what an operator can mend is said in one line, without a traceback."""
    for client in ("aiokafka", "clickhouse_connect", "urllib3"):
        # They log every attempt; the commands say in one line what came of them.
        logging.getLogger(client).setLevel(logging.CRITICAL)
    try:
        cli()
    except _FOR_THE_OPERATOR as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"smatrix: {error}", markup=False
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
