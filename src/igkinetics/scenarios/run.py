"""`igk.simulate_regimens`, and a whole scenario file: from patients and regimens to frozen tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from igkinetics.dosing.cases import About, Patients
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.regimen_file import converted
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.fit.records import Member
from igkinetics.kinetics.parameters import Floats
from igkinetics.limits import LEVELS_OF_IGG_MG_DL
from igkinetics.parallel import Progress, workers
from igkinetics.scenarios import rows
from igkinetics.scenarios.calendar import calendar_rows
from igkinetics.scenarios.engine import Setting
from igkinetics.scenarios.follow import Followed, follow
from igkinetics.scenarios.individual import next_dose_rows, next_sample_rows
from igkinetics.scenarios.infections import infection_rows, relations_of
from igkinetics.scenarios.outcomes import Columns
from igkinetics.scenarios.posterior_patients import PosteriorPatients
from igkinetics.scenarios.read_scenario import ScenarioFile, parse_scenario, read_scenario
from igkinetics.scenarios.result import TABLES, ScenarioResult
from igkinetics.scenarios.scenario_patients import scenario_patients
from igkinetics.scenarios.search import SEARCH_COLUMNS, cheapest_of, search_table
from igkinetics.scenarios.tally import OfRegimen
from igkinetics.scenarios.workload import WORTH_TELLING_S, refuse_unforeseen
from igkinetics.units import INTERVAL_LEVEL, IggUnit

ProgressOf = Callable[[str], AbstractContextManager[Progress | None]]
"""From what is being done to a place where its progress is told."""


def silent(label: str) -> AbstractContextManager[None]:
    return nullcontext()


def nobody(line: str) -> None:
    """To whom nothing is told."""


def run_scenario(
    source: Path | ScenarioFile,
    *,
    level: float = INTERVAL_LEVEL,
    jobs: int = 2,
    progress: ProgressOf = silent,
    say: Callable[[str], None] = nobody,
    gathered: Callable[[list[OfRegimen]], None] | None = None,
) -> ScenarioResult:
    """Every regimen and the search of a scenario file. The number of jobs changes no number. say: is told before
    it starts what a long run takes. gathered: is shown the tallies of all regimens before quantiles are made of them.

    InputError with every problem of the file, of its cards and of the folders it names.
    """
    check_call(level, jobs)
    began = time.perf_counter()
    file = source if isinstance(source, ScenarioFile) else read_scenario(source)
    scenario, patients = file.scenario, scenario_patients(file)
    told = refuse_unforeseen(file.name, scenario, patients, jobs)
    if told.seconds > WORTH_TELLING_S:
        say(f"Foreseen: {told.says}.")
    setting = setting_of(file, patients)
    tried, recommended, regimens = pd.DataFrame(columns=list(SEARCH_COLUMNS)), None, tuple(scenario.regimen)
    with workers(jobs) as crew:
        if scenario.search is not None:
            with progress("Trying candidates") as report:
                tried = search_table(patients, scenario.search, setting, scenario.price_per_g, crew, report)
            recommended = cheapest_of(tried, scenario.search, scenario.regimen)
            if recommended is not None and recommended not in regimens:
                regimens = (*regimens, recommended)
        with progress("Simulating regimens") as report:
            followed = follow(patients, regimens, setting, level, crew, report, gathered)
        tables = tables_of(patients.about, regimens, followed, setting, level) | {"search": tried}
        tables["calendar"] = calendar_table(patients, regimens, setting)
        if isinstance(patients, PosteriorPatients) and patients.about.is_one:
            tables |= tables_of_one(file, patients, regimens, setting, level)
    return ScenarioResult(
        file=file,
        about=patients.about,
        columns=setting.columns,
        level=level,
        regimens=regimens,
        recommended=recommended,
        record=the_record(patients),
        notes=(*patients.about.notes, *followed.notes),
        n_simulated=followed.n_patients,
        interrupted=followed.interrupted,
        seconds=time.perf_counter() - began,
        finished=datetime.now(UTC),
        **tables,
    )


def the_record(patients: Patients) -> Member | None:
    """The record of a single patient of a fit or cohort; None for others."""
    if isinstance(patients, PosteriorPatients) and patients.about.is_one:
        return patients.members[0]
    return None


def check_call(level: float, jobs: int) -> None:
    if not 0 < level < 1:
        raise call_error("level", level, "must be a fraction between 0 and 1, such as 0.95")
    if jobs < 1:
        raise call_error("jobs", jobs, "must be 1 or more")


def setting_of(file: ScenarioFile, patients: Patients) -> Setting:
    return setting_for(file, patients.about)


def setting_for(file: ScenarioFile, about: About) -> Setting:
    scenario = file.scenario
    unit: IggUnit = scenario.unit or about.igg_unit or "mg/dL"
    refuse_other_unit(file, scenario.thresholds_in(unit), unit)
    columns = Columns(
        thresholds=scenario.thresholds_in(unit),
        unit=unit,
        price_per_g=scenario.price_per_g,
        relations=relations_of(scenario.exposure_response),
    )
    return Setting(
        from_day=0.0,
        horizon_day=scenario.horizon_day,
        columns=columns,
        day=daily(scenario.horizon_day),
        seed=scenario.seed,
        assay=scenario.assay,
    )


def refuse_other_unit(file: ScenarioFile, thresholds: tuple[float, ...], unit: IggUnit) -> None:
    """InputError for thresholds and targets that no level of IgG has: they were meant in another unit."""
    low, high = (converted(level, "mg/dL", unit) for level in LEVELS_OF_IGG_MG_DL)
    key = "thresholds" if file.scenario.thresholds is not None else "thresholds_mg_dl"
    stated = [(key, thresholds)]
    if (search := file.scenario.search) is not None:
        ends = (search.target.lower(unit), search.target.upper(unit))
        stated.append(("search.target", tuple(end for end in ends if end is not None)))
    rule = f"levels of IgG lie between {low:g} and {high:g} {unit}; state `unit` with `thresholds`"
    problems = [
        Problem(file=file.name, column=key, found=f"{', '.join(f'{one:g}' for one in levels)} {unit}", expected=rule)
        for key, levels in stated
        if not low <= min(levels) <= max(levels) <= high
    ]
    if problems:
        raise InputError(problems)


def daily(horizon_day: float) -> Floats:
    """Every day from 0 to the horizon, which is always among them."""
    return np.unique([*np.arange(0.0, horizon_day), horizon_day])


def tables_of(
    about: About, regimens: Sequence[Dosing], followed: Followed, setting: Setting, level: float
) -> dict[str, pd.DataFrame]:
    """All tables but the search's and the calendar."""
    columns = setting.columns
    windows = [setting.windows(regimen) for regimen in regimens]
    found: dict[str, Iterable[dict[str, Any]]] = {
        "outcomes": rows.outcome_rows(regimens, windows, followed, about, columns, level),
        "differences": rows.difference_rows(regimens, windows, followed, about, columns, level),
        "models": rows.model_rows(regimens, followed, about, columns, level),
        "patient_outcomes": rows.patient_rows(regimens, followed, about, columns),
        "infections": infection_rows(regimens, followed, about, columns),
        "next_dose": (),
        "next_sample": (),
    }
    tables = {name: pd.DataFrame(list(each), columns=list(TABLES[name])) for name, each in found.items()}
    return tables | {"trajectories": rows.trajectory_table(regimens, followed, about, setting.day, columns.unit)}


def calendar_table(patients: Patients, regimens: Sequence[Dosing], setting: Setting) -> pd.DataFrame:
    rows = calendar_rows(patients, regimens, setting.horizon_day, setting.columns.unit)
    return pd.DataFrame(list(rows), columns=list(TABLES["calendar"]))


def tables_of_one(
    file: ScenarioFile, patients: PosteriorPatients, regimens: Sequence[Dosing], setting: Setting, level: float
) -> dict[str, pd.DataFrame]:
    """Individual dosing: what a next dose does, and which sample would tell most."""
    found = {
        "next_dose": next_dose_rows(patients, setting, file.scenario.search, level),
        "next_sample": next_sample_rows(patients, setting, regimens),
    }
    return {name: pd.DataFrame(list(each), columns=list(TABLES[name])) for name, each in found.items()}


def simulate_regimens(
    population: str | Mapping[str, Any],
    regimens: Sequence[Mapping[str, Any]],
    *,
    horizon_day: float,
    thresholds: Sequence[float],
    seed: int,
    therapy: Mapping[str, Any] | None = None,
    assay: Mapping[str, Any] | None = None,
    price_per_g: float | None = None,
    unit: IggUnit | None = None,
    level: float = INTERVAL_LEVEL,
    jobs: int = 2,
) -> ScenarioResult:
    """Regimens for a population, as a scenario file would say it; `.outcomes` and `.trajectories` are DataFrames.

    population: the keys of [population], such as {"card": "tortorici_2019", "n": 1000, "weight_kg": 75}.
    regimens: one mapping each with the keys of [[regimen]], {} being none. thresholds: in `unit`, by default the unit
    of the fit or cohort behind the population, else mg/dL. InputError names every key that is at fault. See
    docs/model.md 6.

    >>> import igkinetics as igk
    >>> population = {"card": "adult_b_cell_depletion", "n": 20, "weight_kg": 70}
    >>> regimens = [{"name": "none"}, {"name": "monthly", "dose_g_per_kg": 0.4, "interval_day": 28}]
    >>> result = igk.simulate_regimens(population, regimens, horizon_day=84, thresholds=[400], seed=1)
    >>> grams = result.outcomes.query("outcome == 'grams'")
    >>> grams[["regimen", "median", "unit"]].values.tolist()
    [['none', 0.0, 'g'], ['monthly', 84.0, 'g']]
    """
    return _called(
        population,
        level,
        jobs,
        regimen=[dict(regimen) for regimen in regimens],
        horizon_day=horizon_day,
        thresholds=list(thresholds),
        seed=seed,
        therapy=therapy,
        assay=assay,
        unit=unit,
        price_per_g=price_per_g,
    )


def search_regimens(
    population: str | Mapping[str, Any],
    target: Mapping[str, Any],
    *,
    interval_day: Sequence[float],
    horizon_day: float,
    thresholds: Sequence[float],
    seed: int,
    therapy: Mapping[str, Any] | None = None,
    assay: Mapping[str, Any] | None = None,
    price_per_g: float | None = None,
    unit: IggUnit | None = None,
    level: float = INTERVAL_LEVEL,
    jobs: int = 2,
    **search: Any,
) -> ScenarioResult:
    """The fewest grams that reach a target, as [search] of a scenario file says it; `.search` lists every candidate.

    population, thresholds, unit: as in `simulate_regimens`. target: such as {"quantity": "trough", "at_least": 500,
    "probability": 0.9}. interval_day, and search: the other keys of [search], such as dose_g_per_kg=[0.2, 1.0],
    vial_g=[2.5, 5] (mixed), route=["iv", "sc"]. InputError names every key that is at fault. See docs/model.md 6.

    >>> import igkinetics as igk
    >>> population = {"card": "adult_b_cell_depletion", "n": 20, "weight_kg": 70}
    >>> target = {"quantity": "trough", "at_least": 500, "probability": 0.5}
    >>> choice = {"dose_g_per_kg": [0.2, 0.4, 0.8], "interval_day": [28], "horizon_day": 84}
    >>> result = igk.search_regimens(population, target, **choice, thresholds=[500], seed=1)
    >>> len(result.search), int(result.search["cheapest"].sum())
    (3, 1)
    """
    return _called(
        population,
        level,
        jobs,
        search={"target": dict(target), "interval_day": list(interval_day), **search},
        horizon_day=horizon_day,
        thresholds=list(thresholds),
        seed=seed,
        therapy=therapy,
        assay=assay,
        unit=unit,
        price_per_g=price_per_g,
    )


def _called(population: str | Mapping[str, Any], level: float, jobs: int, **keys: Any) -> ScenarioResult:
    """The scenario of a file with these keys, tables as a file would hold them; a key that is None is absent."""
    given = {name: dict(value) if isinstance(value, Mapping) else value for name, value in keys.items()}
    raw = {name: value for name, value in given.items() if value is not None}
    raw["population"] = {"card": population} if isinstance(population, str) else dict(population)
    return run_scenario(parse_scenario(raw, "call", "", None), level=level, jobs=jobs)
