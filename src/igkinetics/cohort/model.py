"""The frozen cohort: what every later step reads. Units inside: g, g/L, day, kg."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.courses import depletion_intervals
from igkinetics.cohort.outcomes import INFECTION_NAMES
from igkinetics.errors import counted
from igkinetics.frozen import ByValue
from igkinetics.units import IggUnit

if TYPE_CHECKING:
    from igkinetics.cohort.check import CohortCheck

Floats = npt.NDArray[np.float64]
SameDay = Literal["sample_first", "dose_first"]

SAMPLE_COLUMNS = ("patient_id", "day", "igg", "limit", "line")
"""igg in g/L; limit is "" (measured), "below" (igg holds the lower limit) or "above" (the upper one)."""
LIMIT_WORDS: Final = {-1: "below", 0: "", 1: "above"}
"""Patient.sample_limit -> limit of SAMPLE_COLUMNS."""
LIMIT_SIGNS: Final = {-1: "<", 0: "", 1: ">"}
"""Patient.sample_limit -> the sign before a level."""
DOSE_COLUMNS = ("patient_id", "day", "amount_g", "duration_day", "route", "product", "line")
THERAPY_COLUMNS = ("patient_id", "start", "stop", "agent", "line")
"""Courses: touching rows of one agent merged, sorted; stop is inf while therapy is ongoing."""
PATIENT_COLUMNS = ("patient_id", "group", "weight_kg", "height_cm", "sex", "age_y", "birth", "death")
"""birth and death in days of the patient's own time line; further columns are covariates."""
OUTCOME_COLUMNS = ("patient_id", "day", "outcome")
WEIGHT_COLUMNS = ("patient_id", "day", "weight_kg")
"""Weights by day, where they were told so, sorted; weight_kg of `patients` is the one that kinetics use."""
COVARIATE_COLUMNS = ("patient_id", "day")
"""Of covariates that vary over time: whose value it is, and when; a column for each covariate follows."""
RESERVED_OUTCOMES = ("death", "hsct", "relapse")
FOLLOW_UP_ENDS = ("death", "hsct")
"""Outcomes that end follow-up everywhere."""


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patient(ByValue):
    """One patient's record as arrays that cannot be written; days ascend; g, g/L, day, kg (weight nan when unknown)."""

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
    """Intervals of B-cell depletion [start, stop), disjoint: the union of the courses of all agents."""
    agents: tuple[str, ...]
    """The agent of each course, "" where not stated."""
    agent_start: Floats
    """The start of each course, ascending; parallel to `agents`, not to `therapy_start`."""
    follow_up_end: float
    """Day of death or transplant, else inf."""
    end_reason: str

    @property
    def start_day(self) -> float:
        """Earliest of day 0, first sample, first dose, first therapy: where the state is set."""
        return float(min([0.0, *self.sample_day[:1], *self.dose_day[:1], *self.therapy_start[:1]]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Cohort(ByValue):
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
    covariates: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COVARIATE_COLUMNS)))
    """COVARIATE_COLUMNS and a column for each covariate by day: kept for whoever asks; no model uses them."""
    weights: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(WEIGHT_COLUMNS)))
    """WEIGHT_COLUMNS: a dose in g/kg uses the weight of its day."""
    unused_columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """File -> its columns that nothing uses."""
    as_given: frozenset[str] = frozenset()
    """What cohort.toml says is unusual and right: "levels", "windows"."""
    set_aside_patients: dict[str, str] = field(default_factory=dict)
    """Patient -> why the whole patient was set aside (`--on-problem skip`)."""
    infection_names: tuple[str, ...] = INFECTION_NAMES
    """The outcomes that are infections."""
    notes: tuple[str, ...] = ()
    day_zero: dict[str, pd.Timestamp] = field(default_factory=dict)
    """Patient -> the moment that days count from; empty for a cohort in day numbers."""
    n_in_all: int = 0
    """Of a part of a cohort: patients in all parts; 0 for a cohort read whole."""
    records: dict[str, str] = field(default_factory=dict)
    """Record -> patient, for each further record of a patient (a reset in an event file), a row of `patients` each."""

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """The covariates that vary over time."""
        return tuple(str(name) for name in self.covariates.columns if name not in COVARIATE_COLUMNS)

    @property
    def n_patients(self) -> int:
        """Patients of the cohort, in all its parts where it has any."""
        return self.n_in_all or len(self.patients)

    @cached_property
    def patient_ids(self) -> tuple[str, ...]:
        return tuple(self.patients["patient_id"])

    @cached_property
    def samples_set_aside(self) -> dict[str, int]:
        """Patient -> rows of samples that were set aside, of those who have any."""
        told = self.problems
        own = told[told["action"].str.contains("set aside") & told["file"].str.startswith("samples")]
        return {str(name): int(rows) for name, rows in own.groupby("patient_id")["line"].nunique().items()}

    @cached_property
    def _position(self) -> dict[str, int]:
        return {patient_id: position for position, patient_id in enumerate(self.patient_ids)}

    @cached_property
    def _people(self) -> tuple[npt.NDArray[Any], ...]:
        names = ("patient_id", "group", "weight_kg", "death")
        return tuple(self.patients[name].to_numpy() for name in names)

    @cached_property
    def _blocks(self) -> dict[str, _Blocks]:
        index = pd.Index(self.patients["patient_id"])
        return {
            "samples": _Blocks(self.samples, index, ("day", "igg", "limit")),
            "doses": _Blocks(self.doses, index, ("day", "amount_g", "duration_day", "route")),
            "therapy": _Blocks(self.therapy, index, ("start", "stop", "agent")),
            "outcomes": _Blocks(self.outcomes, index, ("day", "outcome")),
        }

    def check(self) -> CohortCheck:
        """What `igkinetics check` says of the cohort: print it, or let a notebook show it."""
        from igkinetics.cohort.check import check_cohort

        return check_cohort(self)

    def first_records(self) -> Cohort:
        """Everyone once, for counts of patients: further records left out, all outcomes under the first."""
        if not self.records:
            return self
        tables = {
            name: table[~table["patient_id"].isin(list(self.records))].reset_index(drop=True)
            for name in ("samples", "doses", "therapy", "patients")
            for table in [getattr(self, name)]
        }
        whose = self.outcomes["patient_id"].replace(self.records)
        outcomes = self.outcomes.assign(patient_id=whose).drop_duplicates(["patient_id", "day", "outcome"])
        covariates = self.covariates.assign(patient_id=self.covariates["patient_id"].replace(self.records))
        left_out = counted(len(self.records), "further record")
        note = f"{left_out} of a patient (after a reset) left out: everyone counts once"
        return replace(
            self,
            **tables,
            outcomes=outcomes.reset_index(drop=True),
            covariates=covariates.drop_duplicates(ignore_index=True),
            weights=self.weights[~self.weights["patient_id"].isin(list(self.records))].reset_index(drop=True),
            notes=(*self.notes, note),
            records={},
        )

    def only(self, patient_id: str) -> Cohort:
        """The same cohort with one patient. KeyError when nobody has this id."""
        if patient_id not in self._position:
            raise KeyError(patient_id)
        tables = {
            name: table[table["patient_id"] == patient_id].reset_index(drop=True)
            for name in ("samples", "doses", "therapy", "patients", "outcomes", "covariates", "weights")
            for table in [getattr(self, name)]
        }
        zero = {patient_id: self.day_zero[patient_id]} if patient_id in self.day_zero else {}
        return replace(self, **tables, day_zero=zero, records={})

    def patient(self, patient_id: str) -> Patient:
        """The record of one patient. KeyError when nobody has this id."""
        return self._record(self._position[patient_id])

    @cached_property
    def _patient_columns(self) -> dict[str, npt.NDArray[Any]]:
        return {str(name): self.patients[name].to_numpy() for name in self.patients.columns}

    def patient_cell(self, patient_id: str, column: str) -> Any:
        """What the patients table says of one patient; None without such a column or patient."""
        place, cells = self._position.get(patient_id), self._patient_columns.get(column)
        return None if place is None or cells is None else cells[place]

    def each_patient(self) -> Iterator[Patient]:
        for position in range(len(self.patients)):
            yield self._record(position)

    def _record(self, position: int) -> Patient:
        patient_id, group, weight_kg, death = (column[position] for column in self._people)
        sample_day, igg, limit = self._blocks["samples"].of(position)
        dose_day, amount_g, duration_day, route = self._blocks["doses"].of(position)
        start, stop, agent = self._blocks["therapy"].of(position)
        therapy_start, therapy_stop = depletion_intervals(start.astype(float), stop.astype(float))
        end_day, end_reason = follow_up_end(float(death), *self._blocks["outcomes"].of(position))
        return Patient(
            patient_id=str(patient_id),
            group=str(group),
            weight_kg=float(weight_kg),
            sample_day=sample_day.astype(float),
            sample_igg=igg.astype(float),
            sample_limit=(limit == "above").astype(np.int8) - (limit == "below").astype(np.int8),
            dose_day=dose_day.astype(float),
            dose_g=amount_g.astype(float),
            dose_duration_day=duration_day.astype(float),
            dose_is_sc=np.asarray(route == "sc", dtype=bool),
            therapy_start=therapy_start,
            therapy_stop=therapy_stop,
            agents=tuple(str(name) for name in agent),
            agent_start=start.astype(float),
            follow_up_end=end_day,
            end_reason=end_reason,
        )


class _Blocks:
    """Columns of a table as arrays in which the rows of each patient lie together, in their order."""

    def __init__(self, table: pd.DataFrame, patients: pd.Index[str], columns: tuple[str, ...]) -> None:
        owner = patients.get_indexer(pd.Index(table["patient_id"]))
        order = np.argsort(owner, kind="stable")
        self._columns = [table[name].to_numpy()[order] for name in columns]
        self._bounds = np.searchsorted(owner[order], np.arange(len(patients) + 1))

    def of(self, position: int) -> list[npt.NDArray[Any]]:
        rows = slice(self._bounds[position], self._bounds[position + 1])
        return [column[rows] for column in self._columns]


def follow_up_end(death: float, days: npt.NDArray[Any], outcomes: npt.NDArray[Any]) -> tuple[float, str]:
    """Earliest of death (either file; nan: none) and transplant, with its name; (inf, "") while followed."""
    ends = [(float(day), str(name)) for day, name in zip(days, outcomes, strict=True) if name in FOLLOW_UP_ENDS]
    if np.isfinite(death):
        ends.append((death, "death"))
    return min(ends, default=(np.inf, ""))
