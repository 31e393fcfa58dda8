"""What earlier commands left, for scenarios to start from: a small fit, and a posterior whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior
from igkinetics.fit.output import write_fit
from igkinetics.fit.records import event_table
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.output.files import digests

ROOT = Path(__file__).resolve().parents[2]
CARD = "adult_b_cell_depletion"
CHAINS, DRAWS = 2, 90


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of three patients: with doses, with none, and one who cannot be fitted."""
    place = tmp_path_factory.mktemp("scenario")
    for name in ("samples", "doses", "therapy", "patients", "outcomes"):
        table = pd.read_csv(ROOT / "data" / "blina23" / f"{name}.csv", dtype=str)
        kept = table[table["patient_id"].isin(["IVIG-01", "control-02"])]
        if name == "outcomes":  # here IVIG-01 is still followed; those who are not: test_recorded.py
            kept = kept[~kept["outcome"].isin(["death", "hsct"])]
        if name == "patients":
            kept = pd.concat([kept, pd.DataFrame([{"patient_id": "nobody", "group": "control"}])])
        kept.to_csv(place / f"{name}.csv", index=False)
    (place / "cohort.toml").write_text('igg_unit = "mg/dL"\n', encoding="utf-8")
    fit = igk.fit_cohort(igk.read_cohort(place))
    out = place / "fit"
    out.mkdir()
    write_fit(fit, out)
    return out


@pytest.fixture(scope="session")
def effect(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draws from the card's prior for the patients of the example, as if they were a posterior."""
    folder = tmp_path_factory.mktemp("effect")
    cohort = igk.read_cohort(ROOT / "data" / "blina23")
    card = load_card(CARD)
    thetas = []
    for place, patient in enumerate(cohort.each_patient()):
        prior = patient_prior(card, weight_kg=patient.weight_kg, agents=("blinatumomab",))
        drawn = draw_parameters(prior, np.random.default_rng([7, place]), CHAINS * DRAWS, with_uncertainty=True)
        thetas.append(kinetic_parameters({**drawn, "clearance_ratio": np.ones(1), "production_ratio": np.ones(1)}))
    theta = np.stack(thetas, axis=1).reshape(CHAINS, DRAWS, len(thetas), len(PARAMETERS))
    generator = np.random.default_rng(3)
    population = {
        "CL": 0.14,
        "V1": 3.5,
        "C_base": 5.0,
        "omega_CL": 0.2,
        "omega_V1": 0.1,
        "omega_C_base": 0.3,
        "S_cd19_directed": 0.6,
        "omega_S": 0.4,
        "k_loss": 0.1,
        "k_rec": 0.008,
    }
    drawn = {
        name: (("chain", "draw"), value * np.exp(0.05 * generator.standard_normal((CHAINS, DRAWS))))
        for name, value in population.items()
    }
    error = np.broadcast_to([0.2, 0.09], (CHAINS, DRAWS, 2))
    xarray = pytest.importorskip("xarray")
    posterior = xarray.Dataset(
        {
            "theta": (("chain", "draw", "patient", "parameter"), theta),
            "residual_error": (("chain", "draw", "error"), error),
            **drawn,
        },
        coords={"patient": list(cohort.patient_ids), "parameter": list(PARAMETERS), "error": ["a", "b"]},
    )
    posterior.to_netcdf(folder / "posterior.nc", group="posterior", engine="h5netcdf")
    event_table(cohort).to_parquet(folder / "events.parquet")
    record = {
        "command": "effect",
        "cards": {CARD: card.sha256},
        "files": digests(folder, ("posterior.nc", "events.parquet")),
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
