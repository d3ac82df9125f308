"""The words of validation and estimation: rules by name, verdicts, qualities, thresholds, limits.

What a rule found stands in an array of bits, (minute, meter) `uint32`, one bit for each rule, so
that all rules of a batch can be asked at once. Which verdict a rule gives is `VERDICTS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.domain.channels import Cells

Flags = npt.NDArray[np.uint32]
Energies = npt.NDArray[np.int64]
Qualities = npt.NDArray[np.uint8]

MWH_PER_W_MINUTE: Final = 1000 / 60
MINUTES_A_DAY: Final = 1440


class Verdict(StrEnum):
    """What becomes of a reading: it counts, it counts and is looked at, or it is replaced."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"


class Quality(IntEnum):
    """How a value of a period came about; kept in arrays of `uint8`.

    MEASURED: as the meter sent it. RECOVERED: measured, the first after its register had been
    reset. SUBSTITUTED: estimated in its shape, true in its sum, which registers on both sides
    tell. ESTIMATED: without such registers. MISSING: nothing could be said.
    """

    MISSING = 0
    ESTIMATED = 1
    SUBSTITUTED = 2
    RECOVERED = 3
    MEASURED = 4


class Rule(StrEnum):
    """Every rule on readings; those of `schemas.metering.RejectionRule` are judged before them."""

    NEGATIVE_ENERGY = "negative_energy"
    OVER_CAP = "over_cap"
    BESIDE_OVER_CAP = "beside_over_cap"
    BATTERY_LEVEL = "battery_level"
    NO_BATTERY = "no_battery"
    NIGHT_PRODUCTION = "night_production"
    BATTERY_BALANCE = "battery_balance"
    REGISTER_ROLLOVER = "register_rollover"
    REGISTER_GLITCH = "register_glitch"
    REGISTER_RESET = "register_reset"
    REGISTER_MISMATCH = "register_mismatch"
    SWAPPED_UNIT = "swapped_unit"
    FLAT_SUSPECTED = "flat_suspected"
    FLAT_LINE = "flat_line"
    SPIKE = "spike"
    LONE_MINUTE = "lone_minute"
    HIGH_LOW = "high_low"
    CLOCK_AHEAD = "clock_ahead"
    CLOCK_BEHIND = "clock_behind"
    CLOCK_DRIFT = "clock_drift"
    UNKNOWN_METER = "unknown_meter"
    WRONG_COMMUNITY = "wrong_community"


VERDICTS: Final = {
    Rule.NEGATIVE_ENERGY: Verdict.FAIL,
    Rule.OVER_CAP: Verdict.FAIL,
    Rule.BESIDE_OVER_CAP: Verdict.FAIL,
    Rule.BATTERY_LEVEL: Verdict.FAIL,
    Rule.NO_BATTERY: Verdict.FAIL,
    Rule.NIGHT_PRODUCTION: Verdict.FAIL,
    Rule.BATTERY_BALANCE: Verdict.WARN,
    Rule.REGISTER_ROLLOVER: Verdict.PASS,
    Rule.REGISTER_GLITCH: Verdict.WARN,
    Rule.REGISTER_RESET: Verdict.WARN,
    Rule.REGISTER_MISMATCH: Verdict.FAIL,
    Rule.SWAPPED_UNIT: Verdict.FAIL,
    Rule.FLAT_SUSPECTED: Verdict.WARN,
    Rule.FLAT_LINE: Verdict.FAIL,
    Rule.SPIKE: Verdict.WARN,
    Rule.LONE_MINUTE: Verdict.WARN,
    Rule.HIGH_LOW: Verdict.WARN,
    Rule.CLOCK_AHEAD: Verdict.FAIL,
    Rule.CLOCK_BEHIND: Verdict.FAIL,
    Rule.CLOCK_DRIFT: Verdict.WARN,
    Rule.UNKNOWN_METER: Verdict.FAIL,
    Rule.WRONG_COMMUNITY: Verdict.FAIL,
}
"""A register's glitch and reset only warn: the energies of the reading beside it are good."""

_ORDER: Final = tuple(Rule)


def bit(rule: Rule) -> int:
    """Return the bit that a rule sets in `Flags`.

    >>> bit(Rule.NEGATIVE_ENERGY), bit(Rule.OVER_CAP)
    (1, 2)
    """
    return 1 << _ORDER.index(rule)


def flagged(found: npt.NDArray[np.bool_], rule: Rule) -> Flags:
    """Return an array like `found` with the rule's bit where it is true."""
    return found.astype(np.uint32) * np.uint32(bit(rule))


def rules_in(flags: int) -> tuple[Rule, ...]:
    """Return the rules whose bits are set, in the order of `Rule`.

    >>> [rule.value for rule in rules_in(0b11)]
    ['negative_energy', 'over_cap']
    """
    return tuple(rule for place, rule in enumerate(_ORDER) if flags >> place & 1)


def verdict_of(flags: int) -> Verdict:
    """Return the strictest verdict of the rules whose bits are set.

    >>> verdict_of(0), verdict_of(bit(Rule.SPIKE) | bit(Rule.OVER_CAP))
    (<Verdict.PASS: 'pass'>, <Verdict.FAIL: 'fail'>)
    """
    if flags & FAILING:
        return Verdict.FAIL
    return Verdict.WARN if flags & WARNING else Verdict.PASS


FAILING: Final = sum(bit(rule) for rule, verdict in VERDICTS.items() if verdict is Verdict.FAIL)
WARNING: Final = sum(bit(rule) for rule, verdict in VERDICTS.items() if verdict is Verdict.WARN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every number that a rule compares with; a community may have its own.

    Shares are of 1, `mwh` are milliwatt-hours of a minute unless said otherwise.

    Raises:
        ValueError: If a number is not above 0, or the flat line would fail before it warns.
    """

    cap_factor: float = 1.1
    distrust_minutes: int = 3
    """How many minutes over the cap cost a meter the others of their period."""
    battery_c_rate: float = 1.0
    """What a battery may give or take in an hour, as a share of its capacity."""
    night_power_w: float = 5.0
    night_elevation_deg: float = -8.0
    """The sun's, below which it is night: some panels give a little at dusk; may be negative."""
    battery_efficiency: float = 0.9
    balance_mwh: int = 5_000
    balance_share: float = 0.25
    register_mwh: int = 2_000
    """Twice what a register of 1 Wh resolution rounds."""
    register_share: float = 0.01
    glitch_readings: int = 3
    unit_share: float = 0.05
    unit_floor_mwh: int = 5_000
    """Energy of a period, by whichever of both is larger, below which no unit is guessed."""
    flat_suspected_minutes: int = 60
    flat_minutes: int = MINUTES_A_DAY
    spike_ratio: float = 1.8
    spike_floor_w: float = 1_000.0
    """Mean power that is never a spike."""
    lone_ratio: float = 1.0
    """As the spike ratio, of a minute: the highest of 20,000 minutes are close to each other."""
    lone_minutes: int = 3
    high_low_factor: float = 5.0
    high_low_periods: int = 8
    high_low_days: int = 3
    max_ahead_s: int = 180
    max_age_s: int = 48 * 3600
    drift_s: int = 90
    drift_minutes: int = 60
    interpolation_minutes: int = 120
    neighbour_minutes: int = 15
    like_days: int = 3
    profile_meters: int = 3
    """How many neighbours a profile needs at least."""

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "night_elevation_deg" and not value > 0:
                raise ValueError(f"{field.name}={value} must be above 0")
        if self.flat_minutes < self.flat_suspected_minutes:
            raise ValueError(
                f"flat_minutes={self.flat_minutes} must not be below "
                f"flat_suspected_minutes={self.flat_suspected_minutes}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterLimits:
    """What is known of each meter's household; all arrays are by meter, `int64`.

    Attributes:
        contract_power_w: Of the connection.
        pv_peak_w: 0 without panels.
        battery_capacity_mwh: 0 without a battery.
        register_maximum_mwh: Where its registers begin again at 0; 0 when not known.
    """

    contract_power_w: Energies
    pv_peak_w: Energies
    battery_capacity_mwh: Energies
    register_maximum_mwh: Energies

    def minute_caps(self, thresholds: Thresholds) -> Cells:
        """Return the most that a minute may have, (channel, meter) mWh, for the energies and level.

        A household may use what its connection, its panels and its battery give together.
        """
        battery = self.battery_capacity_mwh * thresholds.battery_c_rate / 60
        sun = self.pv_peak_w * MWH_PER_W_MINUTE
        consumption = self.contract_power_w * MWH_PER_W_MINUTE + sun + battery
        caps = np.stack([consumption, sun, battery, battery]) * thresholds.cap_factor
        return np.vstack([caps, self.battery_capacity_mwh]).astype(np.int64)

    def register_caps(self, thresholds: Thresholds) -> Cells:
        """Return the most that a register may go on in a minute, (import or export, meter) mWh."""
        battery = self.battery_capacity_mwh * thresholds.battery_c_rate / 60
        export = self.pv_peak_w * MWH_PER_W_MINUTE + battery
        caps = np.stack([self.contract_power_w * MWH_PER_W_MINUTE, export])
        return (caps * thresholds.cap_factor).astype(np.int64) + thresholds.register_mwh


def join_limits(limits: Sequence[MeterLimits]) -> MeterLimits:
    """Return the limits of several lists of meters, one after the other."""
    if len(limits) == 1:
        return limits[0]
    return MeterLimits(
        **{
            field.name: np.concatenate([getattr(each, field.name) for each in limits])
            for field in fields(MeterLimits)
        }
    )
