"""The hierarchical model in PyMC. Building it, sampling it and reading it are three modules.

Free variables are the whitened ones: u (k,) for phi, z (n, p) for patients, both near a standard normal in the
posterior. Their densities are those of phi ~ Normal(prior_mean, prior_sd^2) and x_i ~ Normal(mu_i, Omega), in other
coordinates. Everything that belongs to a cohort or a prior is `pm.Data`: another cohort of the same size, a replicate,
a patient without samples, another prior or disposition, or a freed ratio need no recompilation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt

from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.correlations import LOG_2
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.op import patients_log_density
from igkinetics.hierarchical.packing import packed
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.quiet_pymc import pm


def model_data(population: Population, arrays: CohortArrays, whitening: Whitening) -> dict[str, Any]:
    """Every number of the model by the name of its `pm.Data`. prior (4, k): of phi, in the order of `build_model`."""
    active = population.active
    sd = np.where(active, population.prior_sd, 1.0)
    return {
        "prior": np.array([whitening.centre, population.prior_mean, sd, active]),
        "phi_root": whitening.root,
        "offset": population.offset,
        "design": population.design,
        **packed(whitening.coordinates, arrays)._asdict(),
    }


def build_model(population: Population, arrays: CohortArrays, whitening: Whitening) -> pm.Model:
    """The model of these members, ready to be sampled."""
    n, p = population.offset.shape
    k, q = population.prior_mean.size, population.n_coefficients
    with pm.Model() as model:
        data = {name: pm.Data(name, value) for name, value in model_data(population, arrays, whitening).items()}
        u = pm.Flat("u", shape=k, initval=np.zeros(k))
        centre, prior_mean, prior_sd, is_active = (data["prior"][row] for row in range(4))
        phi = pm.Deterministic("phi", centre + pt.dot(data["phi_root"], u))
        distance = (phi - prior_mean) / prior_sd
        # what is known keeps a standard normal u of its own, which nothing depends on
        squared = pt.switch(is_active > 0, distance**2, u**2)
        pm.Potential("population", -0.5 * pt.sum(squared[: population.n_normal]))
        z = pm.Flat("z", shape=(n, p), initval=np.zeros((n, p)))
        mu = data["offset"] + pt.dot(data["design"], phi[:q]).reshape((n, p))
        root = pt.diag(pt.exp(phi[q : q + p]))
        if population.pairs:
            root = pt.exp(phi[q : q + p])[:, None] * correlation_graph(phi[population.n_normal :], population)
        error = pt.exp(phi[q + p : q + p + 2])
        log_ratio = phi[q + p + 2 : population.n_normal]
        value, *_ = patients_log_density(z, mu, root, error, log_ratio, data["numbers"], data["integers"])
        pm.Potential("patients", value)
    return model


def correlation_graph(y: Any, population: Population) -> Any:
    """correlations.correlation_root as a graph, with its prior as a potential of the model."""
    p = len(population.names)
    rows, columns = np.array(population.pairs).T
    left = pt.softplus(2.0 * y) - y - LOG_2  # log cosh
    pm.Potential("correlations", -2.0 * pt.sum(population.lkj * left))
    each, log_left = (pt.set_subtensor(pt.zeros((p, p))[rows, columns], one) for one in (pt.tanh(y), -left))
    return (each + np.eye(p)) * pt.exp(pt.cumsum(log_left, axis=1) - log_left)
