"""The files of a fit: tables, problems and the run record. The same fit gives the same bytes, times aside."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.provenance import package_versions
from igkinetics.scenarios.records import DRAW_COLUMNS, DRAWS_FILE, EVENT_COLUMNS, EVENTS_FILE, event_table
from igkinetics.study.dates import dates_table
from igkinetics.study.folder import Kind
from igkinetics.study.result import TABLES, CohortFit

if TYPE_CHECKING:
    from igkinetics.study.effect_result import CohortEffect

FLOAT_FORMAT: Final = "%.10g"
CSV_TABLES: Final = (
    "parameters", "nadir", "patients", "structures", "sampling", "conflict", "groups", "predictions", "etas",
    "diagnostics", "shrinkage", "residuals",
)  # fmt: skip
RUN_RECORD: Final = "run.json"
RUN_KEYS: Final = (
    "command", "options", "level", "seed", "igg_unit", "thresholds", "inputs", "rows", "cards", "versions",
    "verdict", "interrupted", "started", "seconds",
)  # fmt: skip
FIT_OUTPUT: Final = Kind(
    marker=RUN_RECORD,
    names=frozenset(
        {f"{table}.csv" for table in (*CSV_TABLES, "thresholds", "profiles", "dates", "problems")}
        | {"curves.parquet", DRAWS_FILE, EVENTS_FILE, RUN_RECORD}
        | {"report.html", "diagnostics.html", "tables.xlsx", "figures"}
    ),
)
SIMULATION_OUTPUT: Final = Kind(
    marker="design.toml",
    names=frozenset(
        {"samples.csv", "doses.csv", "therapy.csv", "patients.csv", "outcomes.csv", "cohort.toml", "design.toml"}
        | {"truth", "README.md"}
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


NO_EXTRAS: Final = Extras()


def write_fit(fit: CohortFit, folder: Path, extras: Extras = NO_EXTRAS) -> None:
    """Every table of `fit`, problems.csv and run.json into the existing, empty `folder`."""
    tables = written_tables(fit, extras)
    for name, table in tables.items():
        if name != "curves":
            write_csv(table, tuple(table.columns), folder / f"{name}.csv")
    write_parquet(fit.curves, TABLES["curves"], folder / "curves.parquet")
    write_parquet(fit.draws, DRAW_COLUMNS, folder / DRAWS_FILE)
    write_parquet(event_table(fit.cohort), EVENT_COLUMNS, folder / EVENTS_FILE)
    if extras.excel:
        from igkinetics.study.workbook import WORKBOOK, write_workbook

        write_workbook(tables, folder / WORKBOOK)
    write_json(run_record(fit, extras), folder / RUN_RECORD)


def written_tables(fit: CohortFit, extras: Extras = NO_EXTRAS) -> dict[str, pd.DataFrame]:
    """Name -> table with its columns in their order, every table that is written."""
    names = [*CSV_TABLES, "curves"]
    on_request = {"thresholds": fit.options.thresholds, "profiles": fit.options.profile}
    names += [name for name, asked in on_request.items() if asked]
    tables = {name: getattr(fit, name)[list(TABLES[name])] for name in names}
    if extras.dates:
        tables["dates"] = dates_table(fit)
    return tables | {"problems": fit.cohort.problems[list(PROBLEM_COLUMNS)]}


def run_record(fit: CohortFit, extras: Extras = NO_EXTRAS) -> dict[str, Any]:
    """The run record of a fit."""
    return cohort_record("fit", fit, fit.options.record() | asdict(extras))


def cohort_record(command: str, done: CohortFit | CohortEffect, options: dict[str, Any]) -> dict[str, Any]:
    """What was run on what, with which choices, cards and versions. Names files, never their folders."""
    values: dict[str, Any] = {
        "command": command,
        "options": options,
        "level": done.options.level,
        "seed": done.options.seed,
        "igg_unit": done.cohort.igg_unit,
        "thresholds": list(done.options.thresholds),
        "inputs": {without_folder(name): digest for name, digest in sorted(done.cohort.inputs.items())},
        "rows": {without_folder(name): asdict(count) for name, count in done.cohort.rows.items()},
        "cards": done.card_ids,
        "versions": package_versions(),
        "verdict": done.verdict,
        "interrupted": done.interrupted,
        "started": done.started.isoformat(timespec="seconds"),
        "seconds": round(done.seconds, 3),
    }
    return {key: values[key] for key in RUN_KEYS}


def write_csv(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """UTF-8, comma, one line feed per row, ten significant digits, an empty field where nothing is known."""
    ordered = table[list(columns)]
    ordered.to_csv(path, index=False, float_format=FLOAT_FORMAT, lineterminator="\n", encoding="utf-8")


def write_parquet(table: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    """One row group per 1,048,576 rows, zstd; the bytes depend on the rows and the pyarrow version alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(table[list(columns)], preserve_index=False)
    pq.write_table(content, path, compression="zstd")


def write_json(record: dict[str, Any], path: Path) -> None:
    """Indented, UTF-8; numbers JSON does not have (nan, infinity) are refused by ValueError."""
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    """A numpy number as the Python number it holds."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a run record")


def without_folder(name: str) -> str:
    """A file's name as the cohort gave it; of an absolute path only the last part."""
    return Path(name).name if Path(name).is_absolute() else name
