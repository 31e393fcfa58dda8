"""Who is dosed, as arrays: the cases of one batch, and what a population promises to the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit

FITS = "fits"
"""The kind of all patients of a fit, each with draws of his own."""
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """n parameter vectors with the patients they belong to. g, L, day, kg, cm.

    thetas (n, 13); start_day (n): where the state is set; therapy (n, c, 2) and history (n, h, 4: day, g, days,
    is_sc), filled up with nan; error (n, 2 or 3): a in g/L and b of a measurement,
    and the residual model (normal where there is none). patient (n): place among all patients;
    draw (n): of which draw of the parameters; model (n): of which of several models; noise (n): which row of
    the batch's assay noise its measurements take. drift_day (n, t), ascending, and factor (n, t), straight between and
    level beyond: what multiplies the kinetic curve of each (t = 0: nothing does).
    """

    thetas: Floats
    start_day: Floats
    therapy: Floats
    history: Floats
    error: Floats
    weight_kg: Floats
    height_cm: Floats
    is_male: npt.NDArray[np.bool_]
    patient: Places
    draw: Places
    model: Places
    noise: Places
    drift_day: Floats
    factor: Floats

    def __len__(self) -> int:
        return int(self.thetas.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """Patients at different population levels. Of each model: at_cases (its cases, direction), where their levels lie,
    and at_draws (draw, direction), those of draws of the level, in standard deviations. The main results are those of
    the origin, or with `averaged` an average over the draws."""

    cases: Cases
    at_cases: tuple[Floats, ...]
    at_draws: tuple[Floats, ...]
    averaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysFrom:
    """What day 0 is in a patient's record: its day there (nan: not the same for all) and its moment, where known."""

    day: float = 0.0
    moment: datetime | None = None

    def date_of(self, day: float) -> str:
        """The date of a day of the scenario (ISO 8601); empty where none is known."""
        return "" if self.moment is None else (self.moment + timedelta(days=day)).date().isoformat()

    @property
    def date(self) -> str:
        """The date of day 0."""
        return self.date_of(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What every output says of a population.

    kind: `card`, `models`, `effect`, `effect_new`, `fit` (one patient) or `fits` (all of a fit, or some).
    says: one sentence: whose patients these are.
    model_names and model_weights: one each of a single model. patient_ids: of patients with a name, else empty.
    uncertainty: what mean_lower and mean_upper hold. example: the patient of the calendar, as weight, height, whether
    male, and who that is. cards: id -> (SHA-256, where it was loaded from). days_from: what day 0 is
    in a record. igg_unit: of the cohort behind it. n_in_all: of the patients of one part of a fit, those of all parts.
    """

    kind: str
    says: str
    uncertainty: str
    n_patients: int
    n_draws: int
    model_names: tuple[str, ...]
    model_weights: tuple[float, ...]
    patient_ids: tuple[str, ...] = ()
    cards: dict[str, tuple[str, str]] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    days_from: DaysFrom = DaysFrom()
    igg_unit: IggUnit | None = None
    example: tuple[float, float, bool, str] = (np.nan, np.nan, False, "")
    n_in_all: int = 0

    @property
    def is_own(self) -> bool:
        """Whether these are patients with records of their own: the population itself, no sample of one."""
        return bool(self.patient_ids) or self.kind == FITS

    @property
    def is_one(self) -> bool:
        """Whether a single patient is asked about."""
        return len(self.patient_ids) == 1 and self.kind != FITS


class Patients(Protocol):
    """A population that is drawn batch by batch, each batch a function of the seed and its place alone."""

    @property
    def about(self) -> About: ...

    @property
    def n_batches(self) -> int: ...

    def batch(self, index: int) -> Cases:
        """The cases of one batch."""

    def uncertain(self) -> Uncertain | None:
        """Patients at different population levels, for the uncertainty of means; None where `draw` of the batches
        already tells it or nothing is uncertain."""
