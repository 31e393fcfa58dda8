"""Densities of many draws side by side are those of one draw after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from igkinetics.fit.likelihood import LOGNORMAL, NORMAL, STUDENT_T
from igkinetics.fit.problem import FitProblem, build_problem
from igkinetics.fit.structures import with_drift
from igkinetics.fit.terms import terms_one_by_one, terms_together
from igkinetics.fit.weights import DRIFT_SDS, FIT
from igkinetics.kinetics.parameters import STRUCTURES
from made_records import CYCLES, prior_of, record

SAMPLES = [(0.0, 9.0), (10.0, 6.5), (21.5, 5.0), (21.5, 5.2), (40.0, 7.0), (61.0, 4.0), (75.0, 3.1), (90.0, 4.4)]


def problem_of(structure: str) -> FitProblem:
    patient = record(samples=SAMPLES, therapy=CYCLES, doses=[(22.0, 30.0), (50.0, 25.0)])
    disposition, production = structure.split("/")
    return with_drift(build_problem(patient, prior_of(patient, disposition), production), DRIFT_SDS, FIT.drift)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("kind", [NORMAL, LOGNORMAL, STUDENT_T])
def test_terms_side_by_side_are_those_one_by_one(structure: str, kind: int) -> None:
    limit = np.zeros(len(SAMPLES), dtype=np.int8)
    limit[5] = -1
    problem = replace(problem_of(structure), kind=kind, limit=limit)
    generator = np.random.default_rng(3)
    x = problem.mu + problem.prior_sd * generator.standard_normal((150, problem.mu.size))
    alone, together = np.empty((150, 3)), np.empty((150, 3))
    terms_one_by_one(x, problem.target, alone)
    terms_together(x, problem.target, together)
    assert_allclose(together, alone, rtol=1e-12)
