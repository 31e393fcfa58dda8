"""The fitted patients of a chunk, as the tables look at them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.model import Cohort
from igkinetics.fit.batch.inputs import Entrant
from igkinetics.fit.batch.layout import (
    POSTERIOR_SD,
)
from igkinetics.fit.batch.run import Chunk
from igkinetics.fit.columns import Status
from igkinetics.fit.options import FitOptions
from igkinetics.fit.trouble import few_measured
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The fitted patients of a chunk; `rows` says where each stands in it."""

    cohort: Cohort
    chunk: Chunk
    options: FitOptions

    @cached_property
    def rows(self) -> Ints:
        return np.flatnonzero(self.chunk.fitted)

    @cached_property
    def entrants(self) -> list[Entrant]:
        return [self.chunk.entrants[row] for row in self.rows]

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        return np.array([entrant.patient.patient_id for entrant in self.entrants], dtype=object)

    @cached_property
    def groups(self) -> npt.NDArray[np.object_]:
        return np.array([entrant.patient.group for entrant in self.entrants], dtype=object)

    @cached_property
    def status(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """Status and reason of each."""
        records = self.chunk.records
        said: list[tuple[Status, str]] = []
        for row in self.rows:
            limits = records.limit[records.sample_at[row] : records.sample_at[row + 1]]
            said.append(few_measured(int(np.sum(limits == 0)), limits.size))
        table = np.array(said, dtype=object).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    @property
    def unit(self) -> IggUnit:
        return self.cohort.igg_unit

    def level(self, values: Floats) -> Floats:
        return np.asarray(from_g_per_l(values, self.unit))

    @cached_property
    def owner(self) -> Ints:
        """Of each sample of a fitted patient, its place among them."""
        at = self.chunk.records.sample_at
        return np.repeat(np.arange(self.rows.size), at[self.rows + 1] - at[self.rows])

    def ragged(self, at: Ints) -> Ints:
        """The rows of ragged arrays that belong to fitted patients, in their order."""
        return within(at[self.rows], at[self.rows + 1])

    @cached_property
    def models(self) -> npt.NDArray[np.object_]:
        return np.array([entrant.structures[0].name for entrant in self.entrants], dtype=object)

    def classes(self) -> list[Ints]:
        """Places of the patients of each class among the fitted ones."""
        found: dict[int, list[int]] = {}
        for place, entrant in enumerate(self.entrants):
            found.setdefault(id(entrant.structures), []).append(place)
        return [np.array(places) for places in found.values()]


def within(first: Ints, last: Ints) -> Ints:
    """first[0], ..., last[0] - 1, first[1], ..."""
    sizes = last - first
    starts = np.repeat(first - np.append(0, np.cumsum(sizes)[:-1]), sizes)
    return np.asarray(starts + np.arange(int(sizes.sum())))


def contractions(fitted: Fitted, places: Ints) -> Floats:
    """Of each estimated parameter of patients of one class (n, p)."""
    rows, p = fitted.rows[places], len(fitted.entrants[places[0]].names)
    spread = fitted.chunk.found.estimates[rows, :p, POSTERIOR_SD]
    return np.asarray(1.0 - (spread / fitted.chunk.priors.sd[rows, 0, :p]) ** 2)


def interval(values: Floats, name: str) -> dict[str, Floats]:
    """values (n, 3): lower end, median, upper end."""
    return {name: values[:, 1], f"{name}_lower": values[:, 0], f"{name}_upper": values[:, 2]}
