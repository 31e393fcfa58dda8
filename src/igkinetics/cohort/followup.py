"""What must not follow death, and what no longer counts after a transplant; values before birth."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.contract import TableName
from igkinetics.cohort.findings import refuse, warn
from igkinetics.cohort.parsed import Tables, lookup
from igkinetics.cohort.times import TimeKind

MOMENT_COLUMN: Final[dict[TableName, str]] = {
    "samples": "moment",
    "doses": "moment",
    "therapy": "start",
    "outcomes": "moment",
}


def end_of_date(tables: Tables) -> Tables:
    """Deaths and transplants known only by their date count after everything of that date."""
    last = _last_of_date(tables)
    changed = dict(tables)
    for name, column, flag in (("patients", "death", "death_date_only"), ("outcomes", "moment", "date_only")):
        for table, parsed in tables.items():
            if table == name:
                frame = parsed.frame.copy()
                ends = (
                    frame["outcome"].isin(["death", "hsct"]) if name == "outcomes" else frame[column].notna()
                )
                rows = frame.index[frame[flag].astype(bool) & ends & frame[column].notna()]
                key = pd.MultiIndex.from_arrays(
                    [frame.loc[rows, "patient_id"], np.floor(frame.loc[rows, column])]
                )
                later = last.reindex(key).to_numpy(dtype=np.float64)
                frame.loc[rows, column] = np.fmax(frame.loc[rows, column].to_numpy(dtype=np.float64), later)
                changed[table] = replace(parsed, frame=frame)
    return changed


def _last_of_date(tables: Tables) -> pd.Series[float]:
    """The last sample, dose or therapy start of each patient and date."""
    parts = [
        tables[name].usable()[["patient_id", MOMENT_COLUMN[name]]].set_axis(["patient_id", "moment"], axis=1)
        for name in ("samples", "doses", "therapy")
        if name in tables
    ]
    moments = pd.concat(parts, ignore_index=True).dropna()
    return moments.groupby(["patient_id", np.floor(moments["moment"])])["moment"].max()


def check_follow_up(tables: Tables, kind: TimeKind) -> Tables:
    """Rows after death or before birth are errors; samples after a transplant are set aside."""
    birth = _first(tables, "patients", "birth")
    written = {"death": _deaths(tables), "hsct": _of_outcome(tables, "hsct")}
    tables = end_of_date(tables)
    effective = {"death": _deaths(tables), "hsct": _of_outcome(tables, "hsct")}
    checked = dict(tables)
    for name, column in MOMENT_COLUMN.items():
        if name not in tables:
            continue
        parsed = tables[name]
        moment, patient = parsed.frame[column].to_numpy(dtype=np.float64), parsed.frame["patient_id"]
        shown = parsed.times[0].column
        cells = parsed.table.text[shown]
        dead, unborn = moment > lookup(patient, effective["death"]), moment < lookup(patient, birth)
        if name == "outcomes":
            dead &= (parsed.frame["outcome"] != "death").to_numpy(dtype=bool)
        findings = refuse(
            dead, shown, cells, _texts("after death ({})", patient[dead], written["death"], kind)
        )
        findings += refuse(unborn, shown, cells, _texts("before birth ({})", patient[unborn], birth, kind))
        if name == "samples":
            ended = (moment > lookup(patient, effective["hsct"])) & ~dead
            texts = _texts(
                "after transplant ({}): follow-up has ended", patient[ended], written["hsct"], kind
            )
            findings += warn(ended, shown, cells, texts, "row set aside", removes="row")
        checked[name] = parsed.with_findings(findings)
    return checked


def _texts(form: str, patients: pd.Series[str], moments: pd.Series[float], kind: TimeKind) -> list[str]:
    return [form.format(_shown(moment, kind)) for moment in lookup(patients, moments)]


def check_one_death(tables: Tables, kind: TimeKind) -> Tables:
    """The day of death in both files must be the same (the same date where one is known only by date)."""
    if "patients" not in tables or "outcomes" not in tables:
        return tables
    outcomes = tables["outcomes"]
    said = lookup(outcomes.frame["patient_id"], _first(tables, "patients", "death"))
    moment = outcomes.frame["moment"].to_numpy(dtype=np.float64)
    is_death = (outcomes.frame["outcome"] == "death").to_numpy(dtype=bool)
    mask = is_death & (np.floor(said) != np.floor(moment)) & ~np.isnan(said) & ~np.isnan(moment)
    texts = [f"the patients table says {_shown(day, kind)}" for day in said[mask]]
    column = outcomes.times[0].column
    cells = outcomes.table.text[column]
    return {**tables, "outcomes": outcomes.with_findings(refuse(mask, column, cells, texts, "patient"))}


def _first(tables: Tables, name: TableName, column: str) -> pd.Series[float]:
    if name not in tables:
        return pd.Series(dtype=np.float64)
    return tables[name].usable().groupby("patient_id")[column].min().dropna()


def _of_outcome(tables: Tables, outcome: str) -> pd.Series[float]:
    if "outcomes" not in tables:
        return pd.Series(dtype=np.float64)
    rows = tables["outcomes"].usable()
    return rows[rows["outcome"] == outcome].groupby("patient_id")["moment"].min().dropna()


def _deaths(tables: Tables) -> pd.Series[float]:
    both = pd.concat([_first(tables, "patients", "death"), _of_outcome(tables, "death")])
    return both.groupby(level=0).min()


def _shown(moment: float, kind: TimeKind) -> str:
    if kind == "days":
        return f"day {moment:g}"
    stamp = (pd.Timestamp(0) + pd.Timedelta(days=moment)).round("s")
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)
