"""A cohort laid out for one kernel: every patient's schedule and samples end to end, with their bounds.

No array is captured by compiled code: another cohort, a replicate or a left-out patient is other arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.errors import call_error
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.parameters import INDEX, PARAMETERS, Floats

Integers = npt.NDArray[np.int64]
PATIENT_PARAMETERS: Final = ("CL", "V1", "C_base", "C_init", "S", "k_loss", "k_rec", "ka", "Q", "V2", "F")
"""Parameters that may differ between patients; C_init as its ratio to C_base. x has a column, in this order, for each
that some patient needs."""


class CohortArrays(NamedTuple):
    """n patients, p parameters. Units g, g/L, day.

    places (p,): which of the 13 kinetic parameters the columns are. used (n, p): 1 where a patient's parameter is
    estimated, 0 where it stays as in `fixed` (n, 13): S, k_loss and k_rec without therapy, ka without subcutaneous
    doses. Bounds (n + 1) cut segments (m, 7) and samples by patient. kind: of the residual error, as in fit.likelihood.
    """

    places: Integers
    used: Integers
    fixed: Floats
    segments: Floats
    segment_bounds: Integers
    day: Floats
    igg: Floats
    limit: Integers
    sample_bounds: Integers
    kind: int

    @property
    def n_patients(self) -> int:
        return int(self.fixed.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of the columns of x."""
        return tuple(PARAMETERS[index] for index in self.places)


def cohort_arrays(problems: Sequence[FitProblem]) -> CohortArrays:
    """The patients' fitting problems end to end, in their order.

    InputError when nobody is there, or a patient has an estimated parameter that is none of PATIENT_PARAMETERS.
    """
    if not problems:
        raise call_error("cohort", "no patient", "must hold a patient with samples and a prior")
    unknown = sorted({name for problem in problems for name in problem.names} - set(PATIENT_PARAMETERS))
    if unknown:
        expected = "varies between patients; the hierarchical model has no place for it"
        raise call_error("card", ", ".join(unknown), expected)
    needed = {name for problem in problems for name in problem.names}
    names = [name for name in PATIENT_PARAMETERS if name in needed]
    return CohortArrays(
        places=np.array([INDEX[name] for name in names], dtype=np.int64),
        used=np.array([[name in problem.names for name in names] for problem in problems], dtype=np.int64),
        fixed=np.array([problem.fixed for problem in problems]),
        segments=np.concatenate([problem.schedule for problem in problems]),
        segment_bounds=bounds([problem.schedule.shape[0] for problem in problems]),
        day=np.concatenate([problem.day for problem in problems]),
        igg=np.concatenate([problem.igg for problem in problems]),
        limit=np.concatenate([problem.limit for problem in problems]).astype(np.int64),
        sample_bounds=bounds([problem.day.size for problem in problems]),
        kind=problems[0].kind,
    )


def bounds(sizes: Sequence[int]) -> Integers:
    """Where blocks of these sizes begin and end: (n + 1)."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def placed(problem: FitProblem, x: Floats, names: Sequence[str]) -> Floats:
    """A patient's fitted x, in the order of problem.names, as a row of the cohort's `names`; 0 where not estimated."""
    row = np.zeros(len(names))
    for name, value in zip(problem.names, x, strict=True):
        row[names.index(name)] = value
    return row
