"""What the rules cost: nanoseconds for a reading, bytes for a meter."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from deploy.vee.judging import ALL_CHANNELS
from deploy.vee.month import Month
from schemas.units import PERIOD_MINUTES
from streams.domain.channels import CONSUMPTION
from streams.domain.history_rules import FLAT_STATE, flat_lines
from streams.domain.like_days import LikeDays
from streams.domain.minute_rules import check_minutes
from streams.domain.register_rules import check_registers
from streams.domain.registers import follow
from streams.domain.validation import (
    EXPORT_REGISTER,
    IMPORT_REGISTER,
    MEMORY,
    nothing_known,
    validate,
)
from streams.domain.vee import MeterLimits, Thresholds

METERS: Final = 1_000
_TIMES: Final = 50
_START: Final = 1_748_815_200


def nanoseconds(month: Month, *, thresholds: Thresholds) -> dict[str, float]:
    """Return what each step costs for a reading, ns: the best of some, a quarter-hour at once.

    The meters are those of a month, side by side until they are `METERS`.
    """
    again = -(-METERS // month.cells.shape[2])
    cells = np.tile(month.cells[:PERIOD_MINUTES], (1, 1, again))[:, :, :METERS].copy()
    known = month.limits
    limits = MeterLimits(
        contract_power_w=np.tile(known.contract_power_w, again)[:METERS],
        pv_peak_w=np.tile(known.pv_peak_w, again)[:METERS],
        battery_capacity_mwh=np.tile(known.battery_capacity_mwh, again)[:METERS],
        register_maximum_mwh=np.tile(known.register_maximum_mwh, again)[:METERS],
    )
    caps, register_caps = limits.minute_caps(thresholds), limits.register_caps(thresholds)
    is_night, memory = month.is_night[:PERIOD_MINUTES], nothing_known(METERS)
    days = LikeDays.empty(METERS)

    def following(channel: int, name: str, place: int) -> Callable[[], object]:
        register = np.ascontiguousarray(cells[:, channel])
        state = memory[name].copy()
        return lambda: follow(
            register,
            _START,
            state,
            minute_caps=register_caps[place],
            maximum=limits.register_maximum_mwh,
            glitch_readings=thresholds.glitch_readings,
        )

    imports = follow(
        np.ascontiguousarray(cells[:, IMPORT_REGISTER]),
        _START,
        memory["imports"].copy(),
        minute_caps=register_caps[0],
        maximum=limits.register_maximum_mwh,
        glitch_readings=thresholds.glitch_readings,
    )
    exports = follow(
        np.ascontiguousarray(cells[:, EXPORT_REGISTER]),
        _START,
        memory["exports"].copy(),
        minute_caps=register_caps[1],
        maximum=limits.register_maximum_mwh,
        glitch_readings=thresholds.glitch_readings,
    )
    consumption = np.ascontiguousarray(cells[:, CONSUMPTION])
    flat = np.zeros(METERS, FLAT_STATE)
    steps: dict[str, Callable[[], object]] = {
        "minute rules": lambda: check_minutes(
            cells, ALL_CHANNELS, caps, is_night, memory["level"].copy(), thresholds=thresholds
        ),
        "following a register": following(IMPORT_REGISTER, "imports", 0),
        "sum check": lambda: check_registers(
            cells,
            ALL_CHANNELS,
            _START,
            imports,
            exports,
            imports_before=memory["imports"],
            exports_before=memory["exports"],
            thresholds=thresholds,
        ),
        "flat line of a channel": lambda: flat_lines(consumption, flat, thresholds=thresholds),
        "all rules": lambda: validate(
            cells,
            ALL_CHANNELS,
            _START,
            month.calendar[:1],
            is_night=is_night,
            limits=limits,
            memory=memory,
            like_days=days,
            thresholds=thresholds,
        ),
    }
    return {name: _best(step) for name, step in steps.items()}


def bytes_a_meter() -> dict[str, int]:
    """Return what is remembered of a meter, in bytes."""
    return {
        "rules": MEMORY.itemsize,
        "like days, a channel": LikeDays.empty(1).bytes_a_meter,
    }


def _best(step: Callable[[], object]) -> float:
    step()
    best = float("inf")
    for _ in range(_TIMES):
        begin = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - begin)
    return best * 1e9 / (PERIOD_MINUTES * METERS)
