"""The group table of a cohort study: nadirs, times, outcomes, sampling, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.outcomes import patients_with_outcomes
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.compare.tables import (
    Floats,
    first_below,
    limit_notes,
    measured_row,
    outcome_row,
    percent,
    sampling_table,
    time_row,
)
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.options import FitOptions
from igkinetics.output.answer import Answer
from igkinetics.parallel import Progress
from igkinetics.units import g_per_l

COMPARE_COLUMNS: Final = (
    "variable",
    "group_a",
    "group_b",
    "n_a",
    "n_b",
    "count_a",
    "count_b",
    "value_a",
    "lower_a",
    "upper_a",
    "value_b",
    "lower_b",
    "upper_b",
    "estimate",
    "lower",
    "upper",
    "test",
    "p",
    "unit",
    "level",
    "note",
)
MEASURES: Final = {
    "raw_nadir": "raw_nadir",
    "fitted_nadir": "fitted_nadir",
    "days_to_raw_nadir": "raw_nadir_day",
    "days_to_fitted_nadir": "fitted_nadir_day",
}
"""Variable -> its column of nadir.csv; days count from the window's start."""


@dataclass(frozen=True, kw_only=True)
class GroupComparison(Answer):
    """Two groups of a fitted cohort. table: COMPARE_COLUMNS, differences are a minus b; sampling: a row per group.

    fit: with each patient's own window. common: the same fits over the window that was asked for beside it, which the
    last `n_common` rows of the table are about.
    """

    TABLES_OF = ("table", "sampling")
    FOLDER = "igkinetics.compare.output:COMPARE_OUTPUT"
    FILES = "igkinetics.compare.output:write_compare"
    PAGE = "igkinetics.report.compare_page:write_compare_report"

    fit: CohortFit
    common: CohortFit | None
    n_common: int
    group_a: str
    group_b: str
    table: pd.DataFrame
    sampling: pd.DataFrame
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        """What a notebook shows: the group table."""
        shown = [name for name in COMPARE_COLUMNS if name not in ("level", "note")]
        return str(self.table[shown].to_html(index=False, float_format="{:.4g}".format, na_rep=""))


def compare_groups(
    cohort: Cohort,
    options: FitOptions | None = None,
    groups: Sequence[str] | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> GroupComparison:
    """Fit the cohort and compare two of its groups: `compare_groups(cohort, thresholds=[400])`.

    groups: names of two groups; None: the two there are. choices: those of FitOptions, in place of `options`. A patient
    with several records (after a reset) counts once, with the first. Windows are each patient's own; `window=(0, 120)`
    adds the rows of a common one. InputError unless there are two groups, and for choices that cannot be carried out.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A", "A", "B", "B"], "day": [0, 60, 0, 60], "igg": [620, 390, 540, 410]}
    >>> patients = {"patient_id": ["A", "B"], "group": ["IVIG", "control"]}
    >>> cohort = igk.read_cohort(samples=samples, patients=patients, igg_unit="mg/dL")
    >>> comparison = igk.compare_groups(cohort, thresholds=[400], draws=200)
    >>> row = comparison.table.set_index("variable").loc["raw_nadir"]
    >>> f"{row.group_a} {row.value_a:.0f}, {row.group_b} {row.value_b:.0f} {row.unit}"
    'IVIG 390, control 410 mg/dL'
    """
    options = chosen(FitOptions, options, choices)
    cohort = cohort.first_records()
    pair = chosen_groups(cohort, groups)
    refuse_out_of_proportion(cohort, thresholds=options.thresholds, window=options.window)
    own = fit_cohort(cohort, replace(options, window=None), progress)
    asked = options.window is not None and not own.interrupted
    return compare_fitted(own, pair, own.over(window=options.window) if asked else None)


def chosen_groups(cohort: Cohort, asked: Sequence[str] | None) -> tuple[str, str]:
    """The groups to compare, in the order in which they first appear unless asked for in another."""
    present = [name for name in dict.fromkeys(cohort.patients["group"].astype(str)) if name]
    if asked is None:
        if len(present) != 2:
            found = ", ".join(present) or "no groups"
            expected = 'needs two groups in patients.csv, column group; choose among more with groups=("A", "B")'
            raise call_error("groups", found, expected)
        return present[0], present[1]
    if isinstance(asked, str) or len(asked) != 2:
        raise call_error("groups", asked, "must name two groups")
    if asked[0] == asked[1]:
        raise call_error("groups", asked[0], "must name two different groups")
    known = ", ".join(present) or "none"
    problems = [
        Problem(file="call", column="groups", found=name, expected=f"must be a group of this cohort: {known}")
        for name in asked
        if name not in present
    ]
    if problems:
        raise InputError(problems)
    return asked[0], asked[1]


def compare_fitted(fit: CohortFit, groups: tuple[str, str], common: CohortFit | None = None) -> GroupComparison:
    """The table of two groups from a fit that is there already, and from one with a common window."""
    sampling = sampling_table(fit, groups)
    words = "" if common is None else "each patient's own window"
    rows = [*nadir_rows(fit, groups, sampling, words), *outcome_rows(fit, groups)]
    beside = []
    if common is not None and common.options.window is not None:
        asked = "common window, days {:g} to {:g}".format(*common.options.window)
        beside = nadir_rows(common, groups, sampling_table(common, groups), asked)
    return GroupComparison(
        fit=fit,
        common=common,
        n_common=len(beside),
        group_a=groups[0],
        group_b=groups[1],
        table=pd.DataFrame([*rows, *beside], columns=list(COMPARE_COLUMNS)),
        sampling=sampling,
        notes=left_out(fit, groups),
    )


def nadir_rows(fit: CohortFit, groups: tuple[str, str], sampling: pd.DataFrame, window: str) -> list[dict[str, Any]]:
    """Nadirs, days to them, times to first below each threshold; `window` is said first in the notes."""
    level, unit, nadir = fit.options.level, fit.cohort.igg_unit, fit.nadir
    rows = []
    for variable, column in MEASURES.items():
        some = nadir[nadir["status"].isin(WITH_ESTIMATES)] if variable.endswith("fitted_nadir") else nadir
        from_start = some["window_start"].astype(float) if variable.startswith("days") else 0.0
        values = some[column].astype(float) - from_start
        split: list[Floats] = [np.array(values[some["group"] == group].dropna()) for group in groups]
        row = measured_row(variable, split[0], split[1], unit, level, sampling)
        if variable == "raw_nadir":
            row["note"] = "; ".join([row["note"], *limit_notes(some, groups)])
        rows.append(row)
    for threshold in fit.options.thresholds:
        times = [first_below(fit, group, g_per_l(threshold, unit)) for group in groups]
        rows.append(time_row(f"first_below_{threshold:g}", times[0], times[1], level))
    noted = [row | {"note": "; ".join(filter(None, [window, row["note"]]))} for row in rows]
    return [row | {"group_a": groups[0], "group_b": groups[1], "level": level} for row in noted]


def outcome_rows(fit: CohortFit, groups: tuple[str, str]) -> list[dict[str, Any]]:
    """Every outcome that occurs in the cohort; a death in the patients table is one too."""
    people, level = fit.cohort.patients, fit.options.level
    rows = []
    for outcome, who in patients_with_outcomes(fit.cohort).items():
        members = [people.loc[people["group"] == group, "patient_id"] for group in groups]
        counts = [(int(ids.isin(list(who)).sum()), len(ids)) for ids in members]
        rows.append(outcome_row(outcome, counts[0], counts[1], level))
    return [row | {"group_a": groups[0], "group_b": groups[1], "level": level} for row in rows]


def left_out(fit: CohortFit, groups: tuple[str, str]) -> tuple[str, ...]:
    """Who is in neither group, who has no fitted nadir, and what the grouping may mean."""
    nadir = fit.nadir
    notes = []
    elsewhere = int((~nadir["group"].isin(list(groups))).sum())
    if elsewhere:
        notes.append(f"Patients in neither group, left out: {elsewhere}.")
    unfitted = nadir[nadir["group"].isin(list(groups)) & (~nadir["status"].isin(WITH_ESTIMATES))]
    if len(unfitted):
        notes.append(f"Without a fitted nadir: {', '.join(unfitted['patient_id'].astype(str))}.")
    dosed = set(fit.cohort.doses["patient_id"])
    shares = [
        float(np.mean([patient in dosed for patient in nadir.loc[nadir["group"] == group, "patient_id"]]))
        for group in groups
    ]
    if abs(shares[0] - shares[1]) > 0:
        notes.append(
            f"Ever infused: {percent(shares[0])} of {groups[0]}, {percent(shares[1])} of {groups[1]}. If IVIG was "
            "given because IgG fell, those who fell lower were infused, and this comparison is biased against IVIG."
        )
    return tuple(notes)
