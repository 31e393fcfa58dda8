"""`igk.dose_patient`: one patient fitted, every regimen tried on the posterior by the engine of scenarios, ranked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.dose.columns import DOSE_COLUMNS, FORECAST_COLUMNS, NEXT_SAMPLE_COLUMNS
from igkinetics.dose.facts import Facts, date_text, facts_of
from igkinetics.dose.options import DoseOptions
from igkinetics.dose.patient import patient_to_dose
from igkinetics.dose.plan import Plan, plan_of
from igkinetics.dose.result import DoseResult
from igkinetics.dosing.cases import Cases
from igkinetics.dosing.doses import calendar_days
from igkinetics.dosing.many import dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.vials import vials_words
from igkinetics.errors import call_error
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.courses import JUST_AFTER_DAY
from igkinetics.fit.learning import learnt_for_fit
from igkinetics.fit.options import FitOptions
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Progress, Workers, workers
from igkinetics.scenarios.calendar import CALENDAR_COLUMNS, calendar_rows
from igkinetics.scenarios.engine import Setting, simulate
from igkinetics.scenarios.individual import levels_of, next_sample_rows, schedule_with, weights_given
from igkinetics.scenarios.outcomes import Columns
from igkinetics.scenarios.posterior_patients import PosteriorPatients
from igkinetics.scenarios.run import daily
from igkinetics.scenarios.search import MEETS, SURE, place_of, tried_on
from igkinetics.units import from_g_per_l

NO_DOSE: Final = "no further dose"
MONTH_DAY: Final = 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One regimen, and what the draws (n,) say of it: whether each meets the target (nan: it has no trough)."""

    regimen: Dosing
    meets: Floats
    trough: float
    nadir: float
    days_below: float

    @property
    def p_target(self) -> float:
        return float(self.meets.mean())

    @property
    def grams(self) -> float:
        """In 28 days."""
        return (self.regimen.dose_g or 0.0) * MONTH_DAY / (self.regimen.interval_day or np.inf)


def dose_patient(
    cohort: Cohort,
    patient_id: str,
    options: DoseOptions | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> DoseResult:
    """Regimens for one patient, ranked: `dose_patient(cohort, "P07", target=5, unit="g/L", vial=[2.5, 5, 10])`.

    The patient is fitted (structures and drift averaged), every regimen is tried on every draw, and the fewest grams
    in 28 days that keep the quantity asked for within the target in `probability` of the draws rank first. choices:
    those of DoseOptions, which see. InputError for what stands in the way, all at once: an unknown patient, one who
    died, doses per kg without a weight, a target that nobody stated. See docs/model.md 6.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]}
    >>> cohort = igk.read_cohort(samples=samples, igg_unit="mg/dL")
    >>> dosing = igk.dose_patient(cohort, "A", target=500, dose_g=[20, 30, 40], interval=[28], vial=[5, 10])
    >>> dosing.tables["dose"][["rank", "amount_g", "vials"]].head(1).values.tolist()
    [[1, 40.0, '4 x 10 g']]
    """
    options = chosen(DoseOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    began = time.perf_counter()
    facts = facts_of(cohort, patient_id)
    plan = plan_of(cohort, facts, options, load_card(options.card))
    fits, learnt = fit_to_dose(cohort, patient_id, options)
    patients = patient_to_dose(fits, facts, options, plan.unit)
    setting = Setting(
        from_day=0.0,
        horizon_day=options.horizon,
        columns=Columns(thresholds=plan.limits[:1], unit=plan.unit, price_per_g=None),
        day=np.empty(0),
        seed=options.seed,
    )
    with workers(options.jobs) as crew:
        tried = ranked(list(each_tried(plan, patients.batch(0), setting, crew, progress)), options.probability)
        best = tried[0]
        forecast = forecast_table(best.regimen, patients, setting, options.level, crew)
    meets = best.p_target >= options.probability
    error = float(np.sqrt(best.p_target * (1.0 - best.p_target) / best.meets.size))
    calendar = calendar_table(best.regimen, patients, plan, options, meets=meets)
    return DoseResult(
        fits=fits,
        facts=facts,
        options=options,
        plan=plan,
        about=patients.about,
        dose=dose_table(tried, facts, options.price),
        calendar=in_days_of_record(calendar, facts),
        next_sample=in_days_of_record(next_sample_table(tried, patients, setting, options.probability), facts),
        forecast=in_days_of_record(forecast, facts),
        best=best.regimen,
        meets=meets,
        decided=abs(best.p_target - options.probability) > SURE * error,
        notes=(*plan.notes, *learnt, *fit_notes(fits, patients)),
        seconds=time.perf_counter() - began,
    )


def fit_to_dose(cohort: Cohort, patient_id: str, options: DoseOptions) -> tuple[CohortFit, list[str]]:
    """This patient's fit as a fit of the whole cohort gives it, and what is to be said of it."""
    asked = FitOptions(card=options.card, draws=options.draws, level=options.level, seed=options.seed)
    asked, learnt = learnt_for_fit(cohort, asked)
    return fit_cohort(cohort.only(patient_id), asked), learnt


def each_tried(plan: Plan, cases: Cases, setting: Setting, crew: Workers, progress: Progress | None) -> Iterator[Tried]:
    """What every draw says of every regimen, all on the same draws."""
    place = {name: place_of(setting.columns, name) for name in ("trough", "nadir", "days_below")}
    for done, regimen in enumerate(plan.regimens, start=1):
        values, measures = tried_on(regimen, cases, setting, plan.target, crew)
        yield Tried(
            regimen=regimen,
            meets=measures[:, MEETS],
            trough=float(np.median(values[:, place["trough"]])),
            nadir=float(np.median(values[:, place["nadir"]])),
            days_below=float(values[:, place["days_below"]].mean()),
        )
        if progress is not None:
            progress(done, len(plan.regimens))


def ranked(tried: list[Tried], probability: float) -> list[Tried]:
    """Those that meet the target by their grams in 28 days, fewer infusions first; then the others, likeliest first."""
    return sorted(tried, key=lambda one: order_of(one.regimen, one.grams, one.p_target, probability))


def order_of(regimen: Dosing, grams: float, p_target: float, probability: float) -> tuple[float, ...]:
    meets, grams, rarely = p_target >= probability, round(grams, 9), -(regimen.interval_day or 0.0)
    return (0.0, grams, rarely, -p_target) if meets else (1.0, -p_target, grams, rarely)


def dose_table(tried: list[Tried], facts: Facts, price: float | None) -> pd.DataFrame:
    """DOSE_COLUMNS, in the order of the ranks."""
    rows = [
        {
            "rank": rank,
            "amount_g": one.regimen.dose_g,
            "vials": vials_words(one.regimen.dose_g or 0.0, one.regimen.vial_g),
            "interval_day": one.regimen.interval_day,
            "route": one.regimen.route,
            "start": start_text(one.regimen, facts),
            "p_target": one.p_target,
            "trough": one.trough,
            "nadir": one.nadir,
            "days_below": one.days_below,
            "grams_per_28_days": round(one.grams, 9),
            "cost": np.nan if price is None else round(one.grams * price, 9),
        }
        for rank, one in enumerate(tried, start=1)
    ]
    return pd.DataFrame(rows, columns=list(DOSE_COLUMNS))


def start_text(regimen: Dosing, facts: Facts) -> str:
    """The first dose's date, or its day in the record."""
    day = round(facts.last_sample + regimen.first_day, 3)
    return date_text(facts.day_zero, day) or f"{day:g}"


def forecast_table(
    best: Dosing, patients: PosteriorPatients, setting: Setting, level: float, crew: Workers
) -> pd.DataFrame:
    """Without another dose and under the best regimen: every day, and both sides of each dose."""
    cases, unit, about = patients.batch(0), setting.columns.unit, patients.about
    given = np.array([*calendar_days(best, 0.0, setting.horizon_day), *patients.members[0].doses[:, 0]])
    given = given[given >= 0]
    days = np.unique([*daily(setting.horizon_day), *given, *(given + JUST_AFTER_DAY)])
    days = days[days <= setting.horizon_day]
    tail = (1.0 - level) / 2.0
    tables = []
    for regimen in (Dosing(name=NO_DOSE), best):
        drawn = simulate(regimen, cases, np.empty((len(cases), 0)), replace(setting, day=days), crew)
        total = from_g_per_l(drawn.endogenous + drawn.infused, unit)
        lower, median, upper = np.quantile(total, [tail, 0.5, 1.0 - tail], axis=0)
        columns = {
            "patient_id": about.patient_ids[0],
            "day": days,
            "date": [about.days_from.date_of(float(day)) for day in days],
            "policy": regimen.name,
            "median": median,
            "lower": lower,
            "upper": upper,
            "p_below": (total < setting.columns.thresholds[0]).mean(axis=0),
            "level": level,
            "unit": unit,
        }
        tables.append(pd.DataFrame(columns, columns=list(FORECAST_COLUMNS)))
    return pd.concat(tables, ignore_index=True)


def calendar_table(
    best: Dosing, patients: PosteriorPatients, plan: Plan, options: DoseOptions, *, meets: bool
) -> pd.DataFrame:
    """The doses of the best regimen; each says so where it does not reach the target."""
    table = pd.DataFrame(
        list(calendar_rows(patients, [best], options.horizon, plan.unit)), columns=list(CALENDAR_COLUMNS)
    )
    return table if meets else table.assign(note="does not reach the target")


def next_sample_table(
    tried: list[Tried], patients: PosteriorPatients, setting: Setting, probability: float
) -> pd.DataFrame:
    """What a sample on each day that can still change a dose would tell, and how likely it changes the first rank."""
    best, one = tried[0].regimen, patients.members[0]
    table = pd.DataFrame(list(next_sample_rows(patients, setting, [best])))
    if table.empty:
        return pd.DataFrame(columns=list(NEXT_SAMPLE_COLUMNS))
    plan = dosed(best, patients.batch(0), 0.0, setting.horizon_day)
    levels = levels_of(one, schedule_with(one, best, plan.day, plan.amount[0]), table["day"].to_numpy(dtype=float))
    chances = [chance_of_change(tried, weights_given(levels[:, j], one.error), probability) for j in range(len(table))]
    return table.assign(p_change=chances)[list(NEXT_SAMPLE_COLUMNS)]


def chance_of_change(tried: list[Tried], weights: Floats, probability: float) -> float:
    """How often one of equally likely measurements, which weigh the draws by `weights` (measurement, draw), puts
    another regimen first. tried: in the order of their ranks."""
    shares = weights @ np.column_stack([one.meets for one in tried])
    cheapest = np.argsort([one.grams - 1e-6 * (one.regimen.interval_day or 0.0) for one in tried], kind="stable")
    suffices = shares[:, cheapest] >= probability
    first = np.where(suffices.any(axis=1), cheapest[suffices.argmax(axis=1)], shares.argmax(axis=1))
    return float(np.mean(first != 0))


def in_days_of_record(table: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """A table with days counted from the last sample, in the days of the record."""
    columns = [name for name in ("day", "dose_day", "trough_day") if name in table]
    return table.assign(**{name: (table[name] + facts.last_sample).round(9) for name in columns})


def fit_notes(fits: CohortFit, patients: PosteriorPatients) -> Iterator[str]:
    """What the fit says of this patient, beginning with a status that is not `fitted`."""
    (fit,) = fits.fits
    if fit.reason:
        yield f"the fit of this patient: {fit.status}, {fit.reason}"
    yield from fits.notes
    if np.isinf(patients.members[0].therapy[:, 1]).any():
        yield "therapy without a stop is taken to last to the horizon"
