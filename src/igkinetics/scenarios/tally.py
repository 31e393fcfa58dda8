"""Sums and quantiles of many batches, in memory that has a bound.

Quantiles of outcomes are those of all patients: every value is kept, up to 32 million numbers (a million patients under
two regimens: 256 MiB); beyond, those of every second, third, ... patient, which is said. Levels by day of more than one
batch are counted in narrow bins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.dosing.cases import Cases, Places
from igkinetics.kinetics.compile import inner, kernel
from igkinetics.kinetics.parameters import Floats

Counts = npt.NDArray[np.int32]
MOST_KEPT: Final = 32_000_000
"""Numbers kept of all regimens together."""
LEAST, BIN_WIDTH, N_BINS = 1e-2, 0.004, 2650
"""Of the bins: g/L, on the scale of logarithms; the last begins at 400 g/L. 12 MiB a regimen and year."""


@kernel
def fill_quantiles(values: Floats, rows: Places, shares: Floats, quantiles: Floats) -> None:
    """Quantiles (n_share, n_column) of the chosen rows of values (n, n_column), linear between order statistics.

    Of the values that are there: nan is none; nan where a column has none at all.
    """
    room = np.empty(rows.size)
    for j in range(values.shape[1]):
        n = 0
        for i in range(rows.size):
            if not np.isnan(values[rows[i], j]):
                room[n] = values[rows[i], j]
                n += 1
        if n == 0:
            quantiles[:, j] = np.nan
            continue
        column = room[:n]
        if shares.size == 1:
            place = int(shares[0] * (n - 1))
            column = np.partition(column, min(place + 1, n - 1))
            column[: place + 1].sort()
        else:
            column.sort()
        for k in range(shares.size):
            place = shares[k] * (n - 1)
            below = int(place)
            above = min(below + 1, n - 1)
            quantiles[k, j] = column[below] + (place - below) * (column[above] - column[below])


def quantiles_of(values: Floats, rows: Places, shares: Floats) -> Floats:
    """(n_share, n_column), see fill_quantiles."""
    quantiles = np.empty((shares.size, values.shape[1]))
    fill_quantiles(np.ascontiguousarray(values), rows, shares, quantiles)
    return quantiles


def pooled_rows(model: Places, weights: tuple[float, ...]) -> Places:
    """Rows of a mixture of the models: of each its share of the patients, spread evenly among them."""
    if len(weights) == 1:
        return np.arange(model.size)
    chosen = []
    for number, weight in enumerate(np.array(weights) / sum(weights)):
        rows = np.flatnonzero(model == number)
        wanted = max(1, round(weight * rows.size))
        chosen.append(rows[np.linspace(0, rows.size - 1, wanted).round().astype(np.int64)])
    return np.concatenate(chosen)


@dataclass(slots=True)
class Tally:
    """Of one regimen (or of a difference of two): by model and draw of the parameters.

    sums (model, draw, column) and counts (model, draw, column), of the values that are there (nan is none);
    squares (model, column) over all draws.
    """

    sums: Floats
    counts: Floats
    squares: Floats

    @staticmethod
    def empty(models: int, draws: int, columns: int) -> Tally:
        shape = models, draws, columns
        return Tally(np.zeros(shape), np.zeros(shape), np.zeros((models, columns)))

    def add(self, values: Floats, cases: Cases) -> None:
        """Values (n, column) of these cases."""
        models, draws, columns = self.sums.shape
        place = cases.model * draws + cases.draw
        known = ~np.isnan(values)
        filled = np.where(known, values, 0.0)
        for column in range(columns):
            for total, each in ((self.counts, known[:, column]), (self.sums, filled[:, column])):
                total[:, :, column] += np.bincount(place, each, models * draws).reshape(models, draws)
            self.squares[:, column] += np.bincount(cases.model, filled[:, column] ** 2, models)

    @property
    def by_draw(self) -> Floats:
        """Means over patients (model, draw, column); nan where no patient has a value."""
        return ratio(self.sums, self.counts)

    @property
    def means(self) -> Floats:
        """Means over patients and draws (model, column); nan where no patient has a value."""
        return ratio(self.sums.sum(axis=1), self.n)

    @property
    def n(self) -> Floats:
        """Cases with a value (model, column)."""
        return np.asarray(self.counts.sum(axis=1))

    def share_known(self, column: int, weights: Floats) -> float:
        """Share of the cases that have a value of one column, models by their weights; grams are known of all."""
        return float((weights / weights.sum()) @ (self.n[:, column] / self.n.max(axis=1)))

    @property
    def errors(self) -> Floats:
        """Monte Carlo standard errors of the means (model, column), the cases taken as independent."""
        variance = np.maximum(ratio(self.squares, self.n) - self.means**2, 0.0)  # rounding may leave -1e-16
        return np.sqrt(ratio(variance, self.n))

    def of_model(self, number: int) -> Tally:
        return Tally(self.sums[[number]], self.counts[[number]], self.squares[[number]])

    @property
    def spreads(self) -> Floats:
        """Standard deviations between cases (model, column)."""
        return np.asarray(self.errors * np.sqrt(self.n))


def ratio(above: Floats, below: Floats) -> Floats:
    """Above over below, nan where that is 0 over 0."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0.0))


def mean_known(values: Floats) -> Floats:
    """Means (column) of values (n, column), of those that are there."""
    known = ~np.isnan(values)
    return ratio(np.asarray(np.where(known, values, 0.0).sum(axis=0)), np.asarray(known.sum(axis=0), dtype=float))


@dataclass(slots=True)
class Values:
    """The values (case, column) of one regimen, of every `step`-th case, with their models."""

    step: int
    parts: list[Floats] = field(default_factory=list)
    models: list[Places] = field(default_factory=list)

    def add(self, values: Floats, cases: Cases) -> None:
        kept = (cases.patient + cases.draw) % self.step == 0
        self.parts.append(values[kept])
        self.models.append(cases.model[kept])

    def quantiles(self, shares: Floats, weights: tuple[float, ...]) -> tuple[Floats, list[Floats]]:
        """(share, column) of all models together, by their weights, and of each."""
        values, model = np.concatenate(self.parts), np.concatenate(self.models)
        pooled = quantiles_of(values, pooled_rows(model, weights), shares)
        return pooled, [quantiles_of(values, np.flatnonzero(model == k), shares) for k in range(len(weights))]


def step_within(n_cases: int, regimens: int, columns: int) -> int:
    """1 where the values of all cases under all regimens can be kept, else every how manyth case is."""
    return max(1, -(-n_cases * regimens * columns // MOST_KEPT))


@dataclass(slots=True)
class Bins:
    """Levels of one regimen by day, counted in bins so narrow that a quantile is known to 0.2 %; memory does not grow
    with the patients. counts (quantity, day, bin): total, endogenous, infused; bin 0: none at all."""

    counts: Counts

    @staticmethod
    def empty(n_day: int) -> Bins:
        return Bins(np.zeros((3, n_day, N_BINS), dtype=np.int32))

    def quantiles(self, which: int, shares: Floats) -> Floats:
        """(share, day) of one quantity, g/L."""
        quantiles = np.empty((shares.size, self.counts.shape[1]))
        fill_binned_quantiles(self.counts[which], shares, quantiles)
        return quantiles


@kernel
def count_levels(endogenous: Floats, infused: Floats, rows: Places, first: int, counts: Counts) -> None:
    """Add the levels (n, day) of the chosen rows to the counts, whose days begin at `first`."""
    for j in range(endogenous.shape[1]):
        for i in rows:
            own, given = endogenous[i, j], infused[i, j]
            counts[0, first + j, bin_of(own + given)] += 1
            counts[1, first + j, bin_of(own)] += 1
            counts[2, first + j, bin_of(given)] += 1


@inner
def bin_of(level: float) -> int:
    if level < LEAST:
        return 0
    return min(1 + int(log(level / LEAST) / BIN_WIDTH), N_BINS - 1)


@kernel
def fill_binned_quantiles(counts: Counts, shares: Floats, quantiles: Floats) -> None:
    """(share, day) of counts (day, bin): evenly spread within a bin."""
    for j in range(counts.shape[0]):
        n = counts[j].sum()
        for k in range(shares.size):
            wanted = shares[k] * (n - 1) + 0.5
            before, place = 0, 0
            while before + counts[j, place] < wanted:
                before += counts[j, place]
                place += 1
            part = (wanted - before) / counts[j, place]
            quantiles[k, j] = 0.0 if place == 0 else LEAST * exp((place - 1 + part) * BIN_WIDTH)


@dataclass(slots=True)
class OfRegimen:
    """All that is kept of one regimen, batch by batch, and in the end its quantiles: spread and each of by_model
    (median, lower, upper; column); curve (5, day): median, lower, upper of the total, medians of endogenous and
    infused, g/L.

    patients: place -> (means (column), quantiles (3, column)), and curves (5, day), of patients with a name.
    """

    tally: Tally
    difference: Tally
    values: Values
    bins: Bins | None
    spread: Floats = field(default_factory=lambda: np.empty((3, 0)))
    by_model: list[Floats] = field(default_factory=list)
    curve: Floats = field(default_factory=lambda: np.empty((5, 0)))
    patients: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)
    patient_curves: dict[int, Floats] = field(default_factory=dict)
