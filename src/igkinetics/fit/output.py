"""The files of a fit: tables, problems, the run record, and calendar dates for those who may see them.

The same fit gives the same bytes, times aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.fit.columns import DATE_COLUMNS, TABLES, column_words
from igkinetics.fit.records import DRAW_COLUMNS, DRAWS_FILE, EVENT_COLUMNS, EVENTS_FILE, Left, event_table
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json, write_parquet
from igkinetics.output.folder import Kind

if TYPE_CHECKING:
    from igkinetics.fit.cohort_result import CohortFit

CSV_TABLES: Final = (
    "parameters",
    "nadir",
    "patients",
    "structures",
    "sampling",
    "conflict",
    "laboratory",
    "groups",
    "predictions",
    "etas",
    "diagnostics",
    "shrinkage",
    "residuals",
)
FIT_OUTPUT: Final = Kind(
    marker=RUN_RECORD,
    names=frozenset(
        {f"{table}.csv" for table in (*CSV_TABLES, "thresholds", "profiles", "dates", "problems")}
        | {"curves.parquet", DRAWS_FILE, EVENTS_FILE, RUN_RECORD}
        | {"report.html", "diagnostics.html", "tables.xlsx", "figures"}
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What is written beside the tables and pages, only when asked for.

    figures: every chart as SVG and PNG. excel: all tables as one workbook. dates: calendar dates, in dates.csv and in
    the report; without it nothing in the output tells a date.
    """

    figures: bool = False
    excel: bool = False
    dates: bool = False


LEFT: Final = "fitted_one_by_one"
"""In the run record of a cohort fitted in chunks: why patients were left to the search for one -> how many."""
NO_EXTRAS: Final = Extras()


def write_fit(fit: CohortFit, folder: Path, extras: Extras = NO_EXTRAS) -> None:
    """Every table of `fit`, problems.csv and run.json into the existing, empty `folder`."""
    tables = written_tables(fit, extras)
    for name, table in tables.items():
        if name != "curves":
            write_csv(table, tuple(table.columns), folder / f"{name}.csv")
    write_parquet(fit.curves, TABLES["curves"], folder / "curves.parquet")
    write_parquet(fit.draws, DRAW_COLUMNS, folder / DRAWS_FILE)
    write_parquet(event_table(fit.cohort, with_dates=extras.dates), EVENT_COLUMNS, folder / EVENTS_FILE)
    if extras.excel:
        from igkinetics.output.workbook import WORKBOOK, write_workbook

        write_workbook(tables, folder / WORKBOOK, column_words)
    write_json(run_record(fit, extras, digests(folder, (DRAWS_FILE, EVENTS_FILE))), folder / RUN_RECORD)


def written_tables(fit: CohortFit, extras: Extras = NO_EXTRAS) -> dict[str, pd.DataFrame]:
    """Name -> table with its columns in their order, every table that is written."""
    names = [*CSV_TABLES, "curves"]
    on_request = {"thresholds": fit.options.thresholds, "profiles": fit.options.profile}
    names += [name for name, asked in on_request.items() if asked]
    tables = {name: getattr(fit, name)[list(TABLES[name])] for name in names}
    if extras.dates:
        tables["dates"] = dates_table(fit)
    else:
        tables["laboratory"] = tables["laboratory"].assign(date="")
    return tables | {"problems": fit.cohort.problems[list(PROBLEM_COLUMNS)]}


def run_record(fit: CohortFit, extras: Extras = NO_EXTRAS, written: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The run record of a fit. written: files that other commands may read -> SHA-256."""
    record = cohort_record("fit", fit, fit.options.record() | asdict(extras), written)
    return record | ({LEFT: dict(fit.left)} if fit.options.in_chunks(fit.cohort.n_patients) else {})


def in_memory(fit: CohortFit, name: str) -> Left:
    """What a fit would leave in a folder of this name for other commands, without one; with dates, where known."""
    held = {DRAWS_FILE: fit.draws, EVENTS_FILE: event_table(fit.cohort, with_dates=True)}
    return Left(folder=Path(name), name=name, key="population.fit", record=run_record(fit), inputs={}, held=held)


EVENTS: Final = (
    "window_start",
    "window_end",
    "raw_nadir",
    "fitted_nadir",
    "fitted_nadir_lower",
    "fitted_nadir_upper",
    "endogenous_nadir",
)
DAY_OF: Final = {
    "window_start": "window_start",
    "window_end": "window_end",
    "fitted_nadir_lower": "fitted_nadir_day_lower",
    "fitted_nadir_upper": "fitted_nadir_day_upper",
}
"""event -> column of nadir.csv, where it is not the event with _day."""


def date_of(fit: CohortFit, patient_id: str, day: Any) -> str:
    """A day of this patient as a date (ISO 8601); empty where the day or the patient's day 0 is not known."""
    origin = fit.cohort.day_zero.get(patient_id)
    if origin is None or not text.known(day):
        return ""
    return (origin + pd.Timedelta(days=float(day))).date().isoformat()


def dates_table(fit: CohortFit) -> pd.DataFrame:
    """DATE_COLUMNS: day 0, and every day of nadir.csv and thresholds.csv, for patients whose record holds dates."""
    found: list[tuple[str, str, float]] = []
    for row in fit.nadir.to_dict("records"):
        name = str(row["patient_id"])
        found.append((name, "day_0", 0.0))
        found += [(name, event, row[DAY_OF.get(event, f"{event}_day")]) for event in EVENTS]
    for row in fit.thresholds.to_dict("records"):
        found.append((str(row["patient_id"]), f"first_below_{row['threshold']:g}", row["first_day_below"]))
    dated = [(name, event, day, date_of(fit, name, day)) for name, event, day in found if text.known(day)]
    return pd.DataFrame([row for row in dated if row[3]], columns=list(DATE_COLUMNS))
