"""How well a model predicts a patient it has not seen, how models compare, and what each patient contributes.

Pareto-smoothed importance sampling (Vehtari et al., Stat Comput 2017;27:1413; JMLR 2024;25(72)), by arviz-stats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.integrated import integrated_log_likelihood
from igkinetics.hierarchical.likelihood import terms_of
from igkinetics.hierarchical.reading import patients_of, phi_of
from igkinetics.kinetics.parameters import Floats

MOST_DRAWS: Final = 1000
"""Draws used, evenly thinned: enough for a smoothed tail."""
GOOD_PARETO_K: Final = 0.7
LOO_COLUMNS: Final = ("unit", "n", "elpd", "se", "pareto_k_max", "n_pareto_k_above_0.7")
COMPARISON_COLUMNS: Final = ("model", "elpd", "elpd_difference", "se_difference", "pareto_k_max", "supported")
INFLUENCE_COLUMNS: Final = ("patient_id", "estimate_without", "change", "pareto_k")
SUPPORTED_BEYOND: Final = 2.0
"""A model is said to be supported when its elpd is higher by more than so many standard errors, and than 4 units."""
BETTER: Final = "better than the base model"
LEAST_DIFFERENCE: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Predictive density of each left-out unit (n,), the smoothed log weights (draw, n) and Pareto k (n,)."""

    elpd: Floats
    log_weights: Floats
    pareto_k: Floats
    draws: np.ndarray


def left_out(log_likelihood: Floats, draws: np.ndarray) -> LeftOut:
    """log_likelihood (draw, n): of each unit at each draw of the posterior of all."""
    elpd, weights, shapes = [], [], []
    for column in log_likelihood.T:
        smoothed, shape = smoothed_by_tail(column)
        elpd.append(logsumexp(smoothed + column))
        weights.append(smoothed)
        shapes.append(shape)
    return LeftOut(elpd=np.array(elpd), log_weights=np.array(weights).T, pareto_k=np.array(shapes), draws=draws)


def smoothed_by_tail(log_likelihood: Floats) -> tuple[Floats, float]:
    """Normalised log weights (draw,) of leaving a unit out, and Pareto k.

    Where copies of one draw make up the tail it has no shape: weights stand as they are, and k is infinite.
    """
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            smoothed, shape = array_stats.psislw(log_likelihood)  # it takes log likelihoods
    except ValueError:  # all values of the tail are one
        smoothed, shape = np.array(np.nan), np.inf
    if not np.all(np.isfinite(smoothed)):
        smoothed, shape = -log_likelihood, np.inf
    return np.asarray(smoothed - logsumexp(smoothed)), float(shape)


def thinned(sampled: SampledCohort) -> np.ndarray:
    """Places of the draws used among all, chains one after the other."""
    n = int(np.prod(sampled.trace.u.shape[:2]))
    return np.unique(np.linspace(0, n - 1, min(n, MOST_DRAWS)).round().astype(np.int64))


def leave_patients_out(sampled: SampledCohort, *, seed: int, jobs: int) -> LeftOut:
    """Each patient left out with all samples; the likelihood is integrated over that patient's parameters."""
    places = thinned(sampled)
    if sampled.log_likelihood is not None:
        return left_out(sampled.log_likelihood[places], places)
    phi = phi_of(sampled.trace.u.reshape(-1, sampled.trace.u.shape[-1])[places], sampled.whitening)
    ready = sampled.prepared
    log_likelihood = integrated_log_likelihood(
        phi, sampled.population, ready.arrays, sampled.whitening, seed=seed, jobs=jobs
    )
    return left_out(log_likelihood, places)


def leave_samples_out(sampled: SampledCohort) -> LeftOut:
    """Each sample left out, the patient's other samples kept."""
    phi = phi_of(sampled.trace.u, sampled.whitening)
    ready = sampled.prepared
    _, x = patients_of(sampled.trace, phi, sampled.population, ready.arrays, sampled.whitening)
    places = thinned(sampled)
    x, phi = x.reshape(-1, *x.shape[2:])[places], phi.reshape(-1, phi.shape[-1])[places]
    terms = []
    for point, shared in zip(x, phi, strict=True):
        _, _, error, log_ratio = sampled.population.parts(shared)
        terms.append(terms_of(point, error, ready.arrays, log_ratio))
    return left_out(np.array(terms), places)


def loo_table(samples: LeftOut, patients: LeftOut) -> pd.DataFrame:
    """Expected log predictive density of samples and of patients, with what the weights allow to believe."""
    rows = [
        {
            "unit": unit,
            "n": one.elpd.size,
            "elpd": one.elpd.sum(),
            "se": np.sqrt(one.elpd.size) * one.elpd.std(),
            "pareto_k_max": one.pareto_k.max(),
            "n_pareto_k_above_0.7": int((one.pareto_k > GOOD_PARETO_K).sum()),
        }
        for unit, one in (("sample", samples), ("patient", patients))
    ]
    return pd.DataFrame(rows, columns=list(LOO_COLUMNS))


def compare_models(models: Mapping[str, LeftOut]) -> pd.DataFrame:
    """Models of the same patients by predictive density; differences are from the first. supported: in words."""
    reference_name, reference = next(iter(models.items()))
    rows = []
    for name, one in models.items():
        worst = float(max(one.pareto_k.max(), reference.pareto_k.max()))
        each = one.elpd - reference.elpd
        difference, se = float(each.sum()), float(np.sqrt(each.size) * each.std())
        rows.append(
            {
                "model": name,
                "elpd": one.elpd.sum(),
                "elpd_difference": difference,
                "se_difference": se,
                "pareto_k_max": one.pareto_k.max(),
                "supported": support(name == reference_name, difference, se, worst),
            }
        )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def support(is_reference: bool, difference: float, se: float, pareto_k: float) -> str:
    """What the difference says, if the weights of every patient allow to say anything."""
    if is_reference:
        return "reference"
    if pareto_k > GOOD_PARETO_K:
        return f"not to be told: Pareto k {pareto_k:.2f} for one patient"
    if abs(difference) <= max(SUPPORTED_BEYOND * se, LEAST_DIFFERENCE):
        return "no better and no worse than the base model"
    return BETTER if difference > 0 else "worse than the base model"


def influence_table(patients: LeftOut, ids: tuple[str, ...], changes: Floats, members: np.ndarray) -> pd.DataFrame:
    """What an average over patients would be without each patient's data, most influential first.

    changes (draw, m): the quantity of each averaged patient, all draws; members (m,): their places among `ids`. A
    patient left out leaves the average too.
    """
    everyone = float(changes.mean())
    used = changes[patients.draws]
    rows = []
    for index, patient_id in enumerate(ids):
        kept = members != index
        weights = np.exp(patients.log_weights[:, index])
        without = float(weights @ used[:, kept].mean(axis=1)) if kept.any() else np.nan
        rows.append(
            {
                "patient_id": patient_id,
                "estimate_without": without,
                "change": without - everyone,
                "pareto_k": patients.pareto_k[index],
            }
        )
    table = pd.DataFrame(rows, columns=list(INFLUENCE_COLUMNS))
    return table.iloc[np.argsort(-table["change"].abs().to_numpy(), kind="stable")].reset_index(drop=True)


def weighted_interval(values: Floats, log_weights: Floats, level: float) -> tuple[float, float, float]:
    """Median and interval of draws under normalised log weights."""
    tail = (1.0 - level) / 2.0
    low, median, high = weighted_quantiles(values, np.exp(log_weights), np.array([tail, 0.5, 1.0 - tail]))
    return float(median), float(low), float(high)
