"""Sums, squares and quantiles of many batches, so that memory does not grow with the number of patients.

A quantile of all patients is the mean of the batches' own quantiles: with one batch (2,000 patients or fewer) exact,
with more its bias is that of a quantile of 2,000 values, below 0.2 % of a level at the 2.5 % point of a log-normal
spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from igkinetics.dosing.cases import Cases, Places
from igkinetics.kinetics.compile import kernel
from igkinetics.kinetics.parameters import Floats


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
    found = np.empty((shares.size, values.shape[1]))
    fill_quantiles(np.ascontiguousarray(values), rows, shares, found)
    return found


def pooled_rows(cases: Cases, weights: tuple[float, ...]) -> Places:
    """Rows of a mixture of the models: of each its share of the patients, spread evenly among them."""
    if len(weights) == 1:
        return np.arange(len(cases))
    chosen = []
    for number, weight in enumerate(np.array(weights) / sum(weights)):
        rows = np.flatnonzero(cases.model == number)
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
class Spread:
    """Quantiles (n_share, column), averaged over batches by their size; a batch without a value adds nothing."""

    weighted: Floats
    weight: Floats = field(default_factory=lambda: np.zeros(1))

    def add(self, quantiles: Floats, weight: float) -> None:
        known = ~np.isnan(quantiles)
        self.weighted = self.weighted + weight * np.where(known, quantiles, 0.0)
        self.weight = self.weight + weight * known

    @property
    def quantiles(self) -> Floats:
        return ratio(self.weighted, self.weight)


@dataclass(slots=True)
class OfRegimen:
    """All that is kept of one regimen. curve: Spread of total (3, day), medians: of endogenous and infused (2, day).

    patients: place -> (means (column), quantiles (3, column)), and curves (5, day), of patients with a name.
    """

    tally: Tally
    difference: Tally
    spread: Spread
    by_model: list[Spread]
    curve: Spread
    medians: Spread
    patients: dict[int, tuple[Floats, Floats]] = field(default_factory=dict)
    patient_curves: dict[int, Floats] = field(default_factory=dict)
