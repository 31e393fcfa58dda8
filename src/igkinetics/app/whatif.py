"""What a regimen would do to a fitted patient: the draws of the fit are kept, only the schedule ahead is propagated.

The scenario is made and asked as `igkinetics scenario` does it, of a fit in memory in place of a folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from igkinetics.cohort.windows import end_words
from igkinetics.dosing.cases import Cases, Places
from igkinetics.dosing.doses import calendar_days
from igkinetics.dosing.regimen import Dosing
from igkinetics.errors import InputError, call_error
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.output import in_memory
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Workers
from igkinetics.scenarios.engine import Setting, Simulated, simulate
from igkinetics.scenarios.follow import DAYS_AT_A_TIME, curve_quantiles
from igkinetics.scenarios.posterior_patients import PosteriorPatients, patient_of_fit
from igkinetics.scenarios.read_scenario import ScenarioFile, parse_scenario
from igkinetics.scenarios.recorded import lacking
from igkinetics.scenarios.run import setting_of
from igkinetics.scenarios.tally import quantiles_of
from igkinetics.scenarios.windows import Windows
from igkinetics.units import INTERVAL_LEVEL, from_g_per_l

FIT_FOLDER: Final = "results/fit"
"""Where the fit behind a scenario file lies, once `igkinetics fit` has written it."""
QUICK_DRAWS: Final = 400
"""Draws behind what is shown while a slider moves."""
DAYS_OF_GRAMS: Final = 28.0
Level = Literal["median", "lower", "upper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What all regimens share. thresholds: in the cohort's unit, ascending. from_day: the day of the record from which
    the regimens take the place of recorded doses; None: the end of the record, see `end_of_record`."""

    thresholds: tuple[float, ...]
    horizon_day: float
    from_day: float | None = None
    seed: int = 1
    level: float = INTERVAL_LEVEL


def end_of_record(fit: CohortFit, patient_id: str) -> float:
    """The last sample's day, or the whole day after the last dose where one was given then or since: no dose of the
    record is left out."""
    own = fit.cohort.patient(patient_id)
    sampled = float(own.sample_day[-1])
    if not own.dose_day.size or own.dose_day[-1] < sampled:
        return sampled
    return float(np.floor(own.dose_day[-1]) + 1.0)


def scenario_tables(fit: CohortFit, patient_id: str, plan: Plan, regimens: list[dict[str, Any]]) -> dict[str, Any]:
    """The tables of a scenario file for this patient: what `igkinetics scenario` reads."""
    from_day = end_of_record(fit, patient_id) if plan.from_day is None else plan.from_day
    return {
        "title": f"Dosing of {patient_id}",
        "horizon_day": plan.horizon_day,
        "thresholds": list(plan.thresholds),
        "unit": fit.cohort.igg_unit,
        "seed": plan.seed,
        "population": {"fit": FIT_FOLDER, "patient": patient_id, "from_day": from_day},
        "regimen": regimens,
    }


@dataclass(frozen=True, eq=False)
class Patient:
    """A fitted patient with a plan, ready to be asked about regimens. InputError when it cannot be made."""

    fit: CohortFit
    patient_id: str
    plan: Plan

    def file(self, regimens: list[dict[str, Any]]) -> ScenarioFile:
        """InputError with every key of the plan or the regimens that is at fault."""
        return parse_scenario(scenario_tables(self.fit, self.patient_id, self.plan, regimens), "plan", "", None)

    @cached_property
    def prepared(self) -> tuple[PosteriorPatients, Setting]:
        """Draws with their drift up to the horizon, and what is asked of every regimen."""
        own = self.fit.cohort.patient(self.patient_id)
        if np.isfinite(own.follow_up_end):
            zero = self.fit.cohort.day_zero.get(self.patient_id)
            date = f"{(zero + pd.Timedelta(days=own.follow_up_end)).date().isoformat()}, " if zero is not None else ""
            when = f"{date}day {own.follow_up_end:.4g}"
            expected = f"follow-up ended with {end_words(own)} on {when}: there is no next dose"
            raise call_error("patient", self.patient_id, expected)
        file = self.file([{"name": "none"}])
        patients = patient_of_fit(file, in_memory(self.fit, FIT_FOLDER), self.patient_id)
        return patients, setting_of(file, patients)

    @cached_property
    def cases(self) -> Cases:
        return self.prepared[0].batch(0)

    @property
    def from_day(self) -> float:
        """The day of the record that is day 0 of the plan."""
        return self.prepared[0].about.days_from.day

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the plan: what its days count from, doses of the record that it leaves out."""
        return self.prepared[0].about.notes

    def dosing(self, regimen: Mapping[str, Any]) -> Dosing:
        """A regimen of a scenario file. InputError with every key that is at fault, for this patient too."""
        file = self.file([dict(regimen)])
        if problems := lacking(file, self.prepared[0].members):
            raise InputError(problems)
        return file.scenario.regimen[0]

    def under(self, regimen: Mapping[str, Any], *, quick: bool = False) -> Outlook:
        """What the regimen does; quick: by the first QUICK_DRAWS draws, which stand in random order."""
        dosing = self.dosing(regimen)
        setting = self.prepared[1]
        cases = first_of(self.cases, QUICK_DRAWS) if quick else self.cases
        noise = np.empty((len(cases), 0))
        tail = (1.0 - self.plan.level) / 2.0
        shares = np.array([0.5, tail, 1.0 - tail])
        rows = np.arange(len(cases))
        simulated = simulate(dosing, cases, noise, setting, crew())
        return Outlook(
            regimen=dosing,
            setting=setting,
            values=simulated.values,
            spread=quantiles_of(simulated.values, rows, shares),
            total=from_g_per_l(total_quantiles(simulated, rows, shares), setting.columns.unit),
            simulated=simulated,
            shares=shares,
        )


@cache
def crew() -> Workers:
    """Two threads that stay: new ones for every move of a slider would cost a third of its time."""
    return Workers(ThreadPoolExecutor(max_workers=2, thread_name_prefix="regimens"))


def total_quantiles(simulated: Simulated, rows: Places, shares: Floats) -> Floats:
    """(share, day): quantiles of the total level, as curve_quantiles has them in its first rows; g/L."""
    found = np.empty((shares.size, simulated.endogenous.shape[1]))

    def work(part: slice) -> None:
        total = simulated.endogenous[:, part] + simulated.infused[:, part]
        found[:, part] = quantiles_of(total, rows, shares)

    crew().over(found.shape[1], DAYS_AT_A_TIME, work)
    return found


def first_of(cases: Cases, n: int) -> Cases:
    """The first n cases, in C order as the compiled code expects it."""
    arrays = {each.name: getattr(cases, each.name) for each in fields(cases)}
    return replace(cases, **{name: np.ascontiguousarray(values[:n]) for name, values in arrays.items()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """One regimen for one patient. values (draw, outcome): see Columns; spread (3, outcome): their median and interval;
    total (3, day), in the cohort's unit: median, lower, upper of the level; simulated: the draws behind it."""

    regimen: Dosing
    setting: Setting
    values: Floats
    spread: Floats
    total: Floats
    simulated: Simulated
    shares: Floats

    @property
    def curve(self) -> Floats:
        """(5, day): the total, and the medians of endogenous and infused IgG, as trajectories.parquet has them."""
        quantiles = curve_quantiles(self.simulated, np.arange(len(self.values)), self.shares, crew())
        return from_g_per_l(quantiles, self.setting.columns.unit)

    @property
    def day(self) -> Floats:
        return self.setting.day

    @property
    def windows(self) -> Windows:
        return self.setting.windows(self.regimen)

    def place(self, outcome: str, threshold: float = np.nan) -> int:
        """The column of an outcome. KeyError for one that is not asked for."""
        for place, each in enumerate(self.setting.columns.all):
            if each.name == outcome and (
                each.threshold == threshold or (np.isnan(threshold) and np.isnan(each.threshold))
            ):
                return place
        raise KeyError(outcome)

    def three(self, outcome: str, threshold: float = np.nan) -> dict[Level, float]:
        """Median, lower and upper of an outcome over the draws, as patient_outcomes.csv has them."""
        median, lower, upper = self.spread[:, self.place(outcome, threshold)]
        return {"median": float(median), "lower": float(lower), "upper": float(upper)}

    def p_below(self, threshold: float) -> float:
        """The share of draws that fall below the threshold at any time from day 0 to the horizon."""
        return float(np.mean(self.values[:, self.place("nadir_all")] < threshold))

    @property
    def next_trough_day(self) -> float:
        """The end of the first dosing interval; nan where none ends within the horizon."""
        ends = self.windows.trough_day
        return float(ends[0]) if ends.size else np.nan

    @property
    def next_trough(self) -> dict[Level, float]:
        """The level just before the dose that ends the first interval, as trajectories.parquet has it on that day."""
        here = np.flatnonzero(self.day == self.next_trough_day)
        values = self.total[:, here[0]] if here.size else np.full(3, np.nan)
        return {"median": float(values[0]), "lower": float(values[1]), "upper": float(values[2])}

    @property
    def grams_per_28_days(self) -> float:
        """What the regimen comes to once it runs; 0 for none."""
        if self.regimen.gives_nothing or not self.regimen.interval_day:
            return 0.0
        grams = self.values[0, self.place("grams")] / max(self.values[0, self.place("infusions")], 1.0)
        return float(grams * DAYS_OF_GRAMS / self.regimen.interval_day)

    @property
    def dose_day(self) -> Floats:
        """The days of its doses within the horizon."""
        if self.regimen.gives_nothing:
            return np.empty(0)
        return calendar_days(self.regimen, 0.0, self.setting.horizon_day)
