"""Measured load shapes from SimBench files, and how a simulated minute maps onto them."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from schemas.errors import OperatorError

QUARTERS_A_DAY: Final = 96
QUARTER: Final = timedelta(minutes=15)
PROFILE_ZONE: Final = ZoneInfo("Europe/Berlin")
SHIPPED_PROFILE: Final = Path(__file__).parent / "profiles" / "simbench-weeks.csv.gz"

# A clock change lasts one hour: spring leaves out four quarter-hours, autumn repeats four.
CLOCK_CHANGE_QUARTERS: Final = 4
DAYS_A_YEAR: Final = 366

# The source has values like -0.00001 at the end of a few charges: rounding, read as 0.
ROUNDING: Final = 0.001

DEVICE_PREFIXES: Final = ("household_", "heatpump_", "ev_home_", "pv_")


class ProfileError(OperatorError):
    """A profile file that can't be used; the text is one line: file, line, column, rule."""


@dataclass(frozen=True)
class Profiles:
    """Shapes of whole days, each day 96 quarter-hours of local time.

    Every shape array is (days * 96, columns): mean power of the quarter-hour as a share of the
    device's own rated or peak power, in [0, 1]. `ev_home_kw` is the charger of each EV column.
    """

    days: tuple[date, ...]
    household: NDArray[np.float32]
    heatpump: NDArray[np.float32]
    ev_home: NDArray[np.float32]
    ev_home_kw: NDArray[np.float32]
    pv: NDArray[np.float32]

    def row(self, moment: datetime) -> int:
        """Return the row that stands for a moment (aware): local quarter-hour of the nearest day.

        The moment is taken in German civil time, as the source counts it, so a simulated evening
        peak comes in the local evening, summer and winter. Of the days in the files the one of
        the same weekday that is nearest in the season stands in for the date (the earlier one
        of two as near), so weekdays keep their shape and the sun keeps its season.
        """
        local = moment.astimezone(PROFILE_ZONE)
        quarter = (local.hour * 60 + local.minute) // 15
        return _nearest_day(self.days, local.date()) * QUARTERS_A_DAY + quarter


@lru_cache(maxsize=64)
def _nearest_day(days: tuple[date, ...], wanted: date) -> int:
    def distance(index: int) -> tuple[bool, int, int]:
        day = days[index]
        apart = abs(day.timetuple().tm_yday - wanted.timetuple().tm_yday)
        return day.weekday() != wanted.weekday(), min(apart, DAYS_A_YEAR - apart), index

    return min(range(len(days)), key=distance)


def read_profiles(paths: Sequence[Path]) -> Profiles:
    """Return the days of one or more SimBench files (CSV, or CSV in gzip) with equal columns.

    A day that stands in several files, or an hour that the clock change repeats, counts with its
    first values; an hour that the clock change leaves out takes the hour before it.

    Raises:
        ProfileError: For the first thing that is wrong, in one line.
    """
    if not paths:
        raise ProfileError("no profile file given; name at least one CSV or CSV.gz")
    columns: list[str] = []
    days: dict[date, dict[time, list[float]]] = {}
    for path in paths:
        found, rows = _read_file(path)
        if columns and found != columns:
            raise ProfileError(f"{path}: line 1: columns differ from those of {paths[0]}")
        columns = found
        days.update({day: rows[day] for day in rows if day not in days})
    ordered = sorted(days)
    values = np.array([_whole_day(days[day]) for day in ordered], dtype=np.float32)
    flat = values.reshape(-1, len(columns))

    def of(prefix: str) -> NDArray[np.float32]:
        return flat[:, [i for i, name in enumerate(columns) if name.startswith(prefix)]]

    return Profiles(
        days=tuple(ordered),
        household=of("household_"),
        heatpump=of("heatpump_"),
        ev_home=of("ev_home_"),
        ev_home_kw=np.array([_charger_kw(c) for c in columns if c.startswith("ev_home_")], "f4"),
        pv=of("pv_"),
    )


def _read_file(path: Path) -> tuple[list[str], dict[date, dict[time, list[float]]]]:
    lines = csv.reader(io.StringIO(_text(path)))
    header = next(lines, [])
    columns = _checked_header(path, header)
    days: dict[date, dict[time, list[float]]] = {}
    seen: dict[date, int] = {}
    for at, values in _rows(path, header, lines):
        seen[at.date()] = seen.get(at.date(), 0) + 1
        days.setdefault(at.date(), {}).setdefault(at.time(), values)
    if not days:
        raise ProfileError(f"{path}: line 2: no rows; at least one whole day is needed")
    for day, quarters in days.items():
        if len(quarters) < QUARTERS_A_DAY and not _is_spring_change(quarters):
            raise ProfileError(
                f"{path}: {day}: column time: {len(quarters)} quarter-hours of the day's "
                f"{QUARTERS_A_DAY}; only whole days can be used"
            )
        if seen[day] > len(quarters) + CLOCK_CHANGE_QUARTERS:
            raise ProfileError(f"{path}: {day}: column time: the day stands in the file twice")
    return columns, days


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        packed = raw.startswith(b"\x1f\x8b")
        return (gzip.decompress(raw) if packed else raw).decode("utf-8-sig")
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProfileError(f"{path}: cannot be read: {reason}") from error
    except ValueError as error:
        raise ProfileError(f"{path}: not UTF-8 text, CSV or CSV in gzip expected") from error


def _checked_header(path: Path, header: list[str]) -> list[str]:
    if header[:1] != ["time"]:
        raise ProfileError(f"{path}: line 1: the first column must be 'time', as in SimBench files")
    columns = header[1:]
    for name in columns:
        if not name.startswith(DEVICE_PREFIXES):
            raise ProfileError(
                f"{path}: line 1: column {name!r}: the name must start with one of "
                f"{', '.join(DEVICE_PREFIXES)}"
            )
        if name.startswith("ev_home_"):
            try:
                _charger_kw(name)
            except ValueError as error:
                raise ProfileError(
                    f"{path}: line 1: column {name!r}: must end with the charger's kW, as in "
                    "ev_home_A_3_7"
                ) from error
    if len(set(columns)) < len(columns):
        raise ProfileError(f"{path}: line 1: a column name stands there twice")
    if not any(name.startswith("household_") for name in columns):
        raise ProfileError(f"{path}: line 1: at least one household_ column is needed")
    return columns


def _charger_kw(column: str) -> float:
    """Return the kW in an EV column's name.

    >>> _charger_kw("ev_home_A_3_7")
    3.7
    """
    whole, tenth = column.rsplit("_", 2)[1:]
    return float(f"{int(whole)}.{int(tenth)}")


def _rows(
    path: Path, header: list[str], lines: Iterator[list[str]]
) -> Iterator[tuple[datetime, list[float]]]:
    for number, fields in enumerate(lines, start=2):
        if not fields:
            continue
        if len(fields) != len(header):
            raise ProfileError(
                f"{path}: line {number}: {len(fields)} fields, the header has {len(header)}"
            )
        try:
            at = datetime.fromisoformat(fields[0])
        except ValueError as error:
            raise ProfileError(
                f"{path}: line {number}: column time: {fields[0]!r} is not a time as in "
                "2016-01-11T00:15"
            ) from error
        if at.tzinfo is not None or timedelta(hours=at.hour, minutes=at.minute) % QUARTER:
            raise ProfileError(
                f"{path}: line {number}: column time: {fields[0]!r} is not a quarter of an hour "
                "of local time without a zone"
            )
        yield at, [_share(path, number, *cell) for cell in zip(header[1:], fields[1:], strict=True)]


def _share(path: Path, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -ROUNDING <= value <= 1:
        raise ProfileError(
            f"{path}: line {number}: column {column}: {text!r} is not a number from 0 to 1"
        )
    return max(value, 0.0)


def _is_spring_change(quarters: dict[time, list[float]]) -> bool:
    missing = QUARTERS_A_DAY - len(quarters)
    return missing == CLOCK_CHANGE_QUARTERS and all(at.hour != 2 for at in quarters)  # noqa: PLR2004


def _whole_day(quarters: dict[time, list[float]]) -> list[list[float]]:
    day = []
    for quarter in range(QUARTERS_A_DAY):
        at = time(quarter // 4, quarter % 4 * 15)
        day.append(quarters[at] if at in quarters else quarters[at.replace(hour=at.hour - 1)])
    return day
