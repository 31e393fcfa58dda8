"""The theophylline data set of R as a NONMEM event file and as tables made by hand: both must be the same cohort.

Usage: python benchmarks/theophylline.py FOLDER, where FOLDER holds Theoph.csv (Subject, Wt, Dose in mg/kg, Time in
h, conc in mg/L), as written by R's datasets package. Nothing is written there. Theophylline stands in for IgG here:
only the reading is at stake. Levels of 0 before the dose are filtered by the same rule on both sides.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort

EVENTS = """\
format = "nonmem"
igg_unit = "mg/dL"
amount_unit = "mg"
time_unit = "hour"
[[samples.keep]]
column = "DV"
at_least = 0.001
[doses.constants]
route = "sc"
[patients.columns]
weight_kg = "WT"
"""
TABLES = """\
igg_unit = "mg/dL"
[samples.units]
day = "h"
[[samples.keep]]
column = "igg"
at_least = 0.001
[doses.units]
day = "h"
amount = "mg/kg"
[doses.constants]
route = "sc"
"""


def as_event_file(profiles: pd.DataFrame, folder: Path) -> Cohort:
    """One file: a dose row, then the samples of each subject."""
    levels = profiles[["Subject", "Time", "Wt"]].assign(AMT=".", DV=profiles["conc"] / 10, EVID=0)
    first = profiles.drop_duplicates("Subject")
    doses = first[["Subject", "Wt"]].assign(Time=0, AMT=first["Dose"] * first["Wt"], DV=".", EVID=1)
    rows = pd.concat([doses, levels]).rename(columns={"Subject": "ID", "Time": "TIME", "Wt": "WT"})
    (folder / "cohort.toml").write_text(EVENTS, encoding="utf-8")
    rows.sort_values("ID", kind="stable").to_csv(folder / "events.csv", index=False)
    return read_cohort(folder)


def as_tables(profiles: pd.DataFrame, folder: Path) -> Cohort:
    """Three files: samples, doses in mg/kg, weights."""
    first = profiles.drop_duplicates("Subject").assign(day=0)
    samples = profiles.assign(igg=profiles["conc"] / 10).rename(columns={"Time": "day", "Subject": "patient_id"})
    names = {"Subject": "patient_id", "Dose": "amount", "Wt": "weight_kg"}
    (folder / "cohort.toml").write_text(TABLES, encoding="utf-8")
    samples[["patient_id", "day", "igg"]].to_csv(folder / "samples.csv", index=False)
    first.rename(columns=names)[["patient_id", "day", "amount"]].to_csv(folder / "doses.csv", index=False)
    first.rename(columns=names)[["patient_id", "weight_kg"]].to_csv(folder / "patients.csv", index=False)
    return read_cohort(folder)


def furthest(one: Cohort, other: Cohort) -> float:
    """The largest relative difference of any number; AssertionError where texts or shapes differ."""
    largest = 0.0
    for table in ("samples", "doses", "patients"):
        a, b = (getattr(cohort, table).drop(columns="line", errors="ignore") for cohort in (one, other))
        pd.testing.assert_frame_equal(a, b, check_exact=False, rtol=1e-12)
        for name in a.select_dtypes("number").columns:
            largest = max(largest, float(((a[name] - b[name]).abs() / b[name].abs().clip(lower=1e-12)).max()))
    return largest


if __name__ == "__main__":
    if len(sys.argv) != 2:  # `make bench` runs every script; this one needs a folder from outside the project
        print("not run; usage: python benchmarks/theophylline.py FOLDER")
        sys.exit(0)
    profiles = pd.read_csv(Path(sys.argv[1]) / "Theoph.csv")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        events, tables = as_event_file(profiles, Path(one)), as_tables(profiles, Path(other))
    for cohort in (events, tables):
        for file, one in cohort.rows.items():
            print(f"{file}: {one.read} read = {one.filtered} filtered + {one.used} used + {one.set_aside} set aside")
    sizes = f"{len(events.patients)} subjects, {len(events.samples)} samples, {len(events.doses)} doses"
    print(f"{sizes}: the same cohort, numbers within {furthest(events, tables):.1e}")
