"""A cohort as a NONMEM event file, beside the tables that no event file can hold; `read_cohort` reads it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.locate import EVENT_FILE, MAPPING_NAME
from igkinetics.cohort.model import Cohort, Floats, Patient
from igkinetics.units import G_PER_L_IN

COLUMNS: Final = ("ID", "TIME", "EVID", "MDV", "AMT", "RATE", "CMT", "DV", "CENS", "WT", "THERAPY")
DEPOT, CENTRAL = 1, 2
MOST_DIGITS: Final = 15
Mask = npt.NDArray[np.bool_]
SIDE_TABLES: Final = ("therapy", "patients", "outcomes")
NAMES: Final = frozenset({EVENT_FILE, MAPPING_NAME, *(f"{table}.csv" for table in SIDE_TABLES)})
HEADER: Final = """\
# Written by igkinetics export. IDs are numbers; [samples.values.patient_id] holds whose they are.
format = "nonmem"
igg_unit = "{unit}"
amount_unit = "g"
time_unit = "day"
[samples]
files = ["{events}"]
[[samples.keep]]
column = "EVID"
equals = 0
[doses]
same_dose = "sum"
[doses.columns]
route = "CMT"
[doses.values.route]
"{depot}" = "sc"
"{central}" = "iv"
"""


def numbers_of_patients(cohort: Cohort) -> pd.Series[int]:
    """The ID of each patient's records: the same number for all records of one patient."""
    people = [one for one in cohort.patient_ids if one not in cohort.records]
    number = {name: place for place, name in enumerate(people, start=1)}
    whose = [cohort.records.get(one, one) for one in cohort.patient_ids]
    return pd.Series([number[one] for one in whose], index=pd.Index(cohort.patient_ids))


def event_table(cohort: Cohort) -> pd.DataFrame:
    """COLUMNS, numbers only: samples EVID 0, doses 1, starts and stops of therapy 2; day, g, the cohort's unit of IgG.

    ID counts patients from 1 in the order of the cohort. At one time samples come before doses, as the model has it.
    SC doses go into compartment 1, IV doses and samples belong to 2. THERAPY is 1 while B cells are depleted. Each
    further record of a patient begins with a reset (EVID 3).
    """
    number = numbers_of_patients(cohort)
    weight = pd.Series(cohort.patients["weight_kg"].to_numpy(), index=number.index)
    factor, igg = G_PER_L_IN[cohort.igg_unit], cohort.samples["igg"].to_numpy(dtype=np.float64)
    samples = cohort.samples.assign(
        EVID=0, MDV=0, CMT=CENTRAL, DV=fewest_digits(igg / factor, lambda level: level * factor == igg), order=0,
        CENS=cohort.samples["limit"].map({"": 0, "below": 1, "above": -1}).astype(int),
    )  # fmt: skip
    duration = cohort.doses["duration_day"].to_numpy(dtype=np.float64)
    grams = cohort.doses["amount_g"].to_numpy(dtype=np.float64)
    rate = np.divide(grams, duration, out=np.zeros_like(grams), where=duration > 0)
    doses = cohort.doses.assign(
        EVID=1, MDV=1, AMT=grams, order=1, RATE=fewest_digits(rate, lambda one: grams / one == duration),
        CMT=np.where(cohort.doses["route"] == "sc", DEPOT, CENTRAL),
    )  # fmt: skip
    changes = pd.concat([pd.DataFrame(), *(_therapy_rows(patient) for patient in cohort.each_patient())])
    rows = pd.concat([samples, doses, changes], ignore_index=True)
    resets = rows[rows["patient_id"].isin(list(cohort.records))].groupby("patient_id", as_index=False)["day"].min()
    rows = pd.concat([rows, resets.assign(EVID=3, MDV=1, order=-1)], ignore_index=True)
    place = pd.Series(range(len(weight)), index=weight.index)
    rows = rows.assign(ID=rows["patient_id"].map(number), WT=rows["patient_id"].map(weight), TIME=rows["day"])
    rows = rows.assign(record=rows["patient_id"].map(place))
    rows = rows.sort_values(["ID", "record", "TIME", "order"], kind="stable")
    rows["THERAPY"] = rows["THERAPY"].groupby(rows["record"]).ffill().fillna(0).astype(int)
    whole = dict.fromkeys(("ID", "EVID", "MDV", "CMT", "CENS", "THERAPY"), "Int64")
    table: pd.DataFrame = rows.reindex(columns=list(COLUMNS)).astype(whole).reset_index(drop=True)
    return table


def _therapy_rows(patient: Patient) -> pd.DataFrame:
    stops = patient.therapy_stop[np.isfinite(patient.therapy_stop)]
    on = np.repeat([1, 0], [patient.therapy_start.size, stops.size])
    day = np.append(patient.therapy_start, stops)
    rows = {"patient_id": patient.patient_id, "day": day, "EVID": 2, "MDV": 1, "order": 2, "THERAPY": on}
    return pd.DataFrame(rows)


def fewest_digits(values: Floats, reads_back: Callable[[Floats], Mask]) -> Floats:
    """Each value in as few significant digits as still read back as the same number; as it is where none does."""
    best = values.copy()
    with np.errstate(all="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
        for near in (np.nextafter(values, -np.inf), np.nextafter(values, np.inf), values):
            best = np.where(reads_back(near), near, best)
        for digits in range(MOST_DIGITS, 0, -1):
            for power in np.unique(magnitude[np.isfinite(magnitude)]):
                shorter = np.round(values, int(digits - 1 - power))
                best = np.where((magnitude == power) & reads_back(shorter), shorter, best)
    return best


def write_nonmem(cohort: Cohort, folder: Path) -> None:
    """events.csv, its cohort.toml, and therapy, patients and outcomes as tables, into an existing, empty folder."""
    events = event_table(cohort)
    events.to_csv(folder / EVENT_FILE, index=False, na_rep=".", lineterminator="\n")
    for name in SIDE_TABLES:
        table = getattr(cohort, name).drop(columns="line", errors="ignore")
        if name == "therapy":
            table = table.assign(stop=table["stop"].replace(np.inf, np.nan))
        if not table.empty:
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    header = HEADER.format(unit=cohort.igg_unit, events=EVENT_FILE, depot=DEPOT, central=CENTRAL)
    people = [one for one in cohort.patient_ids if one not in cohort.records]
    names = [json.dumps(one, ensure_ascii=False) for one in people]
    ids = [f"{number} = {name}" for number, name in enumerate(names, start=1)]
    text = "\n".join([header, "[samples.values.patient_id]", *ids]).replace("\x7f", "\\u007f")
    (folder / MAPPING_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
