"""What happens to a virtual patient, in the order of time: visits, illness, measurements, doses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igkinetics.dosing.regimen import DAY_DECIMALS, Doses
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
    """Live through the plan: whenever a measurement leads to a dose, all that comes later is worked out anew.

    What lies before a dose does not depend on it: neither the level nor the days of illness.
    """
    doses, handled = plan.calendar, 0
    while True:
        measurements = all_measurements(plan, doses)
        readings = read_all(plan, doses, measurements)
        made = list(zip(measurements, readings, strict=True))
        found = next_dose(plan, doses, made[handled:])
        if found is None or plan.regimen is None:
            return Course(plan=plan, measurements=measurements, readings=readings, doses=doses)
        handled += found[0] + 1
        doses = doses.followed_by(
            day=found[1],
            amount_g=plan.regimen.rule_dose_g(plan.patient.weight_kg),
            duration_day=plan.regimen.duration_day,
            is_sc=plan.regimen.route == "sc",
        )


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
    return [Measurement(day=float(day), kind="illness", z=float(z))
            for day, z in zip(days, noise, strict=True)]


def read_all(plan: Plan, doses: Doses, measurements: Sequence[Measurement]) -> tuple[Reading, ...]:
    """What each measurement reads under these doses."""
    patient, assay = plan.patient, plan.design.assay
    usual = noise_of(assay.cv_percent, patient.additive_g_per_l, patient.proportional)
    own = plan.rule.assay_cv_percent if plan.rule is not None else None
    checking = usual if own is None else Noise(0.0, own / 100)
    levels = plan.total_mg_dl(doses, [one.day for one in measurements])
    return tuple(
        reading((checking if one.kind == "check" else usual).measured(level, one.z), assay)
        for one, level in zip(measurements, levels, strict=True)
    )


def next_dose(
    plan: Plan, doses: Doses, made: Sequence[tuple[Measurement, Reading]]
) -> tuple[int, float] | None:
    """The first of these measurements that leads to a dose: its place, and the day of the dose, else None."""
    rule = plan.rule
    if rule is None:
        return None
    checked = ("check",) if rule.check is None else ("visit", "illness")
    for place, (measurement, read) in enumerate(made):
        day = round(measurement.day + rule.delay_day, DAY_DECIMALS)
        if day <= plan.end_day and measurement.kind in checked and rule.due(
            read.igg_mg_dl, measurement.day, doses.last_day
        ):
            return place, day
    return None
