"""Draws of a model whose records or structure differ, made of those of the one that was sampled (docs/model.md 5.8).

Whitened by its own Laplace approximation, every model of the same patients has draws (u, z) near standard normal. So
those of one model, read through the whitening of another, are nearly draws of the other. What is left of the difference
is the ratio of both densities at the same (u, z): importance weights, believed where their Pareto k is at most 0.7;
beyond, the moved draws stand unweighted, a local Laplace update. No chain is run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from igkinetics.errors import call_error
from igkinetics.hierarchical.cohort_arrays import cohort_arrays
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort
from igkinetics.hierarchical.laplace import log_density_of, whiten
from igkinetics.hierarchical.leave_one_out import GOOD_PARETO_K
from igkinetics.hierarchical.members import Member, problems_of
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import CohortPosterior, Extension, Trace
from igkinetics.hierarchical.reading import phi_of, read_posterior
from igkinetics.kinetics.parameters import Floats

REWEIGHTED = "draws moved and reweighted"
UPDATED = "draws moved (local Laplace update)"
AS_SAMPLED = "as sampled"
FEWEST_EFFECTIVE = 50.0
"""Weighted draws that must be left over for the weights to be used."""


class Moved(NamedTuple):
    """posterior: one chain of n draws; log_weights (n,): normalised, all alike where they are not to be believed."""

    posterior: CohortPosterior
    log_weights: Floats
    pareto_k: float
    weighted: bool


def with_members(prepared: PreparedCohort, members: tuple[Member, ...]) -> PreparedCohort:
    """The same cohort with other records of the same patients. InputError when they need other parameters."""
    arrays = cohort_arrays(problems_of(members))
    if arrays.names != prepared.arrays.names:
        raise call_error(
            "cohort", ", ".join(arrays.names), f"must need the parameters {', '.join(prepared.arrays.names)}"
        )
    return replace(prepared, members=members, arrays=arrays)


def moved(
    sampled: SampledCohort, prepared: PreparedCohort, population: Population, most: int, extension: Extension = "base"
) -> Moved:
    """At most `most` draws, evenly spaced, of the model of `prepared` and `population`."""
    n = int(np.prod(sampled.trace.u.shape[:2]))
    places = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))
    u = sampled.trace.u.reshape(n, -1)[places]
    z = sampled.trace.z.reshape(n, *sampled.trace.z.shape[2:])[places]
    whitening = whiten(prepared.members, population, prepared.arrays, start=sampled.whitening)
    ready = sampled.prepared
    before = log_density_of(sampled.population, ready.arrays, sampled.whitening.coordinates)
    after = log_density_of(population, prepared.arrays, whitening.coordinates)
    old, new = phi_of(u, sampled.whitening), phi_of(u, whitening)
    raw = np.array([after(z[k], new[k])[0] - before(z[k], old[k])[0] for k in range(places.size)])
    trace = Trace(u=u[None], z=z[None], statistics={}, interrupted=False)
    posterior = read_posterior(trace, prepared.members, population, prepared.arrays, whitening, extension)
    return Moved(posterior, *judged_weights(raw))


def judged_weights(raw: Floats) -> tuple[Floats, float, bool]:
    """Normalised log weights from log density ratios (n,), Pareto k, and whether they are used."""
    alike = np.full(raw.size, -np.log(raw.size))
    if np.ptp(raw) < 1e-9:
        return alike, 0.0, True
    finite = np.isfinite(raw)
    smoothed, shape = array_stats.psislw(-np.where(finite, raw, raw[finite].min() - 50.0))
    log_weights = np.asarray(smoothed) - logsumexp(np.asarray(smoothed))
    effective = np.exp(-logsumexp(2.0 * log_weights))
    believed = bool(float(shape) <= GOOD_PARETO_K and effective >= FEWEST_EFFECTIVE)
    return (log_weights if believed else alike), float(shape), believed


def method_words(moved: Moved, *, as_sampled: bool = False) -> str:
    """How the numbers came about, for a table."""
    return AS_SAMPLED if as_sampled else REWEIGHTED if moved.weighted else UPDATED
