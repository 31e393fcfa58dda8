"""What the result rests on: other models, other priors, one patient less. Tables for the report and the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.effect.averaging import averaged_rows, model_weights
from igkinetics.effect.estimand import interval
from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.leave_one_out import (
    compare_models,
    influence_table,
    leave_patients_out,
    leave_samples_out,
    loo_table,
)
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.population_priors import RATIOS
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.prior_sensitivity import prior_sensitivity
from igkinetics.kinetics.parameters import Floats

Places = npt.NDArray[np.int64]
QuantitiesOf = Callable[[CohortPosterior], Mapping[str, Floats]]
Resample = Callable[[Population], CohortPosterior]
AVERAGED: Final = "Averaged over models"
PRIORS: Final = "Prior at half and double scale"
MODELS: Final = "Models by predictive density"
INFLUENCE: Final = "One patient less"
PREDICTION: Final = "Predictive density by leaving out"
OTHERS: Final = "Other models"
OTHER_COLUMNS: Final = ("model", "quantity", "median", "lower", "upper", "level", "chains")
Other = Callable[[], SampledCohort]
"""Samples another model of the same patients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What sensitivity is asked about. changes (draw, m): of each averaged patient, members (m,) their places.

    quantities_of: name -> draws (n,) of any posterior of the same patients. level, seed, jobs: as in the options.
    """

    quantities_of: QuantitiesOf
    changes: Floats
    members: Places
    level: float
    seed: int
    jobs: int


def sensitivity_tables(
    base: SampledCohort,
    extensions: Mapping[Extension, SampledCohort],
    resample: Resample | None,
    others: Mapping[str, Other],
    question: Question,
) -> dict[str, pd.DataFrame]:
    """Heading -> table: averaged over models, other models, prior scale, predictive density, one patient less.

    resample None: nothing is sampled again, and the dependence on the priors is not told.
    """
    models: dict[str, SampledCohort] = {
        "base": base,
        **{str(name): found for name, found in extensions.items()},
        **{name: sample() for name, sample in others.items()},
    }
    alike = {name: found for name, found in models.items() if same_data(found, base)}
    unseen = {name: leave_patients_out(found, seed=question.seed, jobs=question.jobs) for name, found in alike.items()}
    tables: dict[str, pd.DataFrame] = {}
    quantities = {name: question.quantities_of(found.posterior) for name, found in models.items()}
    if len(alike) > 1:
        weights = model_weights(unseen, question.seed)
        tables[AVERAGED] = averaged_rows(weights, {name: quantities[name] for name in alike}, unseen, question.level)
        tables[MODELS] = compare_models(unseen).assign(weight=list(weights.values()))
    if resample is not None:
        again = resample
        tables[PRIORS] = prior_sensitivity(
            base, quantities["base"], question.level, lambda population: question.quantities_of(again(population))
        )
    if others:
        tables[OTHERS] = other_models(models, quantities, question.level)
    patients = unseen["base"]
    if question.members.size:
        tables[INFLUENCE] = influence_table(patients, base.posterior.patient_ids, question.changes, question.members)
    tables[PREDICTION] = loo_table(leave_samples_out(base), patients)
    return tables


def same_data(one: SampledCohort, other: SampledCohort) -> bool:
    """Whether two models saw the same samples of the same patients, so that their predictive densities compare."""
    return one.posterior.patient_ids == other.posterior.patient_ids and np.array_equal(
        one.prepared.arrays.igg, other.prepared.arrays.igg
    )


def other_models(
    models: Mapping[str, SampledCohort], quantities: Mapping[str, Mapping[str, Floats]], level: float
) -> pd.DataFrame:
    """The quantities asked about, and the ratios that are free, under the model reported and under each other one."""
    rows = []
    for name, found in models.items():
        population = found.posterior.population
        model = (
            "as reported"
            if name == "base"
            else f"as reported, free {name.replace('_', ' ')}"
            if (name in RATIOS)
            else name
        )
        ratios: dict[str, Floats] = {one: population[one].reshape(-1) for one in RATIOS if one in population}
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
                    "chains": found.verdict,
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
                    "chains": found.verdict,
                }
            )
    return pd.DataFrame(rows, columns=list(OTHER_COLUMNS))


def joint_quantities(ratios: Mapping[str, Floats]) -> dict[str, Floats]:
    """Production over clearance: the one combination that a joint fit learns well."""
    if len(ratios) < len(RATIOS):
        return {}
    return {"production_ratio over clearance_ratio": ratios["production_ratio"] / ratios["clearance_ratio"]}
