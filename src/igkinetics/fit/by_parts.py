"""`fit` of a cohort in parts: one part in memory at a time, finished parts kept, on processes or a cluster."""

from __future__ import annotations

import csv
import heapq
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from igkinetics.cards.load import card_path
from igkinetics.cards.private import private_cards
from igkinetics.cohort.mapping.contract import TABLES
from igkinetics.cohort.mapping.parts import MAPPING_NAME, count_patients, part_files, parts_of
from igkinetics.cohort.read import read_part
from igkinetics.errors import InputError, Problem
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import FIT_OUTPUT, LEFT, Extras, write_fit
from igkinetics.output.files import RUN_KEYS, RUN_RECORD, digests, write_json
from igkinetics.output.folder import Kind
from igkinetics.output.parts import Done, Part, do_parts, key_of, parts_folder
from igkinetics.parallel import Progress
from igkinetics.provenance import package_versions, sha256_of_file

WHOLE_TABLES: Final = ("nadir", "patients", "parameters", "thresholds", "problems")
"""Written of all parts together; every other table lies with its part."""
PARTS_TABLE: Final = "parts.csv"
PARTS: Final = "parts"
WHOLE: Final = "whole"
"""Among the waiting parts: the tables of all of them."""
FIT_IN_PARTS: Final = Kind(
    marker=RUN_RECORD,
    names=FIT_OUTPUT.names | {PARTS, PARTS_TABLE},
)
LOWEST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files of a part are to be read, as `fit` was called."""

    path: Path
    igg_unit: str | None
    file_format: str | None
    on_problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All parts together. lowest: patient, nadir, lower, upper, day, unit of the lowest fitted nadirs."""

    statuses: dict[str, int]
    reached: int
    lowest: tuple[tuple[str, float, float, float, float, str], ...]

    @property
    def n_patients(self) -> int:
        return sum(self.statuses.values())

    @property
    def n_fitted(self) -> int:
        return sum(self.statuses.get(status, 0) for status in WITH_ESTIMATES)

    @property
    def n_failed(self) -> int:
        return self.statuses.get("failed", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsFit:
    """What came of a fit by parts; totals only where every part is there and the result stands in `out`."""

    out: Path
    done: Done
    totals: Totals | None


def fit_part(reading: Reading, options: FitOptions, extras: Extras, n_patients: int, part: str, folder: Path) -> None:
    """Read, fit and write one part."""
    cohort = read_part(
        reading.path,
        part,
        n_patients,
        igg_unit=reading.igg_unit,
        file_format=reading.file_format,
        on_problem=reading.on_problem,
    )
    write_fit(fit_cohort(cohort, options), folder, extras)


def fit_by_parts(
    reading: Reading,
    options: FitOptions,
    out: Path,
    extras: Extras,
    *,
    cluster: str = "",
    progress: Progress | None = None,
) -> PartsFit:
    """Fit every part that no earlier run of the same call has left finished; where all are there, put their tables
    together beside them. `jobs` counts the parts at a time, each in a process."""
    began = time.perf_counter()
    names = parts_of(reading.path)
    n_patients = count_patients(reading.path)
    own = for_workers(options)
    parts = [Part(name=name, key=part_key(reading, own, extras, n_patients, name)) for name in names]
    folder = parts_folder(out)
    work = partial(fit_part, absolute(reading), own, extras, n_patients)
    done = do_parts(parts, work, folder, jobs=options.jobs, cluster=cluster, progress=progress)
    if done.interrupted or len(done.finished) < len(parts):
        return PartsFit(out=out, done=done, totals=None)
    totals = put_together(folder, names, options, reading, extras, began)
    return PartsFit(out=out, done=done, totals=totals)


def absolute(reading: Reading) -> Reading:
    """For workers that run elsewhere."""
    return replace(reading, path=reading.path.resolve())


def for_workers(options: FitOptions) -> FitOptions:
    """One job in each process, and card files by their whole path."""
    card = str(Path(options.card).resolve()) if options.card.endswith(".toml") else options.card
    weights = {str(Path(n).resolve()) if n.endswith(".toml") else n: share for n, share in options.weights.items()}
    return replace(options, jobs=1, card=card, weights=weights)


def part_key(reading: Reading, options: FitOptions, extras: Extras, n_patients: int, part: str) -> str:
    """A digest of the part's files, the choices, the cards and everything else that moves a number."""
    folder = reading.path if reading.path.is_dir() else reading.path.parent
    files = [folder / MAPPING_NAME] if (folder / MAPPING_NAME).is_file() else []
    files += [path for table in TABLES for path in part_files(folder, table) if path.stem == part]
    inputs = {path.relative_to(folder).as_posix(): sha256_of_file(path) for path in files}
    cards = {name: sha256_of_file(card_path(name)) for name in options.cards}
    how = {"unit": reading.igg_unit, "format": reading.file_format, "on_problem": reading.on_problem}
    return key_of(inputs, cards, options.record(), asdict(extras), how, n_patients, package_versions())


def put_together(
    folder: Path, names: tuple[str, ...], options: FitOptions, reading: Reading, extras: Extras, began: float
) -> Totals:
    """The tables of all parts, the list of parts and one run record, beside the parts in `folder`/whole."""
    whole = folder / WHOLE
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir()
    for table in WHOLE_TABLES:
        joined([folder / name / f"{table}.csv" for name in names], whole / f"{table}.csv")
    refuse_twice(whole / "patients.csv")
    totals = totals_of(whole)
    records = {name: run_of(folder / name) for name in names}
    units = {str(record["igg_unit"]) for record in records.values()}
    if len(units) > 1:
        expected = "must have one unit: state it, --igg-unit mg/dL or igg_unit in cohort.toml"
        raise InputError(
            [Problem(file="samples", column="igg_unit", found=", ".join(sorted(units)), expected=expected)]
        )
    write_parts_table(folder, names, records, whole / PARTS_TABLE)
    write_json(whole_record(records, options, extras, totals, began, whole), whole / RUN_RECORD)
    return totals


def move_in_place(out: Path, filling: Path, names: tuple[str, ...]) -> None:
    """The result put together by fit_by_parts, with its parts, into the folder that is to become `out`."""
    folder = parts_folder(out)
    for path in sorted((folder / WHOLE).iterdir()):
        path.rename(filling / path.name)
    (filling / PARTS).mkdir()
    for name in names:
        (folder / name).rename(filling / PARTS / name)
    shutil.rmtree(folder)


def joined(sources: list[Path], target: Path) -> None:
    """The rows of CSV files with the same header, one after the other; nothing where none is there."""
    there = [source for source in sources if source.is_file()]
    if not there:
        return
    with target.open("wb") as file:
        for place, source in enumerate(there):
            with source.open("rb") as rows:
                header = rows.readline()
                if place == 0:
                    file.write(header)
                shutil.copyfileobj(rows, file)


def rows_of(table: Path) -> Iterator[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def refuse_twice(patients: Path) -> None:
    """InputError for patients in more than one part whom only reading could find: in CSV, or in other tables."""
    counts = Counter(row["patient_id"] for row in rows_of(patients))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        expected = "must have all rows of all tables in parts of one name"
        raise InputError(
            [
                Problem(file=PARTS, patient_id=name, found="in more than one part", expected=expected)
                for name in twice[:20]
            ]
        )


def totals_of(folder: Path) -> Totals:
    """Counts and the lowest nadirs, row by row."""
    statuses = Counter(row["status"] for row in rows_of(folder / "patients.csv"))
    reached = 0
    lowest: list[tuple[float, int, tuple[str, float, float, float, float, str]]] = []
    for place, row in enumerate(rows_of(folder / "nadir.csv")):
        if row["fitted_nadir"]:
            reached += row["nadir_reached"] == "True"
            names = ("fitted_nadir", "fitted_nadir_lower", "fitted_nadir_upper", "fitted_nadir_day")
            nadir, lower, upper, day = (float(row[name]) for name in names)
            kept = (-nadir, -place, (row["patient_id"], nadir, lower, upper, day, row["unit"]))
            (heapq.heappush if len(lowest) < LOWEST_NAMED else heapq.heappushpop)(lowest, kept)
    ordered = tuple(each[2] for each in sorted(lowest, reverse=True))
    return Totals(statuses=dict(statuses), reached=reached, lowest=ordered)


def run_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / RUN_RECORD).read_text(encoding="utf-8")))


def write_parts_table(folder: Path, names: tuple[str, ...], records: dict[str, dict[str, Any]], target: Path) -> None:
    """part, patients, fitted, and the digest of its draws, which is that of no other run."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["part", "patients", "fitted", "draws_sha256"])
        for name in names:
            statuses = Counter(row["status"] for row in rows_of(folder / name / "patients.csv"))
            fitted = sum(statuses.get(status, 0) for status in WITH_ESTIMATES)
            writer.writerow([name, sum(statuses.values()), fitted, records[name]["files"].get("draws.parquet", "")])


def whole_record(
    records: dict[str, dict[str, Any]], options: FitOptions, extras: Extras, totals: Totals, began: float, whole: Path
) -> dict[str, Any]:
    """The run record of all parts: as that of one, inputs and rows of all, and the tables with their digests."""
    first = next(iter(records.values()))
    seconds = time.perf_counter() - began
    cards = {key: value for record in records.values() for key, value in record["cards"].items()}
    values = first | {
        "options": options.record() | asdict(extras),
        "inputs": {key: value for record in records.values() for key, value in sorted(record["inputs"].items())},
        "rows": {key: value for record in records.values() for key, value in record["rows"].items()},
        "unused_columns": {k: v for record in records.values() for k, v in record["unused_columns"].items()},
        "cards": cards,
        "private_cards": private_cards(cards),
        "verdict": f"{totals.n_fitted} of {totals.n_patients} patients fitted in {len(records)} parts",
        "started": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "files": digests(whole, [f"{table}.csv" for table in WHOLE_TABLES] + [PARTS_TABLE]),
    }
    left = sum((Counter(record.get(LEFT, {})) for record in records.values()), Counter[str]())
    return {key: values[key] for key in RUN_KEYS} | ({LEFT: dict(left)} if LEFT in first else {})
