"""What a record tells of one patient before any fit, and why there may be nothing to dose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from igkinetics.cards.body_size import sex_of
from igkinetics.choices import nearest
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.windows import end_words
from igkinetics.dose.options import fault
from igkinetics.dosing.doses import Body
from igkinetics.errors import InputError
from igkinetics.fit.records import EPOCH, weight_on
from igkinetics.text import listed, visible
from igkinetics.units import DAY_DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the patient before any fit. body: as last weighed, which doses per kg refer to. last_dose: days
    after the last sample, -inf for none. weighed: the day of that weight, nan where only one is known."""

    patient: Patient
    body: Body
    knows_sex: bool
    age_y: float
    last_sample: float
    last_dose: float
    weighed: float
    day_zero: float
    """Day 0 in days since 1970-01-01; nan where no date is known."""

    @property
    def weight_kg(self) -> float:
        """As last weighed; nan where no weight is known."""
        return float(self.body.weight_kg[0])

    @property
    def zero_moment(self) -> datetime | None:
        """The moment of day 0; None where no date is known."""
        return None if np.isnan(self.day_zero) else EPOCH.to_pydatetime() + timedelta(days=self.day_zero)


def facts_of(cohort: Cohort, patient_id: str) -> Facts:
    """InputError for a patient who is not there, has no sample, or is no longer followed."""
    if patient_id not in cohort.patient_ids:
        some = listed([visible(name) for name in cohort.patient_ids])
        expected = f"must be a patient of {cohort.name}: {some}{nearest(str(patient_id), cohort.patient_ids)}"
        raise InputError([fault("patient", patient_id, expected)])
    patient = cohort.patient(patient_id)
    zero = cohort.day_zero.get(patient_id)
    day_zero = np.nan if zero is None else (zero - EPOCH).total_seconds() / 86_400
    if np.isfinite(patient.follow_up_end):
        when = date_words(day_zero, patient.follow_up_end)
        expected = f"follow-up ended with {end_words(patient)} on {when}: there is no next dose"
        raise InputError([fault("patient", patient_id, expected)])
    if not patient.sample_day.size:
        expected = "has no sample of IgG, so nothing tells what a dose would do; one sample is the least"
        raise InputError([fault("patient", patient_id, expected)])
    row = cohort.patients.loc[cohort.patients["patient_id"] == patient_id].iloc[0]
    sex = sex_of(str(row["sex"] or ""))
    last_sample = float(patient.sample_day[-1])
    own = cohort.weights["patient_id"] == patient_id
    weights = cohort.weights.loc[own, ["day", "weight_kg"]].to_numpy(dtype=float)
    return Facts(
        patient=patient,
        body=Body.of(weight_on(weights, np.inf, patient.weight_kg), float(row["height_cm"]), sex == "male"),
        knows_sex=sex is not None,
        age_y=float(row["age_y"]),
        last_sample=last_sample,
        last_dose=round(float(patient.dose_day.max(initial=-np.inf)) - last_sample, DAY_DECIMALS),
        weighed=float(weights[-1, 0]) if len(weights) else np.nan,
        day_zero=day_zero,
    )


def date_words(day_zero: float, day: float) -> str:
    """ "2024-06-07 (day 112)", or "day 112" where no date is known."""
    known = date_text(day_zero, day)
    number = f"day {round(day, 1):g}"
    return f"{known} ({number})" if known else number


def date_text(day_zero: float, day: float) -> str:
    """A day of the record as a date (ISO 8601); "" where none is known."""
    if np.isnan(day_zero):
        return ""
    moment = EPOCH + np.timedelta64(round((day_zero + day) * 86_400), "s")
    return str(moment.date().isoformat())
