"""The patients and the outcomes table: who they are, and what became of them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from igkinetics.cohort.mapping.keys import OutcomesMapping
from igkinetics.cohort.model import FOLLOW_UP_ENDS, RESERVED_OUTCOMES
from igkinetics.cohort.outcomes import (
    INFECTION_NAMES,
    are_infections,
    compact,
    looks_like_an_end,
    looks_like_an_infection,
    meaning,
)
from igkinetics.cohort.parse.cells import Range, number_column, one_spelling, patient_column
from igkinetics.cohort.parse.findings import Finding, Mask, Scope, Table, refuse
from igkinetics.cohort.parse.parsed import Parsed, event_times, further_columns, whole_table, words_among_numbers
from igkinetics.cohort.parse.times import read_times
from igkinetics.cohort.parse.weights import weight_column
from igkinetics.errors import Problem, counted

HEIGHT = Range(low=20, high=260, unit="cm")
AGE = Range(low=0, high=125, unit="years")


def parse_patients(table: Table) -> Parsed:
    """Columns of the frame: those of PATIENT_COLUMNS (birth, death as moments), transplant, both ends' date_only.

    An error in a patient's row sets aside the patient: the row also holds the group and the death.
    """
    birth, findings = read_times(table, "birth", "either", needed=False)
    death, death_findings = read_times(table, "death", "either", needed=False)
    transplant, transplant_findings = read_times(table, "transplant", "either", needed=False)
    weight, weight_findings, problems = weight_column(table)
    height, height_findings = number_column(table, "height_cm", HEIGHT)
    age, age_findings = number_column(table, "age_y", AGE)
    if table.column("death") is not None:
        too_early = (death.moment < birth.moment) & (death.is_date == birth.is_date)
        findings += refuse(too_early, "death", table.text["death"], "must not be before birth")
    findings += death_findings + transplant_findings + weight_findings + height_findings + age_findings
    group, group_notes = one_spelling(_words(table, "group"), "patients", "group")
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "group": group,
            "weight_kg": weight,
            "height_cm": height,
            "sex": _words(table, "sex"),
            "age_y": age,
            "birth": birth.moment,
            "death": death.moment,
            "death_date_only": death.date_only,
            "transplant": transplant.moment,
            "transplant_date_only": transplant.date_only,
        }
    )
    return Parsed(
        table=table,
        frame=frame,
        extra=further_columns(table),
        times=(birth, death, transplant),
        problems=tuple(problems),
        notes=tuple(group_notes),
        findings=(
            *patient_column(table),
            *(replace(one, removes="patient") for one in findings),
            *words_among_numbers(table),
        ),
    )


def parse_outcomes(table: Table) -> Parsed:
    """Columns of the frame: patient_id, moment, date_only, outcome (reserved ones under their own name).

    Where the day of a death or transplant cannot be read, nobody knows which rows come after it: the patient
    is set aside.
    """
    times, findings = event_times(table)
    cells = table.column("outcome")
    written = pd.Series("", index=table.text.index, dtype=str) if cells is None else cells.str.strip()
    meant = {str(name): meaning(str(name)) for name in written.unique()}
    outcome = written.map(meant).astype(str)
    if cells is not None:
        findings += refuse((outcome == "").to_numpy(dtype=bool), "outcome", cells, "the name of an outcome")
    ends: Mask = outcome.isin(list(FOLLOW_UP_ENDS)).to_numpy(dtype=bool)
    findings = [part for one in findings for part in _split(one, ends)]
    frame = pd.DataFrame(
        {
            "patient_id": table.text["patient_id"],
            "moment": times.moment,
            "date_only": times.date_only,
            "outcome": outcome,
        }
    )
    return Parsed(
        table=table,
        frame=frame,
        extra=further_columns(table),
        times=(times,),
        findings=(*patient_column(table), *findings, *words_among_numbers(table)),
        problems=tuple(_absent_classes(table, outcome)),
        notes=(*_renamed(written, meant), *_not_infections(table, outcome)),
    )


def _stated_infections(table: Table) -> tuple[str, ...] | None:
    return table.settings.classes.get("infection") if isinstance(table.settings, OutcomesMapping) else None


def _absent_classes(table: Table, outcome: pd.Series[str]) -> list[Problem]:
    """A problem for every infection that cohort.toml names and no row has."""
    present = {compact(str(name)) for name in outcome.unique()}
    return [
        whole_table(table, "classes.infection", name, "no row has this outcome; take it out of the list")
        for name in _stated_infections(table) or ()
        if compact(name) not in present
    ]


def _not_infections(table: Table, outcome: pd.Series[str]) -> list[str]:
    """What is said of outcomes with the words of an infection that the list does not hold."""
    stated = _stated_infections(table)
    left = [
        str(name)
        for name in outcome.unique()
        if looks_like_an_infection(str(name)) and not looks_like_an_end(str(name))
    ]
    known = are_infections(pd.Series(left, dtype=str), stated or INFECTION_NAMES)
    open_names = [name for name, counts in zip(left, known, strict=True) if not counts]
    if not open_names or stated is not None:
        return []
    return [
        f"outcomes: {', '.join(map(repr, open_names))} not counted as infection; the outcomes that are can be listed: "
        "infection = [...] under [outcomes.classes] in cohort.toml"
    ]


def _renamed(written: pd.Series[str], meant: dict[str, str]) -> list[str]:
    """What is said of names that mean a reserved outcome without being spelt like it."""
    counts = written.value_counts(sort=False)
    return [
        f"outcomes: {name!r} ({counted(int(counts[name]), 'row')}) is read as {reserved}"
        + (", which ends follow-up" if reserved in FOLLOW_UP_ENDS else "")
        for name, reserved in meant.items()
        if name.lower() != reserved and reserved in RESERVED_OUTCOMES
    ]


def _split(finding: Finding, whole_patient: Mask) -> list[Finding]:
    """The finding, with those rows apart whose patient must be set aside."""
    chosen = whole_patient[finding.rows]
    scopes: tuple[tuple[Mask, Scope], ...] = ((chosen, "patient"), (~chosen, finding.removes))
    return [finding.part(some, removes) for some, removes in scopes if some.any()]


def _words(table: Table, name: str) -> pd.Series[str]:
    cells = table.column(name)
    return pd.Series("", index=table.text.index, dtype=str) if cells is None else cells.str.strip()
