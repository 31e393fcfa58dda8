"""What happens to a virtual patient, in the order of time: visits, illness, measurements, doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igkinetics.dosing.doses import Body, Doses, rule_amounts, rule_numbers
from igkinetics.dosing.rule_kernel import rule_doses
from igkinetics.simulate.assay import Noise, Reading, noise_of, reading
from igkinetics.simulate.plan import Plan
from igkinetics.simulate.visits import KINDS, Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happened over the planned follow-up: measurements made, ascending, what they read, doses given."""

    plan: Plan
    measurements: tuple[Measurement, ...]
    readings: tuple[Reading, ...]
    doses: Doses

    @property
    def recorded(self) -> tuple[tuple[Measurement, Reading], ...]:
        """The measurements that stand in the record: all, but for the checks of a rule that hides its own."""
        hidden = "check" if self.plan.rule is not None and not self.plan.rule.recorded else ""
        made = zip(self.measurements, self.readings, strict=True)
        return tuple((one, read) for one, read in made if one.kind != hidden)


def follow(plan: Plan) -> Course:
    """Live through the plan: measurements, the doses they lead to, the days of illness under these doses.

    What lies before a dose does not depend on it, neither the level nor the days of illness; so each round settles at
    least one more dose, and the first round settles all where no day of measurement depends on IgG.
    """
    doses = plan.calendar
    while True:
        measurements = all_measurements(plan, doses)
        given = ordered(plan, measurements) if plan.rule is not None else doses
        if np.array_equal(given.day, doses.day):
            return Course(
                plan=plan, measurements=measurements, readings=read_all(plan, doses, measurements), doses=doses
            )
        doses = given


def all_measurements(plan: Plan, doses: Doses) -> tuple[Measurement, ...]:
    """Planned measurements and those on days of illness, ascending.

    Blood is drawn once at a time: a recorded check stands for the visit of that very moment, and either for an
    illness.
    """
    every = sorted([*plan.measurements, *illness_measurements(plan, doses)], key=by_day_and_kind)
    hides_checks = plan.rule is not None and not plan.rule.recorded
    chosen = {(one.day, hides_checks and one.kind == "check"): one for one in reversed(every)}
    return tuple(reversed(chosen.values()))


def by_day_and_kind(measurement: Measurement) -> tuple[float, int]:
    return measurement.day, KINDS.index(measurement.kind)


def illness_measurements(plan: Plan, doses: Doses) -> list[Measurement]:
    """Measurements on days of illness under these doses."""
    rate = plan.design.visits.illness
    if rate is None:
        return []
    streams = plan.patient.streams
    days = plan.event_days(doses, rate, streams.of("illness"))
    noise = streams.of("illness noise").standard_normal(days.size)
    return [Measurement(day=float(day), kind="illness", z=float(z)) for day, z in zip(days, noise, strict=True)]


def read_all(plan: Plan, doses: Doses, measurements: Sequence[Measurement]) -> tuple[Reading, ...]:
    """What each measurement reads under these doses."""
    patient, assay = plan.patient, plan.design.assay
    usual = noise_of(assay.cv_percent, patient.additive_g_per_l, patient.proportional)
    own = plan.rule.assay_cv_percent if plan.rule is not None else None
    checking = usual if own is None else Noise(0.0, own / 100)
    levels = plan.total_mg_dl(doses, [measurement.day for measurement in measurements])
    return tuple(
        reading((checking if one.kind == "check" else usual).measured(level, one.z), assay)
        for one, level in zip(measurements, levels, strict=True)
    )


def ordered(plan: Plan, measurements: Sequence[Measurement]) -> Doses:
    """The doses to which these measurements lead, by the rule."""
    patient, regimen, rule = plan.patient, plan.regimen, plan.rule
    if regimen is None or rule is None:
        raise AssertionError("no rule to order doses by")
    checked = ("check",) if rule.check is None else ("visit", "illness")
    stop = np.inf if rule.stop_day is None else rule.stop_day
    made = [
        measurement
        for measurement in measurements
        if measurement.kind in checked and rule.start_day <= measurement.day < stop
    ]
    amount = rule_amounts(regimen, Body.of(patient.weight_kg, patient.height_cm, patient.is_male))[0]
    day = rule_doses(
        patient.parameters,
        plan.start_day,
        np.column_stack([patient.therapy_start, patient.therapy_stop]),
        np.empty((0, 4)),
        amount,
        rule_numbers(regimen, plan.design.assay, np.nextafter(plan.end_day, np.inf)),
        np.array([patient.additive_g_per_l, patient.proportional]),
        np.array([one.day for one in made], dtype=float),
        np.array([one.z for one in made], dtype=float),
        np.ones(len(made)),
    )
    return Doses.by(regimen, day, np.full(day.size, amount))
