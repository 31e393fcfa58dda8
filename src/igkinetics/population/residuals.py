"""PRED, IPRED, IWRES, CWRES and NPDE of every sample, and simulations of the recorded design (docs/model.md 10.5).

CWRES follow Hooker, Staatz and Karlsson (Pharm Res 2007;24:2187), NPDE Brendel and others (Pharm Res 2006;23:2036).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtri

from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import C_BASE, C_INIT, PARAMETERS, Floats
from igkinetics.population.conditional import Level, new_work, place, walk_patient
from igkinetics.random_streams import numbered_stream
from igkinetics.scales import SHARES, from_scale

STEP: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Arrays (n_samples,), patients end to end, g/L. iwres, cwres, npde: nan where a value lies beyond a limit."""

    pred: Floats
    ipred: Floats
    iwres: Floats
    cwres: Floats
    npde: Floats


@kernel
def fill_levels(first: int, last: int, eta: Floats, population: Level, cohort: CohortArrays, levels: Floats) -> None:
    """Levels (k, n_samples) of patients first ... last - 1 at random effects eta (k, n, q), by occasion."""
    work = new_work(cohort, population)
    for i in range(first, last):
        begin, end = cohort.sample_bounds[i], cohort.sample_bounds[i + 1]
        for draw in range(eta.shape[0]):
            place(population.mu[i], population.random, eta[draw, i], work.x)
            walk_patient(work.x, population, cohort, i, work, False)
            for n in range(end - begin):
                levels[draw, begin + n] = work.occasions.level[n]


def levels_at(population: Level, cohort: CohortArrays, eta: Floats) -> Floats:
    """Levels (k, n_samples) at random effects eta (k, n, q)."""
    if population.occasions.most:
        levels = np.empty((eta.shape[0], cohort.day.size))
        fill_levels(0, cohort.n_patients, np.ascontiguousarray(eta), population, cohort, levels)
        return levels
    x = np.repeat(population.mu[None], eta.shape[0], axis=0)
    x[:, :, population.random] += eta
    kinetic = x @ population.transform.T
    levels = np.empty((eta.shape[0], cohort.day.size))
    for i in range(cohort.n_patients):
        rows = slice(cohort.sample_bounds[i], cohort.sample_bounds[i + 1])
        thetas = np.repeat(cohort.fixed[i][None], eta.shape[0], axis=0)
        for column, parameter in enumerate(cohort.places):
            if cohort.used[i, column]:
                scale = "logit" if PARAMETERS[parameter] in SHARES else "log"
                thetas[:, parameter] = from_scale(np.ascontiguousarray(kinetic[:, i, column]), scale)
        thetas[:, C_INIT] *= thetas[:, C_BASE]
        schedule = cohort.segments[cohort.segment_bounds[i] : cohort.segment_bounds[i + 1]]
        levels[:, rows] = np.add(*igg_curve(thetas, schedule, cohort.day[rows]))
    return levels


def error_sd(population: Level, kind: int, level: Floats) -> Floats:
    """SD of the error at a level; of its log for log-normal error."""
    a, b = population.error
    if kind == LOGNORMAL:
        return np.asarray(np.sqrt(np.log1p(b**2 + (a / level) ** 2)))
    return np.asarray(np.sqrt(a**2 + (b * level) ** 2))


def simulated(population: Level, cohort: CohortArrays, omega: Floats, n: int, seed: int) -> Floats:
    """n replicates (n, n_samples) of the record's design: new random effects, new errors."""
    generator = numbered_stream(seed, "population")
    shape = (n, cohort.n_patients, population.random.size)
    eta = generator.standard_normal(shape) @ np.linalg.cholesky(omega).T
    level = levels_at(population, cohort, eta)
    if cohort.kind == STUDENT_T:
        noise = generator.standard_t(STUDENT_DF, level.shape)
    else:
        noise = generator.standard_normal(level.shape)
    sd = error_sd(population, cohort.kind, level)
    return np.asarray(level * np.exp(sd * noise) if cohort.kind == LOGNORMAL else level + sd * noise)


def residuals_of(population: Level, cohort: CohortArrays, omega: Floats, eta: Floats, replicates: Floats) -> Residuals:
    """At the modes eta (n, q); replicates (k, n_samples): simulations, for NPDE."""
    logs = cohort.kind == LOGNORMAL
    measured = cohort.limit == 0
    pred, ipred = levels_at(population, cohort, np.stack([np.zeros_like(eta), eta]))
    sd = error_sd(population, cohort.kind, ipred)
    observed, fitted = (np.log(cohort.igg), np.log(ipred)) if logs else (cohort.igg, ipred)
    slopes = slopes_at(population, cohort, eta)
    if logs:
        slopes = slopes / ipred[:, None]
    cwres, npde = np.full(ipred.size, np.nan), np.full(ipred.size, np.nan)
    for i in range(cohort.n_patients):
        rows = np.arange(cohort.sample_bounds[i], cohort.sample_bounds[i + 1])
        rows = rows[measured[rows]]
        if rows.size:
            jacobian = slopes[rows]
            expected = fitted[rows] - jacobian @ eta[i]
            covariance = jacobian @ omega @ jacobian.T + np.diag(sd[rows] ** 2)
            cwres[rows] = whitened(covariance, observed[rows] - expected)
            npde[rows] = npde_of(observed[rows], np.log(replicates[:, rows]) if logs else replicates[:, rows])
    return Residuals(
        pred=pred,
        ipred=ipred,
        iwres=np.where(measured, (observed - fitted) / sd, np.nan),
        cwres=cwres,
        npde=npde,
    )


def slopes_at(population: Level, cohort: CohortArrays, eta: Floats) -> Floats:
    """Slopes (n_samples, q) of the levels in the random effects, by central differences."""
    q = eta.shape[1]
    moved = STEP * np.eye(q)[:, None, :]
    up = levels_at(population, cohort, eta[None] + moved)
    down = levels_at(population, cohort, eta[None] - moved)
    return np.asarray(((up - down) / (2.0 * STEP)).T)


def whitened(covariance: Floats, distance: Floats) -> Floats:
    """covariance^-1/2 distance, by the symmetric root."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors @ ((vectors.T @ distance) / np.sqrt(values)))


def npde_of(observed: Floats, replicates: Floats) -> Floats:
    """Normalised prediction distribution errors of one patient's values: ranks among decorrelated replicates (k, m)."""
    k, m = replicates.shape
    mean = replicates.mean(axis=0)
    covariance = np.atleast_2d(np.cov(replicates, rowvar=False)) + 1e-12 * np.eye(m) * replicates.var()
    root = np.linalg.cholesky(covariance)
    apart = np.linalg.solve(root, (replicates - mean).T).T
    own = np.linalg.solve(root, observed - mean)
    share = np.mean(apart < own, axis=0)
    return np.asarray(ndtri(np.clip(share, 0.5 / k, 1.0 - 0.5 / k)))
