"""Where the sun stands, well enough to tell night from day."""

from typing import Final

import numpy as np
import numpy.typing as npt

_DAY_S: Final = 86_400
_J2000_S: Final = 946_728_000
"""Epoch seconds of 1 January 2000, noon."""


def elevation_deg(
    moments: npt.NDArray[np.int64], *, latitude_deg: float, longitude_deg: float
) -> npt.NDArray[np.float64]:
    """Return the height of the sun's centre above the horizon, without refraction.

    Right to about 0.1 degrees in this century (Astronomical Almanac, low-precision formulas).

    Args:
        moments: Epoch seconds, UTC, any shape.
        latitude_deg: North is positive.
        longitude_deg: East is positive.

    >>> noon_in_june = np.array([1750420800])  # 20 June 2025, 12:00 UTC
    >>> int(elevation_deg(noon_in_june, latitude_deg=51.0, longitude_deg=0.0)[0] + 0.5)
    62
    """
    days = (moments - _J2000_S) / _DAY_S
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    tilt = np.radians(23.439 - 0.0000004 * days)
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    sidereal = np.radians(280.46062 + 360.98564737 * days + longitude_deg)
    latitude = np.radians(latitude_deg)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(
        declination
    ) * np.cos(sidereal - ascension)
    result: npt.NDArray[np.float64] = np.degrees(np.arcsin(np.clip(height, -1, 1)))
    return result
