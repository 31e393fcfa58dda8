"""The record as it was known on a day: what came later is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError
from igkinetics.forecast.options import ForecastOptions, problem
from igkinetics.kinetics.parameters import Floats

ONE_DAY: Final = pd.Timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """cohort: what was known. from_day: the day of each patient's forecast (nan where there is none).

    later: doses recorded after it (k, 4), see Member, of each patient: what is planned.
    """

    cohort: Cohort
    from_day: dict[str, float]
    later: dict[str, Floats]


def cut_record(cohort: Cohort, options: ForecastOptions) -> Cut:
    """The cohort as known on the day of the forecast: `until`, or each patient's last sample.

    With a date, everything dated so or earlier is known. InputError for a date where the cohort has none, and for a
    day before everybody's first sample.
    """
    last = last_known_days(cohort, options.until)
    known = cohort if options.until is None else known_by(cohort, last, options.therapy)
    sampled = known.samples["patient_id"].isin(wanted(cohort, options))
    if options.until is not None and not sampled.any() and not cohort.n_in_all:  # other parts may hold earlier samples
        raise InputError([problem("until", options.until, f"on or after the first sample: {first_sample(cohort)}")])
    everyone = dict(zip(known.patient_ids, known.each_patient(), strict=True))
    whole = dict(zip(cohort.patient_ids, cohort.each_patient(), strict=True))
    from_day = {name: starts_on(everyone[name], last[name], options.until, cohort) for name in everyone}
    later = {name: doses_after(whole[name], from_day[name]) for name in everyone}
    return Cut(cohort=given_by(known, from_day), from_day=from_day, later=later)


def wanted(cohort: Cohort, options: ForecastOptions) -> tuple[str, ...]:
    """The patients asked for. InputError for one whom nobody knows."""
    unknown = [name for name in options.patients if name not in cohort.patient_ids]
    if unknown:
        raise InputError([problem("patients", name, f"a patient of the cohort {cohort.name}") for name in unknown])
    return options.patients or cohort.patient_ids


def last_known_days(cohort: Cohort, until: float | str | None) -> dict[str, float]:
    """The last moment of each patient that is known; inf: everything. A date is known to its end."""
    if until is None:
        return dict.fromkeys(cohort.patient_ids, np.inf)
    if not isinstance(until, str):
        return dict.fromkeys(cohort.patient_ids, float(until))
    if not cohort.day_zero:
        raise InputError([problem("until", until, "a day number: this cohort holds no dates")])
    end = pd.Timestamp(until) + ONE_DAY
    return {
        name: float(np.nextafter((end - cohort.day_zero[name]) / ONE_DAY, -np.inf))
        if name in cohort.day_zero
        else -np.inf
        for name in cohort.patient_ids
    }


def known_by(cohort: Cohort, last: dict[str, float], therapy: str) -> Cohort:
    """The cohort without what came after these days. therapy: see ForecastOptions."""

    def until(table: pd.DataFrame, column: str) -> pd.DataFrame:
        known = table[column].astype(float) <= table["patient_id"].map(last).astype(float)
        return table[known].reset_index(drop=True)

    courses = cohort.therapy
    if therapy == "known":
        courses = until(courses, "start")
        ended = courses["stop"].astype(float) <= courses["patient_id"].map(last).astype(float)
        courses = courses.assign(stop=courses["stop"].astype(float).where(ended, np.inf))
    death = cohort.patients["death"].astype(float)
    alive = death > cohort.patients["patient_id"].map(last).astype(float)
    return replace(
        cohort,
        samples=until(cohort.samples, "day"),
        therapy=courses,
        outcomes=until(cohort.outcomes, "day"),
        patients=cohort.patients.assign(death=death.mask(alive)),
    )


def first_sample(cohort: Cohort) -> str:
    """When the first sample of all was taken, in words."""
    if cohort.samples.empty:
        return "there is none"
    if cohort.day_zero:
        dates = [
            cohort.day_zero[name] + pd.Timedelta(days=float(day))
            for name, day in cohort.samples.groupby("patient_id")["day"].min().items()
            if name in cohort.day_zero
        ]
        return f"{min(dates).date()}" if dates else "no sample has a date"
    first = cohort.samples.iloc[int(np.argmin(cohort.samples["day"].to_numpy(dtype=float)))]
    return f"day {float(first['day']):g} (patient {first['patient_id']})"


def starts_on(patient: Patient, last: float, until: float | str | None, cohort: Cohort) -> float:
    """The day of a patient's forecast, given the record known; nan without a sample.

    An infusion on the day of the last sample counts as given: without `until` the forecast starts after it.
    """
    sampled = patient.sample_day[patient.sample_day <= patient.follow_up_end]
    if not sampled.size:
        return np.nan
    if until is not None and not isinstance(until, str):
        return float(until)
    if until is None:
        start, end = float(sampled[-1]), end_of_day(float(sampled[-1]), cohort.day_zero.get(patient.patient_id))
    else:
        end = float(np.nextafter(last, np.inf))
        start = max(round(end - 1.0, 9), float(sampled[-1]))
    return float(max([start, *patient.dose_day[patient.dose_day < end]]))


def end_of_day(day: float, day_zero: pd.Timestamp | None) -> float:
    """Where the calendar day of this moment ends, or the whole day where there are no dates."""
    if day_zero is None:
        return float(np.floor(day)) + 1.0
    midnight = (day_zero + pd.Timedelta(days=day)).round("s").normalize() + ONE_DAY
    return float((midnight - day_zero) / ONE_DAY)


def given_by(cohort: Cohort, from_day: dict[str, float]) -> Cohort:
    """The cohort with the doses given by these days alone."""
    days = cohort.doses["patient_id"].map(from_day).astype(float)
    given = (cohort.doses["day"].astype(float) <= days) | days.isna()
    return replace(cohort, doses=cohort.doses[given].reset_index(drop=True))


def doses_after(patient: Patient, day: float) -> Floats:
    """Doses (k, 4) after a day: day, g, duration in days, is_sc."""
    every = doses_of(patient)
    return every[every[:, 0] > day] if np.isfinite(day) else every[:0]


def doses_of(patient: Patient) -> Floats:
    columns = (patient.dose_day, patient.dose_g, patient.dose_duration_day, patient.dose_is_sc)
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])
