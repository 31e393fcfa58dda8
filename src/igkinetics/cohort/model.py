"""The frozen cohort: what every later step reads. Units inside: g, g/L, day, kg."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.units import IggUnit

Floats = npt.NDArray[np.float64]
SameDay = Literal["sample_first", "dose_first"]

SAMPLE_COLUMNS = ("patient_id", "day", "igg", "limit", "line")
"""igg in g/L; limit is "" (measured), "below" (igg holds the lower limit) or "above" (igg holds the upper one)."""
DOSE_COLUMNS = ("patient_id", "day", "amount_g", "duration_day", "route", "product", "line")
THERAPY_COLUMNS = ("patient_id", "start", "stop", "agent", "line")
"""Merged, sorted; stop is inf while therapy is ongoing."""
PATIENT_COLUMNS = ("patient_id", "group", "weight_kg", "height_cm", "sex", "age_y", "birth", "death")
"""birth and death in days of the patient's own time line; further columns are covariates."""
OUTCOME_COLUMNS = ("patient_id", "day", "outcome")
FOLLOW_UP_ENDS = ("death", "hsct")
"""Outcomes that end follow-up everywhere (DESIGN 3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """What became of a file's rows; read = filtered + used + set_aside, checked when built."""

    read: int
    filtered: int = 0
    used: int = 0
    set_aside: int = 0

    def __post_init__(self) -> None:
        if self.read != self.filtered + self.used + self.set_aside:
            raise AssertionError(f"row accounting does not add up: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One patient's record as arrays; days ascend; g, g/L, day, kg (weight nan when unknown)."""

    patient_id: str
    group: str
    weight_kg: float
    sample_day: Floats
    sample_igg: Floats
    sample_limit: npt.NDArray[np.int8]
    """0 measured, -1 below the value, +1 above the value."""
    dose_day: Floats
    dose_g: Floats
    dose_duration_day: Floats
    dose_is_sc: npt.NDArray[np.bool_]
    therapy_start: Floats
    therapy_stop: Floats
    agents: tuple[str, ...]
    follow_up_end: float
    """Day of death or transplant, else inf."""
    end_reason: str

    @property
    def start_day(self) -> float:
        """Earliest of day 0, first sample, first dose, first therapy: where the state is set."""
        return float(min([0.0, *self.sample_day[:1], *self.dose_day[:1], *self.therapy_start[:1]]))


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A cohort as read. Tables hold the columns named above; `problems` those of errors.PROBLEM_COLUMNS.

    `patients` has one row for every patient in any file, sorted as they first appear. `samples` are in the
    order in which the model sees them; a dose known only by its date has been moved behind the samples of
    that date (or before them, `same_day`), which `notes` says.
    """

    name: str
    igg_unit: IggUnit
    same_day: SameDay
    samples: pd.DataFrame
    doses: pd.DataFrame
    therapy: pd.DataFrame
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    problems: pd.DataFrame
    rows: dict[str, RowCount]
    inputs: dict[str, str]
    """File name -> SHA-256."""
    set_aside_patients: dict[str, str] = field(default_factory=dict)
    """Patient -> why the whole patient was set aside (`--on-problem skip`)."""
    notes: tuple[str, ...] = ()

    @cached_property
    def patient_ids(self) -> tuple[str, ...]:
        return tuple(self.patients["patient_id"])

    @cached_property
    def _by_patient(self) -> dict[str, dict[str, pd.DataFrame]]:
        tables = {"samples": self.samples, "doses": self.doses, "therapy": self.therapy, "outcomes": self.outcomes}
        return {
            name: {str(key): rows for key, rows in table.groupby("patient_id", sort=False)}
            for name, table in tables.items()
        }

    def patient(self, patient_id: str) -> Patient:
        """The record of one patient. KeyError when nobody has this id."""
        row = self.patients[self.patients["patient_id"] == patient_id]
        if row.empty:
            raise KeyError(patient_id)
        return self._record(row.iloc[0])

    def each_patient(self) -> Iterator[Patient]:
        for _, row in self.patients.iterrows():
            yield self._record(row)

    def _record(self, row: pd.Series) -> Patient:
        patient_id = str(row["patient_id"])
        tables = {
            name: self._by_patient[name].get(patient_id, getattr(self, name).iloc[:0])
            for name in ("samples", "doses", "therapy", "outcomes")
        }
        samples, doses, therapy = tables["samples"], tables["doses"], tables["therapy"]
        end_day, end_reason = follow_up_end(row, tables["outcomes"])
        limit = samples["limit"].map({"": 0, "below": -1, "above": 1}).to_numpy(dtype=np.int8)
        return Patient(
            patient_id=patient_id,
            group=str(row["group"]),
            weight_kg=float(row["weight_kg"]),
            sample_day=samples["day"].to_numpy(dtype=float),
            sample_igg=samples["igg"].to_numpy(dtype=float),
            sample_limit=limit,
            dose_day=doses["day"].to_numpy(dtype=float),
            dose_g=doses["amount_g"].to_numpy(dtype=float),
            dose_duration_day=doses["duration_day"].to_numpy(dtype=float),
            dose_is_sc=(doses["route"] == "sc").to_numpy(dtype=bool),
            therapy_start=therapy["start"].to_numpy(dtype=float),
            therapy_stop=therapy["stop"].to_numpy(dtype=float),
            agents=tuple(therapy["agent"].astype(str)),
            follow_up_end=end_day,
            end_reason=end_reason,
        )


def follow_up_end(patient: pd.Series, outcomes: pd.DataFrame) -> tuple[float, str]:
    """Earliest of death (either file) and transplant, with its name; (inf, "") while followed."""
    ends = [
        (float(day), str(name))
        for day, name in zip(outcomes["day"], outcomes["outcome"], strict=True)
        if name in FOLLOW_UP_ENDS
    ]
    if np.isfinite(patient["death"]):
        ends.append((float(patient["death"]), "death"))
    return min(ends, default=(np.inf, ""))
