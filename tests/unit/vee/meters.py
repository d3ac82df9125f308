"""Meters and readings that name only what matters."""

import numpy as np
import numpy.typing as npt

from streams.domain.channels import CHANNELS, MISSING, Cells
from streams.domain.vee import Flags, MeterLimits, Rule, bit

ALL = (1 << len(CHANNELS)) - 1
CONTRACT_W = 9_000
PV_W = 5_000
BATTERY_MWH = 10_000_000
REGISTER_MAXIMUM = 100_000_000_000
NOON = 1_750_413_600  # 20 June 2025, 10:00 UTC, the start of a period


def limits(
    *, contract_w: int = CONTRACT_W, pv_w: int = PV_W, battery_mwh: int = BATTERY_MWH
) -> MeterLimits:
    """One meter's limits."""
    return MeterLimits(
        contract_power_w=np.array([contract_w]),
        pv_peak_w=np.array([pv_w]),
        battery_capacity_mwh=np.array([battery_mwh]),
        register_maximum_mwh=np.array([REGISTER_MAXIMUM]),
    )


def cells(**columns: npt.ArrayLike) -> Cells:
    """One meter's readings, minute by minute; what is not named is not measured."""
    minutes = len(np.asarray(next(iter(columns.values()))))
    result = np.full((minutes, len(CHANNELS), 1), MISSING, np.int64)
    for name, values in columns.items():
        result[:, CHANNELS.index(name), 0] = values
    return result


def column(*values: int) -> npt.NDArray[np.int64]:
    """One meter's values of one channel."""
    return np.array(values, np.int64)[:, None]


def told(flags: Flags, rule: Rule) -> list[bool]:
    """Where the only meter broke the rule."""
    return [bool(flag & np.uint32(bit(rule))) for flag in flags[:, 0]]
