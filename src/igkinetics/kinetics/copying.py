"""Copying in place. In a kernel `a[:] = b` goes by way of a new array, as the two might overlap; these do not."""

from __future__ import annotations

from igkinetics.kinetics.compile import inner
from igkinetics.kinetics.parameters import Floats


@inner
def copy_vector(source: Floats, target: Floats) -> None:
    """Into target (n,) from source (n,)."""
    for i in range(target.shape[0]):
        target[i] = source[i]


@inner
def copy_table(source: Floats, target: Floats) -> None:
    """Into target (n, m) from source (n, m)."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = source[i, j]
