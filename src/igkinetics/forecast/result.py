"""What a forecast of a cohort gives: tables, and every patient's draws to ask further."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.errors import PROBLEM_COLUMNS, counted
from igkinetics.forecast.columns import TABLES
from igkinetics.forecast.options import ForecastOptions
from igkinetics.output.answer import Answer
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json
from igkinetics.output.folder import Kind

if TYPE_CHECKING:
    from igkinetics.forecast.patient import PatientForecast

FORECAST_OUTPUT: Final = Kind(
    marker="worklist.csv",
    names=frozenset({*(f"{name}.csv" for name in TABLES), "problems.csv", RUN_RECORD, "report.html"}),
)


@dataclass(frozen=True, kw_only=True)
class CohortForecast(Answer):
    """forecast: the true level by day and policy. p_below: probabilities by day, policy and threshold. worklist: a row
    for every patient asked for and each threshold, most urgent first.

    cohort: as known on the day of the forecast. patients: by patient, with the draws, in the cohort's order.
    """

    TABLES_OF = tuple(TABLES)
    FOLDER = "igkinetics.forecast.result:FORECAST_OUTPUT"
    FILES = "igkinetics.forecast.result:write_forecast"
    PAGE = "igkinetics.report.forecast_page:write_forecast_report"

    cohort: Cohort
    options: ForecastOptions
    forecast: pd.DataFrame
    p_below: pd.DataFrame
    worklist: pd.DataFrame
    patients: dict[str, PatientForecast] = field(repr=False)
    card_ids: dict[str, str]
    notes: tuple[str, ...]
    started: datetime
    seconds: float
    interrupted: bool

    @property
    def n_forecast(self) -> int:
        """Patients with a forecast."""
        return sum(one.outlook is not None for one in self.patients.values())

    @property
    def n_failed(self) -> int:
        """Patients whose fit ended in an error of the software."""
        return sum(one.status == "failed" for one in self.patients.values())

    @property
    def verdict(self) -> str:
        return f"forecast of {self.n_forecast} of {counted(len(self.patients), 'patient')}"

    def record(self, written: dict[str, str] | None = None) -> dict[str, Any]:
        return cohort_record("forecast", self, self.options.record(), written)


def write_forecast(result: CohortForecast, folder: Path) -> None:
    """A file for each table, problems.csv and run.json into a folder that exists."""
    for name, columns in TABLES.items():
        write_csv(getattr(result, name), tuple(columns), folder / f"{name}.csv")
    write_csv(result.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    write_json(result.record(digests(folder, ["worklist.csv", "forecast.csv", "p_below.csv"])), folder / RUN_RECORD)
