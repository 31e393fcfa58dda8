"""Whole vials: the amount nearest to a dose that vials of the given sizes make, and the fewest vials that make it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field

from igkinetics.kinetics.parameters import Floats
from igkinetics.toml_input import Positive

PER_G: Final = 1000
"""Sizes and amounts are whole milligrams, so that sums of them are exact."""
Whole = npt.NDArray[np.int64]


def listed_sizes(given: object) -> object:
    """One size stands for a list of it."""
    return [float(given)] if isinstance(given, int | float) and not isinstance(given, bool) else given


VialSizes = Annotated[list[Positive], Field(min_length=1), BeforeValidator(listed_sizes)]
"""Sizes in g, ascending; those of several may be mixed in one dose."""


def faulty_sizes(sizes: Sequence[float]) -> str:
    """What sizes must be where these are not that; "" where they are."""
    if sorted(set(sizes)) != list(sizes):
        return "must ascend, each value once"
    return "must be a milligram or more" if sizes[0] < 1 / PER_G else ""


def whole_vials(amount_g: Floats, vial_g: Sequence[float]) -> Floats:
    """Amounts rounded to the nearest that whole vials make, a half up, at least one vial; nan stays nan."""
    known = ~np.isnan(amount_g)
    wanted = np.rint(np.where(known, amount_g, 0.0) * PER_G).astype(np.int64)
    made = amounts_made(tuple(vial_g), int(wanted.max(initial=0)))
    above = np.searchsorted(made, wanted)
    below = np.maximum(above - 1, 0)
    nearest = np.where(made[above] - wanted <= wanted - made[below], made[above], made[below])
    return np.where(known, nearest / PER_G, np.nan)


def vials_of(amount_g: float, vial_g: Sequence[float]) -> list[tuple[int, float]]:
    """The fewest vials that make an amount, as number and size, largest first; of equally few those with the largest.

    ValueError where vials of these sizes do not make it.
    """
    wanted = round(amount_g * PER_G)
    sizes, step = in_steps(tuple(vial_g))
    fewest = fewest_vials(sizes, enough_steps(wanted, sizes, step))
    left, counts = wanted // step, dict.fromkeys(sorted(sizes, reverse=True), 0)
    if wanted % step or fewest[left] <= 0:
        raise ValueError(f"{amount_g:g} g is no sum of vials of {', '.join(f'{size:g}' for size in vial_g)} g")
    while left:
        size = next(size for size in counts if size <= left and fewest[left - size] == fewest[left] - 1)
        counts[size] += 1
        left -= size
    return [(number, size * step / PER_G) for size, number in counts.items() if number]


def vials_words(amount_g: float, vial_g: Sequence[float] | None) -> str:
    """ "2 x 10 g + 1 x 5 g"; empty where no vial size is given."""
    if not vial_g:
        return ""
    return " + ".join(f"{number} x {size:g} g" for number, size in vials_of(amount_g, vial_g))


def amounts_made(vial_g: tuple[float, ...], up_to_mg: int) -> Whole:
    """All amounts that these vials make, mg, ascending: up to the first at or above one."""
    sizes, step = in_steps(vial_g)
    return np.asarray(np.flatnonzero(fewest_vials(sizes, enough_steps(up_to_mg, sizes, step)) > 0) * step)


def in_steps(vial_g: tuple[float, ...]) -> tuple[tuple[int, ...], int]:
    """Sizes as multiples of the largest step that makes them all, and that step in mg."""
    sizes = [round(size * PER_G) for size in vial_g]
    step = gcd(*sizes)
    return tuple(size // step for size in sizes), step


def enough_steps(amount_mg: int, sizes: tuple[int, ...], step: int) -> int:
    """So many steps that an amount at or above this one lies within; a power of 2, so that tables are made once."""
    return int(2 ** np.ceil(np.log2(amount_mg / step + max(sizes) + 1)))


@lru_cache(maxsize=64)
def fewest_vials(sizes: tuple[int, ...], most: int) -> Whole:
    """(most + 1,): with how few vials each number of steps is made; 0 of nothing, -1 where it is not made."""
    fewest = np.full(most + 1, -1)
    fewest[0], number, reached = 0, 0, np.zeros(1, dtype=np.int64)
    while reached.size:
        number += 1
        sums = np.unique(reached[:, None] + np.array(sizes))
        reached = sums[sums <= most]
        reached = reached[fewest[reached] < 0]
        fewest[reached] = number
    fewest.setflags(write=False)
    return fewest
