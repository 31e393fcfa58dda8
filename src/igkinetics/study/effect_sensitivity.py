"""What the result rests on: other models, other priors, one patient less. Tables for the report and the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.leave_one_out import (
    compare_models,
    influence_table,
    leave_patients_out,
    leave_samples_out,
    loo_table,
)
from igkinetics.hierarchical.population import Population
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
    base: SampledCohort, extensions: Mapping[Extension, SampledCohort], resample: Resample | None, question: Question
) -> dict[str, pd.DataFrame]:
    """Heading -> table: prior scale, models by predictive density, one patient less, predictive density.

    resample None: nothing is sampled again, and the dependence on the priors is not told.
    """
    patients = leave_patients_out(base, seed=question.seed, jobs=question.jobs)
    others = {str(name): leave_patients_out(found, seed=question.seed, jobs=question.jobs)
              for name, found in extensions.items()}  # fmt: skip
    tables: dict[str, pd.DataFrame] = {}
    if resample is not None:
        again = resample
        quantities = question.quantities_of(base.posterior)
        tables[PRIORS] = prior_sensitivity(
            base, quantities, question.level, lambda population: question.quantities_of(again(population))
        )
    if others:
        tables[MODELS] = compare_models({"base": patients, **others})
    if question.members.size:
        tables[INFLUENCE] = influence_table(patients, base.posterior.patient_ids, question.changes, question.members)
    tables[PREDICTION] = loo_table(leave_samples_out(base), patients)
    return tables
