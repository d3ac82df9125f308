"""The mark that a changelog's partition bears when its state comes from elsewhere.

`smatrix repartition` sets it before it copies, and changes it when all is there, so that no worker
takes an incomplete state for the whole of it.
"""

from typing import Final

# Faust's own keys in a store begin so, and whoever reads a table passes over them.
MARK: Final = b"__faust\0smatrix-layout"
AWAITED: Final = b"awaited"
COMPLETE: Final = b"complete"


class StateNotMovedError(RuntimeError):
    """A partition's state is still elsewhere; the text says what to do."""


def require_complete(changelog: str, mark: bytes | None) -> None:
    """Check the mark of a restored partition; None is that of a state that has always been here.

    Raises:
        StateNotMovedError: If the state has not been moved, or not all of it.
    """
    if mark == AWAITED:
        raise StateNotMovedError(
            f"{changelog} does not have its state yet; run `smatrix repartition` with the settings "
            f"of this worker"
        )
