"""`scenario` for all patients of a fit in parts: one part in memory at a time, and the outcomes of all together.

A part leaves its tallies (sums, values, counts of levels) in a file beside its tables; those of all parts are added up
in their order, and quantiles are made of them as of the batches of a fit that is read at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.dosing.cases import FITS, About
from igkinetics.errors import InputError, Problem, counted
from igkinetics.fit.records import DRAWS_FILE, EVENTS_FILE, is_in_parts, left_by, parts_of_fit
from igkinetics.output.by_parts import (
    NAMES,
    PARTS_TABLE,
    ByParts,
    joined,
    one_unit,
    record_of_part,
    under_parts,
    write_parts_table,
    write_whole_record,
)
from igkinetics.output.files import digests, write_csv, write_parquet
from igkinetics.output.folder import Kind
from igkinetics.output.parts import Part, key_of
from igkinetics.provenance import package_versions
from igkinetics.scenarios.follow import finished, new_regimens, shares_of
from igkinetics.scenarios.output import SCENARIO_OUTPUT, scenario_record, write_scenario
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.scenarios.result import TABLES, ScenarioResult
from igkinetics.scenarios.run import run_scenario, setting_for, tables_of
from igkinetics.scenarios.tally import OfRegimen, Tally

SCENARIO_IN_PARTS: Final = Kind(marker=SCENARIO_OUTPUT.marker, names=SCENARIO_OUTPUT.names | NAMES)
TALLIES: Final = "tallies.npz"
"""Of a part that waits for the others."""
TOGETHER: Final = ("outcomes", "differences", "infections", "trajectories")
"""Made of the tallies of all parts; patient_outcomes are theirs, one after the other."""


def asks_for_parts(file: ScenarioFile) -> bool:
    """Whether the population is all patients of a fit in parts, or several of them."""
    population = file.scenario.population
    return population.fit is not None and population.patient is None and is_in_parts(file.path(population.fit))


def scenario_by_parts(file: ScenarioFile, level: float) -> ByParts[ScenarioResult]:
    """What a scenario for a fit in parts does to each part, and how outcomes are joined."""
    population = file.scenario.population
    if population.fit is None:
        raise AssertionError("a population without a fit has no parts")
    if file.scenario.search is not None:
        rule = "goes with patients who are in memory at once; for a fit in parts write the candidates as regimens"
        raise InputError([Problem(file=file.name, column="search", found="a fit in parts", expected=rule)])
    fit = file.path(population.fit).resolve()
    whose = {folder: known_in(folder, population.patients) for folder in parts_of_fit(fit)}
    if unknown := set(population.patients or ()) - {name for names in whose.values() for name in names}:
        rule = f"must be patients of {fit.name} with fitted numbers"
        found = ", ".join(sorted(unknown))
        raise InputError([Problem(file=file.name, column="population.patients", found=found, expected=rule)])
    wanted = {folder: names for folder, names in whose.items() if names}
    if not wanted:
        rule = "must have a patient with fitted numbers"
        raise InputError([Problem(file=file.name, column="population.fit", found=fit.name, expected=rule)])
    n_in_all = sum(map(len, wanted.values()))
    files = {
        folder.name: of_part(file, folder, names if population.patients else None, n_in_all)
        for folder, names in wanted.items()
    }
    parts = []
    for folder, names in wanted.items():
        inputs = left_by("fit", folder, (DRAWS_FILE, EVENTS_FILE)).inputs
        decisive = (file.sha256, file.scenario.seed, level, inputs, names, n_in_all, package_versions())
        parts.append(Part(name=folder.name, key=key_of("scenario", *decisive)))
    return ByParts(
        kind=SCENARIO_IN_PARTS,
        parts=tuple(parts),
        do=partial(scenario_part, files, level),
        join=partial(join_scenarios, file, level),
        place=without_tallies,
    )


def known_in(folder: Path, asked: list[str] | None) -> list[str]:
    """The patients of a part for whom the fit has draws, of those asked for."""
    names = pd.read_parquet(folder / DRAWS_FILE, columns=["patient_id"])["patient_id"].unique().astype(str).tolist()
    return names if asked is None else [name for name in names if name in asked]


def of_part(file: ScenarioFile, folder: Path, names: list[str] | None, n_in_all: int) -> ScenarioFile:
    """The scenario of the patients of one part."""
    own = file.scenario.population.model_copy(update={"fit": str(folder), "patients": names})
    return replace(file, scenario=file.scenario.model_copy(update={"population": own}), n_in_all=n_in_all)


def scenario_part(files: dict[str, ScenarioFile], level: float, part: str, folder: Path) -> None:
    """Every regimen for the patients of one part."""
    result = run_scenario(files[part], level=level, jobs=1, gathered=partial(write_tallies, folder / TALLIES))
    write_scenario(result, folder)


def write_tallies(path: Path, kept: list[OfRegimen]) -> None:
    arrays: dict[str, Any] = {}
    for place, own in enumerate(kept):
        if own.bins is None:
            raise AssertionError("levels by day of a part must be counted in bins")
        for name, tally in (("tally", own.tally), ("difference", own.difference)):
            arrays |= {f"{place} {name} {field}": getattr(tally, field) for field in ("sums", "counts", "squares")}
        arrays[f"{place} values"] = np.concatenate(own.values.parts)
        arrays[f"{place} models"] = np.concatenate(own.values.models)
        arrays[f"{place} bins"] = own.bins.counts
    np.savez_compressed(path, **arrays)


def add_tallies(path: Path, kept: list[OfRegimen]) -> None:
    """Those of a part, to those of the parts before it."""

    def add(tally: Tally, name: str) -> None:
        for field in ("sums", "counts", "squares"):
            total = getattr(tally, field)
            total += arrays[f"{name} {field}"]

    with np.load(path) as arrays:
        for place, own in enumerate(kept):
            add(own.tally, f"{place} tally")
            add(own.difference, f"{place} difference")
            own.values.parts.append(arrays[f"{place} values"])
            own.values.models.append(arrays[f"{place} models"])
            if own.bins is not None:
                own.bins.counts += arrays[f"{place} bins"]


def join_scenarios(
    file: ScenarioFile, level: float, folders: list[Path], whole: Path, seconds: float
) -> ScenarioResult:
    """Outcomes of everybody, every patient's own, the list of parts and one run record."""
    records = [record_of_part(folder) for folder in folders]
    one_unit(records)
    numbers = [record["options"]["population"] for record in records]
    n_patients = sum(int(each["n_patients"]) for each in numbers)
    about = about_all(file, records[0], n_patients, int(numbers[0]["draws"]))
    setting, regimens = setting_for(file, about), tuple(file.scenario.regimen)
    kept = new_regimens(about, len(regimens), setting, binned=True)
    for folder in folders:
        add_tallies(folder / TALLIES, kept)
    followed = finished(kept, about, shares_of(level), n_patients)
    nothing = {name: pd.DataFrame(columns=list(columns)) for name, columns in TABLES.items()}
    result = ScenarioResult(
        file=file,
        about=about,
        columns=setting.columns,
        level=level,
        regimens=regimens,
        notes=(*about.notes, *followed.notes),
        n_simulated=n_patients,
        interrupted=False,
        recommended=None,
        record=None,
        seconds=seconds,
        finished=datetime.now(UTC),
        **nothing | tables_of(about, regimens, followed, setting, level),
    )
    for name in TOGETHER:
        table = getattr(result, name)
        if name == "trajectories":
            write_parquet(table, TABLES[name], whole / f"{name}.parquet")
        elif len(table):
            write_csv(table, TABLES[name], whole / f"{name}.csv")
    joined([folder / "patient_outcomes.csv" for folder in folders], whole / "patient_outcomes.csv")
    rows = [
        {"part": folder.name, "patients": each["n_patients"], **digest_of(folder)}
        for folder, each in zip(folders, numbers, strict=True)
    ]
    write_parts_table(rows, whole / PARTS_TABLE)
    write_whole_record(records, whole, seconds, result.verdict, options=scenario_record(result)["options"])
    return result


def digest_of(folder: Path) -> dict[str, str]:
    return {"patient_outcomes_sha256": digests(folder, ["patient_outcomes.csv"])["patient_outcomes.csv"]}


def about_all(file: ScenarioFile, record: dict[str, Any], n_patients: int, n_draws: int) -> About:
    """What is said of the patients of all parts. record: of the first part."""
    fit = file.path(file.scenario.population.fit or "")
    of_first = record["options"]["population"]
    day = "each patient's last sample" if of_first["from_day"] == "last_sample" else f"day {of_first['from_day']:g}"
    notes = (
        f"days count from {day}: doses recorded before it stay, the regimens take the place of all later ones",
        "what is to be told of single patients stands in the tables of their part",
    )
    return About(
        kind=FITS,
        says=f"{counted(n_patients, 'patient')} of the fit in {fit.name}, {counted(n_draws, 'draw')} each",
        uncertainty=of_first["mean_interval_holds"],
        n_patients=n_patients,
        n_draws=n_draws,
        model_names=("posterior",),
        model_weights=(1.0,),
        cards={name: (digest, name) for name, digest in record["cards"].items()},
        notes=notes,
        igg_unit=record["igg_unit"],
    )


def without_tallies(part: Path, filling: Path) -> None:
    (part / TALLIES).unlink()
    under_parts(part, filling)
