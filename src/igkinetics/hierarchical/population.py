"""The population level: which parameters vary between patients, and what phi says of them (docs/model.md 5).

One vector phi holds everything that patients share, on unbounded scales:
    coefficients (q,)  shift of the card's typical values, and of covariates: x_i ~ Normal(offset_i + X_i beta, Omega)
    log omega (p,)     between-patient SDs
    log a, log b       residual error, a in g/L
    log ratios (3,)    clearance and production under immunoglobulin, dose recovery; the same for everyone
Each has an independent normal prior; an SD of 0 means known. On request partial correlations follow, one per pair of
parameters that vary between patients, with an LKJ prior (`correlations.py`); without, Omega is diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from igkinetics.hierarchical.correlations import Pairs, correlation_root, gradient_in_pairs
from igkinetics.kinetics.parameters import Floats


class Parts(NamedTuple):
    """What phi says: mu (n, p); root (p, p) lower with Omega = root root'; error (a in g/L, b); log ratios (3,)."""

    mu: Floats
    root: Floats
    error: Floats
    log_ratio: Floats

    @property
    def omega(self) -> Floats:
        """Between-patient SDs (p,)."""
        return np.asarray(np.sqrt(np.sum(self.root**2, axis=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """names (p,): columns of x. offset (n, p): the card's typical values for each patient. design (n * p, q).

    labels, prior_mean, prior_sd (k,): of phi. reference: typical value on its scale, and the scale, of each shift at
    the card's reference covariates. sources: where each prior number comes from, by label. pairs, lkj (m,): the partial
    correlations at the end of phi, and their prior shapes (`correlations.py`); none when Omega is diagonal.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    offset: Floats
    design: Floats
    prior_mean: Floats
    prior_sd: Floats
    reference: dict[str, tuple[float, str]]
    sources: dict[str, str]
    pairs: Pairs = ()
    lkj: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def n_coefficients(self) -> int:
        return int(self.design.shape[1])

    @property
    def active(self) -> np.ndarray:
        """Which parts of phi are estimated (k,)."""
        return self.prior_sd > 0

    @property
    def active_normal(self) -> np.ndarray:
        """Which of them have a normal prior (k,)."""
        return self.active & (np.arange(self.prior_sd.size) < self.n_normal)

    @property
    def free_ratios(self) -> list[bool]:
        """Which of the log ratios are estimated."""
        return [bool(one) for one in self.active[self.n_coefficients + len(self.names) + 2 : self.n_normal]]

    @property
    def n_normal(self) -> int:
        """How many parts of phi, the first ones, have normal priors; partial correlations follow."""
        return len(self.labels) - len(self.pairs)

    def held(self, values: Mapping[str, float]) -> Population:
        """The same with these parts of phi known, on its scale, by label."""
        mean, sd = self.prior_mean.copy(), self.prior_sd.copy()
        for label, value in values.items():
            mean[self.labels.index(label)], sd[self.labels.index(label)] = value, 0.0
        return replace(self, prior_mean=mean, prior_sd=sd)

    def widened(self, sds: Mapping[str, float]) -> Population:
        """The same with these prior SDs, by label."""
        sd = self.prior_sd.copy()
        for label, value in sds.items():
            sd[self.labels.index(label)] = value
        return replace(self, prior_sd=sd)

    def parts(self, phi: Floats) -> Parts:
        """What phi (k,) says."""
        q, p = self.n_coefficients, len(self.names)
        mu = self.offset + (self.design @ phi[:q]).reshape(self.offset.shape)
        omega = np.exp(phi[q : q + p])
        root = np.diag(omega)
        if self.pairs:
            root = omega[:, None] * correlation_root(phi[self.n_normal :], self.pairs, p)
        log_ratio = np.ascontiguousarray(phi[q + p + 2 : self.n_normal])
        return Parts(mu, root, np.exp(phi[q + p : q + p + 2]), log_ratio)

    def gradient(self, phi: Floats, parts: Parts, by: Parts) -> Floats:
        """Derivatives (k,) in phi from those (`by`) in its parts; of by.root the lower triangle counts."""
        root = parts.root
        by_coefficients = self.design.T @ by.mu.reshape(-1)
        by_log_omega = np.sum(by.root * root, axis=1)
        by_pairs = np.empty(0)
        if self.pairs:
            omega = np.exp(phi[self.n_coefficients :][: len(self.names)])[:, None]
            by_pairs = gradient_in_pairs(omega * by.root, phi[self.n_normal :], self.pairs, root / omega)
        return np.concatenate([by_coefficients, by_log_omega, by.error * parts.error, by.log_ratio, by_pairs])
