"""One seed's campaign: load, faults, healing, and what must be true then."""

import json
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError

from deploy.autarky_check import ExpectedAutarky
from deploy.embedded.processes import Child
from deploy.malfunction_check import check_tickets
from deploy.truth_check import Comparison, compare
from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from load_generator.truth import read_truth
from reliability import checks
from reliability.control import HEATER_SHARE, HOUSEHOLD_LIMIT_W, check_control
from reliability.control_checks import Away
from reliability.faults import BURST_S, ROLLING_S, Fault, Kind, draw
from reliability.ground import Ground
from reliability.injection import BrokenPromiseError, Doing, Injector, UnfitFault
from reliability.mail_checks import check_mails
from reliability.news import News, registry
from reliability.results import Happened, Result
from reliability.watch import Load, Watch
from streams import clock
from streams.settings import DeliveryMode

WORKERS: Final = {
    "metering": 2,
    "validation": 2,
    "alerts": 2,
    "control": 2,
    "notifications": 2,
    "history": 2,
}
HEAL_S: Final = 60.0
MAILS_S: Final = 150.0
"""Until when every mail must have gone out: a mail that failed twice is tried again after 2 min."""
COMMUNITIES: Final = 8
HOUSEHOLDS: Final = 160
DAY_MINUTES: Final = 1_440
_FAULTS: Final = "many"
_FIRST_DAY: Final = datetime(2025, 7, 16, tzinfo=UTC)
_QUIET_S: Final = 5.0
"""The load goes on for so long before the first fault and after the last begins."""
_PATIENCE: Final = 0.4
"""Share of the time in which the next burst waits until the system is well again."""
_LAST_PATIENCE_S: Final = 25.0
_TICK_S: Final = 0.05
_LOAD_ENDS_S: Final = 90.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is asked for.

    Attributes:
        seed: Of faults and load.
        faults: How many.
        minutes: How long the load lasts.
        nodes: Of the broker, 1 or 3.
        delivery: How metering, validation, alerts and control deliver.
        without: Kinds of faults to leave out.
        out: Where results and, after a failure, logs are put.
    """

    seed: int
    faults: int
    minutes: float
    nodes: int
    delivery: DeliveryMode
    without: frozenset[Kind]
    out: Path

    @property
    def name(self) -> str:
        """Of its files."""
        nodes = f"-nodes-{self.nodes}" if self.nodes > 1 else ""
        plain = "-plain" if self.delivery is DeliveryMode.PLAIN else ""
        return f"seed-{self.seed}{nodes}{plain}"

    @property
    def plan(self) -> Plan:
        """Of its load."""
        return Plan(
            communities=COMMUNITIES,
            households=HOUSEHOLDS,
            seed=self.seed,
            start=_FIRST_DAY,
            minutes=DAY_MINUTES,
            faults=FAULT_RATES[_FAULTS],
            heater_share=HEATER_SHARE,
        )

    @property
    def command(self) -> str:
        """What runs it again."""
        nodes = f" --nodes {self.nodes}" if self.nodes > 1 else ""
        plain = " --delivery plain" if self.delivery is DeliveryMode.PLAIN else ""
        without = "".join(f" --without {kind.name}" for kind in sorted(self.without))
        return (
            f"python -m reliability --seed {self.seed} --faults {self.faults} "
            f"--minutes {self.minutes:g}{nodes}{plain}{without}"
        )


@dataclass(slots=True)
class _Doing:
    """A fault under way."""

    fault: Fault
    doing: Doing
    began: float
    goes_on: float


@dataclass(slots=True)
class _Battle:
    """Doing the faults of a list while the load runs."""

    ground: Ground
    watch: Watch
    injector: Injector
    say: Say
    begin: float
    patience_s: float
    shift_s: float = 0.0
    under_way: list[_Doing] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)
    _last_at_s: float = 0.0

    def fight(self, faults: list[Fault], load: Child) -> None:
        """Do all faults, and wait for the end of the load."""
        waiting = list(faults)
        limit = time.monotonic() + faults[-1].at_s + self.patience_s + _LOAD_ENDS_S
        while waiting or self.under_way or load.process.poll() is None:
            now = time.monotonic()
            if now > limit and not self.under_way and not waiting:
                load.process.kill()
            while waiting and now - self.begin >= waiting[0].at_s + self.shift_s:
                if self._waits(waiting[0]):
                    self.shift_s += _TICK_S
                    self.patience_s -= _TICK_S
                    break
                self._begin(waiting.pop(0), now)
            for doing in list(self.under_way):
                if now >= doing.goes_on:
                    self._go_on(doing)
            self.ground.crew.tend()
            time.sleep(_TICK_S)

    def aways(self) -> list[Away]:
        """Return what was done to control and to the broker, by the wall clock."""
        epoch = clock.epoch_now() - time.monotonic() + self.begin
        return [
            Away(one.kind, is_control, epoch + one.at_s, epoch + one.over_s)
            for one in self.happened
            if one.is_done
            and (
                (is_control := one.role == "control" or one.kind == Kind.ROLLING_RESTART)
                or one.kind.startswith("broker")
            )
        ]

    def _waits(self, fault: Fault) -> bool:
        """Say whether a fault had better wait, so that earlier ones can be seen to heal."""
        is_of_a_burst = fault.at_s - self._last_at_s < BURST_S
        well = self.watch.is_well and not self.under_way
        # The last can't be told from what came before it unless that has healed.
        reserve_s = _LAST_PATIENCE_S if fault.kind is Kind.ROLLING_RESTART else 0.0
        return self.patience_s + reserve_s > 0 and not is_of_a_burst and not well

    def _begin(self, fault: Fault, now: float) -> None:
        target = f" ({fault.role} {fault.number})" if fault.role else ""
        self.say(f"{now - self.begin:6.1f} s  {fault.kind}{target}")
        self._last_at_s = fault.at_s
        self.under_way.append(_Doing(fault, self.injector.begin(fault), now, now))

    def _go_on(self, doing: _Doing) -> None:
        note, is_broken = "", False
        try:
            doing.goes_on = time.monotonic() + next(doing.doing)
        except StopIteration:
            pass
        except UnfitFault as unfit:
            note = f"not done: {unfit}"
        except BrokenPromiseError as broken:
            note, is_broken = str(broken), True
        else:
            return
        self.under_way.remove(doing)
        self.happened.append(
            Happened(
                kind=str(doing.fault.kind),
                role=doing.fault.role,
                number=doing.fault.number,
                at_s=round(doing.began - self.begin, 2),
                over_s=round(time.monotonic() - self.begin, 2),
                note=note,
                is_done=not note or is_broken,
                is_broken=is_broken,
            )
        )


def run(campaign: Campaign, *, say: Say) -> Result:
    """Run a campaign; leave its result in a file, and its logs where it failed."""
    folder = campaign.out / campaign.name
    shutil.rmtree(folder, ignore_errors=True)
    begin = time.monotonic()
    try:
        with Ground(
            folder, workers=WORKERS, nodes=campaign.nodes, delivery=campaign.delivery
        ) as ground:
            result = _fight(campaign, ground, say)
            ground.crew.stop()
            folders = [post.state for post in ground.crew.posts]
            result.checks["locks"] = checks.first_of(checks.locked_folders(folders))
            result.said = _said(ground)
            result.ends = {post.name: post.ends for post in ground.crew.posts}
    finally:
        shutil.rmtree(folder / "kafka", ignore_errors=True)
        shutil.rmtree(folder / "clickhouse", ignore_errors=True)
    result.seconds = round(time.monotonic() - begin, 1)
    result.write(campaign.out / f"{campaign.name}.json")
    if result.passed:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _fight(campaign: Campaign, ground: Ground, say: Say) -> Result:
    seconds = campaign.minutes * 60
    speed = DAY_MINUTES * 60 / seconds
    first_minute = int(_FIRST_DAY.timestamp())
    ground.register(registry())
    truth = ground.folder / "truth.parquet"
    child = ground.start_load(
        [
            f"--communities={COMMUNITIES}",
            f"--households={HOUSEHOLDS}",
            f"--minutes={DAY_MINUTES}",
            f"--faults={_FAULTS}",
            f"--household-limit={HOUSEHOLD_LIMIT_W}",
            f"--heaters={HEATER_SHARE}",
            f"--seed={campaign.seed}",
            f"--speed={speed}",
            f"--start={_FIRST_DAY:%Y-%m-%dT%H:%M:%S}",
            f"--truth={truth}",
        ]
    )
    load = Load(child.log, first_minute, DAY_MINUTES, COMMUNITIES, speed)
    patience_s = (seconds - 2 * _QUIET_S - ROLLING_S) * _PATIENCE
    faults = draw(
        campaign.seed,
        faults=campaign.faults,
        seconds=seconds - 2 * _QUIET_S - patience_s,
        workers=WORKERS,
        nodes=campaign.nodes,
        without=campaign.without,
    )
    with Watch(ground, load) as watch, News(ground, campaign.seed, first_minute) as news:
        battle = _Battle(
            ground,
            watch,
            Injector(ground),
            say,
            begin=time.monotonic() + _QUIET_S,
            patience_s=patience_s,
        )
        battle.fight(faults, child)
        over = time.monotonic()
        ground.heal()
        healed = _await_healing(ground, watch, say)
        news.stop()
        result = Result(
            command=campaign.command,
            seed=campaign.seed,
            nodes=campaign.nodes,
            faults=battle.happened,
            healed_s=healed,
        )
        if child.process.returncode != 0:
            result.checks["load"] = f"ended with {child.process.returncode}: {child.last_words()}"
            return result
        comparison, autarky = _await_truth(ground, truth, deadline=over + HEAL_S)
        result.checks["autarky"] = checks.first_of(autarky)
        result.watched = watch.told(since=battle.begin)
        result.exact_s = round(time.monotonic() - over, 1)
        for happened in battle.happened:
            well = watch.well_since(battle.begin + happened.over_s)
            if well is not None:
                happened.healed_s = round(well - battle.begin - happened.over_s, 1)
        _judge(campaign, ground, watch, result, comparison, child)
        control = check_control(
            ground, checks.client_of(ground.settings), campaign.plan, battle.aways()
        )
        result.checks |= control.checks
        result.control = control.figures
        _judge_people(campaign, ground, result, news.acknowledged, deadline=over + MAILS_S)
    return result


def _judge(  # noqa: PLR0913, PLR0917 - all that was there
    campaign: Campaign,
    ground: Ground,
    watch: Watch,
    result: Result,
    comparison: Comparison,
    load: Child,
) -> None:
    settings = ground.settings
    result.difference_mwh, result.differing = comparison.difference_mwh, comparison.differing
    found = result.checks
    found["truth"] = "ok" if comparison.is_equal else "; ".join(comparison.examples[:3])
    found["healing"] = "ok" if result.healed_s is not None else f"not well: {watch.obstacle}"
    broken = [happened.note for happened in result.faults if happened.is_broken]
    found["promises"] = checks.first_of(broken)
    found["reader"] = checks.first_of(watch.reversals)
    client = checks.client_of(settings)
    sent = json.loads(load.last_words())["sent"]
    result.frames = int(sent)
    try:
        told, doubled, back = checks.what_was_told(settings)
        found["transactions"] = "ok"
        found["contents"] = checks.first_of(doubled)
        if campaign.delivery is not DeliveryMode.PLAIN:
            found["order"] = checks.first_of(back)
        found["history"] = checks.first_of(checks.lost_on_the_way(client, told))
        found["frames"] = checks.first_of(
            checks.unaccounted_frames(settings, client, sent=int(sent))
        )
        result.messages = len(told)
    except TimeoutError as hanging:
        found["transactions"] = str(hanging)
    except KafkaError as error:
        found["transactions"] = repr(error)


def _judge_people(
    campaign: Campaign,
    ground: Ground,
    result: Result,
    acknowledged: Collection[str],
    *,
    deadline: float,
) -> None:
    """Judge tickets and mails, as soon as they are as they must be, or when time is up."""
    client = checks.client_of(ground.settings)
    suspects = campaign.plan.suspects()
    while True:
        ground.crew.tend()
        tickets = check_tickets(client, "smatrix", suspects)
        mails = check_mails(ground.settings, client, ground.mails, acknowledged)
        is_well = not (tickets.missed or tickets.false or mails.faults)
        if is_well or time.monotonic() > deadline:
            break
        time.sleep(1)
    result.checks["tickets"] = checks.first_of([*tickets.false, *tickets.missed])
    result.checks["mails"] = checks.first_of(mails.faults)
    result.people = {
        "breakdowns": len(tickets.breakdowns),
        "tickets opened": tickets.opened,
        "false tickets": len(tickets.false),
        "notifications": mails.notifications,
        "mails": mails.mails,
        "mails in doubt": mails.in_doubt,
        "mails twice": mails.doubled,
    }


def _said(ground: Ground) -> dict[str, int]:
    """Return how often the workers said what shows that a mechanism was at work."""
    logs = [path.read_text(errors="replace") for path in (ground.folder / "log").glob("*.log")]
    return {
        what: sum(log.count(phrase) for log in logs)
        for what, phrase in {
            "fenced": "stopped by FencedError",
            "stores rebuilt": "rebuil",
            "broker lost": "Unable to bootstrap",
            "disk full": "No space left",
        }.items()
    }


def _await_healing(ground: Ground, watch: Watch, say: Say) -> float | None:
    """Return how long the system took to be well after the last fault; None: too long."""
    begin = time.monotonic()
    while time.monotonic() - begin < HEAL_S:
        ground.crew.tend()
        well = watch.well_since(begin)
        if well is not None:
            return round(well - begin, 1)
        time.sleep(_TICK_S)
    say(f"not well after {HEAL_S:.0f} s: {watch.obstacle}")
    return None


def _await_truth(
    ground: Ground, truth: Path, *, deadline: float
) -> tuple[Comparison, checks.Faults]:
    """Return what is otherwise than the truth, of the figures and of autarky."""
    expected = read_truth(truth)
    expected_autarky = ExpectedAutarky.of(expected)
    client = checks.client_of(ground.settings)
    while True:
        ground.crew.tend()
        comparison = compare(client, "smatrix", expected)
        autarky = expected_autarky.differences(client, "smatrix")
        if (comparison.is_equal and not autarky) or time.monotonic() > deadline:
            return comparison, autarky
        time.sleep(0.3)
