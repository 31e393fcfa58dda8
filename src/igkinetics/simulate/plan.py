"""All that is settled about a virtual patient before the first measurement is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igkinetics.dosing.doses import Doses, calendar_doses
from igkinetics.dosing.regimen import Regimen, Rule
from igkinetics.errors import call_error
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import KA, F, Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.simulate.design import Design
from igkinetics.simulate.hazard import daily_grid, event_days, hazard_per_day
from igkinetics.simulate.sections import Rate
from igkinetics.simulate.virtual_patient import VirtualPatient
from igkinetics.simulate.visits import Measurement, rule_checks, scheduled_visits
from igkinetics.units import G_PER_L_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Days. measurements: visits held and checks of a rule. calendar: doses that depend on nothing.

    start_day: where the state is set, as a reader of the record will set it. first_day: from which illness
    and outcomes count (first therapy, else start_day). end_day: end of planned follow-up.
    """

    patient: VirtualPatient
    design: Design
    regimen: Regimen | None
    measurements: tuple[Measurement, ...]
    calendar: Doses
    start_day: float
    first_day: float
    end_day: float

    @property
    def rule(self) -> Rule | None:
        return self.regimen.rule if self.regimen is not None else None

    def schedule(self, doses: Doses) -> Schedule:
        """Doses and therapy as the kinetics take them."""
        return build_schedule(
            start_day=self.start_day,
            dose_day=doses.day,
            dose_g=doses.amount_g,
            dose_duration_day=doses.duration_day,
            dose_is_sc=doses.is_sc,
            therapy_start=self.patient.therapy_start,
            therapy_stop=self.patient.therapy_stop,
        )

    def total_mg_dl(self, doses: Doses, day: npt.ArrayLike) -> Floats:
        """True total IgG at ascending days; at a bolus the level before it."""
        days = np.asarray(day, dtype=float)
        endogenous, infused = igg_curve(self.patient.parameters, self.schedule(doses), days)
        return (endogenous + infused) / G_PER_L_IN["mg/dL"]

    def event_days(self, doses: Doses, rate: Rate, generator: np.random.Generator) -> Floats:
        """Days of events at this rate, from first_day to end_day."""
        grid = daily_grid(self.first_day, self.end_day)
        return event_days(grid, hazard_per_day(rate, self.total_mg_dl(doses, grid)), self.end_day, generator)


def plan_course(design: Design, patient: VirtualPatient) -> Plan:
    """Settle visits, checks, calendar doses and the days between which all happens.

    InputError for subcutaneous doses under a card that says nothing of absorption.
    """
    regimen = patient.group.regimen
    if regimen is not None and regimen.route == "sc" and np.isnan(patient.parameters[[KA, F]]).any():
        raise call_error("population.card", design.population.card, "has no ka and F; subcutaneous doses need them")
    rule = regimen.rule if regimen is not None else None
    end_day = design.visits.planned_end_day
    visits = scheduled_visits(design.visits, patient.streams)
    checks = rule_checks(rule, end_day, patient.streams)
    horizon = np.nextafter(end_day, np.inf)
    calendar = (
        Doses.none()
        if regimen is None
        else calendar_doses(regimen, patient.weight_kg, horizon, height_cm=patient.height_cm, is_male=patient.is_male)
    )
    planned = sorted([*visits, *checks], key=lambda one: one.day)
    therapy = patient.therapy_start[:1]
    start_day = float(min([0.0, *(one.day for one in planned[:1]), *therapy, *calendar.day[:1]]))
    return Plan(
        patient=patient,
        design=design,
        regimen=regimen,
        measurements=tuple(planned),
        calendar=calendar,
        start_day=start_day,
        first_day=float(therapy[0]) if therapy.size else start_day,
        end_day=end_day,
    )
