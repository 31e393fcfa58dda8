"""From the sampler's whitened numbers to parameters of patients and population."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.correlations import CORRELATION, correlation_root
from igkinetics.hierarchical.drifting import drift_of
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.likelihood import Integers, patient_theta
from igkinetics.hierarchical.members import Member, problems_of
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import CohortPosterior, Extension, Trace
from igkinetics.hierarchical.whitening import fill_points
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats
from igkinetics.scales import from_scale


@kernel
def fill_thetas(x: Floats, log_ratio: Floats, places: Integers, used: Integers, fixed: Floats, theta: Floats) -> None:
    """Natural parameters (n, 13) of all patients at x (n, p)."""
    for i in range(x.shape[0]):
        patient_theta(x[i], log_ratio, used[i], places, fixed[i], theta[i])


def phi_of(u: Floats, whitening: Whitening) -> Floats:
    """phi (..., k) from u (..., k)."""
    return np.asarray(whitening.centre + u @ whitening.root.T)


def patients_of(
    trace: Trace, phi: Floats, population: Population, arrays: CohortArrays, whitening: Whitening
) -> tuple[Floats, Floats]:
    """Natural parameters (chain, draw, patient, 13) and points x (chain, draw, patient, p) of every draw."""
    x, theta = np.empty_like(trace.z), np.empty((*trace.z.shape[:3], N_PARAMETERS))
    for index in np.ndindex(*trace.z.shape[:2]):
        parts = population.parts(phi[index])
        fill_points(trace.z[index], parts, whitening.coordinates, x[index])
        fill_thetas(x[index], parts.log_ratio, arrays.places, arrays.used, arrays.fixed, theta[index])
    return theta, x


def population_draws(population: Population, phi: Floats) -> dict[str, Floats]:
    """What is estimated of the population, natural units, (chain, draw) each, by label.

    Typical values are those at the card's reference covariates; coefficients of covariates stay on their scale.
    """
    columns = {}
    for index, label in enumerate(population.labels[: population.n_normal]):
        if not population.active[index]:
            continue
        draws = phi[..., index]
        if label in population.reference:
            value, scale = population.reference[label]
            columns[label] = from_scale(value + draws, scale)
        elif index < population.n_coefficients:
            columns[label] = draws
        else:
            columns[label] = np.exp(draws)
    return columns | correlation_draws(population, phi)


def correlation_draws(population: Population, phi: Floats) -> dict[str, Floats]:
    """Correlations between patients' parameters on their estimation scales, (chain, draw) each."""
    if not population.pairs:
        return {}
    matrices = np.empty((*phi.shape[:-1], len(population.names), len(population.names)))
    for index in np.ndindex(*phi.shape[:-1]):
        root = correlation_root(phi[index][population.n_normal :], population.pairs, len(population.names))
        matrices[index] = root @ root.T
    return {
        f"{CORRELATION}{population.names[column]}_{population.names[row]}": matrices[..., row, column]
        for row, column in population.pairs
    }


def read_posterior(
    trace: Trace,
    members: Sequence[Member],
    population: Population,
    arrays: CohortArrays,
    whitening: Whitening,
    extension: Extension,
) -> CohortPosterior:
    """The posterior in the terms of docs/model.md 1."""
    phi = phi_of(trace.u, whitening)
    theta, _ = patients_of(trace, phi, population, arrays, whitening)
    error = np.exp(phi[..., population.n_coefficients + len(population.names) :][..., :2])
    return CohortPosterior(
        patient_ids=tuple(member.patient.patient_id for member in members),
        theta=theta,
        error=error,
        population=population_draws(population, phi),
        problems=problems_of(members),
        modified=tuple(member.modified for member in members),
        extension=extension,
        interrupted=trace.interrupted,
        drifting=drift_of(members) is not None,
    )
