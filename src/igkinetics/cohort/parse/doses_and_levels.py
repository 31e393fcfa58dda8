"""Doses held against the levels, the weights and the other doses around them. Asked about, never changed.

Doses whose days count from another day than those of the samples, levels that infusions do not raise, one dose that is
there twice, infusions faster than any, grams that do not go with the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.bodies import column_of_weights
from igkinetics.cohort.parse.findings import Mask, warn
from igkinetics.cohort.parse.improbable import MOST_G_PER_KG, MOST_GRAMS
from igkinetics.cohort.parse.odd_times import BESIDE_DAYS, FAR_DAY
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.errors import counted

AN_ADULT_KG: Final = MOST_GRAMS / MOST_G_PER_KG
"""Where no weight is known."""
FEWEST_PATIENTS: Final = 3
MOSTLY: Final = 0.8
LEAST_G_PER_KG: Final = 0.2
"""So much into a vein raises IgG by 2 g/L and more for two weeks."""
FALLS: Final = 0.7
"""Share of infusions; where days are right, levels are lower after one in ten (simulated, 0.2 to 0.5 g/kg)."""
JUDGED_DAY: Final = 14.0
"""A sample so soon before and after an infusion shows what it did."""
OF_THE_DOSE_BEFORE: Final = 10.0
"""A sample so soon after another dose stands high itself."""
RAISED_DAY: Final = 28.0
RISES_TIMES, RISES_G_PER_L = 1.3, 1.5
"""Within RAISED_DAY IgG hardly rises so far without an infusion."""
A_RISE_TIMES: Final = 1.1
NOT_EXPLAINED: Final = 0.6
AGAIN_DAY: Final = 1.5
OF_REPLACEMENT_G_PER_KG: Final = 0.5
"""Below it a dose is replacement, given in one day; more is often split over two days or five."""
FEWEST_PAIRS: Final = 3
FASTEST_G_PER_KG_H: Final = 1.0
"""Some 17 mg/kg/min. The labels were not looked up, so faster infusions are asked about and never refused."""
A_COURSE_G_PER_KG: Final = 1.5
COURSE_DAYS: Final = (2.0, 3.0, 4.0, 5.0)
"""Over so many days 2 g/kg are given, and over so few hours hardly ever."""
FEWEST_BODIES: Final = 9
TIMES_AS_HEAVY: Final = 2.0
SAME_DOSE_TIMES: Final = 1.15


def check_origin_of_doses(doses: Parsed, samples: Parsed) -> Parsed:
    """Ask about doses of which hardly any patient has one near their samples: the tables count from other days."""
    rows = doses.usable()
    if rows.empty or doses.times[0].is_date.any() != samples.times[0].is_date.any():
        return doses
    nearest = pd.Series(_away(rows, samples)).groupby(rows["patient"].to_numpy()).min().dropna()
    off = (nearest > BESIDE_DAYS) & (nearest <= FAR_DAY)  # further ones are told one by one
    if off.sum() < max(FEWEST_PATIENTS, MOSTLY * len(nearest)):
        return doses
    told = (
        f"no dose within {BESIDE_DAYS:g} days of the samples in {int(off.sum())} of {counted(len(nearest), 'patient')} "
        "with doses, so they tell nothing: do both tables count from one day?"
    )
    return _ask(doses, rows.index[:1], doses.times[0].column, told)


def _away(rows: pd.DataFrame, samples: Parsed) -> Floats:
    """Days from each dose to the samples of its patient, below 0 among them; nan for a patient without any."""
    moment = samples.usable().groupby("patient")["moment"]
    first, last = (ends.reindex(rows["patient"]).to_numpy(dtype=np.float64) for ends in (moment.min(), moment.max()))
    given = rows["moment"].to_numpy(dtype=np.float64)
    away: Floats = np.maximum(first - given, given - last)
    return away


def check_rises(doses: Parsed, samples: Parsed, weight: Floats, *, dose_first: bool) -> Parsed:
    """Ask about infusions after which levels fall, and rises without one: other days, or IgG without what was infused.

    weight (n,): kg of each dose; nan where unknown. dose_first: a sample at the time of a dose was drawn after it.
    """
    rows = doses.usable()
    levels = samples.usable()[["patient", "moment", "igg", "limit"]]
    levels = levels[(levels["limit"] == "").to_numpy(dtype=bool) & (levels["igg"] > 0).to_numpy(dtype=bool)]
    if rows.empty or levels.empty or doses.times[0].is_date.any() != samples.times[0].is_date.any():
        return doses
    rows = rows[~(_away(rows, samples) > FAR_DAY)]  # told one by one
    if rows.empty:
        return doses
    rows = rows.iloc[time_order(rows)]
    beside = _Beside.of(rows, levels.iloc[time_order(levels)], dose_first)
    large = (rows["route"] == "iv").to_numpy(dtype=bool) & (_per_kg(doses, rows, weight) >= LEAST_G_PER_KG)
    column = doses.times[0].column
    judged = beside.judged(large)
    fell, n_judged = judged & beside.lower(), int(judged.sum())
    patients = len(np.unique(beside.patient[fell]))
    if patients >= FEWEST_PATIENTS and fell.sum() >= FALLS * n_judged:
        told = (
            f"levels are lower after {int(fell.sum())} of {n_judged} infusions with a sample within "
            f"{JUDGED_DAY:g} days on both sides than before: do doses and samples count from one day, and is igg all "
            "IgG in serum, with what was infused?"
        )
        return _ask(doses, rows.index[fell][:1], column, told)
    off, n_dosed = beside.unexplained(large)
    if off.size < max(FEWEST_PATIENTS, NOT_EXPLAINED * n_dosed):
        return doses
    told = (
        f"in {off.size} of {counted(n_dosed, 'patient')} with infusions IgG rises where none was given, and after none "
        "that was: do doses and samples count from one day?"
    )
    return _ask(doses, rows.index[np.isin(beside.patient, off)][:1], column, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """Doses by patient and moment, each with the sample before it and the one of a later day.

    before, after (n,): places among the samples, -1 for none.
    """

    patient: npt.NDArray[np.int64]
    day: Floats
    place: Floats
    """A number for each dose that orders them by patient and moment, and so the samples."""
    before: npt.NDArray[np.intp]
    after: npt.NDArray[np.intp]
    sampled: Floats
    """The place of each sample."""
    owner: npt.NDArray[np.int64]
    level: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, levels: pd.DataFrame, dose_first: bool) -> _Beside:
        patient, owner = (one["patient"].to_numpy(dtype=np.int64) for one in (rows, levels))
        day, moment = (one["moment"].to_numpy(dtype=np.float64) for one in (rows, levels))
        low = min(day.min(), moment.min())
        wide = max(day.max(), moment.max()) - low + 4.0 * RAISED_DAY
        place, sampled = patient * wide + (day - low), owner * wide + (moment - low)
        tomorrow = place + 1.0 - (day - np.floor(day))
        before = np.searchsorted(sampled, place, side="left" if dose_first else "right") - 1
        after = np.searchsorted(sampled, tomorrow, side="left")
        after[after == len(sampled)] = -1
        for near in (before, after):
            near[owner[near] != patient] = -1
        level = levels["igg"].to_numpy(dtype=np.float64)
        return cls(
            patient=patient,
            day=day,
            place=place,
            before=before,
            after=after,
            sampled=sampled,
            owner=owner,
            level=level,
        )

    def judged(self, large: Mask) -> Mask:
        """Large doses with a sample soon before and after, the first dose between two samples."""
        known = large & (self.before >= 0) & (self.after >= 0)
        known &= self.place - self.sampled[self.before] <= JUDGED_DAY
        known &= self.sampled[self.after] - self.place <= JUDGED_DAY
        earlier = self._doses_within(self.sampled[self.before] - OF_THE_DOSE_BEFORE, self.sampled[self.before]) > 0
        first = ~pd.Series(self.before).duplicated().to_numpy()
        judged: Mask = known & ~earlier & first
        return judged

    def lower(self) -> Mask:
        """Whether the level after is below the one before."""
        lower: Mask = self.level[self.after] < self.level[self.before]
        return lower

    def unexplained(self, large: Mask) -> tuple[npt.NDArray[np.int64], int]:
        """(patients with rises where no dose was given and none after any dose, all with large doses and samples)."""
        dosed = np.intersect1d(self.patient[large], self.owner)
        soon = (self.before >= 0) & (self.after >= 0) & (self.sampled[self.after] - self.place <= RAISED_DAY)
        raised = soon & (self.level[self.after] >= A_RISE_TIMES * self.level[self.before])
        rise = (self.owner[1:] == self.owner[:-1]) & (np.diff(self.sampled) <= RAISED_DAY)
        rise &= (self.level[1:] >= RISES_TIMES * self.level[:-1]) & (np.diff(self.level) >= RISES_G_PER_L)
        risen = np.flatnonzero(rise)
        undosed = self._doses_within(self.sampled[risen] - 1.0, self.sampled[risen + 1] + 1.0) == 0
        without = np.intersect1d(dosed, self.owner[risen[undosed]])
        return np.setdiff1d(without, self.patient[raised]), len(dosed)

    def _doses_within(self, start: Floats, end: Floats) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.place, end, side="left") - np.searchsorted(self.place, start, side="left")


def check_same_dose_again(doses: Parsed, weight: Floats) -> Parsed:
    """Ask about doses that stand there twice, a day or less apart: an order and its administration.

    weight (n,): kg of each dose; nan where unknown.
    """
    rows = doses.usable()
    if len(rows) < 2 * FEWEST_PAIRS:
        return doses
    rows = rows.iloc[time_order(rows)]
    patient, day = rows["patient"].to_numpy(), rows["moment"].to_numpy(dtype=np.float64)
    grams = rows["amount_g"].to_numpy(dtype=np.float64)
    gap = np.diff(day)
    again = (np.diff(patient) == 0) & (gap > 0.0) & (gap <= AGAIN_DAY) & np.isclose(grams[1:], grams[:-1])
    alone = ~np.append(again[1:], False) & ~np.append(False, again[:-1])
    pairs = np.flatnonzero(again & alone)
    file = doses.table.file_code[rows.index.to_numpy()]
    two_files = bool((file[pairs] != file[pairs + 1]).all()) and len(np.unique(file)) > 1
    small = bool(np.median(_per_kg(doses, rows, weight)) < OF_REPLACEMENT_G_PER_KG)
    if len(pairs) < FEWEST_PAIRS or 2 * len(pairs) < MOSTLY * len(rows) or not (two_files or small):
        return doses
    told = (
        f"{2 * len(pairs)} of {counted(len(rows), 'dose')} are pairs of one amount, a day or so apart: is it an "
        "order and its administration, and so one dose? Both count; leave one of them out"
    )
    column = str(rows["amount_column"].iloc[pairs[0] + 1])
    return _ask(doses, rows.index[pairs[:1] + 1], column, told)


def check_speed(doses: Parsed, weight: Floats) -> Parsed:
    """Ask about infusions faster than any, and about a whole course given in as many hours as it takes days.

    weight (n,): kg of each dose; nan where unknown.
    """
    rows = doses.usable()
    column = next((name for name in ("duration_h", "duration", "end") if doses.table.column(name) is not None), "")
    if rows.empty or not column:
        return doses
    hours = np.round(24.0 * rows["duration_day"].to_numpy(dtype=np.float64), 6)
    per_kg, known = _per_kg(doses, rows, weight), _kg(doses, rows, weight).notna().to_numpy(dtype=bool)
    into_a_vein = (rows["route"] == "iv").to_numpy(dtype=bool) & (hours > 0.0)
    course = into_a_vein & (per_kg >= A_COURSE_G_PER_KG) & np.isin(hours, COURSE_DAYS)
    fast = into_a_vein & ~course & (per_kg > FASTEST_G_PER_KG_H * hours)
    for odd, question in (
        (course, "a whole course of immunomodulation in so few hours: are these days, and is it one dose on each?"),
        (fast, "faster than immunoglobulin is infused: is the duration in this unit?"),
    ):
        if odd.any():
            one = int(np.flatnonzero(odd)[0])
            more = f" (and in {counted(int(odd.sum()) - 1, 'more dose')})" if odd.sum() > 1 else ""
            of_weight = "" if known[one] else f" (at {AN_ADULT_KG:g} kg)"
            told = f"{per_kg[one]:.2g} g/kg{of_weight} in {hours[one]:.3g} h{more}, {question}"
            doses = _ask(doses, rows.index[one : one + 1], column, told)
    return doses


def check_weights_by_doses(patients: Parsed, doses: Parsed, weight: Floats) -> Parsed:
    """Ask about whole numbers for weights that doses in grams do not go with at all: ages in the place of weights.

    weight (n,): kg of each dose; nan where unknown.
    """
    column = column_of_weights(patients)
    rows = doses.usable()
    kg = _kg(doses, rows, weight)
    in_grams = rows["amount_g_per_kg"].isna().to_numpy(dtype=bool) & kg.notna().to_numpy(dtype=bool)
    if not column or not in_grams.any():
        return patients
    body = pd.DataFrame({"kg": kg, "g": rows["amount_g"]})[in_grams].groupby(rows["patient"][in_grams]).median()
    body = body.sort_values("kg", kind="stable")
    if len(body) < FEWEST_BODIES or not bool((body["kg"] == np.floor(body["kg"])).all()):
        return patients
    third = len(body) // 3
    light, heavy = body.iloc[:third].median(), body.iloc[-third:].median()
    if heavy["kg"] < TIMES_AS_HEAVY * light["kg"] or heavy["g"] > SAME_DOSE_TIMES * light["g"]:
        return patients
    told = (
        f"doses in grams do not go with these weights: {light['g']:.3g} g in the median of the lightest third "
        f"({light['kg']:.3g} kg), {heavy['g']:.3g} g of the heaviest ({heavy['kg']:.3g} kg): are they ages?"
    )
    first = patients.usable().dropna(subset=["weight_kg"]).index[:1]
    return _ask(patients, first, column, told)


def _per_kg(doses: Parsed, rows: pd.DataFrame, weight: Floats) -> Floats:
    """g/kg of some doses; of an adult where no weight is known."""
    per_kg: Floats = (rows["amount_g"] / _kg(doses, rows, weight).fillna(AN_ADULT_KG)).to_numpy(dtype=np.float64)
    return per_kg


def _kg(doses: Parsed, rows: pd.DataFrame, weight: Floats) -> pd.Series[float]:
    """The weights at some doses."""
    return pd.Series(weight, index=doses.frame.index).loc[rows.index]


def _ask(parsed: Parsed, first: pd.Index[int], column: str, told: str) -> Parsed:
    """With a question at one row."""
    return parsed.with_findings(warn(parsed.rows(first), column, parsed.table.text[column], told))
