"""What the result rests on: other models, other priors, one patient less. Tables for the report and the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

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
    base: SampledCohort, extensions: Mapping[Extension, SampledCohort], resample: Resample | None,
    others: Mapping[str, Other], question: Question,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Heading -> table: other models, prior scale, models by predictive density, one patient less, leaving out.

    resample None: nothing is sampled again, and the dependence on the priors is not told.
    """
    patients = leave_patients_out(base, seed=question.seed, jobs=question.jobs)
    beside = {str(name): leave_patients_out(found, seed=question.seed, jobs=question.jobs)
              for name, found in extensions.items()}  # fmt: skip
    tables: dict[str, pd.DataFrame] = {}
    if resample is not None:
        again = resample
        quantities = question.quantities_of(base.posterior)
        tables[PRIORS] = prior_sensitivity(
            base, quantities, question.level, lambda population: question.quantities_of(again(population))
        )
    if others:
        tables[OTHERS] = other_models(base, extensions, others, question)
    if beside:
        tables[MODELS] = compare_models({"base": patients, **beside})
    if question.members.size:
        tables[INFLUENCE] = influence_table(patients, base.posterior.patient_ids, question.changes, question.members)
    tables[PREDICTION] = loo_table(leave_samples_out(base), patients)
    return tables


def other_models(
    base: SampledCohort, extensions: Mapping[Extension, SampledCohort], others: Mapping[str, Other], question: Question
) -> pd.DataFrame:
    """The quantities asked about, or the ratios that are free, under the model reported and under each other one."""
    sampled: list[tuple[str, SampledCohort]] = [("as reported", base)]
    sampled += [(f"as reported, free {name.replace('_', ' ')}", found) for name, found in extensions.items()]
    sampled += [(name, sample()) for name, sample in others.items()]
    rows = []
    for model, found in sampled:
        population = found.posterior.population
        ratios: dict[str, Floats] = {name: population[name].reshape(-1) for name in RATIOS if name in population}
        quantities = {**(ratios or question.quantities_of(found.posterior)), **joint_quantities(ratios)}
        for quantity, draws in quantities.items():
            median, lower, upper = interval(draws, question.level)
            rows.append({"model": model, "quantity": quantity, "median": median, "lower": lower, "upper": upper,
                         "level": question.level, "chains": found.verdict})  # fmt: skip
        if len(ratios) == len(RATIOS):
            correlation = float(np.corrcoef(np.log(list(ratios.values())))[0, 1])
            rows.append({"model": model, "quantity": "correlation of the log ratios", "median": correlation,
                         "level": question.level, "chains": found.verdict})  # fmt: skip
    return pd.DataFrame(rows, columns=list(OTHER_COLUMNS))


def joint_quantities(ratios: Mapping[str, Floats]) -> dict[str, Floats]:
    """Production over clearance: the one combination that a joint fit learns well."""
    if len(ratios) < len(RATIOS):
        return {}
    return {"production_ratio over clearance_ratio": ratios["production_ratio"] / ratios["clearance_ratio"]}
