"""Splitting a whole number of mWh in proportion, so that nothing is lost or made."""

import numpy as np
import numpy.typing as npt


def apportion(total: int, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return whole shares of `total` that are in proportion to `weights` and sum to it exactly.

    Largest remainder: each share is rounded down, and what is left goes, one by one, to the
    largest remainders, the earlier of equals. Without any weight all shares are equal.

    Args:
        total: At least 0.
        weights: Not negative, finite; at least one.

    Raises:
        ValueError: If the total is negative or there is nothing to give it to.

    >>> apportion(10, np.array([1.0, 1.0, 1.0])).tolist()
    [4, 3, 3]
    """
    if total < 0 or not len(weights):
        raise ValueError(f"total={total} can't be split in {len(weights)} shares of at least 0")
    largest = weights.max()
    # Scaled first: a sum of weights may be too small, or too large, to divide by.
    scaled = weights / largest if largest > 0 else np.ones(len(weights))
    exact = scaled / scaled.sum() * total
    shares: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = total - int(shares.sum())
    while left < 0:
        # Doubles end at 2^53: beyond it even a share rounded down may be too large.
        shares[np.argmax(shares)] += left
        left = 0
    order = np.argsort(shares - exact, kind="stable")
    everyone, rest = divmod(left, len(weights))
    shares += everyone
    shares[order[:rest]] += 1
    return shares
