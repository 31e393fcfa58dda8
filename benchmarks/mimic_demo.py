"""Real IgG from the open MIMIC-III demo, read through a mapping: row accounting, what each patient has, its fit.

Usage: python benchmarks/mimic_demo.py FOLDER, where FOLDER holds immunoglobulins.csv, drug_events.csv,
weights.csv and admissions.csv as taken from the demo (Open Database License). Nothing is written there.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from string import Template

from igkinetics.cohort.check import summary
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.cohort import fit_cohort

MAPPING = Template("""\
igg_unit = "mg/dL"

[samples]                              # laboratory events: IgA, IgG and IgM rows together
files = [$laboratory]
[samples.columns]
patient_id = "subject_id"
datetime = "charttime"
igg = "value"
unit = "valueuom"
[[samples.keep]]
column = "itemid"
equals = 50950                         # Immunoglobulin G; 50949 is IgA, 50951 is IgM

[doses]                                # drug orders: one of immunoglobulin, by date, no duration
files = [$drugs]
[doses.columns]
patient_id = "subject_id"
datetime = "startdate"
amount = "dose_val_rx"
amount_unit = "dose_unit_rx"
product = "drug"
[[doses.keep]]
column = "drug"
equals = "Gammagard Liquid"

[therapy]                              # the same orders: rituximab, depletion taken as 180 days
files = [$drugs]
lasts_day = { Rituximab = 180 }
[therapy.columns]
patient_id = "subject_id"
start = "startdate"
agent = "drug"
[[therapy.keep]]
column = "drug"
equals = "Rituximab"

[patients]                             # charted weights: the first one in kg of each patient
files = [$weights]
repeated = "first"
[patients.columns]
patient_id = "subject_id"
weight = "valuenum"
weight_unit = "valueuom"
[[patients.keep]]
column = "valueuom"
equals = "kg"

[outcomes]                             # admissions that end in death
files = [$admissions]
constants = { outcome = "death" }
[outcomes.columns]
patient_id = "subject_id"
datetime = "deathtime"
[[outcomes.keep]]
column = "deathtime"
empty = false
""")


def read_demo(folder: Path) -> Cohort:
    """The demo's tables as a cohort, unchanged where they lie."""
    names = {
        "laboratory": "immunoglobulins.csv",
        "drugs": "drug_events.csv",
        "weights": "weights.csv",
        "admissions": "admissions.csv",
    }
    paths = {key: json.dumps((folder / name).resolve().as_posix()) for key, name in names.items()}
    with tempfile.TemporaryDirectory() as temporary:
        mapping = Path(temporary) / "cohort.toml"
        mapping.write_text(MAPPING.substitute(paths), encoding="utf-8")
        return read_cohort(mapping)


def print_cohort(cohort: Cohort) -> None:
    for file, rows in cohort.rows.items():
        parts = f"{rows.filtered} filtered + {rows.used} used + {rows.set_aside} set aside"
        print(f"{file}: {rows.read} = {parts}")
    print(summary(cohort).to_string(index=False))
    for patient in cohort.each_patient():
        window = nadir_window(patient)
        print(
            f"{patient.patient_id}: {patient.sample_day.size} samples, {patient.dose_g.sum():g} g, "
            f"window {window.start:.2f} to {window.end:.2f} ({window.reason})"
        )
    if not cohort.problems.empty:
        print(cohort.problems.to_string(index=False))


def check_demo(cohort: Cohort) -> None:
    """What SOURCE.md of the tables says of them; AssertionError where the mapping gives anything else."""
    laboratory = cohort.rows["immunoglobulins.csv"]
    assert (laboratory.read, laboratory.filtered, laboratory.used) == (41, 18, 23), laboratory
    assert cohort.doses["amount_g"].tolist() == [40.0]
    rituximab = cohort.rows["drug_events.csv (therapy)"]
    assert rituximab.used == 3, rituximab
    assert (cohort.therapy["agent"] == "Rituximab").all()
    assert cohort.patients["weight_kg"].notna().sum() == 5
    assert cohort.problems.empty
    print("41 immunoglobulin rows = 18 filtered + 23 used; a dose of 40 g; 3 rituximab rows; 5 weights: as expected")


def print_fits(cohort: Cohort) -> None:
    """What `fit` makes of them: status and reason of each patient, and the nadir where there is one."""
    fits = fit_cohort(cohort)
    nadirs = fits.nadir.set_index("patient_id")
    for patient_id, status, reason in fits.patients[["patient_id", "status", "reason"]].itertuples(index=False):
        print(f"{patient_id}: {status}{': ' if reason else ''}{reason}")
        row = nadirs.loc[patient_id]
        if status in ("fitted", "prior_only"):
            print(
                f"    nadir: raw {row['raw_nadir']:.0f}, fitted {row['fitted_nadir']:.0f} "
                f"({row['fitted_nadir_lower']:.0f} to {row['fitted_nadir_upper']:.0f}), "
                f"endogenous {row['endogenous_nadir']:.0f} {row['unit']}, "
                f"{'reached' if row['nadir_reached'] else 'lowest so far'}"
            )
    reasons = fits.patients.set_index("patient_id")["reason"]
    assert "7797 -> 4292 mg/dL" in reasons["10117"], reasons["10117"]


if __name__ == "__main__":
    if len(sys.argv) != 2:  # `make bench` runs every script; this one needs a folder from outside the project
        print("not run; usage: python benchmarks/mimic_demo.py FOLDER")
        sys.exit(0)
    demo = read_demo(Path(sys.argv[1]))
    print_cohort(demo)
    check_demo(demo)
    print_fits(demo)
