"""What the result rests on: other models, priors, records, one patient less. Tables for the report and the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.effect.averaging import averaged_rows, model_weights
from igkinetics.effect.estimand_row import interval
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.misfit import Residuals
from igkinetics.effect.misfit_effects import reruns
from igkinetics.effect.ratio_windows import window_rows
from igkinetics.effect.tipping import tipping_rows
from igkinetics.hierarchical.diagnostics import MOST_DIVERGENT, NOT_REPORTED
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort
from igkinetics.hierarchical.importance import MOST_PARETO_K
from igkinetics.hierarchical.leave_one_out import (
    LeftOut,
    compare_models,
    influence_table,
    leave_patients_out,
    leave_samples_out,
    loo_table,
)
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.population_priors import FREED_SD, RATIOS
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.prior_sensitivity import prior_sensitivity
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit

Places = npt.NDArray[np.int64]
QuantitiesOf = Callable[[CohortPosterior], Mapping[str, Floats]]
Resample = Callable[[Population], CohortPosterior]
AVERAGED: Final = "Averaged over models"
PRIORS: Final = "Prior at half and double scale"
MODELS: Final = "Models by predictive density"
INFLUENCE: Final = "One patient less"
PREDICTION: Final = "Predictive density by leaving out"
OTHERS: Final = "Other models"
TIPPING: Final = "How wrong an assumption must be to halve the effect"
WINDOWS: Final = "Ratios under IVIG that act for other times"
MISFITS: Final = "Sampled again where the model does not fit"
MISFIT_EFFECT_COLUMNS: Final = ("change", "quantity", "median", "lower", "upper", "level", "chains", "sampler")
WORST_R_HAT: Final = 1.05
FEWEST_EFFECTIVE: Final = 100.0
"""Chains worse than these, or that diverge too often, are not averaged over."""
FEWEST_WEIGHTED: Final = 0.04
"""Effective draws of the worst parameter, as a share of all, of weighted draws that are averaged over: their batches
cannot disagree for good, and the effect is known better than the worst parameter."""
OTHER_COLUMNS: Final = ("model", "quantity", "median", "lower", "upper", "level", "chains", "sampler")
"""chains: verdict on the draws; sampler: what made them, laplace or nuts."""
Other = Callable[[], SampledCohort]
"""Samples another model of the same patients."""
Again = Callable[[str, PreparedCohort], SampledCohort]
"""Samples the base model of other records of the same patients; its name is said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What sensitivity is asked about. changes (draw, m): of each averaged patient, members (m,) their places.

    quantities_of: name -> draws (n,) of any posterior of the same patients. people: of the base model. misfit, found:
    tests of its fit and the residuals behind. level, seed, jobs: as in the options.
    """

    quantities_of: QuantitiesOf
    changes: Floats
    members: Places
    people: Sequence[Exposure]
    misfit: pd.DataFrame
    found: Residuals | None
    unit: IggUnit
    level: float
    seed: int
    jobs: int


def sensitivity_tables(
    base: SampledCohort,
    extensions: Mapping[Extension, SampledCohort],
    resample: Resample | None,
    others: Mapping[str, Other],
    again: Again | None,
    question: Question,
) -> dict[str, pd.DataFrame]:
    """Heading -> table: averaged over models, other models, prior scale, predictive density, one patient less, tipping
    points, other windows of the ratios, and what a misfit does.

    resample, again None: nothing is sampled again, and what would need it is not told.
    """
    models: dict[str, SampledCohort] = {
        "base": base,
        **{str(name): model for name, model in extensions.items()},
        **{name: sample() for name, sample in others.items()},
    }
    quantities = {name: question.quantities_of(model.posterior) for name, model in models.items()}
    tables, unseen = averaged_tables(models, quantities, question.level, question.seed, question.jobs)
    if resample is not None:
        of_prior = resample
        tables[PRIORS] = prior_sensitivity(
            base, quantities["base"], question.level, lambda population: question.quantities_of(of_prior(population))
        )
    if others:
        tables[OTHERS] = other_models(models, quantities, question.level)
    patients = unseen["base"]
    if question.members.size:
        tables[INFLUENCE] = influence_table(patients, base.posterior.patient_ids, question.changes, question.members)
    tables[PREDICTION] = loo_table(leave_samples_out(base), patients)
    if again is not None:
        stepped = {name: models[name] for name in models if models[name].prepared.log_factor.size}
        tables |= of_records(base, extensions, again, stepped, quantities, question)
    return tables


def averaged_tables(
    models: Mapping[str, SampledCohort],
    quantities: Mapping[str, Mapping[str, Floats]],
    level: float,
    seed: int,
    jobs: int,
) -> tuple[dict[str, pd.DataFrame], dict[str, LeftOut]]:
    """Averaged over models, and models by predictive density, where several can be relied on; what each of these says
    of patients it has not seen. The first model is the base model."""
    base = models["base"]
    same = {name: model for name, model in models.items() if same_data(model, base)}
    alike = {name: model for name, model in same.items() if name == "base" or usable(model)}
    failed = [spoken(name) for name in same if name not in alike]
    unseen = {name: paid(leave_patients_out(model, seed=seed, jobs=jobs), model) for name, model in alike.items()}
    if len(alike) == 1:
        return {}, unseen
    weights = model_weights(unseen, seed)
    averaged = averaged_rows(weights, {name: quantities[name] for name in alike}, unseen, level, failed)
    samplers = [alike[name].sampler for name in unseen]
    by_density = compare_models(unseen).assign(weight=list(weights.values()), sampler=samplers)
    return {AVERAGED: averaged, MODELS: by_density}, unseen


def paid(unseen: LeftOut, model: SampledCohort) -> LeftOut:
    """Less what infusions and a step have to pay that were chosen by the very samples they explain; the step is paid
    for by all patients together."""
    suspected = model.prepared.suspected
    each = np.array([len(suspected.get(name, ())) for name in model.posterior.patient_ids], dtype=float)
    if model.prepared.log_factor.size:
        each += 1.0 / each.size
    return replace(unseen, elpd=unseen.elpd + each * np.log(model.prepared.odds))


def of_records(
    base: SampledCohort,
    extensions: Mapping[Extension, SampledCohort],
    again: Again,
    stepped: Mapping[str, SampledCohort],
    quantities: Mapping[str, Mapping[str, Floats]],
    question: Question,
) -> dict[str, pd.DataFrame]:
    """What other records of the same patients would say: tipping points, windows of the ratios, and misfits.

    stepped: models of levels divided by a step, sampled already; quantities: of all models.
    """
    tables: dict[str, pd.DataFrame] = {}
    each = {name: (model, quantities[name]) for name, model in stepped.items() if spoke(question.misfit, "step")}
    for change, prepared in reruns(question.misfit, question.found, base.prepared).items():
        sampled = again(change, prepared)
        each[change] = sampled, question.quantities_of(sampled.posterior)
    if each:
        tables[MISFITS] = misfit_effects({"as reported": (base, quantities["base"]), **each}, question.level)
    records = {
        TIPPING: tipping_rows(base, question.people, question.unit, question.level, question.jobs),
        WINDOWS: window_rows(extensions, question.people, question.unit, question.level, question.jobs),
    }
    return tables | {heading: table for heading, table in records.items() if len(table)}


def spoke(misfit: pd.DataFrame, test: str) -> bool:
    """Whether this test of the fit was made and speaks."""
    return bool(misfit.loc[misfit["test"] == test, "speaks"].astype(bool).any())


def misfit_effects(each: Mapping[str, tuple[SampledCohort, Mapping[str, Floats]]], level: float) -> pd.DataFrame:
    """MISFIT_EFFECT_COLUMNS: every quantity as reported and after each change."""
    rows = []
    for change, (sampled, quantities) in each.items():
        for quantity, draws in quantities.items():
            median, lower, upper = interval(draws, level)
            rows.append((change, quantity, median, lower, upper, level, sampled.verdict, sampled.sampler))
    return pd.DataFrame(rows, columns=list(MISFIT_EFFECT_COLUMNS))


def usable(sampled: SampledCohort) -> bool:
    """Whether a model's draws can be relied on enough to be averaged with others'."""
    table = sampled.diagnostics
    reported = table[~table["parameter"].isin(NOT_REPORTED)]
    n_draws = int(np.prod(sampled.posterior.error.shape[:2]))
    least = float(np.nan_to_num(reported["ess_bulk"].astype(float).min(), nan=np.inf))
    if "pareto_k" in sampled.trace.statistics:
        k = float(np.max(sampled.trace.statistics["pareto_k"]))
        return k <= MOST_PARETO_K and least >= FEWEST_WEIGHTED * n_draws
    diverged = int(np.sum(sampled.trace.statistics.get("diverging", 0)))
    apart = float(np.nan_to_num(reported["r_hat"].astype(float).max(), nan=1.0))
    return (
        apart <= WORST_R_HAT and least >= min(FEWEST_EFFECTIVE, 0.1 * n_draws) and diverged <= MOST_DIVERGENT * n_draws
    )


def same_data(one: SampledCohort, other: SampledCohort) -> bool:
    """Whether two models saw the same samples of the same patients, so that their predictive densities compare."""
    mine, others = as_measured(one.prepared), as_measured(other.prepared)
    return (
        one.posterior.patient_ids == other.posterior.patient_ids
        and mine.size == others.size
        and np.allclose(mine, others, rtol=1e-12, atol=0.0)
    )


def as_measured(prepared: PreparedCohort) -> Floats:
    """The values of all samples before any of them was divided by a factor."""
    igg, log_factor = prepared.arrays.igg, prepared.log_factor
    return igg * np.exp(log_factor) if log_factor.size else igg


def other_models(
    models: Mapping[str, SampledCohort], quantities: Mapping[str, Mapping[str, Floats]], level: float
) -> pd.DataFrame:
    """The quantities asked about, and the ratios that are free, under the model reported and under each other one."""
    rows = []
    for name, sampled_model in models.items():
        population = sampled_model.posterior.population
        model = "as reported" if name == "base" else spoken(name)
        ratios: dict[str, Floats] = {one: population[one].reshape(-1) for one in FREED_SD if one in population}
        for quantity, draws in {**quantities[name], **ratios, **joint_quantities(ratios)}.items():
            median, lower, upper = interval(draws, level)
            rows.append(
                {
                    "model": model,
                    "quantity": quantity,
                    "median": median,
                    "lower": lower,
                    "upper": upper,
                    "level": level,
                    "chains": sampled_model.verdict,
                    "sampler": sampled_model.sampler,
                }
            )
        if len(ratios) == len(RATIOS):
            correlation = float(np.corrcoef(np.log(list(ratios.values())))[0, 1])
            rows.append(
                {
                    "model": model,
                    "quantity": "correlation of the log ratios",
                    "median": correlation,
                    "level": level,
                    "chains": sampled_model.verdict,
                    "sampler": sampled_model.sampler,
                }
            )
    return pd.DataFrame(rows, columns=list(OTHER_COLUMNS))


def spoken(name: str) -> str:
    """A model beside the base one as a reader knows it."""
    return f"as reported, free {name.replace('_', ' ')}" if name in FREED_SD else name


def joint_quantities(ratios: Mapping[str, Floats]) -> dict[str, Floats]:
    """Production over clearance: the one combination that a joint fit learns well."""
    if len(ratios) < len(RATIOS):
        return {}
    return {"production_ratio over clearance_ratio": ratios["production_ratio"] / ratios["clearance_ratio"]}
