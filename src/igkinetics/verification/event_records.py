"""42 event files whose levels NONMEM 7.4.3 printed: rates, modelled durations, ADDL, SS, resets, lag, F.

The model of all: one compartment, CL 1.1, V 20, ka 1.5; cp = 1000 amount / V; F and lag act on doses into compartment 2
only. A case is left out where NONMEM printed negative levels (a steady state with a lag longer than its interval).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.fit.problem import patient_schedule
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import parameter_vector
from igkinetics.verification.comparison import Comparison, Point, cases_folder, compared, not_run

SOURCE: Final = "NONMEM 7.4.3, nmtest of nlmixr2/nlmixr2data@f7bd1f7b (cases by Kyle Baron and Matthew Fidler)"
MODEL: Final = "CL 1.1, V 20, ka 1.5"
LEFT_OUT: Final = (409, 410, 411, 415, 509, 510, 610, 709, 809, 825, 909, 1009)
MAPPING: Final = """
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
SCALE: Final = 1000.0 * 1000.0
"""cp is 1000 times mg/L; the curve is in g/L."""
RELATIVE: Final = 1e-4
"""Of five digits printed; of the highest level of the case where a level is less than a thousandth of it."""


def comparisons() -> Iterator[Comparison]:
    rows = event_table()
    cohort = event_cohort(rows)
    for case, own in rows.groupby("id"):
        yield compared(SOURCE, f"id {case}", f"{MODEL}; {len(own)} rows", points_of(cohort, rows, str(case)))
    reason = "NONMEM prints negative levels: a steady state with a lag longer than its interval"
    for case in LEFT_OUT:
        yield not_run(SOURCE, f"id {case}", MODEL, reason)


def event_table() -> pd.DataFrame:
    """Rows of all cases with the levels printed (`cp`)."""
    return pd.read_csv(cases_folder() / "nmtest.csv")


def event_cohort(rows: pd.DataFrame) -> Cohort:
    """The rows as this package reads event files: F by hand (the amount reaches the blood at the rate given), and one
    number as every sample.
    """
    central = (rows["cmt"] == 2) & (rows["evid"] != 0)
    modelled = rows["rate"] == -2
    events = rows.assign(
        amt=rows["amt"] * rows["bioav"].where(central, 1.0),
        lagt=rows["lagt"].where(central, 0.0),
        dur2=rows["dur2"].where(modelled),
        dv=np.where(rows["evid"] == 0, 5.0, np.nan),
    ).drop(columns=["cp", "bioav"])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cohort.toml").write_text(MAPPING, encoding="utf-8")
        events.to_csv(Path(folder, "events.csv"), index=False, na_rep=".", lineterminator="\n")
        return read_cohort(folder)


def points_of(cohort: Cohort, rows: pd.DataFrame, case: str) -> Iterator[Point]:
    """Every printed level of one case. A reset begins another record of the same patient."""
    theta = parameter_vector(
        {"CL": 1.1 * 24, "V1": 20.0, "ka": 1.5 * 24, "F": 1.0, "C_base": 0.0}, "one_compartment", "constant"
    )
    least = 1e-3 * float(rows.loc[rows["id"].astype(str) == case, "cp"].max())
    for record in [case, *(name for name, person in cohort.records.items() if person == case)]:
        samples = cohort.samples[cohort.samples["patient_id"] == record]
        if samples.empty:
            continue
        schedule = patient_schedule(cohort.patient(record), ignore_therapy=False)
        levels = SCALE * igg_curve(theta, schedule, samples["day"].to_numpy())[1]
        printed = rows.iloc[samples["line"].to_numpy() - 2]
        for hour, expected, level in zip(printed["time"], printed["cp"], levels, strict=True):
            yield Point(f"level at {hour:g} h", float(expected), float(level), RELATIVE * max(float(expected), least))
