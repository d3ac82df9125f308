"""Compiling the few loops over single numbers that the hot path has."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Have numba compile a function of numbers and arrays when it is first called.

    That takes seconds, and is kept in the module's `__pycache__`, in the user's cache or under
    `NUMBA_CACHE_DIR`; where none of them can be written, each process compiles for itself.
    """
    try:
        return cast("_Function", njit(cache=True)(function))
    except RuntimeError:
        return cast("_Function", njit(function))
