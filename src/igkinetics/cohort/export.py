"""A cohort as a NONMEM event file or as ADaM data sets, beside the tables that these cannot hold; both read back."""

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
SIDE_TABLES: Final = ("therapy", "patients", "outcomes", "covariates")
NAMES: Final = frozenset({EVENT_FILE, MAPPING_NAME, *(f"{table}.csv" for table in SIDE_TABLES)})
HEADER: Final = """\
# Written by igkinetics export. IDs are numbers; [samples.values.patient_id] holds whose they are.
format = "nonmem"
igg_unit = "{unit}"
{answers}amount_unit = "g"
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
"{central}" = "iv"
"""
UNDER_THE_SKIN: Final = f'"{DEPOT}" = "sc"\n'
"""Stands in the table only where a dose reads so: an entry that matches nothing is an error."""


def answers(cohort: Cohort) -> str:
    """The keys that answer what is asked about this cohort, so that nobody asks again."""
    return "".join(f'unusual_{name} = "as_given"\n' for name in sorted(cohort.as_given))


def numbers_of_patients(cohort: Cohort) -> pd.Series[int]:
    """The ID of each patient's records: the same number for all records of one patient."""
    people = [one for one in cohort.patient_ids if one not in cohort.records]
    number = {name: index for index, name in enumerate(people, start=1)}
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
        EVID=0,
        MDV=0,
        CMT=CENTRAL,
        DV=fewest_digits(igg / factor, lambda level: level * factor == igg),
        order=0,
        CENS=cohort.samples["limit"].map({"": 0, "below": 1, "above": -1}).astype(int),
    )
    duration = cohort.doses["duration_day"].to_numpy(dtype=np.float64)
    grams = cohort.doses["amount_g"].to_numpy(dtype=np.float64)
    rate = np.divide(grams, duration, out=np.zeros_like(grams), where=duration > 0)
    doses = cohort.doses.assign(
        EVID=1,
        MDV=1,
        AMT=grams,
        order=1,
        RATE=fewest_digits(rate, lambda one: grams / one == duration),
        CMT=np.where(cohort.doses["route"] == "sc", DEPOT, CENTRAL),
    )
    changes = pd.concat([pd.DataFrame(), *(_therapy_rows(patient) for patient in cohort.each_patient())])
    rows = pd.concat([samples, doses, changes], ignore_index=True)
    resets = rows[rows["patient_id"].isin(list(cohort.records))].groupby("patient_id", as_index=False)["day"].min()
    rows = pd.concat([rows, resets.assign(EVID=3, MDV=1, order=-1)], ignore_index=True)
    index = pd.Series(range(len(weight)), index=weight.index)
    rows = rows.assign(ID=rows["patient_id"].map(number), WT=rows["patient_id"].map(weight), TIME=rows["day"])
    rows = rows.assign(record=rows["patient_id"].map(index))
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
    header = HEADER.format(unit=cohort.igg_unit, answers=answers(cohort), events=EVENT_FILE, central=CENTRAL)
    header += UNDER_THE_SKIN if bool((events["CMT"] == DEPOT).any()) else ""
    number = numbers_of_patients(cohort)[lambda one: one.isin(events["ID"]) & ~one.duplicated()]
    ids = [f"{index} = {json.dumps(name, ensure_ascii=False)}" for name, index in number.items()]
    text = "\n".join([header.rstrip(), "", "[samples.values.patient_id]", *ids]).replace("\x7f", "\\u007f")
    (folder / MAPPING_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


ADPC_FILE: Final = "adpc.csv"
ADPC_NAMES: Final = frozenset({ADPC_FILE, "adsl.csv", MAPPING_NAME, "therapy.csv", "outcomes.csv"})
ADPC_COLUMNS: Final = (
    "STUDYID",
    "USUBJID",
    "PARAMCD",
    "PARAM",
    "AVAL",
    "AVALC",
    "AVALU",
    "AFRLT",
    "FRLTU",
    "DOSEA",
    "DOSEU",
    "ROUTE",
    "ADOSEDUR",
    "DOSETRT",
)
ADPC_HEADER: Final = """\
# Written by igkinetics export. Levels and doses are in adpc.csv, people in adsl.csv.
format = "adam"
igg_unit = "{unit}"
{answers}[doses]
same_dose = "sum"
"""
ROUTES: Final = {"iv": "INTRAVENOUS", "sc": "SUBCUTANEOUS"}


def adpc_table(cohort: Cohort) -> pd.DataFrame:
    """ADPC_COLUMNS, a row for each sample (PARAMCD IGG) and dose (PARAMCD DOSE), by patient and time.

    AFRLT and ADOSEDUR are in days (FRLTU); AFRLT counts from the cohort's own day 0, not from the first dose. A level
    beyond a limit has its sign in AVALC, and the limit in AVAL.
    """
    factor, igg = G_PER_L_IN[cohort.igg_unit], cohort.samples["igg"].to_numpy(dtype=np.float64)
    level = np.asarray(fewest_digits(igg / factor, lambda one: one * factor == igg), dtype=np.float64)
    sign = cohort.samples["limit"].map({"": "", "below": "<", "above": ">"}).astype(str).to_numpy()
    written = np.array([f"{one}{value!r}" if one else "" for one, value in zip(sign, level.tolist(), strict=True)])
    samples = cohort.samples.assign(
        PARAMCD="IGG", PARAM="Immunoglobulin G", AVAL=level, AVALC=written, AVALU=cohort.igg_unit, order=0
    )
    doses = cohort.doses.assign(
        PARAMCD="DOSE",
        PARAM="Immunoglobulin dose",
        AVAL=cohort.doses["amount_g"],
        AVALU="g",
        order=1,
        DOSEA=cohort.doses["amount_g"],
        DOSEU="g",
        ROUTE=cohort.doses["route"].map(ROUTES),
        ADOSEDUR=cohort.doses["duration_day"],
        DOSETRT=cohort.doses["product"],
    )
    rows = pd.concat([samples, doses], ignore_index=True)
    index = rows["patient_id"].map({one: number for number, one in enumerate(cohort.patient_ids)})
    rows = rows.assign(USUBJID=rows["patient_id"], AFRLT=rows["day"], FRLTU="DAYS", STUDYID=cohort.name, place=index)
    rows = rows.sort_values(["place", "AFRLT", "order"], kind="stable")
    return rows.reindex(columns=list(ADPC_COLUMNS)).reset_index(drop=True)


def write_adpc(cohort: Cohort, folder: Path) -> None:
    """adpc.csv, adsl.csv, their cohort.toml, and therapy, outcomes (deaths too) and covariates by day as tables."""
    adpc_table(cohort).to_csv(folder / ADPC_FILE, index=False, lineterminator="\n")
    people = cohort.patients
    adsl = pd.DataFrame(
        {
            "STUDYID": cohort.name,
            "USUBJID": people["patient_id"],
            "ARM": people["group"],
            "SEX": people["sex"],
            "AGE": people["age_y"],
            "AGEU": "YEARS",
            "WTBL": people["weight_kg"],
            "WTBLU": "kg",
        }
    )
    adsl.to_csv(folder / "adsl.csv", index=False, lineterminator="\n")
    therapy = cohort.therapy.drop(columns="line").assign(stop=cohort.therapy["stop"].replace(np.inf, np.nan))
    dead = people[people["death"].notna()]
    deaths = pd.DataFrame({"patient_id": dead["patient_id"], "day": dead["death"], "outcome": "death"})
    known = set(cohort.outcomes.loc[cohort.outcomes["outcome"] == "death", "patient_id"])
    deaths = deaths[~deaths["patient_id"].isin(known)]
    outcomes = pd.concat([cohort.outcomes.drop(columns="line", errors="ignore"), deaths])
    for name, table in (("therapy", therapy), ("outcomes", outcomes), ("covariates", cohort.covariates)):
        if not table.empty:
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    header = ADPC_HEADER.format(unit=cohort.igg_unit, answers=answers(cohort))
    (folder / MAPPING_NAME).write_text(header, encoding="utf-8", newline="\n")
