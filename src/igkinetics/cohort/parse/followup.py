"""What must not follow death, and what no longer counts after a transplant; values before birth."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.contract import TableName
from igkinetics.cohort.mapping.headings import rank
from igkinetics.cohort.model import FOLLOW_UP_ENDS
from igkinetics.cohort.outcomes import looks_like_an_end, meaning
from igkinetics.cohort.parse.findings import Finding, Mask, Texts, for_each, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, Tables, by_date, lookup
from igkinetics.cohort.parse.times import TimeKind
from igkinetics.errors import counted

MOMENT_COLUMN: Final[dict[TableName, str]] = {
    "samples": "moment",
    "doses": "moment",
    "therapy": "start",
    "outcomes": "moment",
    "weights": "moment",
    "covariates": "moment",
}

PATIENT_COLUMN: Final = {"death": "death", "hsct": "transplant"}
"""The column of the patients table that tells an end of follow-up."""


TRUE_WORDS: Final = frozenset({"1", "1.0", "y", "yes", "true", "t", "x", "j", "ja", "oui", "si", "sí"})
"""In small letters: what a column of yes and no has for yes."""
FLAGS_FOR_DAYS: Final = frozenset({"0", "1"})
SHOWN: Final = 5


def end_of_date(tables: Tables) -> Tables:
    """Deaths and transplants known only by their date count after everything of that date."""
    changed = dict(tables)
    if "patients" in tables:
        for column in ("death", "transplant"):
            changed["patients"] = _moved_behind(changed["patients"], column, f"{column}_date_only", tables)
    if "outcomes" in tables:
        changed["outcomes"] = _moved_behind(tables["outcomes"], "moment", "date_only", tables)
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


OF_BEFORE: Final = (
    ", before all samples of this patient; a transplant of before this record belongs in no table but as a covariate"
)


def check_follow_up(tables: Tables, kind: TimeKind) -> Tables:
    """Rows after death or before birth are errors; samples after a transplant are set aside."""
    birth = _first(tables, "patients", "birth")
    written = {reserved: _ends(tables, reserved) for reserved in FOLLOW_UP_ENDS}
    tables = end_of_date(tables)
    effective = {reserved: _ends(tables, reserved) for reserved in FOLLOW_UP_ENDS}
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
        findings = refuse(dead, shown, cells, _texts("after death ({})", patient[dead], written["death"], kind))
        findings += refuse(unborn, shown, cells, _texts("before birth ({})", patient[unborn], birth, kind))
        if name == "samples":
            ended = (moment > lookup(patient, effective["hsct"])) & ~dead
            texts = _texts("after transplant ({}): follow-up has ended", patient[ended], written["hsct"], kind)
            texts = texts + np.where(_all_of_their_patient(ended, patient), OF_BEFORE, "").astype(object)[ended]
            findings += warn(ended, shown, cells, texts, "row set aside", removes="row")
        checked[name] = parsed.with_findings(findings)
    return checked


def _all_of_their_patient(rows: Mask, patient: pd.Series[int]) -> Mask:
    """Whether all rows of a row's patient are among them."""
    every: Mask = pd.Series(rows, index=patient.index).groupby(patient).transform("all").to_numpy(dtype=bool)
    return every


def _texts(form: str, patients: pd.Series[int], moments: pd.Series[float], kind: TimeKind) -> Texts:
    return for_each(lookup(patients, moments), lambda moment: form.format(_shown(moment, kind)))


def check_one_end(tables: Tables, kind: TimeKind) -> Tables:
    """The day of death in both files must be the same (the same date where one is known only by date).

    So must that of the transplant, unless the outcomes know of several.
    """
    if "patients" not in tables or "outcomes" not in tables:
        return tables
    outcomes = tables["outcomes"]
    moment = outcomes.frame["moment"].to_numpy(dtype=np.float64)
    column = outcomes.times[0].column
    cells = outcomes.table.text[column]
    findings: list[Finding] = []
    for reserved, own_column in PATIENT_COLUMN.items():
        said = lookup(outcomes.frame["patient"], _first(tables, "patients", own_column))
        first = lookup(outcomes.frame["patient"], _of_outcome(tables, reserved))
        concerned = (outcomes.frame["outcome"] == reserved).to_numpy(dtype=bool)
        if reserved != "death":
            concerned = concerned & (moment == first)
        mask = concerned & (np.floor(said) != np.floor(moment)) & ~np.isnan(said) & ~np.isnan(moment)
        texts = [f"the patients table says {_shown(day, kind)}" for day in said[mask]]
        findings += refuse(mask, column, cells, texts, "patient")
    return {**tables, "outcomes": outcomes.with_findings(findings)}


def check_what_looks_like_an_end(tables: Tables) -> Tables:
    """Warn once of an outcome that has the words of a transplant or a death, where the patient has neither."""
    if "outcomes" not in tables:
        return tables
    outcomes = tables["outcomes"]
    names = outcomes.frame["outcome"]
    patients = outcomes.frame["patient"]
    findings: list[Finding] = []
    for name in names.unique():
        if not (reserved := looks_like_an_end(str(name))):
            continue
        rows = names.index[(names == name) & ~patients.isin(_ends(tables, reserved).index) & (patients >= 0)]
        if len(rows) == 0:
            continue
        what = "a transplant" if reserved == "hsct" else "a death"
        expected = (
            f"looks like {what} and does not end follow-up ({counted(len(rows), 'patient row')} without one); if it "
            f'should, write "{name}" = "{reserved}" under [outcomes.values.outcome] in cohort.toml'
        )
        findings += warn(outcomes.rows(rows[:1]), "outcome", outcomes.table.text["outcome"], expected, "used as it is")
    return {**tables, "outcomes": outcomes.with_findings(findings)}


def check_flags_for_days(tables: Tables) -> Tables:
    """Refuse ends of follow-up that are all 0 or 1: flags, not days."""
    if "patients" not in tables:
        return tables
    patients = tables["patients"]
    findings: list[Finding] = []
    for column in PATIENT_COLUMN.values():
        cells = patients.table.column(column)
        if cells is None or not set(cells.str.strip()) - {""} <= FLAGS_FOR_DAYS:
            continue
        rows = cells.str.strip().isin(FLAGS_FOR_DAYS).to_numpy(dtype=bool)
        told = "a day is needed, and 0 and 1 read like no and yes; leave the cell empty where there was none"
        findings += refuse(rows, column, cells, told, "patient")
    return {**tables, "patients": patients.with_findings(findings)}


def check_ends_without_a_day(tables: Tables) -> Tables:
    """Warn of patients who are said to have died, or had a transplant, without a day of it: follow-up goes on."""
    if "patients" not in tables:
        return tables
    patients = tables["patients"]
    who = patients.frame["patient"]
    ids = patients.table.text["patient_id"]
    findings: list[Finding] = []
    for column in patients.extra.columns:
        cells = patients.table.text[column]
        for reserved, own_column in PATIENT_COLUMN.items():
            told = _tells(str(column), cells, reserved, own_column)
            rows = who.index[told & ~who.isin(_ends(tables, reserved).index) & (who >= 0)]
            if len(rows) == 0:
                continue
            what = "died" if reserved == "death" else "had a transplant"
            shown = ", ".join(ids[rows[:SHOWN]]) + (", ..." if len(rows) > SHOWN else "")
            expected = (
                f"{counted(len(rows), 'patient')} {what} ({shown}) on a day that no table tells: follow-up goes on to "
                f"the last sample; give the day in a column {own_column}, or in a row {reserved} of the outcomes"
            )
            findings += warn(patients.rows(rows[:1]), str(column), cells, expected, "used as it is")
    return {**tables, "patients": patients.with_findings(findings)}


def _tells(column: str, cells: pd.Series[str], reserved: str, own_column: str) -> pd.Series[bool]:
    """Cells that name this end, and a yes in a column whose heading does."""
    words = cells.str.strip()
    named = {str(word): meaning(str(word)) == reserved for word in words.unique()}
    told = words.map(named).astype(bool)
    if rank("patients", own_column, column) is not None or meaning(column) == reserved:
        told |= words.str.casefold().isin(TRUE_WORDS)
    return told


def _first(tables: Tables, name: TableName, column: str) -> pd.Series[float]:
    if name not in tables:
        return pd.Series(dtype=np.float64)
    return tables[name].usable().groupby("patient")[column].min().dropna()


def _of_outcome(tables: Tables, outcome: str) -> pd.Series[float]:
    if "outcomes" not in tables:
        return pd.Series(dtype=np.float64)
    rows = tables["outcomes"].usable()
    return rows[rows["outcome"] == outcome].groupby("patient")["moment"].min().dropna()


def _ends(tables: Tables, reserved: str) -> pd.Series[float]:
    """The first death or transplant of each patient, whichever table tells it."""
    both = pd.concat([_first(tables, "patients", PATIENT_COLUMN[reserved]), _of_outcome(tables, reserved)])
    return both.groupby(level=0).min()


def _shown(moment: float, kind: TimeKind) -> str:
    if kind == "days":
        return f"day {moment:g}"
    stamp = (pd.Timestamp(0) + pd.Timedelta(days=moment)).round("s")
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)
