"""Who was infused in the window, and a patient's schedule with the infusions given, removed or exchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cards.body_size import Sex, sex_of
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.windows import Window, nadir_window
from igkinetics.dosing.doses import Doses
from igkinetics.hierarchical.members import modified_days
from igkinetics.hierarchical.pausing import acting_in, days_after_each
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE
from igkinetics.kinetics.schedule import START, Schedule, build_schedule
from igkinetics.units import IVIG_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One patient of a posterior. place: in the posterior. window: no earlier than the model's state.

    weight_kg: as recorded, else what the card takes (weight_known False); nan when neither is there. height_cm, sex:
    as recorded (nan, None), for doses by another weight.
    acts: whether the ratios under IVIG may differ from 1. ivig_days: see units.IVIG_DAYS. changed: the days in which
    they act whatever is given, in place of those under IVIG. pausing: they act for ivig_days after each infusion, not
    between as well. doses: recorded, and those suspected; in_window: of the
    recorded ones alone, for they decide who is infused.
    """

    place: int
    patient: Patient
    window: Window
    weight_kg: float
    weight_known: bool
    height_cm: float
    sex: Sex | None
    doses: Doses
    in_window: npt.NDArray[np.bool_]
    ignore_therapy: bool
    acts: bool
    ivig_days: float
    changed: tuple[float, float] | None = None
    pausing: bool = False

    @property
    def treated(self) -> bool:
        """At least one infusion in the window, whatever the group is called."""
        return bool(self.in_window.any())

    @property
    def could_act(self) -> bool:
        """Whether some infusion of the window came before its last day, so that it could show in it."""
        return bool(np.any(self.in_window & (self.doses.day < self.window.end)))

    @property
    def earlier(self) -> Doses:
        """The infusions before the window's start, which no counterfactual removes."""
        return self.doses.given(self.doses.day < self.window.start)

    def schedule(self, doses: Doses) -> Schedule:
        """This patient's therapy with these doses; ratios act where there is an infusion only."""
        none = np.empty(0)
        throughout = self.acts and not self.pausing
        schedule = build_schedule(
            start_day=self.patient.start_day,
            dose_day=doses.day,
            dose_g=doses.amount_g,
            dose_duration_day=doses.duration_day,
            dose_is_sc=doses.is_sc,
            therapy_start=none if self.ignore_therapy else self.patient.therapy_start,
            therapy_stop=none if self.ignore_therapy else self.patient.therapy_stop,
            modified=self.changed or (modified_days(doses.day, self.ivig_days) if throughout else None),
        )
        return acting_in(schedule, days_after_each(doses.day, self.ivig_days)) if self.pausing else schedule

    def with_ivig(self) -> Schedule:
        return self.schedule(self.doses)

    def without_ivig(self) -> Schedule:
        """The infusions from the window's start on removed, earlier ones kept."""
        return self.schedule(self.earlier)


def bodies_of(cohort: Cohort) -> dict[str, tuple[float, Sex | None]]:
    """Height (cm, nan when unknown) and sex of every patient, as the patients table has them."""
    table = cohort.patients
    heights = pd.to_numeric(table["height_cm"], errors="coerce").to_numpy(dtype=float)
    sexes = [sex_of(str(word)) for word in table["sex"]]
    return dict(zip(table["patient_id"].astype(str), zip(heights.tolist(), sexes, strict=True), strict=True))


def exposures(
    cohort: Cohort, posterior: CohortPosterior, weight_when_unknown: float, ivig_days: float = IVIG_DAYS
) -> tuple[Exposure, ...]:
    """The posterior's patients that have a window, in its order. weight_when_unknown: the card's, nan without one."""
    exposures_of_all = []
    bodies = bodies_of(cohort)
    for index, patient_id in enumerate(posterior.patient_ids):
        patient, problem = cohort.patient(patient_id), posterior.problems[index]
        window = nadir_window(patient)
        if not window.exists:
            continue
        start = max(window.start, float(problem.schedule[0, START]))
        known = not np.isnan(patient.weight_kg)
        added = posterior.suspected.get(patient_id, np.empty((0, 2)))
        doses = Doses(
            day=np.append(patient.dose_day, added[:, 0]),
            amount_g=np.append(patient.dose_g, added[:, 1]),
            duration_day=np.append(patient.dose_duration_day, np.zeros(len(added))),
            is_sc=np.append(patient.dose_is_sc, np.zeros(len(added), dtype=bool)),
        )
        recorded = np.arange(doses.day.size) < patient.dose_day.size
        exposures_of_all.append(
            Exposure(
                place=index,
                patient=patient,
                window=Window(start=start, end=max(window.end, start), reason=window.reason),
                weight_kg=patient.weight_kg if known else weight_when_unknown,
                weight_known=known,
                height_cm=bodies[patient_id][0],
                sex=bodies[patient_id][1],
                doses=doses,
                in_window=recorded & (doses.day >= start) & (doses.day <= window.end),
                ignore_therapy=(problem.model or DEFAULT_STRUCTURE).endswith("/constant"),
                acts=posterior.extension != "base",
                ivig_days=ivig_days,
                pausing=posterior.pausing,
            )
        )
    return tuple(exposures_of_all)
