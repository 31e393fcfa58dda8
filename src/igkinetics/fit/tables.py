"""The tables of a cohort, from its patients' fits; what depends on window and thresholds is asked apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.windows import nadir_window
from igkinetics.fit.cohort_checks import (
    Learnt,
    groups_table,
    learnt_of,
    prior_conflict,
    residual_checks,
    shrinkage_table,
)
from igkinetics.fit.columns import TABLES
from igkinetics.fit.common_steps import Linear, common_steps, lines_of
from igkinetics.fit.courses import Courses
from igkinetics.fit.diagnostic_rows import diagnostic_row, eta_rows, prediction_rows, profile_rows
from igkinetics.fit.nadirs import fit_courses, fitted_nadir, raw_nadir
from igkinetics.fit.options import FitOptions
from igkinetics.fit.parameter_rows import parameter_rows
from igkinetics.fit.records import DRAW_COLUMNS, Columns, draw_columns, kept_draws, table_of
from igkinetics.fit.result import PatientFit
from igkinetics.fit.rows import curve_columns, nadir_row, patient_row, sampling_row, structure_rows, threshold_rows
from igkinetics.parallel import in_order
from igkinetics.units import g_per_l

Rows = dict[str, list[dict[str, Any]]]
OF_PATIENTS = (
    "parameters",
    "nadir",
    "curves",
    "patients",
    "thresholds",
    "structures",
    "sampling",
    "predictions",
    "etas",
    "diagnostics",
    "profiles",
)
"""Tables in which every row is of one patient, draws apart."""
ASKED = ("nadir", "sampling", "thresholds", "structures", "curves")
"""Tables that answer for a window and thresholds."""


@runtime_checkable
class InChunks(Protocol):
    """Fits of a cohort that was fitted in chunks: tables are made anew of all patients at once."""

    def over(self, options: FitOptions) -> dict[str, pd.DataFrame]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientTables:
    """What one patient gives to the tables."""

    rows: Rows
    curves: Columns | None = None
    draws: Columns | None = None


def patient_tables(cohort: Cohort, fit: PatientFit, options: FitOptions) -> PatientTables:
    """Everything the tables say of one patient."""
    unit, level = cohort.igg_unit, options.level
    asked, courses = asked_of(cohort, fit, options)
    rows: Rows = {"patients": [patient_row(cohort, fit)]}
    if not fit.has_numbers:
        return PatientTables(rows=asked.rows | rows)
    rows |= {
        "predictions": prediction_rows(fit, unit),
        "etas": eta_rows(fit),
        "profiles": profile_rows(fit, unit),
        "diagnostics": [diagnostic_row(fit)],
        "parameters": parameter_rows(fit, unit, level),
    }
    kept = kept_draws(options.draws, cohort.n_patients)
    return PatientTables(rows=asked.rows | rows, curves=asked.curves, draws=draws_of(fit, kept, options.seed, courses))


def bare_tables(cohort: Cohort, fit: PatientFit, options: FitOptions) -> PatientTables:
    """Status and reason alone: of a patient in whom an error of ours may come up again, whatever is asked."""
    shared = {
        "patient_id": fit.patient.patient_id,
        "group": fit.patient.group,
        "status": fit.status,
        "reason": fit.reason,
    }
    patients = shared | {"rows_used": fit.patient.sample_day.size, "rows_set_aside": 0, "model": ""}
    nadir = shared | {"unit": cohort.igg_unit, "level": options.level, "nadir_position": ""}
    return PatientTables(rows={"patients": [patients], "nadir": [nadir]})


def asked_tables(cohort: Cohort, fit: PatientFit, options: FitOptions) -> PatientTables:
    """Of one patient, the tables that answer for the window and the thresholds of the options."""
    return asked_of(cohort, fit, options)[0]


def asked_of(cohort: Cohort, fit: PatientFit, options: FitOptions) -> tuple[PatientTables, Courses | None]:
    """The same, with the courses that they come from, where there are any."""
    if fit.status == "failed":
        return bare_tables(cohort, fit, options), None
    unit, level = cohort.igg_unit, options.level
    window = nadir_window(fit.patient, options.window)
    raw = raw_nadir(fit.patient, window)
    if not fit.has_numbers or not window.exists:
        return PatientTables(rows={"nadir": [nadir_row(fit, window, raw, None, unit, level)]}), None
    thresholds = tuple(g_per_l(value, unit) for value in options.thresholds)
    courses = fit_courses(fit, window.end, options.seed)
    fitted = fitted_nadir(fit, window, raw.value, thresholds, level, options.seed, courses)
    rows: Rows = {
        "nadir": [nadir_row(fit, window, raw, fitted, unit, level)],
        "sampling": [sampling_row(fit, raw, fitted, unit, level)],
        "thresholds": threshold_rows(fit, fitted, unit, level),
        "structures": structure_rows(fit, fitted.window, unit),
    }
    return PatientTables(rows=rows, curves=curve_columns(fit, fitted.window, unit, level, courses)), courses


def draws_of(fit: PatientFit, kept: int, seed: int, courses: Courses | None = None) -> Columns | None:
    """So many equally weighted draws of a fit with numbers, each with its drift at the last sample.

    courses: those up to the end of a window, which are the same where they end with the record.
    """
    if fit.draws is None:
        return None
    problem, _, _ = fit.fitted()
    draws = fit.all_draws()
    drift_sd = draws.drift_sd[:kept]
    if courses is None or courses.nodes[-1] > problem.day[-1]:
        courses = fit_courses(fit, float(problem.day[-1]), seed)
    courses = courses.first(kept)
    a, b = fit.prior.additive_g_per_l, fit.prior.proportional
    return draw_columns(
        fit.patient.patient_id, courses.theta, a, b, draws.kind[:kept], courses.at_last_sample(drift_sd)
    )


def cohort_tables(
    cohort: Cohort, fits: Sequence[PatientFit], of_each: Sequence[PatientTables], options: FitOptions
) -> dict[str, pd.DataFrame]:
    """Every table of a cohort, patients in its order."""
    tables = {name: together(name, of_each) for name in (*TABLES, "draws")}
    return tables | whole_tables(cohort, tables, learnt_of(fits), lines_of(fits), options)


def whole_tables(
    cohort: Cohort,
    tables: Mapping[str, pd.DataFrame],
    learnt: Learnt,
    lines: Mapping[str, Linear],
    options: FitOptions,
) -> dict[str, pd.DataFrame]:
    """What the patients say together. tables: those of the patients."""
    return {
        "conflict": prior_conflict(learnt),
        "laboratory": common_steps(cohort, lines, options.level, options.seed),
        "shrinkage": shrinkage_table(tables["etas"], tables["predictions"]),
        "residuals": residual_checks(tables["predictions"], options.level),
        "groups": groups_table(cohort, tables["patients"]),
    }


def tables_over(cohort: Cohort, fits: Sequence[PatientFit], options: FitOptions) -> dict[str, Any]:
    """The tables that answer for the window and the thresholds of the options, from fits that are there."""
    if isinstance(fits, InChunks):
        made = fits.over(options)
        return {name: made[name] for name in ASKED}
    of_each = in_order([partial(asked_tables, cohort, fit, options) for fit in fits], options.jobs)
    return {name: together(name, of_each) for name in ASKED}


def together(name: str, of_each: Sequence[PatientTables]) -> pd.DataFrame:
    """One table of all patients."""
    names = list(DRAW_COLUMNS if name == "draws" else TABLES[name])
    if name in ("curves", "draws"):
        parts = [each.curves if name == "curves" else each.draws for each in of_each]
        known = [part for part in parts if part is not None]
        return table_of(known, names) if known else pd.DataFrame(columns=names)
    rows = [row for each in of_each for row in each.rows.get(name, ())]
    return pd.DataFrame(rows, columns=names)
