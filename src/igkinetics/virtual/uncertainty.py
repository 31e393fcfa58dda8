"""How the population level (typical values, spreads) is uncertain: draws of it, and patients spread over them.

A mean over patients under one draw would take many patients of that draw. Instead each patient is simulated under a
level of his own, and the mean is a smooth function of the level, fitted to all of them (scenarios/mean_interval): the
regression of nested simulations (Strong, Oakley and Brennan, Med Decis Making 2014;34:311).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri

from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import generator_of

DRAWS: Final = 4000
"""Draws of the population level behind the interval of a mean."""
PATIENTS: Final = 8000
"""Patients to whom a mean's dependence on the level is fitted."""
WIDER: Final = 1.3
"""Their levels are spread so much wider than the draws, so that the ends of an interval lie well within them."""
LEAST_VARIANCE: Final = 1e-6
"""Directions of a posterior with less than so much of a parameter's variance are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Population levels: of patients, and draws. shift (n, parameter): what typical values are moved by on their scale;
    root (n or 1, parameter, parameter): Omega = root root'. at_patients (n, direction) and at_draws (draw, direction):
    where they lie, each direction with mean 0 and SD 1 over the draws."""

    shift: Floats
    root: Floats
    at_patients: Floats
    at_draws: Floats


def levels_around(uncertainty: Floats, root: Floats, seed: int) -> Levels:
    """Of a card: uncertainty (parameter), SDs of the typical values on their scale; root (1, parameter, parameter)."""
    known = np.flatnonzero(uncertainty)
    at_patients = WIDER * even_normal(generator_of(seed, "typical", 1), PATIENTS, known.size)
    shift = np.zeros((PATIENTS, uncertainty.size))
    shift[:, known] = at_patients * uncertainty[known]
    at_draws = even_normal(generator_of(seed, "typical", 0), DRAWS, known.size)
    return Levels(shift=shift, root=root, at_patients=at_patients, at_draws=at_draws)


def levels_of(shift: Floats, root: Floats) -> Levels:
    """Of a posterior: its own draws, shift (draw, parameter) and root (draw, parameter, parameter)."""
    variance = np.einsum("dij,dij->di", root, root)
    varies = (variance > 0.0).all(axis=0)
    numbers = np.concatenate([shift, np.log(variance[:, varies])], axis=1)
    numbers = numbers[:, np.ptp(numbers, axis=0) > 0.0]
    standard = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    left, size, _ = np.linalg.svd(standard, full_matrices=False)
    directions = left[:, size**2 > LEAST_VARIANCE * len(standard)] * np.sqrt(len(standard))
    which = np.arange(PATIENTS) % len(shift)
    return Levels(shift=shift[which], root=root[which], at_patients=directions[which], at_draws=directions)


def even_normal(generator: np.random.Generator, n: int, directions: int) -> Floats:
    """(n, direction) standard normal, each direction spread evenly over its quantiles (a Latin hypercube)."""
    strata = generator.permuted(np.tile(np.arange(n), (directions, 1)), axis=1).T
    return np.asarray(ndtri((strata + generator.random((n, directions))) / n))
