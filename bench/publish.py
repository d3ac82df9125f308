"""The tables of `out/bench/` into docs/benchmarks.md, between its marks."""

from pathlib import Path
from typing import Final

from bench.contestants import OUT, ROOT
from streams.settings import ConfigurationError

PAGE: Final = ROOT / "docs" / "benchmarks.md"


def publish(folder: Path = OUT, page: Path = PAGE) -> list[str]:
    """Replace the page's tables by those that were measured; return the names of these.

    Raises:
        ConfigurationError: If nothing was measured, or the page has no place for it.
    """
    text = page.read_text()
    done = []
    for name in ("table", "profile", "growth"):
        path = folder / f"{name}.md"
        if not path.exists():
            continue
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ConfigurationError(f"{page}: no lines {begin.strip()} and {end}")
        text = f"{before}{begin}\n{path.read_text().strip()}\n\n{end}{after}"
        done.append(name)
    if not done:
        raise ConfigurationError(f"{folder}: nothing was measured yet; run `make bench` first")
    page.write_text(text)
    return done
