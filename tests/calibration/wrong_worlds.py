"""Cohorts whose truth is not the model's: 40 patients each, dosed because IgG fell, written and read like any record.

Every kind departs from the fitted model in one way that its output cannot know. The truth is kept beside: each
patient's own curve with all IVIG really given, and without any from the window's start on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from stress_study import LATE_DAYS, PLATFORM_DAY, PLATFORM_FACTOR, STUDENT_DF, saturable, with_union
from virtual_cohorts import CARD, EVERY_DAY, FIRST_DAY, GAP_DAY, LAST_DAY, TRIGGER_G_PER_L, typical_world

from igkinetics.cards.prior import kinetic_parameters, patient_prior
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import Window, nadir_window
from igkinetics.effect.measures import measures
from igkinetics.hierarchical.pausing import acting_in, days_after_each
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, K_LOSS, K_REC, PRODUCTION_RATIO, Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.scales import shifted

SIZE: Final = 40
INFUSING_SHARE: Final = 0.6
DOSE_G_PER_KG: Final = 0.4
THRESHOLD_G_PER_L: Final = 4.0
KINDS: Final = {
    "right": "the model itself",
    "bcma": "BCMA-directed therapy, the model itself",
    "other_population": "typical C_base, CL and V1 one and a half prior SDs off the card",
    "delayed_loss": "production begins to fall, and to recover, 21 days late",
    "step_loss": "one compartment; production falls at once and does not recover",
    "saturable_loss": "clearance rises with the 0.3rd power of the level",
    "illness": "clearance 1.6-fold for 45 unrecorded days, in everybody",
    "illness_in_infused": "the same, only in patients whose prescriber infuses",
    "platform": "+10 % from day 100: another laboratory",
    "heavy_tails": "measurement error with 3 degrees of freedom",
    "clearance_under_ivig": "clearance 1.4-fold for 35 days after each dose",
    "clearance_from_first_dose": "clearance 1.4-fold from the first dose on, for good",
    "production_under_ivig": "production 0.6-fold for 35 days after each dose",
    "underdosed": "60 % of each dose delivered",
    "unrecorded": "a quarter of the doses not in the record",
    "ivig_before": "0.4 g/kg two weeks before day 0, not in the record, in those whose prescriber infuses",
    "platform_by_date": "+10 % from a date on; patients enter within a year, and the date lies in its middle",
}
RATIOS: Final = {
    "illness": (1.6, 1.0),
    "illness_in_infused": (1.6, 1.0),
    "clearance_under_ivig": (1.4, 1.0),
    "clearance_from_first_dose": (1.4, 1.0),
    "production_under_ivig": (1.0, 0.6),
}
"""Of clearance and production, while they act."""
ILLNESS_DAYS: Final = 45.0
ENTRY_DAYS: Final = 365.0
FIRST_DATE: Final = pd.Timestamp("2023-01-01")
UNDER_IVIG_DAYS: Final = 35.0
AGENT: Final = {"bcma": "teclistamab"}
SHIFTS: Final = {"C_base": 1.5, "CL": 1.5, "V1": -1.5}
"""Of `other_population`, in prior SDs of the typical values."""


@dataclass(frozen=True)
class Subject:
    """One patient. record: as it stands in the files; given: with the doses really given."""

    kind: str
    record: Patient
    given: Patient
    theta: Floats
    ill_from: float
    entry: int = 0
    """Day of the calendar that is this patient's day 0."""

    def schedule(self, doses: np.ndarray) -> Schedule:
        """With these of the doses really given."""
        days = self.given.dose_day[doses]
        patient = self.given
        if self.kind == "delayed_loss":
            patient = with_union(
                replace(patient, therapy_start=patient.therapy_start + LATE_DAYS), patient.therapy_stop + LATE_DAYS
            )
        schedule = build_schedule(
            start_day=self.given.start_day,
            dose_day=days,
            dose_g=self.given.dose_g[doses],
            dose_duration_day=self.given.dose_duration_day[doses],
            dose_is_sc=self.given.dose_is_sc[doses],
            therapy_start=patient.therapy_start,
            therapy_stop=patient.therapy_stop,
        )
        return acting_in(schedule, self.modified(days))

    def modified(self, days: Floats) -> list[tuple[float, float]]:
        """When the ratios of the kind act. No dose changes what was before it: a later sample is drawn from the same
        past as an earlier one."""
        if np.isfinite(self.ill_from):
            return [(self.ill_from, self.ill_from + ILLNESS_DAYS)]
        if self.kind.endswith("_from_first_dose"):
            return [(float(day), np.inf) for day in days[:1]]
        if self.kind.endswith("_under_ivig"):
            return days_after_each(days, UNDER_IVIG_DAYS)
        return []

    def level(self, day: float) -> float:
        if self.kind == "saturable_loss":
            return float(saturable(self.theta, self.given, day)[1][-1])
        everything = np.ones(self.given.dose_day.size, dtype=bool)
        return float(np.add(*igg_curve(self.theta, self.schedule(everything), np.array([day])))[0])

    def true_changes(self, window: Window) -> Floats:
        """With minus without: nadir and mean IgG, g/L, and days below THRESHOLD_G_PER_L."""
        everything = np.ones(self.given.dose_day.size, dtype=bool)
        with_ivig, without = (
            self.of_window(doses, window) for doses in (everything, self.given.dose_day < window.start)
        )
        return with_ivig - without

    def of_window(self, doses: np.ndarray, window: Window) -> Floats:
        if self.kind == "saturable_loss":
            patient = replace(self.given, dose_day=self.given.dose_day[doses], dose_g=self.given.dose_g[doses])
            days, total, _ = saturable(self.theta, patient, window.end)
            inside = days >= window.start - 1e-9
            days, total = days[inside], total[inside]
            length = days[-1] - days[0]
            below = np.trapezoid((total < THRESHOLD_G_PER_L).astype(float), days)
            return np.array([total.min(), np.trapezoid(total, days) / length, below])
        found = measures(self.theta[None], self.schedule(doses), window, (THRESHOLD_G_PER_L,))
        return np.array([found.nadir[0], found.mean_igg[0], found.days_below[0, 0]])


def theta_of(kind: str, weight_kg: float, shift: dict[str, float], generator: np.random.Generator) -> Floats:
    """A patient's true parameters."""
    disposition = "one_compartment" if kind == "step_loss" else "two_compartment"
    agents = (AGENT.get(kind, "blinatumomab"),)
    prior = patient_prior(CARD, weight_kg=weight_kg, agents=agents, disposition=disposition)
    omega = typical_world().omega
    values = {
        name: shifted(
            typical,
            prior.scale[name],
            np.array(shift.get(name, 0.0) + omega.get(name, 0.0) * generator.standard_normal()),
        )
        for name, typical in prior.typical.items()
    }
    theta = kinetic_parameters({name: float(value) for name, value in values.items()})
    if kind == "step_loss":
        theta[K_LOSS], theta[K_REC] = np.inf, 0.0
    theta[[CLEARANCE_RATIO, PRODUCTION_RATIO]] = RATIOS.get(kind, (1.0, 1.0))
    return theta


def shift_of(kind: str, generator: np.random.Generator) -> dict[str, float]:
    """Typical values of this cohort's population off the card's, on estimation scales."""
    agents = (AGENT.get(kind, "blinatumomab"),)
    prior = patient_prior(CARD, weight_kg=70.0, agents=agents)
    uncertain = {name: sd for name, sd in prior.uncertainty.items() if sd > 0 and name != "ka"}
    if kind == "other_population":
        return {name: by * uncertain.get(name, 0.0) for name, by in SHIFTS.items()}
    return {name: sd * float(generator.standard_normal()) for name, sd in uncertain.items()}


def with_dose(patient: Patient, day: float, amount_g: float) -> Patient:
    return replace(
        patient,
        dose_day=np.append(patient.dose_day, day),
        dose_g=np.append(patient.dose_g, amount_g),
        dose_duration_day=np.append(patient.dose_duration_day, 4.0 / 24.0),
        dose_is_sc=np.append(patient.dose_is_sc, False),
    )


def planned(kind: str, number: int, weight_kg: float, infuses: bool, generator: np.random.Generator) -> Patient:
    """Visits every 14 days, 2 days' jitter; four cycles of therapy; no dose yet."""
    days = np.arange(FIRST_DAY, LAST_DAY, EVERY_DAY)
    days[1:] += np.round(generator.uniform(-2.0, 2.0, days.size - 1), 2)
    starts, none = 42.0 * np.arange(4), np.empty(0)
    return Patient(
        patient_id=f"P{number:03d}",
        group="IVIG" if infuses else "never",
        weight_kg=round(weight_kg, 1),
        sample_day=days,
        sample_igg=np.zeros(days.size),
        sample_limit=np.zeros(days.size, dtype=np.int8),
        dose_day=none,
        dose_g=none,
        dose_duration_day=none,
        dose_is_sc=np.zeros(0, dtype=bool),
        therapy_start=starts,
        therapy_stop=starts + 28.0,
        agents=(AGENT.get(kind, "blinatumomab"),) * 4,
        agent_start=starts,
        follow_up_end=np.inf,
        end_reason="",
    )


def subject_of(kind: str, number: int, shift: dict[str, float], generator: np.random.Generator) -> Subject:
    """One patient, measured and infused as the days go by."""
    infuses = bool(generator.random() < INFUSING_SHARE)
    weight = float(np.exp(np.log(75.0) + 0.2 * generator.standard_normal()))
    record = given = planned(kind, number, weight, infuses, generator)
    world = typical_world()
    theta = theta_of(kind, record.weight_kg, shift, generator)
    ill = kind == "illness" or (kind == "illness_in_infused" and infuses)
    ill_from = float(generator.uniform(20.0, 120.0)) if ill else np.inf
    entry = int(generator.uniform(0.0, ENTRY_DAYS)) if kind == "platform_by_date" else 0
    changed_from = {"platform": PLATFORM_DAY, "platform_by_date": 0.5 * (ENTRY_DAYS + LAST_DAY) - entry}
    grams = DOSE_G_PER_KG * record.weight_kg
    if kind == "ivig_before" and infuses:
        given = with_dose(given, -14.0, grams)
    igg = np.zeros(record.sample_day.size)
    last = -np.inf
    for n, day in enumerate(record.sample_day):
        level = Subject(kind, record, given, theta, ill_from).level(float(day))
        level *= PLATFORM_FACTOR if day >= changed_from.get(kind, np.inf) else 1.0
        noise = generator.standard_t(STUDENT_DF) if kind == "heavy_tails" else generator.standard_normal()
        igg[n] = max(level + float(np.hypot(world.a, world.b * level)) * noise, 0.05)
        if infuses and day - last >= GAP_DAY and igg[n] < TRIGGER_G_PER_L:
            last = day
            given = with_dose(given, float(day), (0.6 if kind == "underdosed" else 1.0) * grams)
            if not (kind == "unrecorded" and generator.random() < 0.25):
                record = with_dose(record, float(day), grams)
    return Subject(kind, replace(record, sample_igg=igg), replace(given, sample_igg=igg), theta, ill_from, entry)


def cohort_of(kind: str, number: int, size: int = SIZE) -> list[Subject]:
    """The cohort of this kind and number; somebody is infused in it."""
    generator = np.random.default_rng([17, list(KINDS).index(kind), number])
    while True:
        shift = shift_of(kind, generator)
        subjects = [subject_of(kind, k, shift, generator) for k in range(size)]
        if sum(one.record.dose_day.size > 0 for one in subjects) > 1:
            return subjects


def write_cohort(subjects: Sequence[Subject], folder: Path) -> None:
    """The record in the files of the contract, IgG in g/L; with dates where a date matters."""
    records = [one.record for one in subjects]
    entry = {one.record.patient_id: one.entry for one in subjects}
    dated = any(entry.values())
    clock = "datetime" if dated else "day"

    def when(record: Patient, day: float) -> object:
        if not dated:
            return round(float(day), 3)
        return (FIRST_DATE + pd.Timedelta(days=entry[record.patient_id] + float(day))).strftime("%Y-%m-%d %H:%M")

    def table(name: str, columns: Sequence[str], rows: list[tuple[object, ...]]) -> None:
        pd.DataFrame(rows, columns=list(columns)).to_csv(folder / f"{name}.csv", index=False)

    table("patients", ["patient_id", "group", "weight_kg"], [(r.patient_id, r.group, r.weight_kg) for r in records])
    table("samples", ["patient_id", clock, "igg"], [
        (r.patient_id, when(r, day), round(float(igg), 3))
        for r in records for day, igg in zip(r.sample_day, r.sample_igg, strict=True)])  # fmt: skip
    table("doses", ["patient_id", clock, "amount_g", "duration_h", "route"], [
        (r.patient_id, when(r, day), round(float(g), 3), 4, "iv")
        for r in records for day, g in zip(r.dose_day, r.dose_g, strict=True)])  # fmt: skip
    table("therapy", ["patient_id", "start", "stop", "agent"], [
        (r.patient_id, when(r, start), when(r, stop), agent)
        for r in records
        for start, stop, agent in zip(r.therapy_start, r.therapy_stop, r.agents, strict=True)])  # fmt: skip
    (folder / "cohort.toml").write_text('igg_unit = "g/L"\nunusual_levels = "as_given"\n', encoding="utf-8")


def true_att(subjects: Sequence[Subject], kept: Sequence[str]) -> Floats:
    """Mean over those of `kept` with a recorded infusion in the window: nadir and mean IgG, g/L, days below."""
    changes = []
    for one in subjects:
        window = nadir_window(one.record)
        days = one.record.dose_day
        if one.record.patient_id in kept and np.any((days >= window.start) & (days <= window.end)):
            changes.append(one.true_changes(window))
    return np.mean(changes, axis=0) if changes else np.full(3, np.nan)
