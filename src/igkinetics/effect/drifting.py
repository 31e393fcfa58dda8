"""A patient whose course drifts, with and without the infusions: the same drift multiplies both (docs/model.md 3.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from igkinetics.effect.exposure import Exposure
from igkinetics.effect.measures import Measures
from igkinetics.fit.courses import NODE_DAYS, Courses, courses, drift_states, grid
from igkinetics.fit.drift import DriftPrior
from igkinetics.fit.nadirs import RISE_SHARE
from igkinetics.hierarchical.drifting import drift_terms
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import START
from igkinetics.random_streams import of_patient

DRIFT_SEED: Final = 1
"""Draws of drift are the same whenever a posterior is read."""


class Pair(NamedTuple):
    """Measures per draw with and without the infusions; risen: see measures.risen_at_end."""

    given: Measures
    removed: Measures
    risen: Floats


def drifting_pair(posterior: CohortPosterior, one: Exposure, thresholds: tuple[float, ...]) -> Pair:
    """Each draw of the patient with a drift drawn given the samples."""
    drawn = drifting_courses(posterior, one)
    given, risen = drifting_measures(drawn, one, thresholds)
    if not one.treated:
        return Pair(given, given, risen)
    without = replace(drawn, problem=replace(drawn.problem, schedule=one.without_ivig()))
    return Pair(given, drifting_measures(without, one, thresholds)[0], risen)


def drifting_courses(posterior: CohortPosterior, one: Exposure) -> Courses:
    """A course for each draw, up to the window's end."""
    problem, thetas = posterior.problems[one.place], posterior.of_patient(one.place)
    generator = of_patient(DRIFT_SEED, one.patient.patient_id, "drift")
    levels = np.add(*igg_curve(thetas, problem.schedule, problem.day))
    logs = drift_terms(levels, problem.record, DriftPrior(problem.drift_sds, problem.drift_log_weights))
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    below = np.cumsum(shares, axis=1)
    chosen = np.sum(below < generator.random((len(below), 1)) * below[:, -1:], axis=1)
    sd = problem.drift_sds[np.minimum(chosen, problem.drift_sds.size - 1)]
    drifting = sd > 0.0
    start = float(problem.schedule[0, START])
    end = max(one.window.end, float(problem.day.max(initial=start)), start + NODE_DAYS)
    days = np.append(np.arange(start, end, NODE_DAYS), end)
    own = np.ascontiguousarray(thetas[drifting])
    nodes, states = drift_states(problem.record, problem.schedule, own, sd[drifting], days, generator)
    return courses(problem, thetas, np.arange(len(thetas)), drifting, nodes, states)


def drifting_measures(drawn: Courses, one: Exposure, thresholds: tuple[float, ...]) -> tuple[Measures, Floats]:
    """Over the window; and 1 where the level at its end lies well above the nadir, else 0."""
    minima, days = drawn.minima(one.window, thresholds), grid(drawn.problem, one.window)
    total, _ = drawn.levels(days)
    length = one.window.end - one.window.start
    mean = np.asarray(np.trapezoid(total, days, axis=1) / length if length > 0 else total[:, 0])
    found = Measures(
        nadir=minima.total,
        nadir_day=minima.day,
        mean_igg=mean,
        first_below=minima.first_below,
        days_below=minima.days_below,
    )
    return found, (total[:, -1] > (1.0 + RISE_SHARE) * minima.total).astype(float)
