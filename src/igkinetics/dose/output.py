"""The files of individual dosing: tables, calendar files, the run record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from igkinetics.dose.columns import DOSE_COLUMNS, FORECAST_COLUMNS, NEXT_SAMPLE_COLUMNS
from igkinetics.dose.result import DoseResult
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json
from igkinetics.output.folder import Kind
from igkinetics.scenarios.calendar import CALENDAR_COLUMNS
from igkinetics.scenarios.calendar_file import ICS_NAME, calendar_text, entries_of
from igkinetics.scenarios.output import SHEET_NAME as SHEET_NAME

CSV_COLUMNS: Final = {
    "dose": tuple(DOSE_COLUMNS),
    "calendar": CALENDAR_COLUMNS,
    "next_sample": NEXT_SAMPLE_COLUMNS,
    "forecast": FORECAST_COLUMNS,
}
DOSE_OUTPUT: Final = Kind(
    marker="dose.csv",
    names=frozenset({*(f"{name}.csv" for name in CSV_COLUMNS), ICS_NAME, RUN_RECORD, "report.html", SHEET_NAME}),
)


def write_dose(result: DoseResult, folder: Path) -> None:
    """Every table of `result` and run.json into the existing, empty `folder`; calendar.ics where dates are known and
    the target is met: what fails it is for nobody's calendar program."""
    for name, columns in CSV_COLUMNS.items():
        write_csv(getattr(result, name), columns, folder / f"{name}.csv")
    if result.about.days_from.moment is not None and result.meets:
        text = calendar_text(
            f"Immunoglobulin, {result.patient_id}",
            entries_of(result.calendar, result.next_sample),
            result.about.days_from.moment,
        )
        (folder / ICS_NAME).write_bytes(text.encode("utf-8"))
    write_json(dose_record(result, folder), folder / RUN_RECORD)


def dose_record(result: DoseResult, folder: Path | None = None) -> dict[str, Any]:
    """What was run on what; names files, never their folders."""
    target, guideline = result.plan.target, result.options.guideline
    options = result.options.record() | {
        "patient": result.patient_id,
        "target": target.lower(result.plan.unit),
        "unit": result.plan.unit,
        "regimens": [regimen.name for regimen in result.plan.regimens],
    }
    written = digests(folder, [f"{name}.csv" for name in CSV_COLUMNS]) if folder is not None else None
    record = cohort_record("dose", result, options, written)
    record |= {"igg_unit": result.plan.unit, "thresholds": list(result.plan.limits)}
    if guideline is not None:
        record["inputs"] |= {f"guideline {Path(guideline).name}": result.plan.guideline_sha256}
    return record
