"""The rules that an operator has set, as the domain takes them."""

from dataclasses import fields, replace
from datetime import time, timedelta
from fractions import Fraction
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from schemas.units import MINUTE_S, PERIOD_S
from streams.domain.autarky_states import AutarkyPolicy
from streams.domain.batteries_deciding import BatteryPolicy
from streams.domain.batteries_plan import Costs
from streams.domain.energy_balance import BalancePolicy
from streams.domain.ev_charging import ChargingPolicy
from streams.domain.ev_charging_planning import Tolerance
from streams.domain.forecast import ForecastPolicy
from streams.domain.forecast_features import Place
from streams.domain.forecast_learned import LearnedPolicy
from streams.domain.malfunction import MalfunctionPolicy
from streams.domain.notifications import NotificationPolicy
from streams.domain.plant_readings import ReadingPolicy
from streams.domain.prices import cents_of
from streams.domain.production import ProductionPolicy
from streams.domain.regulation import PolicyError, RegulationPolicy
from streams.domain.regulation_hours import OffPeak
from streams.domain.vee import Thresholds
from streams.domain.windows import WindowPolicy
from streams.forecast_model import read_model
from streams.settings import ConfigurationError, Settings

# Periods can be told again for as long as their minutes can be corrected, and that little more.
MARGIN_S: Final = 3_600

_NAMED: Final = "docs/vee.md says how thresholds are named and written"


def window_policy(settings: Settings) -> WindowPolicy:
    """Return how long windows wait, and how long they can be reopened."""
    return WindowPolicy(
        allowed_lateness_s=int(settings.allowed_lateness.total_seconds()),
        retention_s=int(settings.window_retention.total_seconds()),
        max_ahead_s=int(settings.max_ahead.total_seconds()),
    )


def thresholds(settings: Settings) -> Thresholds:
    """Return what readings are compared with, where a community has nothing of its own.

    Raises:
        ConfigurationError: If the file of thresholds can't be.
    """
    return _usual(settings, _of_file(settings))


def own_thresholds(settings: Settings) -> dict[str, Thresholds]:
    """Return what the readings of single communities are compared with.

    Raises:
        ConfigurationError: If the file of thresholds can't be.
    """
    of_file = _of_file(settings)
    usual = _usual(settings, of_file)
    return {
        community_id: _replaced(usual, numbers, f"communities.{community_id}", settings)
        for community_id, numbers in of_file.communities.items()
    }


_Number = Annotated[
    float, AfterValidator(lambda number: int(number) if number.is_integer() else number)
]


class _ThresholdFile(BaseModel):
    """The file of thresholds: by the names of `Thresholds`, for all and for single communities."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    usual: dict[str, _Number] = {}
    communities: dict[str, dict[str, _Number]] = {}


def _of_file(settings: Settings) -> _ThresholdFile:
    file = settings.vee_thresholds
    if file is None:
        return _ThresholdFile()
    try:
        return _ThresholdFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"SMATRIX_VEE_THRESHOLDS={file} can't be read ({error.strerror}); give this user the "
            f"right"
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        rule = ": ".join([".".join(map(str, fault["loc"])), fault["msg"]]).removeprefix(": ")
        # Not chained: its own text shows what is in the file.
        raise ConfigurationError(f"SMATRIX_VEE_THRESHOLDS={file}: {rule}; {_NAMED}") from None


def _usual(settings: Settings, of_file: _ThresholdFile) -> Thresholds:
    of_settings = Thresholds(cap_factor=settings.cap_factor, battery_c_rate=settings.battery_c_rate)
    return _replaced(of_settings, of_file.usual, "usual", settings)


def _replaced(
    usual: Thresholds, numbers: dict[str, float], where: str, settings: Settings
) -> Thresholds:
    place = f"SMATRIX_VEE_THRESHOLDS={settings.vee_thresholds}: {where}"
    names = {field.name for field in fields(Thresholds)}
    for name in numbers:
        if name not in names:
            raise ConfigurationError(f"{place}.{name} is no threshold; {_NAMED}")
    try:
        return replace(usual, **numbers)  # type: ignore[arg-type] # whole numbers are `int`
    except ValueError as error:
        raise ConfigurationError(f"{place}: {error}; {_NAMED}") from error


def kept_s(settings: Settings) -> int:
    """Return how long closed periods can be told again, whole periods, seconds."""
    kept = int(settings.window_retention.total_seconds()) + MARGIN_S
    return -(-kept // PERIOD_S) * PERIOD_S


def autarky_policy(settings: Settings) -> AutarkyPolicy:
    """Return when somebody is autarkic, and how long periods can be judged again."""
    return AutarkyPolicy(
        enter=Fraction(settings.autarky_enter),
        leave=Fraction(settings.autarky_leave),
        hold_s=int(settings.autarky_hold.total_seconds()),
        efficiency_percent=settings.battery_efficiency_percent,
        retention_s=kept_s(settings),
    )


def malfunction_policy(settings: Settings) -> MalfunctionPolicy:
    """Return when a meter or terminal is said to be at fault."""
    return MalfunctionPolicy(
        missed_minutes=settings.malfunction_missed_minutes,
        good_minutes=settings.malfunction_good_minutes,
        terminal_percent=settings.malfunction_terminal_percent,
        failures=settings.malfunction_failures,
        failures_within_s=int(settings.malfunction_failures_within.total_seconds()),
        grace_s=int(settings.malfunction_grace.total_seconds()),
        lateness_s=int(settings.allowed_lateness.total_seconds()),
        remind_after_s=(
            int(settings.malfunction_remind_first.total_seconds()),
            int(settings.malfunction_remind_again.total_seconds()),
        ),
        reopen_within_s=int(settings.malfunction_reopen_within.total_seconds()),
        live_within_s=int(settings.malfunction_live_within.total_seconds()),
    )


def notification_policy(settings: Settings) -> NotificationPolicy:
    """Return the rules that an operator has set."""
    return NotificationPolicy(
        gap_s=settings.notification_gap.total_seconds(),
        gather_s=settings.notification_gather.total_seconds(),
        quiet_from=settings.notification_quiet_from,
        quiet_to=settings.notification_quiet_to,
        give_up_s=settings.mail_give_up.total_seconds(),
        retention_s=settings.window_retention.total_seconds(),
    )


def battery_policy(settings: Settings) -> BatteryPolicy:
    """Return how batteries are steered."""
    return BatteryPolicy(
        efficiency_percent=settings.battery_efficiency_percent,
        reserve_percent=settings.battery_reserve_percent,
        power_percent=settings.battery_power_percent,
        costs=Costs(
            fee=cents_of(settings.battery_fee_eur_per_mwh),
            wear=cents_of(settings.battery_wear_eur_per_mwh),
        ),
        known_periods=int(settings.battery_prices_ahead.total_seconds()) // PERIOD_S,
        connection_percent=settings.battery_connection_percent,
    )


def balance_policy(settings: Settings) -> BalancePolicy:
    """Return how long the grid's balance waits, and how long it can be told anew."""
    return BalancePolicy(
        patience_s=int(settings.balance_patience.total_seconds()),
        retention_s=int(settings.balance_retention.total_seconds()),
    )


def forecast_policy(settings: Settings) -> LearnedPolicy:
    """Return how the grid's net load is forecast: with the weights that are shipped."""
    return LearnedPolicy(
        weights=read_model().weights["grid"],
        place=Place(timezone=settings.grid_zone),
        floor=ForecastPolicy(timezone=settings.grid_zone),
    )


def production_policy(settings: Settings) -> ProductionPolicy:
    """Return how plants are asked."""
    return ProductionPolicy(
        reserve_percent=settings.production_reserve_percent,
        keep_percent=settings.production_keep_percent,
        # An order that is not followed by another one ends when its inputs are too old.
        valid_minutes=1 + -(-int(settings.control_stale_after.total_seconds()) // MINUTE_S),
        ahead_minutes=settings.production_ahead_minutes,
        silent_minutes=settings.production_silent_minutes,
        lost_minutes=settings.production_lost_minutes,
        tolerance_percent=settings.production_tolerance_percent,
        disobeying_minutes=settings.production_disobeying_minutes,
    )


def reading_policy(settings: Settings) -> ReadingPolicy:
    """Return what plants' readings are held to."""
    return ReadingPolicy(
        max_ahead_s=int(settings.max_ahead.total_seconds()),
        retention_s=int(settings.balance_retention.total_seconds()),
        cap_factor=settings.cap_factor,
    )


def regulation_policy(settings: Settings) -> RegulationPolicy:
    """Return when load is shed and given back.

    Raises:
        ConfigurationError: If the settings contradict each other.
    """
    try:
        return RegulationPolicy(
            shed_above_percent=settings.regulation_shed_above_percent,
            over_minutes=settings.regulation_over_minutes,
            at_once_percent=settings.regulation_at_once_percent,
            shed_to_percent=settings.regulation_shed_to_percent,
            restore_below_percent=settings.regulation_restore_below_percent,
            emergency_percent=settings.regulation_emergency_percent,
            min_off_s=_seconds(settings.regulation_min_off),
            min_on_s=_seconds(settings.regulation_min_on),
            max_off_s=_seconds(settings.regulation_max_off),
            calm_s=_seconds(settings.regulation_calm),
            restore_delay_s=_seconds(settings.regulation_restore_delay),
            validity_s=_seconds(settings.regulation_validity),
            resend_after_s=_seconds(settings.regulation_resend_after),
            stale_after_s=_seconds(settings.control_stale_after),
            guaranteed_w=settings.regulation_guaranteed_w,
            least_relief_w=settings.regulation_least_relief_w,
            burst_percent=settings.regulation_burst_percent,
            idle_percent=settings.regulation_idle_percent,
            memory_s=_seconds(settings.regulation_memory),
            off_peak=_off_peak(settings.regulation_off_peak),
        )
    except PolicyError as error:
        raise ConfigurationError(f"SMATRIX_REGULATION_…: {error}") from error


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _off_peak(hours: str) -> OffPeak | None:
    if not hours:
        return None
    begin, end = (time.fromisoformat(moment) for moment in hours.split("-"))
    return OffPeak(begin, end)


def charging_policy(settings: Settings) -> ChargingPolicy:
    """Return when vehicles are planned, how well, and how much of a connection they may use."""
    return ChargingPolicy(
        tolerance=Tolerance(gap=settings.ev_gap_percent / 100, sweeps=settings.ev_sweeps),
        lead_s=int(settings.ev_lead.total_seconds()),
        silent_s=int(settings.ev_silent_after.total_seconds()),
        horizon_periods=int(settings.ev_horizon.total_seconds()) // PERIOD_S,
        limit_percent=settings.ev_limit_percent,
        grid_limit_w=settings.ev_grid_limit_w,
        most_stay_s=int(settings.ev_most_stay.total_seconds()),
        most_ahead_s=int(settings.max_ahead.total_seconds()),
        forecast=ForecastPolicy(timezone=settings.grid_zone),
    )
