"""What goes into the compiled fit of a chunk, and what comes out: ragged and padded arrays with their meaning.

Constants here are compiled into the functions marked @kernel beside it (the word makes this file count in the name of
the folder of compiled code, see kinetics/compile.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.fit.drift import Integers, Limits
from igkinetics.kinetics.parameters import Floats

FITTED, NOT_CONVERGED, CHANGED, OTHERS_FAILED, FAR_OFF, UNEVEN, LOWER_MET = range(7)
"""What became of a patient; all but the first are left to the search for one patient."""
LEFT_WORDS = (
    "",
    "search not converged",
    "unexplained change",
    "another structure not converged",
    "baseline far off",
    "too few points with weight",
    "a lower optimum met by draws",
)
N_OWN_DRIFT = 3
MOST_SLOTS = 12
"""Rows of the structures table: the fitted structure under each SD of the drift, the others, unlike, heavy-tailed."""
MOST_COMPONENTS = 64
VALUE, STDERR, LOWER, UPPER, POSTERIOR_SD, X = range(6)
OBJECTIVE, LIKELIHOOD, PRIOR_WEIGHT, WEIGHT, TOTAL_NADIR, ENDOGENOUS_NADIR = range(6)


class Records(NamedTuple):
    """Of n patients: where the rows of each begin (n + 1,), samples, doses (h, 4), schedules with therapy and without
    (k, 7), first days."""

    sample_at: Integers
    day: Floats
    igg: Floats
    limit: Limits
    dose_at: Integers
    doses: Floats
    schedule_at: Integers
    schedule: Floats
    bare_at: Integers
    bare: Floats
    start_day: Floats


class Priors(NamedTuple):
    """Of n patients and up to s structures, the fitted one first: how many (n,), parameters estimated (n, s), their
    places and priors (n, s, p), other values (n, s, 13), whether therapy is ignored, which disposition, prior weight
    (n, s); and the residual error."""

    n_structures: Integers
    p: Integers
    free: npt.NDArray[np.int64]
    fixed: Floats
    mu: Floats
    sd: Floats
    ignores_therapy: npt.NDArray[np.bool_]
    disposition: Integers
    weight: Floats
    a: float
    b: float


class How(NamedTuple):
    """What is asked: SDs and prior weights of the drift (k,), prior weights of the patient unlike the card's and of
    heavy tails (0: not tried), whether draws are asked for, points or draws, evenly spread normal numbers (m + 1, m; of
    draws 1, m), tail, thresholds, windows (n, 2), lowest values measured (n,), seeds (n,), and where the room for each
    patient's curve begins (n + 1,)."""

    drift_sds: Floats
    drift_prior: Floats
    unlike: float
    heavy: float
    drawn: bool
    n_points: int
    even: Floats
    tail: float
    thresholds: Floats
    windows: Floats
    observed: Floats
    seeds: npt.NDArray[np.uint64]
    curve_at: Integers


class Found(NamedTuple):
    """What comes out, a row per patient unless it says otherwise."""

    code: Integers
    starts: Integers  # starts, agreeing, optima
    estimates: Floats  # (n, p, 6): value, standard error, interval, posterior SD, x
    half_lives: Floats  # (n, 2, 3)
    hessian: Floats  # (n, p, p): of -2 log posterior at the best optimum
    slots: Floats  # (n, slots, 6)
    slot_x: Floats  # (n, slots, p): the best optimum of each
    n_components: Integers
    component_slot: Integers  # (n, c)
    component_mass: Floats
    component_x: Floats  # (n, c, p)
    component_root: Floats  # (n, c, p, p)
    nadir: Floats  # (n, N_NADIR)
    curve_nadir: Floats  # (n, 2): total, day
    below: Floats  # (n, t, 7)
    step: Floats  # (n, 2)
    misfit: Floats  # (n, 2): of the whole course, of how many values
    theta: Floats  # (n, 13): of the best curve
    samples: Floats  # (sample, 5): pred, ipred, iwres, its SD and product
    design: Floats  # (sample, 13): slopes of the levels in x, by place of the parameter
    pull: Floats  # (sample,)
    information: Floats  # sum of squares of samples, flat
    information_at: Integers
    n_days: Integers
    curves: Floats  # (day, 7): day, total, median, lower, upper, endogenous, infused
    pareto_k: Floats  # nan without draws
    n_points: Integers  # draws that differ, or all points
    point_theta: Floats  # (n, m, 13)
    point_sd: Floats
    point_kind: npt.NDArray[np.int8]
    point_states: Floats  # (n, m, 2)
    point_slot: Integers  # (n, m)
    point_base: Floats  # (n, m): log of prior density over the density that the points were made from
    point_weight: Floats  # (n, m): share of the draws that are this one


class Components(NamedTuple):
    """Normal approximations of one patient: how many, their slots, log masses with prior weight, optima, roots."""

    n: Integers
    slot: Integers
    log_mass: Floats
    x: Floats
    root: Floats
