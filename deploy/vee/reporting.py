"""A seeded month of some communities through the rules and estimates, and what came of it."""

from collections.abc import Callable

from deploy.vee.judging import judge
from deploy.vee.month import months
from deploy.vee.page import Report
from deploy.vee.speed import bytes_a_meter, nanoseconds
from load_generator.meter_faults import MeterFaultRates
from load_generator.profiles import Profiles
from streams.domain.channels import CONSUMPTION, MISSING
from streams.domain.vee import Thresholds


def report_of(  # noqa: PLR0913 - a month is said by as many
    profiles: Profiles,
    rates: MeterFaultRates,
    *,
    households: int,
    communities: int,
    days: int,
    seed: int,
    thresholds: Thresholds,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Return the report of a month; one community after the other, so that memory stays small.

    `on_progress` hears how many communities are done. Equal arguments give equal counts and
    errors; nanoseconds are the machine's.
    """
    report = Report(households, communities, days, seed)
    for number, month in enumerate(
        months(
            profiles,
            households=households,
            communities=communities,
            days=days,
            seed=seed,
            rates=rates,
            thresholds=thresholds,
        )
    ):
        judged = judge(month, thresholds=thresholds)
        report.readings += int((month.cells[:, CONSUMPTION] != MISSING).sum())
        report.confusion.add(month, judged)
        report.errors.add(month, judged, thresholds=thresholds)
        if number == communities - 1:
            report.nanoseconds = nanoseconds(month, thresholds=thresholds)
        on_progress(number + 1)
    report.bytes_a_meter = bytes_a_meter()
    return report
