"""`fit` of a cohort in parts: one part in memory at a time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from igkinetics.cards.load import card_path
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.parts import Reading, reading_in_parts
from igkinetics.errors import InputError
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.learning import Records, asked_of, fit_weights, learns
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import FIT_OUTPUT, LEFT, Extras, write_fit
from igkinetics.output.by_parts import (
    NAMES,
    PARTS_TABLE,
    ByParts,
    joined,
    one_unit,
    record_of_part,
    refuse_twice,
    rows_of,
    write_parts_table,
    write_whole_record,
)
from igkinetics.output.folder import Kind
from igkinetics.output.parts import Part, key_of
from igkinetics.provenance import package_versions, sha256_of_file

WHOLE_TABLES: Final = ("nadir", "patients", "parameters", "thresholds", "problems")
"""Written of all parts together; every other table lies with its part."""
FIT_IN_PARTS: Final = Kind(marker=FIT_OUTPUT.marker, names=FIT_OUTPUT.names | NAMES)
LOWEST_NAMED: Final = 3


def unchanged(cohort: Cohort) -> Cohort:
    return cohort


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All parts together. lowest: patient, nadir, lower, upper, day, unit of the lowest fitted nadirs. below: threshold
    in words -> fitted patients who fell below it, and all whose course below it is known."""

    statuses: dict[str, int]
    reached: int
    lowest: tuple[tuple[str, float, float, float, float, str], ...]
    below: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def n_patients(self) -> int:
        return sum(self.statuses.values())

    @property
    def n_fitted(self) -> int:
        return sum(self.statuses.get(status, 0) for status in WITH_ESTIMATES)

    @property
    def n_failed(self) -> int:
        return self.statuses.get("failed", 0)


def fit_part(reading: Reading, options: FitOptions, extras: Extras, part: str, folder: Path) -> None:
    """Read, fit and write one part."""
    write_fit(fit_cohort(reading.part(part), options), folder, extras)


def fit_by_parts(reading: Reading, options: FitOptions, extras: Extras) -> ByParts[Totals]:
    """What a fit of a cohort in parts does to each part, and how the tables of all are joined."""
    ready, names = reading_in_parts(reading)
    options, _ = fit_weights(records_in_parts(ready, names, options), options)
    own = replace(options, jobs=1, **by_whole_path(options.card, options.weights))
    how = (*decisive_cards(own.cards), own.record(), asdict(extras))
    return ByParts(
        kind=FIT_IN_PARTS,
        parts=tuple(Part(name=name, key=key_of("fit", *ready.decisive(name), *how)) for name in names),
        do=partial(fit_part, ready, own, extras),
        join=partial(join_fits, options.record() | asdict(extras)),
    )


def records_in_parts(
    reading: Reading, names: Sequence[str], options: FitOptions, as_known: Callable[[Cohort], Cohort] = unchanged
) -> Records:
    """Records of those in all parts whom weights are learnt from, one part in memory at a time; none where too few
    patients are there. A part that cannot be read is left out: it is told of when its turn comes."""
    if not learns(options, reading.n_patients):
        return []
    kept: dict[str, Cohort] = {}
    for name in names:
        with suppress(InputError):
            part = as_known(reading.part(name))
            asked = asked_of([*kept, *part.patient_ids])
            kept = {patient: kept[patient] if patient in kept else part.only(patient) for patient in asked}
    return [(cohort, patient) for patient, cohort in kept.items()]


def by_whole_path(card: str, weights: dict[str, float]) -> dict[str, Any]:
    """The same cards for workers that run elsewhere: files by their whole path."""

    def whole(name: str) -> str:
        return str(Path(name).resolve()) if name.endswith(".toml") else name

    return {"card": whole(card), "weights": {whole(name): share for name, share in weights.items()}}


def decisive_cards(cards: dict[str, float]) -> tuple[Any, ...]:
    """What of cards decides what is computed with them, and with which packages."""
    return {Path(name).name: sha256_of_file(card_path(name)) for name in cards}, package_versions()


def join_fits(options: dict[str, Any], folders: list[Path], whole: Path, seconds: float) -> Totals:
    """The tables of all parts, the list of parts and one run record."""
    for table in WHOLE_TABLES:
        joined([folder / f"{table}.csv" for folder in folders], whole / f"{table}.csv")
    refuse_twice(row["patient_id"] for row in rows_of(whole / "patients.csv"))
    totals = totals_of(whole)
    records = [record_of_part(folder) for folder in folders]
    one_unit(records)
    rows = [row_of_part(folder, record) for folder, record in zip(folders, records, strict=True)]
    write_parts_table(rows, whole / PARTS_TABLE)
    left = sum((Counter(record.get(LEFT, {})) for record in records), Counter[str]())
    more = {LEFT: dict(left)} if LEFT in records[0] else {}
    verdict = f"{totals.n_fitted} of {totals.n_patients} patients fitted in {len(records)} parts"
    write_whole_record(records, whole, seconds, verdict, options=options, **more)
    return totals


def row_of_part(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """part, patients, fitted, and the digest of its draws, which is that of no other run."""
    statuses = Counter(row["status"] for row in rows_of(folder / "patients.csv"))
    return {
        "part": folder.name,
        "patients": sum(statuses.values()),
        "fitted": sum(statuses.get(status, 0) for status in WITH_ESTIMATES),
        "draws_sha256": record["files"].get("draws.parquet", ""),
    }


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
    fell, known = Counter[str](), Counter[str]()
    asked = folder / "thresholds.csv"  # not written where no threshold was
    for row in rows_of(asked) if asked.is_file() else ():
        if row["days_below"] and row["status"] in WITH_ESTIMATES:
            level = f"{float(row['threshold']):g} {row['unit']}"
            known[level] += 1
            fell[level] += bool(row["first_day_below"])
    below = {level: (fell[level], known[level]) for level in known}
    ordered = tuple(each[2] for each in sorted(lowest, reverse=True))
    return Totals(statuses=dict(statuses), reached=reached, lowest=ordered, below=below)
