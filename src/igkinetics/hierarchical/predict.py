"""New patients with the weights, days, infusions and therapy of a cohort's, under the priors or the posterior."""

from __future__ import annotations

import numpy as np

from igkinetics.fit.likelihood import LOGNORMAL, STUDENT_DF, STUDENT_T
from igkinetics.hierarchical.correlations import drawn_lkj
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort
from igkinetics.hierarchical.members import problems_of
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.reading import fill_thetas, phi_of, population_draws
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.random_streams import numbered_stream


def from_prior(prepared: PreparedCohort, n: int, seed: int, extension: Extension = "base") -> CohortPosterior:
    """n draws of a model before any measurement, as one chain."""
    generator = numbered_stream(seed, "prior")
    population = prepared.population(extension)
    return new_patients(prepared, population, prior_phi(population, n, generator), generator)


def from_posterior(sampled: SampledCohort, n: int, seed: int) -> CohortPosterior:
    """At most n draws of the population from the posterior, evenly spaced, with patients drawn anew."""
    phi = phi_of(sampled.trace.u, sampled.whitening).reshape(-1, sampled.trace.u.shape[-1])
    kept = np.unique(np.linspace(0, len(phi) - 1, min(n, len(phi))).round().astype(int))
    generator = numbered_stream(seed, "new patients")
    return new_patients(sampled.prepared, sampled.population, phi[kept], generator)


def prior_phi(population: Population, n: int, generator: np.random.Generator) -> Floats:
    """n draws of phi (n, k) from its priors."""
    deviates = generator.standard_normal((n, population.prior_mean.size))
    phi = np.asarray(population.prior_mean + population.prior_sd * deviates)
    phi[:, population.n_normal :] = drawn_lkj(population.lkj, n, generator)
    return phi


def new_patients(
    prepared: PreparedCohort, population: Population, phi: Floats, generator: np.random.Generator
) -> CohortPosterior:
    """A patient drawn for every member under every phi (n, k): x = mu + root times standard normal numbers."""
    arrays, (members, p) = prepared.arrays, population.offset.shape
    theta, error = np.empty((1, len(phi), members, N_PARAMETERS)), np.empty((1, len(phi), 2))
    for index, one in enumerate(phi):
        mu, root, error[0, index], log_ratio = population.parts(one)
        x = mu + generator.standard_normal((members, p)) @ root.T
        fill_thetas(x, log_ratio, arrays.places, arrays.used, arrays.fixed, theta[0, index])
    return CohortPosterior(
        patient_ids=tuple(member.patient.patient_id for member in prepared.members),
        theta=theta,
        error=error,
        population=population_draws(population, phi[None]),
        problems=problems_of(prepared.members),
        modified=tuple(member.modified for member in prepared.members),
        extension="base",
        interrupted=False,
    )


def replicates(levels: Floats, error: Floats, kind: int, generator: np.random.Generator) -> Floats:
    """Measurements of true levels (n, n_day), g/L; error (n, 2): a, b of each draw. None below 0."""
    spread = np.sqrt(error[:, :1] ** 2 + (error[:, 1:] * levels) ** 2)
    if kind == LOGNORMAL:
        log_sd = np.sqrt(np.log1p((spread / levels) ** 2))
        return np.asarray(levels * np.exp(log_sd * generator.standard_normal(levels.shape)))
    noise = (
        generator.standard_t(STUDENT_DF, levels.shape) if kind == STUDENT_T else generator.standard_normal(levels.shape)
    )
    return np.maximum(levels + spread * noise, 0.0)
