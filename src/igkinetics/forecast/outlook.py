"""One patient on the day of a forecast: draws ready to meet any doses to come (docs/model.md 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.model import Patient
from igkinetics.fit.courses import JUST_AFTER_DAY, time_below
from igkinetics.fit.forecast import DrawnDrift, DriftAtEnd, Paths, drawn_drift, paths_under
from igkinetics.fit.nadirs import fit_courses
from igkinetics.fit.result import PatientFit
from igkinetics.forecast.cut import doses_of
from igkinetics.kinetics.parameters import Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.random_streams import of_patient

STEP_DAY: Final = 1.0
SAME_DAY: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """Draws of equal weight, thetas (n, 13), of one patient as known on from_day. given (k, 4): doses by
    from_day (day, g, duration in days, is_sc).

    now: where the forecast starts: from_day, or the end of an infusion that runs then. drift: drawn once, up to
    end_day, so that all doses to come meet the same one.
    """

    patient: Patient
    from_day: float
    now: float
    end_day: float
    thetas: Floats
    given: Floats
    drift: DrawnDrift | None

    def schedule(self, doses: Floats) -> Schedule:
        """The record, then these doses (k, 4)."""
        day, grams, duration, is_sc = np.concatenate([self.given, doses]).T
        return build_schedule(
            start_day=self.patient.start_day,
            dose_day=day,
            dose_g=grams,
            dose_duration_day=duration,
            dose_is_sc=is_sc,
            therapy_start=self.patient.therapy_start,
            therapy_stop=self.patient.therapy_stop,
        )

    def paths(self, doses: Floats, days: Floats) -> Paths:
        """True levels (n, m), g/L, at ascending days from `now` to end_day, with these doses (k, 4) to come."""
        return paths_under(self.thetas, self.drift, self.schedule(doses), days)

    def days(self, *doses: Floats) -> Floats:
        """Every day from `now` to end_day, and both sides of each of these doses."""
        every = np.arange(self.from_day + STEP_DAY, self.end_day - SAME_DAY, STEP_DAY)
        sides = [side for table in doses for side in (table[:, 0], table[:, 0] + table[:, 2] + JUST_AFTER_DAY)]
        days = np.concatenate([[self.now, self.end_day], every, *sides])
        return np.unique(days[(days >= self.now) & (days <= self.end_day)])


def forecast_draws(fit: PatientFit, n: int, seed: int) -> tuple[Floats, DriftAtEnd, npt.NDArray[np.int8]]:
    """n draws of equal weight of a fit with numbers: natural parameters (n, 13), the drift at the last sample, and how
    measurements of each scatter (n,)."""
    problem, _, _ = fit.fitted()
    courses = fit_courses(fit, float(problem.day[-1]), seed)
    averaged = fit.all_draws()
    places = ((np.arange(n) + 0.5) / n * averaged.drift_sd.size).astype(np.int64)
    at_end = courses.at_last_sample(averaged.drift_sd)
    at_end = replace(at_end, states=at_end.states[places], sd=at_end.sd[places])
    return courses.theta[places], at_end, averaged.kind[places]


def outlook_of(fits: Sequence[tuple[PatientFit, float]], from_day: float, end_day: float, n: int, seed: int) -> Outlook:
    """The outlook from fits of one patient with numbers, each with its share of the n draws (shares sum to 1).

    The fits are of the same record under different cards, or one alone.
    """
    patient = fits[0][0].patient
    given = doses_of(patient)
    ends = given[:, 0] + given[:, 2]
    now = max(
        [from_day, *(ends[ends > from_day] + JUST_AFTER_DAY), *(given[given[:, 0] == from_day, 0] + JUST_AFTER_DAY)]
    )
    end_day = max(end_day, now + STEP_DAY)
    nodes = np.append(np.arange(from_day, end_day - SAME_DAY, STEP_DAY), end_day)
    counts = np.diff(np.round(np.cumsum([0.0, *(share for _, share in fits)]) * n)).astype(int)
    thetas, factors = [], []
    for place, ((fit, _), count) in enumerate(zip(fits, counts, strict=True)):
        theta, at_end, _ = forecast_draws(fit, int(count), seed)
        drawn = drawn_drift(at_end, nodes, of_patient(seed, patient.patient_id, "forecast", place))
        thetas.append(theta)
        factors.append(np.ones((int(count), nodes.size)) if drawn is None else drawn.factor)
    factor = np.concatenate(factors)
    return Outlook(
        patient=patient,
        from_day=from_day,
        now=now,
        end_day=end_day,
        thetas=np.concatenate(thetas),
        given=given,
        drift=DrawnDrift(day=nodes, factor=factor) if np.any(factor != 1.0) else None,
    )


def first_below(days: Floats, levels: Floats, threshold: float) -> Floats:
    """The first day below (g/L) of each draw (n, m); inf for one that stays above to the last day."""
    return np.nan_to_num(time_below(days, levels, threshold)[0], nan=np.inf)
