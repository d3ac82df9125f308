"""`smatrix simulate SCENARIO`: a grid that answers, on a system of its own, judged by its truth."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from deploy.cli.check import connect
from deploy.cli.destinations import require_folder
from deploy.cli.load import Profiles, Seed
from deploy.cli.regulation_report import regulation_report
from deploy.cli.sizes import Communities, Households
from deploy.cli.terminals import Delayed, Lost, Refused, terminal_rates
from deploy.cli.up import stop_on_signals
from deploy.embedded.system import EmbeddedSystem
from deploy.simulation.page import REPORT_FILE, RESULT_FILE, write
from deploy.simulation.running import reads_of, run
from deploy.simulation.scenario import Options, Scenario
from deploy.simulation.scenarios import SCENARIOS
from deploy.simulation.verdict import Verdict
from streams.settings import Settings, get_settings

simulate = typer.Typer(
    help="Play a grid that answers to the whole system, and judge it by the grid's truth.",
    no_args_is_help=True,
)

_SAY_EVERY_S: Final = 5.0
_COMMIT_S: Final = "0.05"
"""A minute waits until each group has told how far it is; a second for each would add up."""


def _command(scenario: Scenario) -> Callable[..., None]:
    def command(  # noqa: PLR0913 - options of a command
        *,
        communities: Communities = 40,
        households: Households = 2_000,
        minutes: Annotated[int, typer.Option(min=15, help="Length.")] = scenario.minutes,
        profiles: Profiles = None,
        seed: Seed = 1,
        delayed: Delayed = 0.0,
        lost: Lost = 0.0,
        refused: Refused = 0.0,
        out: Annotated[
            Path, typer.Option(help="Folder for report.html, result.json and CSV files.")
        ] = Path("out/simulate") / scenario.name,
    ) -> None:
        require_folder("--out", out)
        options = Options(
            communities=communities,
            households=households,
            minutes=minutes,
            seed=seed,
            profiles=tuple(profiles or ()),
            rates=terminal_rates(delayed=delayed, lost=lost, refused=refused),
        )
        stop_on_signals()
        console = Console(soft_wrap=True, highlight=False)
        if not play(scenario, options, out, settings=get_settings(), console=console).passed:
            raise typer.Exit(1)

    command.__doc__ = scenario.story
    return command


for _scenario in SCENARIOS:
    simulate.command(_scenario.name)(_command(_scenario))
simulate.command("regulation")(regulation_report)


def play(
    scenario: Scenario, options: Options, out: Path, *, settings: Settings, console: Console
) -> Verdict:
    """Play a scenario on an embedded system of its own, report, and return what came of it.

    Raises:
        OperatorError: If the system does not start or does not answer.
    """
    console.print(f"{scenario.title}: {scenario.story}")
    # Before workers start: what takes long to load is then ready for them as well.
    reads = reads_of(scenario, settings)
    system = EmbeddedSystem(settings, out / "system", wipe=True, roles=scenario.roles)
    system.variables["SMATRIX_COMMIT_INTERVAL"] = _COMMIT_S
    with system:
        finished, verdict = run(
            scenario,
            options,
            settings,
            reads=reads,
            client=connect(settings),
            on_minute=_Teller(console, scenario, options).tell,
        )
        write(out, scenario, finished, verdict)
    _say(console, verdict, out)
    return verdict


class _Teller:
    """Says every few seconds how far the grid's time has come."""

    def __init__(self, console: Console, scenario: Scenario, options: Options) -> None:
        self._console = console
        self._first, self._minutes = int(scenario.start.timestamp()), options.minutes
        self._said = time.monotonic()

    def tell(self, minute: int) -> None:
        """Take note of a minute, epoch s."""
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY_S:
            self._said = now
            played = (minute - self._first) // 60 + 1
            at = datetime.fromtimestamp(minute, UTC)
            self._console.print(f"{played:,} of {self._minutes:,} minutes: {at:%a %H:%M} UTC")


def _say(console: Console, verdict: Verdict, out: Path) -> None:
    for check in verdict.checks:
        mark, color = ("✓", "green") if check.is_met else ("✗", "red")
        console.print(f"[{color}]{mark}[/] {check.name}: {check.found} (goal: {check.goal})")
    console.print(
        f"{verdict.directives:,} directives in {verdict.minutes:,} minutes, "
        f"{verdict.seconds:.1f} s; decisions {verdict.decisions[:16]}"
    )
    console.print(f"{out / RESULT_FILE}\n{out / REPORT_FILE}")
