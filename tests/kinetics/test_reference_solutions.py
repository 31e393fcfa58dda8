"""The linear cases of reference_solutions/, solved to 45 digits by their authors (see the README there)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from treatments import Dose, Treatment, vector

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats

FOLDER = Path(__file__).parent / "reference_solutions"


def rows(file: str, case: int | None = None) -> list[dict[str, str]]:
    """Rows of one file as text: float() reads 17 digits back exactly."""
    with (FOLDER / file).open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if case is None or int(row["case_id"]) == case]


LINEAR_CASES = [int(row["case_id"]) for row in rows("cases.csv") if not row["model"].startswith("fcrn")]


def parameters_and_treatment(case: int) -> tuple[Floats, Treatment]:
    """A case in the names of docs/model.md 1: P = kp0 is CL*C_base, suppression from t1 to t2 is therapy."""
    given = {row["parameter"]: float(row["value"]) for row in rows("parameters.csv", case)}
    suppressed = "t1" in given
    parameters = vector(
        CL=given["CL"],
        V1=given["V1"],
        Q=given.get("Q", 0.0),
        V2=given.get("V2", 1.0),
        ka=given.get("ka", np.nan),
        F=given.get("F", np.nan),
        C_base=given.get("kp0", 0.0) / given["CL"],
        C_init=given["C0"],
        S=1.0 - given["fres"] if suppressed else 0.0,
        k_loss=given.get("kon", 0.0),
        k_rec=given.get("koff", 0.0),
    )
    doses = tuple(
        Dose(
            day=float(row["time"]),
            amount_g=float(row["amount"]),
            duration_day=float(row["duration"]),
            subcutaneous=row["route"] == "SC",
        )
        for row in rows("doses.csv", case)
    )
    return parameters, Treatment(doses=doses, therapy=((given["t1"], given["t2"]),) if suppressed else ())


def test_there_are_fifteen_linear_cases() -> None:
    assert len(LINEAR_CASES) == 15


@pytest.mark.parametrize("case", LINEAR_CASES)
def test_every_concentration_of_a_linear_case(case: int) -> None:
    parameters, treatment = parameters_and_treatment(case)
    expected = rows("concentrations.csv", case)
    day = np.array([float(row["time"]) for row in expected])
    concentration = np.array([float(row["concentration"]) for row in expected])
    endogenous, infused = igg_curve(parameters, treatment.schedule(), day)
    np.testing.assert_allclose(endogenous + infused, concentration, rtol=1e-12, atol=0.0)
