"""What fitting a cohort gives: the patients' fits, and tables, each row with its unit, status and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.fit.columns import STATUSES, TABLES, WITH_ESTIMATES
from igkinetics.fit.options import FitOptions as FitOptions
from igkinetics.fit.records import DRAW_COLUMNS
from igkinetics.fit.result import PatientFit
from igkinetics.fit.tables import tables_over
from igkinetics.output.answer import Answer


def _now() -> datetime:
    return datetime.now(UTC)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TABLES[name]))


@dataclass(frozen=True, kw_only=True)
class CohortFit(Answer):
    """Every patient of a cohort, fitted or with the reason why not. Tables answer for the window and the thresholds of
    the options; `over`, `nadirs` and `days_below` ask the same fits for others.

    card_ids: id of each model card used -> SHA-256 of its file. seconds: what the fit took.
    interrupted: stopped by the user; patients not reached are rows with a reason.
    """

    TABLES_OF = tuple(TABLES)
    FOLDER = "igkinetics.fit.output:FIT_OUTPUT"
    FILES = "igkinetics.fit.output:write_fit"
    PAGE = "igkinetics.report.fit_page:write_fit_report"

    cohort: Cohort
    fits: Sequence[PatientFit] = ()
    """Every patient's fit, in the cohort's order; those without numbers have a status and a reason."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Of a cohort fitted in chunks by compiled code: why patients were left to the search for one -> how many."""
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
    laboratory: pd.DataFrame = field(default_factory=lambda: _empty("laboratory"))
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

    def patient(self, patient_id: str) -> PatientFit:
        """The fit of one patient: problem, optimum and draws where it has numbers. KeyError for an unknown id."""
        for fit in self.fits:
            if fit.patient.patient_id == patient_id:
                return fit
        raise KeyError(patient_id)

    def over(
        self, *, window: tuple[float, float] | None = None, thresholds: Sequence[float] | None = None
    ) -> CohortFit:
        """The same fits asked over other days or for other thresholds; nobody is fitted again.

        window: days (first, last); None: each patient's own. thresholds: in the cohort's unit; None: those of the fit.
        """
        asked = self.options.thresholds if thresholds is None else thresholds
        options = chosen(FitOptions, self.options, {"window": window, "thresholds": asked})
        if not self.fits:
            raise AssertionError("this result was made without the patients' fits: nothing can be asked of them")
        return replace(self, options=options, **tables_over(self.cohort, self.fits, options))

    def nadirs(self, *, window: tuple[float, float] | None = None, thresholds: Sequence[float] = ()) -> pd.DataFrame:
        """The nadir table over other days (None: each patient's own window), from the same fits.

        For each threshold T, in the cohort's unit, three columns more: first_day_below_T, days_below_T and
        share_of_draws_below_T.
        """
        found = self.over(window=window, thresholds=thresholds)
        table = found.nadir
        for threshold in found.options.thresholds:
            below = found.thresholds[np.isclose(found.thresholds["threshold"].astype(float), threshold, rtol=1e-9)]
            below = below.set_index("patient_id").reindex(table["patient_id"])
            new = {
                f"{name}_{threshold:g}": below[name].to_numpy()
                for name in ("first_day_below", "days_below", "share_of_draws_below")
            }
            table = table.assign(**new)
        return table

    def days_below(self, thresholds: Sequence[float], *, window: tuple[float, float] | None = None) -> pd.DataFrame:
        """The table of times below each of these thresholds (cohort's unit), with intervals, from the same fits."""
        return self.over(window=window, thresholds=thresholds).thresholds

    @property
    def started(self) -> datetime:
        """When the fit began (UTC)."""
        return self.finished - timedelta(seconds=self.seconds)

    @property
    def n_fitted(self) -> int:
        return int((self.patients["status"].isin(WITH_ESTIMATES)).sum())

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
        from igkinetics.fit.plots import as_altair, patient_charts, with_key

        (chart,) = patient_charts(self, [self.cohort.patient(patient_id)])
        return as_altair(with_key(chart))

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
        shown = [
            "patient_id",
            "raw_nadir",
            "fitted_nadir",
            "fitted_nadir_lower",
            "fitted_nadir_upper",
            "fitted_nadir_day",
            "nadir_reached",
            "endogenous_nadir",
            "unit",
            "status",
        ]
        table = self.nadir[shown].to_html(index=False, float_format="{:.4g}".format, na_rep="", max_rows=60)
        return f"<p>{escape(self.cohort.name)}: {escape(self.verdict)}.</p>{table}"
