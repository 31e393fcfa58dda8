"""42 event files whose levels NONMEM printed: read by the event reader, they give the same levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defect import write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.verification.comparison import cases_folder
from igkinetics.verification.event_records import event_cohort, event_table, points_of

ROWS = event_table()


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return event_cohort(ROWS)


@pytest.mark.parametrize("case", [str(one) for one in ROWS["id"].unique()])
def test_the_levels_are_those_that_nonmem_printed(cohort: Cohort, case: str) -> None:
    points = list(points_of(cohort, ROWS, case))
    assert len(points) == int(((ROWS["id"].astype(str) == case) & (ROWS["evid"] == 0)).sum())
    assert max(point.distance for point in points) < 1.0


def test_all_verified_cases_are_here() -> None:
    assert ROWS["id"].nunique() == 42
    assert int((ROWS["evid"] == 0).sum()) == 5502


def test_a_file_of_neonates_is_read_as_it_is(tmp_path: Path) -> None:
    """The phenobarbital data of NONMEM's guides: 59 infants from 0.6 kg (pheno_sd of nlmixr2data); mg, hours."""
    units = 'format = "nonmem"\nigg_unit = "g/L"\namount_unit = "mg"\ntime_unit = "hour"\n'
    events = (cases_folder() / "pheno_events.csv").read_text("utf-8")
    mapping = units + '[patients.columns]\nweight_kg = "WGT"\n'
    cohort = read_cohort(write_cohort(tmp_path / "ward", {"cohort.toml": mapping, "events.csv": events}))
    rows = pd.read_csv(cases_folder() / "pheno_events.csv")
    assert len(cohort.patients) == 59
    assert cohort.patients["weight_kg"].tolist() == rows.groupby("ID")["WGT"].first().tolist()
    assert cohort.samples["igg"].tolist() == rows.loc[rows["AMT"] == 0, "DV"].tolist()
    np.testing.assert_allclose(cohort.doses["amount_g"], rows.loc[rows["AMT"] > 0, "AMT"] / 1000, rtol=1e-15)
    assert list(cohort.patients.columns[8:]) == ["APGR"]
    assert cohort.problems["column"].tolist() == ["FA1", "FA2"]
