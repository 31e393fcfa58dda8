"""Initial-value problems solved to 45 digits, three public solvers beside them (see reference_solutions/README.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

import numpy as np

from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import PARAMETERS, Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.verification.comparison import Comparison, Point, cases_folder, compared, not_run

SOURCE: Final = "45-digit Taylor series, reference_solutions (deSolve 1.34, mrgsolve 2.0.1, rxode2 3.0.4 beside it)"
RELATIVE: Final = 1e-12
SATURABLE: Final = "loss that depends on the level: the linear family is what this package solves"


def comparisons() -> Iterator[Comparison]:
    for row in rows("cases.csv"):
        name = f"case {row['case_id']}"
        inputs = f"{row['model']}: {row['description']}"
        if row["model"].startswith("fcrn"):
            yield not_run(SOURCE, name, inputs, SATURABLE)
        else:
            yield compared(SOURCE, name, inputs, points_of(int(row["case_id"])))


def rows(file: str, case: int | None = None) -> list[dict[str, str]]:
    """Rows of one file as text: float() reads 17 digits back exactly."""
    with (cases_folder() / "reference_solutions" / file).open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if case is None or int(row["case_id"]) == case]


def points_of(case: int) -> Iterator[Point]:
    expected = rows("concentrations.csv", case)
    day = np.array([float(row["time"]) for row in expected])
    levels = np.add(*igg_curve(*problem_of(case), day))
    for row, level in zip(expected, levels, strict=True):
        value = float(row["concentration"])
        yield Point(f"day {float(row['time']):g}", value, float(level), RELATIVE * abs(value))


def problem_of(case: int) -> tuple[Floats, Schedule]:
    """A linear case in the names of docs/model.md 1: kp0 is CL C_base, suppression from t1 to t2 is therapy."""
    given = {row["parameter"]: float(row["value"]) for row in rows("parameters.csv", case)}
    suppressed = "t1" in given
    values = {
        "CL": given["CL"],
        "V1": given["V1"],
        "Q": given.get("Q", 0.0),
        "V2": given.get("V2", 1.0),
        "ka": given.get("ka", np.nan),
        "F": given.get("F", np.nan),
        "C_base": given.get("kp0", 0.0) / given["CL"],
        "C_init": given["C0"],
        "S": 1.0 - given["fres"] if suppressed else 0.0,
        "k_loss": given.get("kon", 0.0),
        "k_rec": given.get("koff", 0.0),
        "clearance_ratio": 1.0,
        "production_ratio": 1.0,
    }
    doses = rows("doses.csv", case)
    schedule = build_schedule(
        start_day=0.0,
        dose_day=[float(row["time"]) for row in doses],
        dose_g=[float(row["amount"]) for row in doses],
        dose_duration_day=[float(row["duration"]) for row in doses],
        dose_is_sc=[row["route"] == "SC" for row in doses],
        therapy_start=[given["t1"]] if suppressed else [],
        therapy_stop=[given["t2"]] if suppressed else [],
    )
    return np.array([values[name] for name in PARAMETERS]), schedule
