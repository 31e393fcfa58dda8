"""What fitting a cohort gives: frozen tables in long form, each row with its unit, status and reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.fit.options import FitOptions as FitOptions
from igkinetics.fit.records import DRAW_COLUMNS

PARAMETER_COLUMNS: Final = (
    "patient_id", "model", "parameter", "kind", "value", "stderr", "lower", "upper", "level", "unit", "scale",
    "contraction", "note",
)  # fmt: skip
"""kind: estimated, fixed or derived. contraction: 1 - (posterior SD / prior SD)^2, nan without a prior."""
NADIR_COLUMNS: Final = (
    "patient_id", "group", "n_samples", "n_below_limit", "unit", "level", "window_start", "window_end",
    "baseline", "raw_nadir", "raw_nadir_below_limit", "raw_nadir_day",
    "fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper",
    "fitted_nadir_day", "fitted_nadir_day_lower", "fitted_nadir_day_upper", "nadir_position", "nadir_reached",
    "endogenous_nadir", "endogenous_nadir_lower", "endogenous_nadir_upper", "endogenous_nadir_day",
    "expected_raw_nadir", "curve_nadir", "curve_nadir_day", "drift", "drift_start", "drift_end", "method",
    "status", "reason",
)  # fmt: skip
"""One row for every patient in any file; days are day numbers, IgG is in `unit`."""
CURVE_COLUMNS: Final = ("patient_id", "day", "total", "median", "lower", "upper", "endogenous", "infused", "unit")
PATIENT_COLUMNS: Final = (
    "patient_id", "group", "status", "reason", "model", "model_weight", "rows_used", "rows_set_aside",
    "objective", "pareto_k", "n_starts_agreeing", "r_hat", "method", "drift",
)  # fmt: skip
THRESHOLD_COLUMNS: Final = (
    "patient_id", "group", "threshold", "unit", "level", "first_day_below", "first_day_below_lower",
    "first_day_below_upper", "share_of_draws_below", "days_below", "days_below_lower", "days_below_upper",
    "status", "reason",
)  # fmt: skip
"""A row per patient and threshold; first_day_below is nan when the fitted curve stays above the threshold."""
STRUCTURE_COLUMNS: Final = (
    "patient_id", "model", "drift_sd", "objective", "minus_two_log_likelihood", "prior_weight", "weight",
    "fitted_nadir", "endogenous_nadir", "unit", "note",
)  # fmt: skip
SAMPLING_COLUMNS: Final = (
    "patient_id", "group", "n_samples", "raw_nadir", "expected_raw_nadir", "expected_raw_nadir_lower",
    "expected_raw_nadir_upper", "raw_nadir_percentile", "share_risen", "endogenous_note", "unit", "level",
)  # fmt: skip
"""What sampling alone does to the raw nadir: the posterior-predictive minimum at the patient's own days and limits,
and the share of it at or below the observed one. share_risen: share of draws whose curve has risen by the end."""
CONFLICT_COLUMNS: Final = ("parameter", "mean_eta", "expected_se", "ratio", "n", "flagged")
"""Cohort-level conflict with the prior: mean eta over its expected standard error, flagged beyond 3."""
PREDICTION_COLUMNS: Final = (
    "patient_id", "group", "day", "observed", "limit", "pred", "ipred", "iwres", "iwres_expected_sd",
    "iwres_expected_product", "unit", "status",
)  # fmt: skip
"""A row per sample used. pred: at the card's typical values; ipred: at the fitted ones; iwres is empty beyond a limit.
iwres_expected_product: mean of iwres times that of the measured sample before, were the model right."""
ETA_COLUMNS: Final = ("patient_id", "group", "parameter", "scale", "eta", "prior_sd", "posterior_sd", "status")
"""eta: fitted minus typical value on the estimation scale."""
PROFILE_COLUMNS: Final = ("patient_id", "parameter", "value", "rise", "normal_rise", "unit")
"""When asked for. rise: of -2 log posterior over its minimum; normal_rise: what the standard error alone says."""
DIAGNOSTIC_COLUMNS: Final = (
    "patient_id", "group", "status", "n_measured", "n_beyond_limit", "iwres_mean", "iwres_sd", "iwres_largest",
    "iwres_largest_day", "objective", "pareto_k", "n_starts", "n_starts_agreeing", "n_optima", "model", "model_weight",
    "best_model", "best_weight",
)  # fmt: skip
SHRINKAGE_COLUMNS: Final = ("quantity", "n", "sd", "reference_sd", "shrinkage_sd", "shrinkage_variance", "note")
RESIDUAL_COLUMNS: Final = ("quantity", "n", "value", "lower", "upper", "expected", "level", "note")
GROUP_COLUMNS: Final = (
    "group", "n_patients", "n_infused", "n_fitted", "n_samples", "samples_median", "samples_least", "samples_most",
    "n_infections", "n_near_infection", "share_near_infection", "near_days",
)  # fmt: skip
"""What each group brings, over the whole record; the last four are empty where no infection is recorded."""

STATUSES: Final = (
    "fitted", "prior_only", "no_samples", "too_few_samples", "unexplained_change", "not_converged",
    "at_bound", "start_contradicts", "set_aside", "failed",
)  # fmt: skip
TABLES: Final = {
    "parameters": PARAMETER_COLUMNS,
    "nadir": NADIR_COLUMNS,
    "curves": CURVE_COLUMNS,
    "patients": PATIENT_COLUMNS,
    "thresholds": THRESHOLD_COLUMNS,
    "structures": STRUCTURE_COLUMNS,
    "sampling": SAMPLING_COLUMNS,
    "conflict": CONFLICT_COLUMNS,
    "groups": GROUP_COLUMNS,
    "predictions": PREDICTION_COLUMNS,
    "etas": ETA_COLUMNS,
    "diagnostics": DIAGNOSTIC_COLUMNS,
    "shrinkage": SHRINKAGE_COLUMNS,
    "residuals": RESIDUAL_COLUMNS,
    "profiles": PROFILE_COLUMNS,
}
"""Table -> its columns, in their order."""


def _now() -> datetime:
    return datetime.now(UTC)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TABLES[name]))


@dataclass(frozen=True, kw_only=True)
class CohortFit:
    """Every patient of a cohort, fitted or with the reason why not.

    card_ids: id of each model card used -> SHA-256 of its file. seconds: what the fit took.
    interrupted: stopped by the user; patients not reached are rows with a reason.
    """

    cohort: Cohort
    card_ids: dict[str, str]
    options: FitOptions
    parameters: pd.DataFrame
    nadir: pd.DataFrame
    curves: pd.DataFrame
    patients: pd.DataFrame
    thresholds: pd.DataFrame
    structures: pd.DataFrame
    sampling: pd.DataFrame
    conflict: pd.DataFrame
    notes: tuple[str, ...]
    draws: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(DRAW_COLUMNS)))
    """Equally weighted draws of every fitted patient's parameters, for scenarios; g, L, g/L, day."""
    seconds: float
    interrupted: bool
    finished: datetime = field(default_factory=_now)
    groups: pd.DataFrame = field(default_factory=lambda: _empty("groups"))
    predictions: pd.DataFrame = field(default_factory=lambda: _empty("predictions"))
    etas: pd.DataFrame = field(default_factory=lambda: _empty("etas"))
    diagnostics: pd.DataFrame = field(default_factory=lambda: _empty("diagnostics"))
    shrinkage: pd.DataFrame = field(default_factory=lambda: _empty("shrinkage"))
    residuals: pd.DataFrame = field(default_factory=lambda: _empty("residuals"))
    profiles: pd.DataFrame = field(default_factory=lambda: _empty("profiles"))

    def __post_init__(self) -> None:
        for table, columns in TABLES.items():
            found = tuple(getattr(self, table).columns)
            if found != columns:
                raise AssertionError(f"table {table} has the columns {found}, not {columns}")
        unknown = set(self.patients["status"]) - set(STATUSES)
        if unknown:
            raise AssertionError(f"unknown status: {sorted(unknown)}")
        everyone = list(self.cohort.patient_ids)
        if not everyone == list(self.patients["patient_id"]) == list(self.nadir["patient_id"]):
            raise AssertionError("patients and nadir need a row for every patient, in the cohort's order")

    @property
    def started(self) -> datetime:
        """When the fit began (UTC)."""
        return self.finished - timedelta(seconds=self.seconds)

    @property
    def n_fitted(self) -> int:
        return int((self.patients["status"] == "fitted").sum())

    @property
    def n_failed(self) -> int:
        """Patients whose fit ended in an error of the software."""
        return int((self.patients["status"] == "failed").sum())

    @property
    def verdict(self) -> str:
        """What became of the patients, in one sentence."""
        stopped = "; interrupted before the end" if self.interrupted else ""
        failed = f"; {self.n_failed} failed by an error of the software" if self.n_failed else ""
        return f"{self.n_fitted} of {len(self.patients)} patients fitted{failed}{stopped}"

    def plot_patient(self, patient_id: str) -> Any:
        """An Altair chart of one patient: samples, doses, therapy, fitted curve, nadirs. KeyError for an unknown id."""
        from igkinetics.fit.plots import as_altair, patient_charts

        ((_, spec),) = patient_charts(self, [self.cohort.patient(patient_id)])
        return as_altair(spec)

    def plot_nadirs(self) -> Any:
        """An Altair chart of every fitted nadir with its interval, lowest first."""
        from igkinetics.fit.plots import as_altair, nadirs_chart

        return as_altair(nadirs_chart(self))

    def plot_curves(self) -> Any:
        """An Altair chart of all fitted curves with their nadirs."""
        from igkinetics.fit.plots import as_altair, curves_spec

        return as_altair(curves_spec(self))

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the nadir table."""
        shown = ["patient_id", "raw_nadir", "fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper",
                 "fitted_nadir_day", "nadir_reached", "endogenous_nadir", "unit", "status"]  # fmt: skip
        table = self.nadir[shown].to_html(index=False, float_format="{:.4g}".format, na_rep="", max_rows=60)
        return f"<p>{escape(self.cohort.name)}: {escape(self.verdict)}.</p>{table}"
