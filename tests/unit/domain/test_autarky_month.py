"""A month of clouds at the threshold: what we tell, beside what a state without patience would.

`pytest -s tests/unit/domain/test_autarky_month.py` prints the numbers of docs/autarky.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from load_generator.energy_flows import MeterState, flow
from load_generator.plan import Plan
from streams.domain.autarky import Flows
from streams.domain.autarky_communities import Autarky, ToldPeriod
from streams.domain.autarky_periods import COMMUNITY
from streams.domain.autarky_states import AutarkyPolicy
from tests.builders import HOUR_S, QUARTER_S

pytestmark = pytest.mark.slow

JUNE: Final = datetime(2025, 6, 1, tzinfo=UTC)
DAYS: Final = 30
HOUSEHOLDS: Final = 60
THRESHOLD: Final = Fraction(99, 100)
# How much of what it needs a roof gives, by the hour: dawn, a clear morning, an afternoon right at
# the threshold, dusk.
HOURS: Final = (0, 6, 8, 12, 13, 16, 19, 24)
LEVELS: Final = (0.0, 0.0, 1.1, 1.1, 0.99, 0.99, 0.0, 0.0)
CLOUDS: Final = 0.15

Energy = NDArray[np.int64]


@dataclass
class Counts:
    """Changes of all households in the month."""

    truth: int
    minute_by_minute: int
    period_by_period: int
    ours: int
    notices: int


def quarters() -> Iterator[tuple[int, Energy, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield start, consumption (minute, household), and the roofs' level, clear and cloudy."""
    plan = Plan(communities=1, households=HOUSEHOLDS, seed=6, start=JUNE, minutes=DAYS * 24 * 60)
    fleet = plan.fleet()
    state, first = MeterState.at_start(fleet), int(JUNE.timestamp())
    rng = np.random.default_rng(6)
    for start in range(first, first + DAYS * 24 * HOUR_S, QUARTER_S):
        flows, state = flow(fleet, state, first_minute=start, minutes=15)
        hours = (start % (24 * HOUR_S)) / HOUR_S + np.arange(15) / 60
        clear = np.interp(hours, HOURS, LEVELS)
        # One sky over the community.
        yield start, flows.consumption, clear, clear * rng.uniform(1 - CLOUDS, 1 + CLOUDS, 15)


def shares_of(consumption: Energy, production: Energy) -> list[Fraction | None]:
    """Return each household's self-sufficiency; None where nothing was consumed."""
    return [
        Fraction(min(int(used), int(made)), int(used)) if used else None
        for used, made in zip(consumption, production, strict=True)
    ]


def count_changes(policy: AutarkyPolicy) -> Counts:
    by_minute: list[list[Fraction | None]] = []
    by_period: list[list[Fraction | None]] = []
    told: dict[str, list[ToldPeriod]] = {"clear": [], "cloudy": []}
    for start, consumption, clear, cloudy in quarters():
        need = consumption.mean(axis=0)
        for sky, levels in (("clear", clear), ("cloudy", cloudy)):
            production = np.rint(np.outer(levels, need)).astype(np.int64)
            used, made = consumption.sum(axis=0), production.sum(axis=0)
            flows = {
                f"m{place}": Flows(int(used[place]), int(made[place]), None, None, 15)
                for place in range(HOUSEHOLDS)
            }
            told[sky].append(ToldPeriod("c1", start, 1, 0, 1, flows, len(told[sky])))
            if sky == "cloudy":
                by_period.append(shares_of(used, made))
                by_minute += [
                    shares_of(consumption[minute], production[minute]) for minute in range(15)
                ]
    truth, _ = _judged(policy, told["clear"])
    ours, notices = _judged(policy, told["cloudy"])
    return Counts(truth, _naive(by_minute), _naive(by_period), ours, notices)


def _judged(policy: AutarkyPolicy, told: list[ToldPeriod]) -> tuple[int, int]:
    autarky = Autarky(policy, read=lambda *_: None)
    changes = [
        change
        for period in told
        for _, found in autarky.fold([period]).changes.values()
        for change in found
        if change.subject != COMMUNITY
    ]
    return len(changes), sum(change.notice is not None for change in changes)


def _naive(shares: list[list[Fraction | None]]) -> int:
    return sum(naive_flips(of_one, threshold=THRESHOLD) for of_one in zip(*shares, strict=True))


def test_clouds_at_the_threshold_bring_no_more_changes_than_the_truth_has() -> None:
    policy = AutarkyPolicy(
        enter=THRESHOLD,
        leave=Fraction(95, 100),
        hold_s=QUARTER_S,
        efficiency_percent=90,
        retention_s=49 * HOUR_S,
    )

    counts = count_changes(policy)

    print(counts)  # noqa: T201 - the numbers of docs/autarky.md
    assert counts.ours == counts.notices <= counts.truth
    assert counts.ours < counts.period_by_period < counts.minute_by_minute


def naive_flips(shares: Iterable[Fraction | None], *, threshold: Fraction) -> int:
    """Return how often a state flips that follows each share at once."""
    flips, before = 0, None
    for share in shares:
        if share is None:
            continue
        state = share >= threshold
        flips += before is not None and state is not before
        before = state
    return flips
