"""Keeping the highest version of each thing that is told."""

from typing import Protocol, TypeVar


class Versioned(Protocol):
    """What is told again under a higher version when it changes."""

    @property
    def version(self) -> int:
        """Of two, the higher one stands."""


K = TypeVar("K")
V = TypeVar("V", bound=Versioned)


def take_newest(known: dict[K, V], key: K, told: V) -> bool:
    """Keep what is told of a thing, unless as high a version is known; say whether it was news."""
    before = known.get(key)
    if before is not None and before.version >= told.version:
        return False
    known[key] = told
    return True
