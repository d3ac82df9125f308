"""Counting how often the broker's topics began anew, so that versions go on growing."""

import json
from pathlib import Path

from streams.domain.frames import MAX_GENERATION
from streams.settings import ConfigurationError


def read_generation(counter: Path) -> int:
    """Return the generation that a folder's topics are of; 0 when none was counted."""
    return int(json.loads(counter.read_text())) if counter.exists() else 0


def next_generation(counter: Path) -> int:
    """Count a new generation, the first as 0, and return it.

    Raises:
        ConfigurationError: If there were too many.
    """
    generation = read_generation(counter) + 1 if counter.exists() else 0
    if generation > MAX_GENERATION:
        raise ConfigurationError(f"{counter}: {generation} starts are too many; delete the folder")
    counter.write_text(json.dumps(generation))
    return generation
