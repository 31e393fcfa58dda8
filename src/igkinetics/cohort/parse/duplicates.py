"""Rows that say the same thing twice (used once, with a warning) or contradict each other (an error)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.keys import DosesMapping, PatientsMapping
from igkinetics.cohort.parse.findings import Finding, Scope, for_the_first, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.cohort.parse.weights import has_days
from igkinetics.errors import counted

USED_ONCE = "used once"
SAMPLE_VALUES = ("igg", "limit")
DOSE_VALUES = ("amount_g", "amount_g_per_kg", "duration_day", "route", "product")
IMPLIED_DOSES = ("interval_day", "n_more", "steady")
"""What a row of an event file says beyond its own dose."""
MOST_LINES = 20
SAME_ROW = "the same as an earlier row"
ONE_DOSE = (
    'the same as an earlier row, so left out; if both were given (vials, sites), write same_dose = "sum" under [doses] '
    'in cohort.toml, else same_dose = "one"'
)


def check_samples(parsed: Parsed) -> Parsed:
    """At one moment a patient has one IgG."""
    shared = _sharing_a_moment(parsed.usable())
    parsed, once = _identical(parsed, ("patient", "moment", *SAMPLE_VALUES), "igg", shared)
    twice = once[once.duplicated(["patient", "moment"], keep=False)]
    findings = _contradictions(
        parsed,
        twice,
        ["patient", "moment"],
        "igg",
        "row",
        "one value per patient and time; {others} another: give times of day, or keep one",
    )
    return parsed.with_findings(findings)


def check_doses(parsed: Parsed) -> Parsed:
    """Different doses at one time are all given (vials, sites); only identical rows are doubtful.

    They are one dose that was entered twice, unless the mapping says that their sum was given.
    """
    key = ("patient", "moment", *DOSE_VALUES, *(name for name in IMPLIED_DOSES if name in parsed.frame))
    settings = parsed.table.settings
    rule = settings.same_dose if isinstance(settings, DosesMapping) else None
    if rule == "sum":
        again = int(parsed.usable().duplicated(list(key)).sum())
        note = f'doses: {counted(again, "row")} the same as an earlier one, given as well (same_dose = "sum")'
        return replace(parsed, notes=(*parsed.notes, *([note] if again else [])))
    return _identical(parsed, key, _first_column(parsed, "amount"), expected=SAME_ROW if rule else ONE_DOSE)[0]


def check_therapy(parsed: Parsed) -> Parsed:
    return _identical(parsed, ("patient", "start", "stop", "agent"), "start")[0]


def check_outcomes(parsed: Parsed) -> Parsed:
    """The same outcome at one time counts once; a patient dies on one day."""
    parsed, once = _identical(parsed, ("patient", "moment", "outcome"), "outcome")
    deaths = once[(once["outcome"] == "death") & once["moment"].notna()]
    twice = deaths[deaths.duplicated("patient", keep=False)]
    findings = _contradictions(
        parsed, twice, ["patient"], parsed.times[0].column, "patient", "one day of death; {others} another"
    )
    return parsed.with_findings(findings)


def check_weights(parsed: Parsed) -> Parsed:
    """At one time a patient has one weight."""
    parsed, once = _identical(parsed, ("patient", "moment", "weight_kg"), "patient_id")
    twice = once[once.duplicated(["patient", "moment"], keep=False) & once["moment"].notna()]
    expected = "one weight per patient and time; {others} another"
    return parsed.with_findings(_contradictions(parsed, twice, ["patient", "moment"], "patient_id", "row", expected))


def check_covariates(parsed: Parsed) -> Parsed:
    """At one time a covariate has one value; rows of one time may hold different covariates."""
    values = parsed.extra.astype(object).where(parsed.extra.notna(), "").astype(str)
    rows = parsed.usable().join(values.add_prefix("covariate "))
    names = tuple(values.add_prefix("covariate ").columns)
    parsed, once = _identical(parsed, ("patient", "moment", *names), "patient_id", rows)
    twice = once[once.duplicated(["patient", "moment"], keep=False) & once["moment"].notna()]
    findings: list[Finding] = []
    for name in names:
        filled = twice[twice[name] != ""]
        apart = filled[filled.groupby(["patient", "moment"])[name].transform("nunique") > 1]
        column = name.removeprefix("covariate ")
        expected = "one value per patient and time; {others} another"
        findings += _contradictions(parsed, apart, ["patient", "moment"], column, "row", expected)
    return parsed.with_findings(findings)


def check_patients(parsed: Parsed) -> Parsed:
    """One row for each patient, or the first or last of several where the mapping says `repeated`."""
    rows = parsed.usable()
    settings = parsed.table.settings
    rule = settings.repeated if isinstance(settings, PatientsMapping) else "error"
    if rule != "error":
        surplus = rows.index[rows.duplicated("patient", keep=rule)]
        cells = parsed.table.text["patient_id"]
        findings = [
            replace(one, listed=False)
            for one in warn(parsed.rows(surplus), "patient_id", cells, f"repeated = {rule}", "row set aside", "row")
        ]
        note = [f'patients: {counted(len(surplus), "further row")} of a patient set aside (repeated = "{rule}")']
        return replace(parsed.with_findings(findings), notes=(*parsed.notes, *(note if len(surplus) else [])))
    if has_days(parsed.table):
        return _weighed_again(parsed)
    complete = pd.concat([parsed.frame, parsed.extra.add_prefix("covariate ")], axis=1)
    key = ("patient", *complete.columns.drop("patient"))
    parsed, once = _identical(parsed, key, "patient_id", complete.loc[parsed.usable().index])
    twice = once[once.duplicated("patient", keep=False)]
    findings = _contradictions(
        parsed,
        twice,
        ["patient"],
        "patient_id",
        "patient",
        'one row per patient; {others} different values: keep one, or state repeated = "first" or "last" '
        "under [patients]",
    )
    return parsed.with_findings(findings)


def _weighed_again(parsed: Parsed) -> Parsed:
    """Further rows of a patient hold the weights of other days; everything else in them must be the same."""
    rows = parsed.usable()
    complete = pd.concat([parsed.frame.drop(columns="weight_kg"), parsed.extra.add_prefix("covariate ")], axis=1)
    complete = complete.loc[rows.index]
    distinct = complete[~complete.duplicated(["patient", *complete.columns.drop("patient")])]
    twice = distinct[distinct.duplicated("patient", keep=False)]
    expected = "one row per patient and day that differ in weight only; {others} other values"
    parsed = parsed.with_findings(_contradictions(parsed, twice, ["patient"], "patient_id", "patient", expected))
    surplus = rows.index[rows.duplicated("patient")]
    cells = parsed.table.text["patient_id"]
    again = warn(parsed.rows(surplus), "patient_id", cells, "a weight of another day", "read for its weight", "row")
    note = f"patients: {counted(len(surplus), 'further row')} of a patient read for the weight of its day"
    return replace(
        parsed.with_findings(replace(one, listed=False) for one in again),
        notes=(*parsed.notes, *([note] if len(surplus) else [])),
    )


def _identical(
    parsed: Parsed,
    key: tuple[str, ...],
    column: str,
    rows: pd.DataFrame | None = None,
    expected: str = SAME_ROW,
) -> tuple[Parsed, pd.DataFrame]:
    """Warn of every repetition of an identical row; returns also the rows that are left.

    rows: those that may repeat each other; None: all that can be used.
    """
    usable = parsed.usable() if rows is None else rows
    again = usable.duplicated(list(key), keep="first")
    if not again.any():
        return parsed, usable
    cells = parsed.table.text[column]
    mask = parsed.rows(usable.index[again])
    parsed = parsed.with_findings(warn(mask, column, cells, expected, USED_ONCE, removes="row"))
    return parsed, usable[~again]


def _sharing_a_moment(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of which another one has the same patient and moment."""
    order = time_order(rows)
    patient, moment = rows["patient"].to_numpy()[order], rows["moment"].to_numpy(dtype=np.float64)[order]
    same = (patient[1:] == patient[:-1]) & (moment[1:] == moment[:-1])
    shared = np.append(same, False) | np.append(False, same) if len(rows) else np.zeros(0, dtype=bool)
    sharing: pd.DataFrame = rows.iloc[np.sort(order[shared])]
    return sharing


def _contradictions(
    parsed: Parsed, rows: pd.DataFrame, key: list[str], column: str, removes: Scope, expected: str
) -> list[Finding]:
    """An error for each of these rows; `{others}` becomes the lines of the other rows of its group."""
    if rows.empty:
        return []
    table, index = parsed.table, np.sort(rows.index.to_numpy())
    group = rows.groupby(key, sort=False).ngroup().sort_index().to_numpy()
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(group.max() + 2))

    def others(one: int) -> str:
        """The lines of the first other rows of the group."""
        mine = index[order[bounds[group[one]] : bounds[group[one] + 1]]]
        rest = [row for row in mine[: MOST_LINES + 1] if row != index[one]][:MOST_LINES]
        own = table.file_code[index[one]]
        code = [table.file_code[row] for row in rest]
        where = ["" if other == own else f" of {table.files[other]}" for other in code]
        lines = [f"{table.line[row]}{file}" for row, file in zip(rest, where, strict=True)]
        more = f" and {len(mine) - 1 - len(rest)} more" if len(mine) - 1 > len(rest) else ""
        return f"line {lines[0]} has" if len(mine) == 2 else f"lines {', '.join(lines)}{more} have"

    texts = for_the_first(
        len(index), lambda one: expected.format(others=others(one)), expected.format(others="other lines have")
    )
    return refuse(parsed.rows(rows.index), column, table.text[column], texts, removes)


def _first_column(parsed: Parsed, start: str) -> str:
    return next((name for name in parsed.table.text.columns if name.startswith(start)), "patient_id")
