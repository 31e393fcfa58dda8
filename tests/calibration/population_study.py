"""Recovery of a population: replicates of a design with known truth, each fitted by FOCEI.

`python tests/calibration/population_study.py N` writes population.csv: a row per replicate and parameter with estimate,
standard error and truth, on the scale of estimation. Design: the doses and days of the first 100 patients of
tests/population/population_200_*.csv; truth: the typical values and spreads of tests/population/decay.toml.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "population"))

from cohorts import HERE as POPULATION  # noqa: E402
from cohorts import decay_cohort  # noqa: E402

from igkinetics.cards.load import load_card  # noqa: E402
from igkinetics.cohort.model import Cohort  # noqa: E402
from igkinetics.population.covariance import uncertainty_of  # noqa: E402
from igkinetics.population.maximise import maximise, start_of  # noqa: E402
from igkinetics.population.options import PopulationOptions  # noqa: E402
from igkinetics.population.prepare import Prepared, prepare  # noqa: E402
from igkinetics.population.residuals import simulated  # noqa: E402

N_PATIENTS = 100
COLUMNS = ("replicate", "parameter", "truth", "estimate", "se", "converged")


def design(folder: Path) -> Prepared:
    """The first patients' doses and days under the card."""
    whole = decay_cohort(folder / "cohort")
    kept = set(whole.patient_ids[:N_PATIENTS])
    tables: dict[str, Any] = {
        name: getattr(whole, name)[getattr(whole, name)["patient_id"].isin(kept)].reset_index(drop=True)
        for name in ("samples", "doses", "therapy", "patients", "outcomes")
    }
    fields = {name: getattr(whole, name) for name in ("name", "igg_unit", "same_day", "problems", "rows", "inputs")}
    options = PopulationOptions(
        card=str(POPULATION / "decay.toml"), structure="one_compartment/step_loss", residual="lognormal"
    )
    return prepare(Cohort(**fields, **tables), load_card(options.card), options)


def replicate(prepared: Prepared, number: int) -> list[dict[str, Any]]:
    """One simulated record of the design, fitted from the card's values."""
    model = prepared.model
    truth = start_of(model, prepared.omega)
    level = model.level(truth)
    igg = simulated(level, prepared.arrays, model.parts(truth).omega, 1, number)[0]
    arrays = prepared.arrays._replace(igg=igg)
    found = maximise(model, arrays, truth + 0.1, 1)
    errors = np.sqrt(np.diag(uncertainty_of(model, found).covariance))
    return [
        {"replicate": number, "parameter": label, "truth": true, "estimate": value, "se": error}
        | {"converged": found.converged and not found.at_bound}
        for label, true, value, error in zip(model.labels, truth, found.phi, errors, strict=True)
    ]


def study(n: int) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        prepared = design(Path(folder))
        rows = [row for number in range(1, n + 1) for row in replicate(prepared, number)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


if __name__ == "__main__":
    study(int(sys.argv[1])).to_csv(HERE / "population.csv", index=False, float_format="%.6g", lineterminator="\n")
