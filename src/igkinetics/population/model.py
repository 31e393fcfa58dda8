"""The population model: what phi says of typical values, covariates, Omega and residual error (docs/model.md 10.1).

phi, unbounded: coefficients (k,) of the design, on the scales of the parameters; log omega (q,); for a full Omega one
number per pair (`pairs`), which with the rows' ones makes the rows of the correlations' Cholesky factor; log a, log b.
Where parameters vary between occasions, log omega (q + r,) ends with the r SDs between occasions; random effects are
then the q, followed by r for each occasion, occasion by occasion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from igkinetics.kinetics.parameters import Floats
from igkinetics.population.conditional import Level
from igkinetics.population.likelihood import Marginal
from igkinetics.population.occasion_walk import Occasions

Integers = npt.NDArray[np.int64]


class Parts(NamedTuple):
    """mu (n, p); root, lower, Omega = root root', occasions included; error (a in g/L, b)."""

    mu: Floats
    root: Floats
    error: Floats

    @property
    def omega(self) -> Floats:
        """The covariance of all random effects, those of occasions at the end."""
        return np.asarray(self.root @ self.root.T)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PopulationModel:
    """names (p,): parameters, columns of x. offset (n, p): the card's typical values; design (n, p, k) moves them.

    coefficients (k,): their labels. random (q,): columns that vary between patients. full: Omega has covariances.
    error_free (2,): which of a, b are estimated; error: the card's. transform (p, p): from x to the kinetics' logs.
    occasions: columns that vary between occasions too.
    """

    names: tuple[str, ...]
    offset: Floats
    design: Floats
    coefficients: tuple[str, ...]
    random: Integers
    full: bool
    error: Floats
    error_free: npt.NDArray[np.bool_]
    transform: Floats
    occasions: Occasions

    @property
    def n_coefficients(self) -> int:
        return len(self.coefficients)

    @property
    def random_names(self) -> tuple[str, ...]:
        return tuple(self.names[place] for place in self.random)

    @property
    def occasion_names(self) -> tuple[str, ...]:
        """Parameters that vary between occasions."""
        return tuple(self.names[place] for place in self.occasions.columns)

    @property
    def n_effects(self) -> int:
        """Random effects of a patient, those of occasions included."""
        return int(self.random.size + self.occasions.most * self.occasions.columns.size)

    @property
    def n_x(self) -> int:
        """Length of x: parameters and their changes between occasions."""
        return int(len(self.names) + self.occasions.most * self.occasions.columns.size)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Places of covariances: row, column."""
        q = self.random.size
        return [(row, column) for row in range(q) for column in range(row)] if self.full else []

    @property
    def labels(self) -> tuple[str, ...]:
        """Of every part of phi."""
        names = self.random_names
        return (
            *self.coefficients,
            *(f"omega_{name}" for name in names),
            *(f"omega_iov_{name}" for name in self.occasion_names),
            *(f"pair_{names[row]}_{names[column]}" for row, column in self.pairs),
            *(name for name, free in zip(("a", "b"), self.error_free, strict=True) if free),
        )

    def split(self, phi: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Coefficients, log omegas, numbers of pairs, logs of the free errors."""
        k, m = self.n_coefficients, len(self.pairs)
        q = self.random.size + self.occasions.columns.size
        return phi[:k], phi[k : k + q], phi[k + q : k + q + m], phi[k + q + m :]

    def parts(self, phi: Floats) -> Parts:
        beta, log_omega, numbers, log_error = self.split(phi)
        error = self.error.copy()
        error[self.error_free] = np.exp(log_error)
        q = self.random.size
        root = np.zeros((self.n_effects, self.n_effects))
        root[:q, :q] = np.exp(log_omega[:q])[:, None] * self._rows(numbers)[0]
        within = np.arange(q, self.n_effects)
        root[within, within] = np.tile(np.exp(log_omega[q:]), self.occasions.most)
        return Parts(self.offset + self.design @ beta, root, error)

    def _rows(self, numbers: Floats) -> tuple[Floats, Floats]:
        """Rows of unit length (q, q), lower, and the lengths they were divided by (q,)."""
        rows = np.eye(self.random.size)
        for (row, column), number in zip(self.pairs, numbers, strict=True):
            rows[row, column] = number
        lengths = np.sqrt(np.sum(rows**2, axis=1))
        return rows / lengths[:, None], lengths

    def level(self, phi: Floats) -> Level:
        """What the kernels need of phi."""
        parts = self.parts(phi)
        inverse = np.linalg.inv(parts.root)
        n, p = parts.mu.shape
        mu = np.zeros((n, self.n_x))
        mu[:, :p] = parts.mu
        return Level(
            mu=mu,
            precision=np.ascontiguousarray(inverse.T @ inverse),
            log_det_omega=float(2.0 * np.log(np.diag(parts.root)).sum()),
            error=parts.error,
            random=np.concatenate([self.random, np.arange(p, self.n_x)]),
            transform=self.transform,
            occasions=self.occasions,
        )

    def scores(self, phi: Floats, found: Marginal) -> Floats:
        """Slopes (n, size of phi) of each patient's -log marginal likelihood."""
        _, log_omega, numbers, _ = self.split(phi)
        q, p = self.random.size, len(self.names)
        root = self.parts(phi).root
        by_root = 2.0 * np.tril(found.by_omega @ root)
        by_omega = np.sum(by_root * root, axis=2)
        shape = (len(by_omega), self.occasions.most, self.occasions.columns.size)
        within = by_omega[:, q:].reshape(shape).sum(axis=1)
        by_root = by_root[:, :q, :q]
        unit, lengths = self._rows(numbers)
        along = np.sum(by_root * unit, axis=2)
        scale = (np.exp(log_omega[:q]) / lengths)[:, None]
        by_rows = scale * (by_root - along[:, :, None] * unit)
        by_pairs = [by_rows[:, row, column] for row, column in self.pairs]
        return np.column_stack(
            [
                np.einsum("np,npk->nk", found.by_mu[:, :p], self.design),
                by_omega[:, :q],
                within,
                *by_pairs,
                found.by_log_error[:, self.error_free],
            ]
        )


def pair_numbers(correlation: Floats) -> Floats:
    """Numbers of the pairs for a correlation matrix (q, q), row by row."""
    root = np.linalg.cholesky(correlation)
    return np.array([root[row, column] / root[row, row] for row in range(len(root)) for column in range(row)])
