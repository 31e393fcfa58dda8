"""What must not follow death, and what no longer counts after a transplant; values before birth."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.model import FOLLOW_UP_ENDS
from igkinetics.cohort.parse.findings import refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, Tables, by_date, lookup
from igkinetics.cohort.parse.times import TimeKind

MOMENT_COLUMN: Final[dict[TableName, str]] = {
    "samples": "moment",
    "doses": "moment",
    "therapy": "start",
    "outcomes": "moment",
}


def end_of_date(tables: Tables) -> Tables:
    """Deaths and transplants known only by their date count after everything of that date."""
    changed = dict(tables)
    for name, column, flag in (("patients", "death", "death_date_only"), ("outcomes", "moment", "date_only")):
        for table, parsed in tables.items():
            if table == name:
                changed[table] = _moved_behind(parsed, column, flag, tables)
    return changed


def _moved_behind(parsed: Parsed, column: str, flag: str, tables: Tables) -> Parsed:
    frame = parsed.frame
    chosen = frame[flag].astype(bool) & frame[column].notna()
    if "outcome" in frame:
        chosen &= frame["outcome"].isin(list(FOLLOW_UP_ENDS))
    ends = frame[chosen]
    if ends.empty:
        return parsed
    last = _last_of_date(tables, ends["patient"])
    later = last.reindex(by_date(ends["patient"], ends[column])).to_numpy(dtype=np.float64)
    moments = frame[column].copy()
    moments[ends.index] = np.fmax(ends[column].to_numpy(dtype=np.float64), later)
    n_moved = int((moments != frame[column])[ends.index].sum())
    note = f"{parsed.table.name}: {n_moved} ends of follow-up known only by date count after all of that date"
    notes = (*parsed.notes, note) if n_moved else parsed.notes
    return replace(parsed, frame=frame.assign(**{column: moments}), notes=notes)


def _last_of_date(tables: Tables, patients: pd.Series[int]) -> pd.Series[float]:
    """The last sample, dose or therapy start of each of these patients and of each date, by `by_date`."""
    parts = [
        tables[name].usable()[["patient", MOMENT_COLUMN[name]]].set_axis(["patient", "moment"], axis=1)
        for name in ("samples", "doses", "therapy")
        if name in tables
    ]
    concerned = patients.unique()
    rows = pd.concat([part[part["patient"].isin(concerned)] for part in parts], ignore_index=True).dropna()
    return rows["moment"].groupby(by_date(rows["patient"], rows["moment"])).max()


def check_follow_up(tables: Tables, kind: TimeKind) -> Tables:
    """Rows after death or before birth are errors; samples after a transplant are set aside."""
    birth = _first(tables, "patients", "birth")
    written = {"death": _deaths(tables), "hsct": _of_outcome(tables, "hsct")}
    tables = end_of_date(tables)
    effective = {"death": _deaths(tables), "hsct": _of_outcome(tables, "hsct")}
    checked = dict(tables)
    if birth.empty and all(moments.empty for moments in effective.values()):
        return checked
    for name, column in MOMENT_COLUMN.items():
        if name not in tables:
            continue
        parsed = tables[name]
        moment, patient = parsed.frame[column].to_numpy(dtype=np.float64), parsed.frame["patient"]
        shown = parsed.times[0].column
        cells = parsed.table.text[shown]
        comparable = parsed.times[0].is_date == (kind == "dates")
        moment = np.where(comparable, moment, np.nan)
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


def _texts(form: str, patients: pd.Series[int], moments: pd.Series[float], kind: TimeKind) -> list[str]:
    return [form.format(_shown(moment, kind)) for moment in lookup(patients, moments)]


def check_one_death(tables: Tables, kind: TimeKind) -> Tables:
    """The day of death in both files must be the same (the same date where one is known only by date)."""
    if "patients" not in tables or "outcomes" not in tables:
        return tables
    outcomes = tables["outcomes"]
    said = lookup(outcomes.frame["patient"], _first(tables, "patients", "death"))
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
    return tables[name].usable().groupby("patient")[column].min().dropna()


def _of_outcome(tables: Tables, outcome: str) -> pd.Series[float]:
    if "outcomes" not in tables:
        return pd.Series(dtype=np.float64)
    rows = tables["outcomes"].usable()
    return rows[rows["outcome"] == outcome].groupby("patient")["moment"].min().dropna()


def _deaths(tables: Tables) -> pd.Series[float]:
    both = pd.concat([_first(tables, "patients", "death"), _of_outcome(tables, "death")])
    return both.groupby(level=0).min()


def _shown(moment: float, kind: TimeKind) -> str:
    if kind == "days":
        return f"day {moment:g}"
    stamp = (pd.Timestamp(0) + pd.Timedelta(days=moment)).round("s")
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)
