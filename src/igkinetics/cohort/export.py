"""A cohort as a NONMEM event file, beside the tables that no event file can hold; `read_cohort` reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.locate import EVENT_FILE, MAPPING_NAME
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.units import G_PER_L_IN

COLUMNS: Final = ("ID", "TIME", "EVID", "MDV", "AMT", "RATE", "CMT", "DV", "CENS", "WT", "THERAPY")
DEPOT, CENTRAL = 1, 2
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
[doses.columns]
route = "CMT"
[doses.values.route]
"{depot}" = "sc"
"{central}" = "iv"
"""


def event_table(cohort: Cohort) -> pd.DataFrame:
    """COLUMNS, numbers only: samples EVID 0, doses 1, starts and stops of therapy 2; day, g, the cohort's unit of IgG.

    ID counts patients from 1 in the order of the cohort. At one time samples come before doses, as the model has it.
    SC doses go into compartment 1, IV doses and samples belong to 2. THERAPY is 1 while B cells are depleted.
    """
    number = pd.Series(np.arange(1, len(cohort.patients) + 1), index=pd.Index(cohort.patients["patient_id"]))
    weight = pd.Series(cohort.patients["weight_kg"].to_numpy(), index=number.index)
    factor = G_PER_L_IN[cohort.igg_unit]
    samples = cohort.samples.assign(
        EVID=0, MDV=0, CMT=CENTRAL, DV=in_unit(cohort.samples["igg"].to_numpy(dtype=np.float64), factor), order=0,
        CENS=cohort.samples["limit"].map({"": 0, "below": 1, "above": -1}).astype(int),
    )  # fmt: skip
    duration = cohort.doses["duration_day"].to_numpy(dtype=np.float64)
    grams = cohort.doses["amount_g"].to_numpy(dtype=np.float64)
    doses = cohort.doses.assign(
        EVID=1, MDV=1, AMT=grams, order=1,
        RATE=np.divide(grams, duration, out=np.zeros_like(grams), where=duration > 0),
        CMT=np.where(cohort.doses["route"] == "sc", DEPOT, CENTRAL),
    )  # fmt: skip
    changes = pd.concat([pd.DataFrame(), *(_therapy_rows(patient) for patient in cohort.each_patient())])
    rows = pd.concat([samples, doses, changes], ignore_index=True)
    rows = rows.assign(ID=rows["patient_id"].map(number), WT=rows["patient_id"].map(weight), TIME=rows["day"])
    rows = rows.sort_values(["ID", "TIME", "order"], kind="stable")
    rows["THERAPY"] = rows["THERAPY"].groupby(rows["ID"]).ffill().fillna(0).astype(int)
    whole = dict.fromkeys(("ID", "EVID", "MDV", "CMT", "CENS", "THERAPY"), "Int64")
    return rows.reindex(columns=list(COLUMNS)).astype(whole).reset_index(drop=True)


def _therapy_rows(patient: Patient) -> pd.DataFrame:
    stops = patient.therapy_stop[np.isfinite(patient.therapy_stop)]
    on = np.repeat([1, 0], [patient.therapy_start.size, stops.size])
    day = np.append(patient.therapy_start, stops)
    rows = {"patient_id": patient.patient_id, "day": day, "EVID": 2, "MDV": 1, "order": 2, "THERAPY": on}
    return pd.DataFrame(rows)


def in_unit(igg_g_per_l: np.ndarray[tuple[int, ...], np.dtype[np.float64]], factor: float) -> pd.Series[float]:
    """IgG in the cohort's unit, as a number that comes back as exactly the same g/L where there is one."""
    plain = igg_g_per_l / factor
    best = plain.copy()
    for candidate in (np.nextafter(plain, -np.inf), np.nextafter(plain, np.inf), np.round(plain, 6), plain):
        best = np.where(candidate * factor == igg_g_per_l, candidate, best)
    return pd.Series(best)


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
    names = [json.dumps(one, ensure_ascii=False) for one in cohort.patient_ids]
    ids = [f"{number} = {name}" for number, name in enumerate(names, start=1)]
    text = "\n".join([header, "[samples.values.patient_id]", *ids]).replace("\x7f", "\\u007f")
    (folder / MAPPING_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")
