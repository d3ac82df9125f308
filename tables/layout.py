"""The mark that a partition of the communities table bears when its state came from elsewhere.

`smatrix repartition` sets it before it copies and changes it when all is there, so that no worker
takes an incomplete state for the whole of it.
"""

from typing import Final

# No community's name holds a zero byte, so the key is nobody else's; it sorts before all names.
MARK: Final = b"\0smatrix\0layout"
AWAITED: Final = b"awaited"
COMPLETE: Final = b"complete"


class StateNotMovedError(RuntimeError):
    """A partition's state is still elsewhere; the text says what to do."""


def require_complete(mark: bytes) -> None:
    """Check a mark's value.

    Raises:
        StateNotMovedError: If the state has not been moved, or not all of it.
    """
    if mark != COMPLETE:
        raise StateNotMovedError(
            "the state is not in these topics yet; run `smatrix repartition` with the settings of "
            "this worker"
        )
