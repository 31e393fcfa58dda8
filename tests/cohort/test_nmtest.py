"""42 event files whose levels NONMEM printed: read by the event reader, they give the same levels.

nmtest.csv holds rows and printed levels of NONMEM 7.4.3 (cases by Kyle Baron and Matthew Fidler, as they stand in
nmtest of the R package nlmixr2data at f7bd1f7b; the levels were recomputed independently, to 6e-5, before they came
here). The model of all: one compartment, CL 1.1, V 20, ka 1.5; cp = 1000 amount / V; F (`bioav`) and lag act on doses
into compartment 2 only. A case is left out where NONMEM printed negative levels (a steady state with a lag longer than
its interval).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defect import write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import parameter_vector
from made_records import schedule_of

ROWS = pd.read_csv(Path(__file__).with_name("nmtest.csv"))
MAPPING = """
format = "nonmem"
igg_unit = "mg/dL"
unusual_levels = "as_given"
amount_unit = "mg"
time_unit = "hour"
[samples.columns]
patient_id = "id"
day = "time"
[doses.columns]
route = "cmt"
lag = "lagt"
duration = "dur2"
[doses.values.route]
"1" = "sc"
"2" = "iv"
"""
THETA = parameter_vector(
    {"CL": 1.1 * 24, "V1": 20.0, "ka": 1.5 * 24, "F": 1.0, "C_base": 0.0, "S": 0.0, "k_loss": 1.0, "k_rec": 1.0},
    "one_compartment",
    "constant",
)
SCALE = 1000.0 * 1000.0
"""cp is 1000 times mg/L; the curve is in g/L."""


def event_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as an event file: F by hand (the amount reaches the blood at the rate given), one number as sample."""
    central = (rows["cmt"] == 2) & (rows["evid"] != 0)
    modelled = rows["rate"] == -2
    return rows.assign(
        amt=rows["amt"] * rows["bioav"].where(central, 1.0),
        lagt=rows["lagt"].where(central, 0.0),
        dur2=rows["dur2"].where(modelled),
        dv=np.where(rows["evid"] == 0, 5.0, np.nan),
    ).drop(columns=["cp", "bioav"])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    events = event_rows(ROWS).to_csv(index=False, na_rep=".", lineterminator="\n")
    folder = tmp_path_factory.mktemp("all") / "ward"
    return read_cohort(write_cohort(folder, {"cohort.toml": MAPPING, "events.csv": events}))


@pytest.mark.parametrize("case", [str(one) for one in ROWS["id"].unique()])
def test_the_levels_are_those_that_nonmem_printed(cohort: Cohort, case: str) -> None:
    rows = ROWS[ROWS["id"].astype(str) == case]
    worst, seen = 0.0, 0
    for record in [case, *(one for one, person in cohort.records.items() if person == case)]:
        samples = cohort.samples[cohort.samples["patient_id"] == record]
        if samples.empty:
            continue
        level = SCALE * igg_curve(THETA, schedule_of(cohort.patient(record)), samples["day"].to_numpy())[1]
        printed = ROWS["cp"].to_numpy()[samples["line"].to_numpy() - 2]
        seen += len(samples)
        worst = max(worst, float(np.max(np.abs(level - printed) / np.maximum(printed, 1e-3 * rows["cp"].max()))))
    assert seen == int((rows["evid"] == 0).sum())
    assert worst < 1e-4


def test_all_verified_cases_are_here() -> None:
    assert ROWS["id"].nunique() == 42
    assert int((ROWS["evid"] == 0).sum()) == 5502


def test_a_file_of_neonates_is_read_as_it_is(tmp_path: Path) -> None:
    """The phenobarbital data of NONMEM's guides: 59 infants from 0.6 kg (pheno_sd of nlmixr2data); mg, hours."""
    units = 'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "mg"\ntime_unit = "hour"\n'
    events = Path(__file__).with_name("pheno_events.csv").read_text("utf-8")
    mapping = units + '[patients.columns]\nweight_kg = "WGT"\n'
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"cohort.toml": mapping, "events.csv": events}))
    rows = pd.read_csv(Path(__file__).with_name("pheno_events.csv"))
    assert len(cohort.patients) == 59
    assert cohort.patients["weight_kg"].tolist() == rows.groupby("ID")["WGT"].first().tolist()
    assert cohort.samples["igg"].tolist() == rows.loc[rows["AMT"] == 0, "DV"].tolist()
    np.testing.assert_allclose(cohort.doses["amount_g"], rows.loc[rows["AMT"] > 0, "AMT"] / 1000, rtol=1e-15)
    assert list(cohort.patients.columns[8:]) == ["APGR"]
    assert cohort.problems["column"].tolist() == ["FA1", "FA2"]
