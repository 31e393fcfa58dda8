"""A cohort and its coordinates as two vectors, of floating-point numbers and of integers, and back.

nutpie compiles code of its own for every `pm.Data`, which no cache keeps: two vectors in place of fourteen arrays halve
the time before the first draw.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igkinetics.hierarchical.cohort_arrays import CohortArrays, Integers
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.kinetics.schedule import COLUMNS

N_SIZES = 5
"""At the start of the integers: kind of residual error, patients, parameters, segments, samples."""


class Packed(NamedTuple):
    """Array after array, each row by row, in the order in which `unpacked` takes them."""

    numbers: Floats
    integers: Integers


def packed(coordinates: Coordinates, cohort: CohortArrays) -> Packed:
    """ka and F of a card that has none are nan and become 0: no member has a dose that reads them."""
    sizes = [cohort.kind, *cohort.used.shape, cohort.segments.shape[0], cohort.day.size]
    fixed = np.nan_to_num(cohort.fixed, nan=0.0, posinf=np.inf)  # `pm.Data` takes no nan
    numbers = (*coordinates, fixed, cohort.segments, cohort.day, cohort.igg)
    integers = (cohort.places, cohort.used, cohort.segment_bounds, cohort.limit, cohort.sample_bounds)
    return Packed(
        np.concatenate([array.reshape(-1) for array in numbers]),
        np.concatenate([np.asarray(sizes, dtype=np.int64), *(array.reshape(-1) for array in integers)]),
    )


@kernel
def unpacked(numbers: Floats, integers: Integers) -> tuple[Coordinates, CohortArrays]:
    """Coordinates and cohort, as views of contiguous vectors made by `packed`."""
    kind, n, p, n_segments, n_samples = integers[0], integers[1], integers[2], integers[3], integers[4]
    information, at = taken(numbers, 0, (n, p, p))
    linear, at = taken(numbers, at, (n, 4, p))
    ridge, at = taken(numbers, at, (n, 2, p))
    bend, at = taken(numbers, at, (n, p, p))
    fixed, at = taken(numbers, at, (n, N_PARAMETERS))
    segments, at = taken(numbers, at, (n_segments, COLUMNS))
    day, at = taken(numbers, at, (n_samples,))
    igg, at = taken(numbers, at, (n_samples,))
    places, at = taken(integers, N_SIZES, (p,))
    used, at = taken(integers, at, (n, p))
    segment_bounds, at = taken(integers, at, (n + 1,))
    limit, at = taken(integers, at, (n_samples,))
    sample_bounds, at = taken(integers, at, (n + 1,))
    cohort = CohortArrays(places, used, fixed, segments, segment_bounds, day, igg, limit, sample_bounds, kind)
    return Coordinates(information, linear, ridge, bend), cohort


@kernel
def taken(vector: np.ndarray, first: int, shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """The array of this shape that begins at `first`, and where the next one begins."""
    size = 1
    for length in shape:
        size *= length
    end = first + size
    return vector[first:end].reshape(shape), end
