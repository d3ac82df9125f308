"""One seed's campaign: load, faults, healing, and what must be true then."""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from load_generator.faults import FAULT_RATES
from load_generator.plan import Plan
from reliability import checks
from reliability.battle import TICK_S, Battle, Say
from reliability.control import HEATER_SHARE, HOUSEHOLD_LIMIT_W, check_control
from reliability.faults import ROLLING_S, Kind, draw
from reliability.ground import Ground
from reliability.injection import Injector
from reliability.judging import await_truth, judge, judge_people, said
from reliability.news import News, registry
from reliability.results import Result
from reliability.watch import Load, Watch
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
            result.said = said(ground)
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
        battle = Battle(
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
        comparison, autarky = await_truth(ground, truth, deadline=over + HEAL_S)
        result.checks["autarky"] = checks.first_of(autarky)
        result.watched = watch.told(since=battle.begin)
        result.exact_s = round(time.monotonic() - over, 1)
        for happened in battle.happened:
            well = watch.well_since(battle.begin + happened.over_s)
            if well is not None:
                happened.healed_s = round(well - battle.begin - happened.over_s, 1)
        judge(
            ground,
            watch,
            result,
            comparison=comparison,
            load=child,
            delivery=campaign.delivery,
        )
        control = check_control(
            ground, checks.client_of(ground.settings), campaign.plan, battle.aways()
        )
        result.checks |= control.checks
        result.control = control.figures
        judge_people(
            ground,
            result,
            suspects=campaign.plan.suspects(),
            acknowledged=news.acknowledged,
            deadline=over + MAILS_S,
        )
    return result


def _await_healing(ground: Ground, watch: Watch, say: Say) -> float | None:
    """Return how long the system took to be well after the last fault; None: too long."""
    begin = time.monotonic()
    while time.monotonic() - begin < HEAL_S:
        ground.crew.tend()
        well = watch.well_since(begin)
        if well is not None:
            return round(well - begin, 1)
        time.sleep(TICK_S)
    say(f"not well after {HEAL_S:.0f} s: {watch.obstacle}")
    return None
