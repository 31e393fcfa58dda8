"""What can be saved from the page: made when a link is followed, handed to the browser, which writes over no file.

The sheet, the calendar and the figures are those of `igkinetics dose` for the regimen on the page.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from igkinetics.app.records import TYPED, Record, other_facts, record_of
from igkinetics.app.whatif import FIT_FOLDER, Patient, scenario_tables
from igkinetics.charts.svg import draw
from igkinetics.cohort.model import Cohort
from igkinetics.dose.options import DoseOptions
from igkinetics.dose.output import SHEET_NAME, write_dose
from igkinetics.dose.result import DoseResult
from igkinetics.dose.run import dose_patient
from igkinetics.errors import call_error
from igkinetics.provenance import RESEARCH_NOTICE
from igkinetics.report.dose_page import dose_charts, write_dose_report
from igkinetics.report.dosing_sheet import write_dose_sheet
from igkinetics.scenarios.calendar_file import ICS_NAME
from igkinetics.scenarios.recorded import LEFT_OUT

RECORD_FOLDER: Final = "record"
SCENARIO_NAME: Final = "scenario.toml"
EARLIER: Final = "sheet and calendar go by the whole record: leave 'counted from day' empty"
HOW: Final = """{notice}

This patient's record and the scenario of the page. The same numbers, by the command line, in this folder:

    igkinetics fit {record} --card {card} --dates --out {fit}
    igkinetics scenario {scenario} --out results/scenario
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the page shows when a link is followed. regimens: in the keys of a scenario file, the first is A."""

    patient: Patient
    own: Cohort
    card: str
    regimens: tuple[dict[str, Any], ...]


def dosing_of(wanted: Wanted) -> DoseResult:
    """Regimen A as `igkinetics dose` finds it, the only one that it tries; the target is the lowest level of the plan.

    InputError where no dose is given, or the plan leaves out doses of the record.
    """
    regimen, plan, patient = wanted.regimens[0], wanted.patient.plan, wanted.patient
    if "dose_g" not in regimen:
        raise call_error("dose", "0 g", "give regimen A a dose first")
    if any(note.startswith(LEFT_OUT) for note in patient.notes):
        raise call_error("counted from day", f"{patient.from_day:g}", EARLIER)
    last_sample = float(wanted.own.patient(patient.patient_id).sample_day[-1])
    options = DoseOptions(
        target=plan.thresholds[0],
        unit=wanted.own.igg_unit,
        quantity="nadir",
        route=regimen["route"],
        vial=tuple(regimen.get("vial_g", ())),
        interval=(regimen["interval_day"],),
        dose_g=(regimen["dose_g"],),
        horizon=plan.horizon_day + patient.from_day - last_sample,
        start=patient.from_day + regimen["start_day"],
        card=wanted.card,
        draws=patient.fit.options.draws,
        level=plan.level,
        seed=plan.seed,
    )
    return dose_patient(wanted.own, patient.patient_id, options)


def dosing_files(wanted: Wanted) -> dict[str, bytes]:
    """Every file that `igkinetics dose` writes for regimen A."""
    result = dosing_of(wanted)
    with tempfile.TemporaryDirectory(prefix="igkinetics-") as scratch:
        folder = Path(scratch)
        write_dose(result, folder)
        write_dose_report(result, folder / "report.html")
        write_dose_sheet(result, folder / SHEET_NAME)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def dosing_file(name: str, wanted: Wanted) -> bytes:
    """One of these files. InputError where `dose` has reasons not to write it."""
    files = dosing_files(wanted)
    if name not in files:
        expected = "is written for a regimen that keeps the level with 90 % probability, of a patient with dates"
        raise call_error(name, "not written", expected)
    return files[name]


def figure(wanted: Wanted, *, png: bool) -> bytes:
    """The first chart of the dosing report: the record, what comes without another dose and under the regimen."""
    (drawn,) = draw(dose_charts(dosing_of(wanted))[:1], png=png)
    if drawn.failure:
        raise call_error("figure", drawn.failure, "must be drawn")
    return drawn.png if png else drawn.svg.encode()


def scenario_text(wanted: Wanted) -> str:
    """The scenario file of the page's regimens, for `igkinetics scenario`."""
    patient = wanted.patient
    tables = scenario_tables(patient.fit, patient.patient_id, patient.plan, list(wanted.regimens))
    lines = [f"# {RESEARCH_NOTICE}", f"# Needs the fit: igkinetics fit COHORT --card {wanted.card} --out {FIT_FOLDER}"]
    return "\n".join([*lines, *toml_lines(tables)]) + "\n"


def toml_lines(tables: Mapping[str, Any]) -> list[str]:
    """A scenario's tables as TOML: plain values first, then tables, then lists of tables."""
    plain = {key: value for key, value in tables.items() if not isinstance(value, dict) and not is_tables(value)}
    lines = [f"{key} = {toml_value(value)}" for key, value in plain.items()]
    for key, value in tables.items():
        parts = value if is_tables(value) else [value] if isinstance(value, dict) else []
        for part in parts:
            lines += ["", f"[[{key}]]" if is_tables(value) else f"[{key}]", *toml_lines(part)]
    return lines


def is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def toml_value(value: Any) -> str:
    """Text, a number or a list of them; JSON writes these as TOML reads them, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def record_files(own: Cohort, patient_id: str) -> dict[str, str]:
    """The record as a cohort folder that reads back as the same numbers."""
    record = record_of(own, patient_id)
    facts = other_facts(own, record.weight_kg)
    settings = {"igg_unit": own.igg_unit, "time_origin": "as_given", "same_day": own.same_day}
    settings |= {f"unusual_{name}": "as_given" for name in sorted(own.as_given)}
    settings |= {"same_dose": "sum"} if record.doses else {}
    files = {"cohort.toml": "\n".join(toml_lines(settings)) + "\n"}
    files |= {f"{name}.csv": table.to_csv(index=False, lineterminator="\n") for name, table in facts.items()}
    for table, columns in TYPED.items():
        if rows := getattr(record, table):
            files[f"{table}.csv"] = csv_text(record, columns, rows)
    return files


def csv_text(record: Record, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["patient_id", *columns])
    writer.writerows([record.patient_id, *row] for row in rows)
    return stream.getvalue()


def record_zip(wanted: Wanted) -> bytes:
    """The record, the scenario and how to go on with them by the command line."""
    stream = io.BytesIO()
    how = HOW.format(
        notice=RESEARCH_NOTICE, record=RECORD_FOLDER, card=wanted.card, fit=FIT_FOLDER, scenario=SCENARIO_NAME
    )
    files = {
        f"{RECORD_FOLDER}/{name}": text for name, text in record_files(wanted.own, wanted.patient.patient_id).items()
    }
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in {**files, SCENARIO_NAME: scenario_text(wanted), "how.txt": how}.items():
            packed.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Save:
    """A link: the file's name after the patient's, what it is, its kind, and what makes it."""

    file: str
    words: str
    kind: str
    make: Callable[[Wanted], bytes]


def from_dosing(name: str) -> Callable[[Wanted], bytes]:
    return partial(dosing_file, name)


SAVES: Final = (
    Save(SHEET_NAME, "Sheet to print and sign", "text/html; charset=utf-8", from_dosing(SHEET_NAME)),
    Save("calendar.csv", "Calendar, table", "text/csv; charset=utf-8", from_dosing("calendar.csv")),
    Save(ICS_NAME, "Calendar, for calendar programs", "text/calendar; charset=utf-8", from_dosing(ICS_NAME)),
    Save(SCENARIO_NAME, "Scenario, TOML", "application/toml", lambda wanted: scenario_text(wanted).encode()),
    Save("figure.svg", "Figure, SVG", "image/svg+xml", partial(figure, png=False)),
    Save("figure.png", "Figure, PNG", "image/png", partial(figure, png=True)),
    Save("record.zip", "Record and scenario, to go on with by the command line", "application/zip", record_zip),
)
