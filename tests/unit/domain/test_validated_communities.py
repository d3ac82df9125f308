"""Periods as metering tells them, folded by validation: verdicts, and estimated figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import Community, Household
from schemas.units import MINUTE_S, PERIOD_MINUTES, PERIOD_S
from streams.domain.channels import CHANNELS, CONSUMPTION, FLOWS, MISSING, Cells
from streams.domain.premises import Registered
from streams.domain.rosters import Rosters
from streams.domain.validated_communities import Validations, first_and_last_of
from streams.domain.validated_periods import Figures, Kept, PartId, Step, Told
from streams.domain.vee import Quality, Rule, Thresholds, bit

MONDAY = 1_700_438_400  # 2023-11-20T00:00:00Z
NOON = MONDAY + 12 * 3600
LILAS = PartId("lilas", 0)
METERS = ("m1", "m2", "m3", "m4", "m5")
ALL_CHANNELS = (1 << len(CHANNELS)) - 1
WHEN_REGISTERED = 1
KEPT_S = 2 * 86_400
CONSUMPTION_ALONE = 1 << CONSUMPTION


@dataclass
class Table:
    """What the agent keeps in RocksDB, as a dictionary."""

    kept: dict[tuple[PartId, int], Kept] = field(default_factory=dict)

    def read(self, part: PartId, start: int) -> Kept | None:
        return self.kept.get((part, start))

    def write(self, step: Step) -> None:
        self.kept |= step.periods
        for place in step.expired:
            self.kept.pop(place, None)


class Worker:
    """Folds and stores as the agent does."""

    def __init__(
        self, *, meters: Sequence[str] = METERS, communities: Iterable[str] = ("lilas",)
    ) -> None:
        self.registered = Registered(Rosters(learns=False), thresholds=Thresholds())
        for community_id in communities:
            self.registered.take(
                Community(
                    community_id=community_id,
                    version=1,
                    valid_from=0,
                    connection_limit_w=100_000,
                    zone="UTC",
                    latitude_deg=51.3,
                    longitude_deg=9.5,
                )
            )
            for meter in meters:
                self.registered.rosters.take(
                    Household(
                        household_id=f"{community_id}-{meter}",
                        community_id=community_id,
                        version=1,
                        valid_from=0,
                        meter_id=meter,
                        contract_power_w=9_000,
                        pv_peak_w=6_000,
                    )
                )
        self.table = Table()
        self.validations = Validations(self.registered, retention_s=KEPT_S, read=self.table.read)

    def fold(self, *told: Told) -> Step:
        step = self.validations.fold(told)
        self.table.write(step)
        return step


def told(  # noqa: PLR0913 - a period is said by as many
    cells: Cells,
    *,
    start: int = NOON,
    place: int = 0,
    version: int | None = None,
    part: PartId = LILAS,
    mask: int = CONSUMPTION_ALONE,
    meters: Sequence[str] = METERS,
) -> Told:
    """A period of `cells` (minute, channel, meter); later places have higher versions."""
    return Told(
        part, start, place + 1 if version is None else version, place, tuple(meters), mask, cells
    )


def evenly(mwh: int = 5_000, *, meters: int = len(METERS)) -> Cells:
    """Return a period in which everybody used the same in each minute."""
    return np.full((PERIOD_MINUTES, 1, meters), mwh, dtype=np.int64)


def without(cells: Cells, meter: int, minutes: Iterable[int] = range(PERIOD_MINUTES)) -> Cells:
    """Return the cells without some minutes of a meter."""
    silent = cells.copy()
    silent[list(minutes), :, meter] = MISSING
    return silent


def of_meter(figures: Figures, meter: str) -> Mapping[str, int]:
    """Return the figures of one meter by their names."""
    place = figures.meters.index(meter)
    return {
        **{flow: int(figures.flows[row, place]) for row, flow in enumerate(FLOWS)},
        "quality": int(figures.quality[place]),
        "estimated": int(figures.estimated_minutes[place]),
        "substituted": int(figures.substituted_minutes[place]),
        "measured": int(figures.measured_minutes[place]),
        "missing": int(figures.missing_minutes[place]),
    }


def latest(steps: Iterable[Step]) -> dict[tuple[int, str], Mapping[str, int]]:
    """Return what stands after all steps, by period and meter."""
    stands: dict[tuple[int, str], tuple[int, Mapping[str, int]]] = {}
    for step in steps:
        for figures in step.figures:
            for meter in figures.meters:
                known = stands.get((figures.start, meter))
                if known is None or known[0] <= figures.version:
                    stands[figures.start, meter] = (figures.version, of_meter(figures, meter))
    return {place: figures for place, (_, figures) in stands.items()}


def test_a_period_that_is_whole_and_good_is_left_as_it_is() -> None:
    step = Worker().fold(told(evenly()))

    assert not step.figures
    assert not step.verdicts


def test_missing_minutes_are_estimated_when_the_period_closes() -> None:
    worker = Worker()

    step = worker.fold(told(without(evenly(), 1, range(5, 10))))

    (figures,) = step.figures
    assert figures.meters == ("m2",)
    assert (figures.version, figures.of_version) == (1, 1)
    m2 = of_meter(figures, "m2")
    assert m2["consumption"] == 15 * 5_000, "the line between its neighbours"
    assert m2["import"] == 15 * 5_000
    assert (m2["quality"], m2["estimated"], m2["measured"]) == (Quality.ESTIMATED, 5, 10)


def test_a_late_true_reading_replaces_the_estimate() -> None:
    worker = Worker()
    true = evenly()
    true[5:10, 0, 1] = 7_000
    worker.fold(told(without(true, 1, range(5, 10))))

    step = worker.fold(told(true, place=1))

    (figures,) = step.figures
    m2 = of_meter(figures, "m2")
    assert m2["consumption"] == 10 * 5_000 + 5 * 7_000
    assert (m2["quality"], m2["measured"]) == (Quality.MEASURED, 15)
    assert figures.version > 1


def test_a_gap_over_periods_is_estimated_again_from_its_end() -> None:
    worker = Worker()
    starts = [NOON + number * PERIOD_S for number in range(4)]
    steps = [worker.fold(told(evenly(), start=starts[0]))]
    steps += [
        worker.fold(told(without(evenly(), 0), start=start, place=place))
        for place, start in enumerate(starts[1:3], start=1)
    ]
    before = latest(steps)
    steps.append(worker.fold(told(evenly(9_000), start=starts[3], place=3)))

    stands = latest(steps)

    assert {place[0] for place in before} == set(starts[1:3])
    for start in starts[1:3]:
        assert stands[start, "m1"]["estimated"] == 15
        assert stands[start, "m1"]["consumption"] > before[start, "m1"]["consumption"], (
            "the line rises to what was measured after the gap"
        )
    assert (starts[3], "m2") not in stands


def test_registers_on_both_sides_tell_the_energy_of_an_outage_to_the_mwh() -> None:
    worker = Worker()
    mask = (
        CONSUMPTION_ALONE
        | 1 << CHANNELS.index("import_register")
        | 1 << CHANNELS.index("export_register")
    )
    rng = np.random.default_rng(1)
    used = rng.integers(2_000, 40_000, (3 * PERIOD_MINUTES, len(METERS)))
    register = 10_000_000 + used.cumsum(axis=0)
    whole = np.stack([used, register, np.zeros_like(register)], axis=1)
    outage = whole.copy()
    outage[10:40, :, 2] = MISSING
    steps = [
        worker.fold(
            told(
                outage[number * PERIOD_MINUTES : (number + 1) * PERIOD_MINUTES],
                start=NOON + number * PERIOD_S,
                place=number,
                mask=mask,
            )
        )
        for number in range(3)
    ]

    stands = latest(steps)

    of_m3 = [stands[NOON + number * PERIOD_S, "m3"] for number in range(3)]
    assert sum(figures["import"] for figures in of_m3) == int(used[:, 2].sum())
    assert {figures["quality"] for figures in of_m3} == {Quality.SUBSTITUTED}
    assert [figures["substituted"] for figures in of_m3] == [5, 15, 10]


def test_a_reading_that_its_registers_contradict_is_replaced_by_what_they_say() -> None:
    worker = Worker()
    mask = (
        CONSUMPTION_ALONE
        | 1 << CHANNELS.index("import_register")
        | 1 << CHANNELS.index("export_register")
    )
    used = np.full((2 * PERIOD_MINUTES, len(METERS)), 5_000, dtype=np.int64)
    register = 10_000_000 + used.cumsum(axis=0)
    stated = used.copy()
    stated[20, 3] = 90_000
    cells = np.stack([stated, register, np.zeros_like(register)], axis=1)
    worker.fold(told(cells[:PERIOD_MINUTES], mask=mask))

    step = worker.fold(told(cells[PERIOD_MINUTES:], start=NOON + PERIOD_S, place=1, mask=mask))

    (verdicts,) = step.verdicts
    assert [(meter, minute) for meter, minute, _ in verdicts.readings] == [
        ("m4", NOON + 20 * MINUTE_S)
    ]
    assert verdicts.readings[0][2] & bit(Rule.REGISTER_MISMATCH)
    (figures,) = step.figures
    assert figures.meters == ("m4",)
    assert of_meter(figures, "m4")["consumption"] == 15 * 5_000


def test_what_an_operator_has_put_right_is_failed_by_no_rule() -> None:
    worker = Worker()
    mask = (
        CONSUMPTION_ALONE
        | 1 << CHANNELS.index("import_register")
        | 1 << CHANNELS.index("export_register")
    )
    used = np.full((PERIOD_MINUTES, len(METERS)), 5_000, dtype=np.int64)
    register = 10_000_000 + used.cumsum(axis=0)
    stated = used.copy()
    stated[7, 3] = 90_000
    cells = np.stack([stated, register, np.zeros_like(register)], axis=1)

    step = worker.fold(told(cells, mask=mask)._replace(edited=frozenset({(7, 3)})))

    assert not step.figures
    assert not step.verdicts


def test_a_silent_community_is_estimated_when_it_is_heard_again() -> None:
    worker = Worker()
    starts = [NOON + number * PERIOD_S for number in range(4)]
    steps = [worker.fold(told(evenly(), start=starts[0]))]

    steps.append(worker.fold(told(evenly(), start=starts[3], place=1)))

    stands = latest(steps)
    assert {start for start, _ in stands} == {starts[1], starts[2]}
    assert {meter for _, meter in stands} == set(METERS)
    assert all(figures["consumption"] == 15 * 5_000 for figures in stands.values())
    assert {figures.of_version for figures in steps[1].figures} == {0}, "metering told no sums"


def test_who_is_not_registered_any_more_is_not_missed() -> None:
    worker = Worker()
    worker.registered.rosters.take(
        Household(
            household_id="lilas-m1",
            community_id="lilas",
            version=2,
            valid_from=0,
            valid_to=NOON + 5 * MINUTE_S,
            meter_id="m1",
            contract_power_w=9_000,
        )
    )

    step = worker.fold(told(without(evenly(), 0, range(5, 15))))

    assert not step.figures


def test_a_message_that_comes_twice_says_the_same_again() -> None:
    worker = Worker()
    first = worker.fold(told(without(evenly(), 1, range(5, 10))))
    again = worker.fold(told(without(evenly(), 1, range(5, 10))))

    assert latest([first]) == latest([again])
    assert [figures.version for figures in first.figures] == [
        figures.version for figures in again.figures
    ]


def test_an_older_version_changes_nothing() -> None:
    worker = Worker()
    worker.fold(told(evenly(), version=5))

    step = worker.fold(told(without(evenly(), 1), place=1, version=4))

    assert not step.figures
    assert not step.periods


def test_of_a_period_told_several_times_the_first_and_the_last_are_taken() -> None:
    first, other = told(without(evenly(), 1)), told(evenly(), start=NOON + PERIOD_S, place=1)
    between, last = told(without(evenly(), 2), place=2), told(evenly(), place=3)
    older = told(evenly(), version=1, place=4)

    assert first_and_last_of([first, other, between, last, older]) == [first, other, last]


def test_what_lies_beyond_the_retention_is_forgotten() -> None:
    worker = Worker()
    periods = KEPT_S // PERIOD_S + 10

    for number in range(periods):
        worker.fold(told(evenly(), start=NOON + number * PERIOD_S, place=number))

    assert len(worker.table.kept) <= KEPT_S // PERIOD_S + 2


def test_a_day_that_is_over_is_one_that_others_are_like() -> None:
    worker = Worker()
    a_day = [
        told(evenly(1_000 + number), start=MONDAY + number * PERIOD_S, place=number)
        for number in range(97)
    ]
    steps = [worker.fold(period) for period in a_day]

    assert steps[-1].days, "written when its first successor comes"
    part = worker.validations.parts[LILAS]
    tuesday = worker.registered.calendar("lilas", MONDAY + 96 * PERIOD_S)
    mean = part.loads.mean(tuesday.day, tuesday.kind, 40)
    assert mean.tolist() == [15_000.0 + 1_000] * len(METERS), "whole Wh, 15.6 rounded"


def test_communities_judged_together_are_judged_as_each_alone() -> None:
    names = ("lilas", "roses", "tulips")
    rng = np.random.default_rng(2)
    periods = [
        told(
            np.where(
                rng.random((PERIOD_MINUTES, 1, len(METERS))) < 0.1, MISSING, 4_000 + 10 * place
            ),
            start=NOON + number * PERIOD_S,
            place=place,
            part=PartId(name, 0),
        )
        for number in range(4)
        for place, name in enumerate(names, start=3 * number)
    ]
    together, alone = Worker(communities=names), Worker(communities=names)

    step = together.fold(*periods)

    steps = [alone.fold(period) for period in periods]
    for name in names:
        part = PartId(name, 0)
        assert np.array_equal(
            together.validations.parts[part].memory, alone.validations.parts[part].memory
        )
    of_together = list(step.figures)
    of_alone = [f for each in steps for f in each.figures]
    key = [(f.part, f.start, f.version) for f in of_together]
    assert sorted(key) == sorted((f.part, f.start, f.version) for f in of_alone)
    stands = {(f.part, f.start, f.version): f.flows.tolist() for f in of_together}
    assert stands == {(f.part, f.start, f.version): f.flows.tolist() for f in of_alone}


@settings(max_examples=20)
@given(data=st.data())
def test_whatever_comes_late_the_last_figures_are_those_of_all_readings(
    data: st.DataObject,
) -> None:
    """Late readings and repetitions end where everything in time would have, to the mWh."""
    periods = 5
    rng = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    true = rng.integers(1_000, 30_000, (periods * PERIOD_MINUTES, 1, len(METERS)))
    lost = rng.random(true.shape) < data.draw(st.sampled_from([0.0, 0.05, 0.4]))
    final = np.where(lost, MISSING, true)
    late = data.draw(st.lists(st.integers(0, periods - 1), max_size=4))
    first = final.copy()
    for number in late:
        rows = slice(number * PERIOD_MINUTES, (number + 1) * PERIOD_MINUTES)
        first[rows] = np.where(rng.random(first[rows].shape) < 0.5, MISSING, first[rows])
    worker = Worker()
    cut = [slice(n * PERIOD_MINUTES, (n + 1) * PERIOD_MINUTES) for n in range(periods)]
    steps = [
        worker.fold(told(first[rows], start=NOON + n * PERIOD_S, place=n))
        for n, rows in enumerate(cut)
    ]
    steps += [
        worker.fold(told(final[cut[n]], start=NOON + n * PERIOD_S, place=periods + place))
        for place, n in enumerate(late)
    ]

    in_time = Worker()
    expected = latest(
        in_time.fold(told(final[rows], start=NOON + n * PERIOD_S, place=n))
        for n, rows in enumerate(cut)
    )

    stands = latest(steps)
    for place, figures in expected.items():
        assert stands[place] == figures, place
    for place in stands.keys() - expected.keys():
        assert stands[place]["quality"] == Quality.MEASURED
