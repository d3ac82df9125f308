"""What lies behind a figure, as people read it."""

from collections.abc import Iterator, Sequence
from typing import Final

from deploy.explain.gathering import Explanation, Reading
from streams.domain.registry import as_time

_NAMES: Final = ("consumption", "production", "import", "export", "charge", "discharge")


def as_text(explanation: Explanation) -> str:
    """Return an explanation as people read it."""
    return "\n".join(_lines(explanation)) + "\n"


def _lines(found: Explanation) -> Iterator[str]:
    yield (
        f"{found.meter_id} in {found.community_id}, the quarter-hour from "
        f"{as_time(found.period_start)}"
    )
    yield ""
    yield "Figure"
    for *energies, minutes, version in found.figures:
        yield f"  {_energies(energies)}; {minutes} of 15 minutes measured; version {version}"
    if not found.figures:
        yield "  none is told"
    yield ""
    yield "In its place, as validation has it"
    for row in found.validated:
        quality, method, *minutes, version, of_version = row[len(_NAMES) :]
        kinds = ("measured", "substituted", "estimated", "missing")
        counted = ", ".join(
            f"{count} {kind}" for count, kind in zip(minutes, kinds, strict=True) if count
        )
        how = "" if method == "none" else f" by {method}"
        yield (
            f"  {_energies(row[: len(_NAMES)])}; {quality}{how}, minutes: {counted}; "
            f"version {version} of version {of_version}"
        )
    if not found.validated:
        yield "  nothing: it stands as it was measured"
    yield ""
    yield "Versions of its community's quarter-hour"
    for version, recorded_at in found.versions:
        yield f"  {version}, stored {recorded_at} UTC"
    yield ""
    yield from _readings(found)
    for title, rows in (
        ("Refused", found.rejections),
        ("Rules that spoke up", found.verdicts),
        ("Edits", found.edits),
    ):
        yield ""
        yield title
        for minute, *rest in rows:
            yield f"  {as_time(int(minute))}  " + "  ".join(str(value) for value in rest)
        if not rows:
            yield "  none"


def _energies(energies: Sequence[object]) -> str:
    return ", ".join(
        f"{name} {'unknown' if wh is None else f'{wh} Wh'}"
        for name, wh in zip(_NAMES, energies, strict=True)
    )


def _readings(found: Explanation) -> Iterator[str]:
    yield "Readings as they came"
    standing: dict[int, Reading] = {}
    for reading in found.readings:
        best = standing.get(reading.minute)
        if reading.energies_wh and (best is None or reading.rank > best.rank):
            standing[reading.minute] = reading
    for reading in found.readings:
        yield "  " + _told(reading, stands=standing.get(reading.minute) is reading)
    if not found.readings:
        yield "  the broker has none of them any more"


def _told(reading: Reading, *, stands: bool) -> str:
    energies = ", ".join(f"{name} {wh:g} Wh" for name, wh in reading.energies_wh.items())
    sequence, _ = reading.rank
    words = [as_time(reading.minute), f"offset {reading.offset}"]
    if reading.edited_by is not None:
        words.append(f"edit by {reading.edited_by}")
    elif sequence >= 0:
        words.append(f"sequence {sequence}")
    words.append(energies or "no value")
    if reading.refused:
        words.append("refused: " + ", ".join(reading.refused))
    elif stands:
        words.append("stands")
    return "  ".join(words)
