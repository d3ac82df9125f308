"""Compiling the few loops over single numbers that the hot path has."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Have numba compile a function of numbers and arrays when it is first called.

    Other threads run meanwhile: the one that fetches has work to do.

    That takes seconds, and is kept in the module's `__pycache__`, in the user's cache or under
    `NUMBA_CACHE_DIR`; where none of them can be written, each process compiles for itself.
    """
    try:
        dispatcher = njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return cast("_Function", njit(nogil=True)(function))
    # numba compiles anew when the function's own file has changed. What is called from other files
    # and what is named there becomes part of the code as well.
    index = _index_of(dispatcher)
    index._source_stamp = (index._source_stamp, *_stamps(function))  # noqa: SLF001 - no other way in
    return cast("_Function", dispatcher)


def _index_of(dispatcher: Any) -> Any:  # noqa: ANN401 - numba has no types there
    """Return numba's index of what it has kept of a function."""
    return dispatcher._cache._cache_file  # noqa: SLF001 - no other way in


def _stamps(function: Callable[..., Any]) -> Iterator[Any]:
    """Yield what tells whether anything that the function names has changed."""
    for name in function.__code__.co_names:
        named = function.__globals__.get(name)
        if isinstance(named, Dispatcher):
            yield _index_of(named)._source_stamp  # noqa: SLF001 - no other way in
        elif isinstance(named, np.ndarray):
            yield named.tobytes()
        elif isinstance(named, int | tuple | np.generic):
            yield repr(named)
