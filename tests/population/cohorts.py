"""Cohorts of other engines' cases, written as tables and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import igkinetics as igk
from igkinetics.cohort.model import Cohort

HERE = Path(__file__).parent
INSTANT = 1e-7
"""Days by which a bolus is put before a sample of the same time, which in that simulation sees it."""


def decay_cohort(folder: Path) -> Cohort:
    """200 patients simulated from the decay model, with log-normal error; therapy from day 0 on."""
    folder.mkdir()
    samples = pd.read_csv(HERE / "population_200_obs.csv")
    doses = pd.read_csv(HERE / "population_200_doses.csv")
    (folder / "cohort.toml").write_text(
        'igg_unit = "g/L"\nunusual_levels = "as_given"\ntime_origin = "as_given"\n', encoding="utf-8"
    )
    pd.DataFrame({"patient_id": samples["ID"], "day": samples["TIME"], "igg": np.exp(samples["LOGC"])}).to_csv(
        folder / "samples.csv", index=False
    )
    pd.DataFrame(
        {
            "patient_id": doses["ID"],
            "day": doses["TIME"] - INSTANT,
            "amount_g": doses["AMT"],
            "duration_h": 0.0,
            "route": "iv",
        }
    ).to_csv(folder / "doses.csv", index=False)
    pd.DataFrame({"patient_id": samples["ID"].unique(), "start": 0.0, "stop": ""}).to_csv(
        folder / "therapy.csv", index=False
    )
    return igk.read_cohort(folder)


def pheno_cohort(folder: Path) -> Cohort:
    """The 59 infants of NONMEM's phenobarbital example, levels in mg/L."""
    folder.mkdir()
    events = pd.read_csv(HERE.parent / "cohort" / "pheno_events.csv").drop(columns=["FA1", "FA2"])
    events.assign(LOW=(events["APGR"] < 5).astype(int)).to_csv(folder / "events.csv", index=False)
    (folder / "cohort.toml").write_text(
        'format = "nonmem"\nigg_unit = "mg/L"\namount_unit = "mg"\ntime_unit = "hour"\nunusual_levels = "as_given"\n'
        '[patients.columns]\nweight_kg = "WGT"\n',
        encoding="utf-8",
    )
    return igk.read_cohort(folder)
