"""R-hat and effective sample sizes of many quantities at once: those of arviz-stats, a tenth of their time.

Rank-normalised split R-hat, bulk and tail ESS (Vehtari et al., Bayesian Anal 2021;16:667) with Geyer's initial monotone
sequence. arviz-stats takes them one by one; a cohort has hundreds of coordinates in every model.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri
from scipy.stats import rankdata

from igkinetics.kinetics.parameters import Floats

TAILS: Final = (0.1, 0.9)
FEWEST_DRAWS: Final = 4


def many_diagnostics(draws: Floats) -> dict[str, Floats]:
    """r_hat, ess_bulk and ess_tail, (m,) each, of draws (chain, draw, m); nan for a quantity that never varies.

    R-hat is nan for one chain.
    """
    chains, n, m = draws.shape
    values = np.moveaxis(draws, 2, 0)
    names = ("r_hat", "ess_bulk", "ess_tail")
    if n < FEWEST_DRAWS:
        return {name: np.full(m, np.nan) for name in names}
    halves = split(values)
    ranked = normal_scores(halves)
    folded = np.abs(halves - np.median(halves, axis=(1, 2), keepdims=True))
    ends = np.quantile(values.reshape(m, -1), TAILS, axis=1)
    tails = [effective(split(values <= end[:, None, None]).astype(float)) for end in ends]
    apart = np.maximum(r_hat(ranked), r_hat(normal_scores(folded))) if chains > 1 else np.full(m, np.nan)
    varies = np.ptp(values.reshape(m, -1), axis=1) > 0
    found = (apart, effective(ranked), np.minimum(*tails))
    return {name: np.where(varies, value, np.nan) for name, value in zip(names, found, strict=True)}


def split(values: Floats) -> Floats:
    """Halves of chains (m, 2 chain, draw / 2) of values (m, chain, draw)."""
    half = values.shape[2] // 2
    return np.concatenate([values[:, :, :half], values[:, :, -half:]], axis=1)


def normal_scores(values: Floats) -> Floats:
    """Each value's rank among all of its quantity, as a standard normal deviate (Blom)."""
    ranks = rankdata(values.reshape(values.shape[0], -1), axis=1)
    return np.asarray(ndtri((ranks - 0.375) / (ranks.shape[1] + 0.25))).reshape(values.shape)


def r_hat(values: Floats) -> Floats:
    """(m,) of values (m, chain, draw)."""
    n = values.shape[2]
    between = n * values.mean(axis=2).var(axis=1, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt((between / values.var(axis=2, ddof=1).mean(axis=1) + n - 1) / n))


def effective(values: Floats) -> Floats:
    """Effective draws (m,) of values (m, chain, draw)."""
    m, chains, n = values.shape
    off = values - values.mean(axis=2, keepdims=True)
    transformed = rfft(off, next_fast_len(2 * n, real=True), axis=2)
    power = (transformed.real**2 + transformed.imag**2).mean(axis=1)
    covariance = irfft(power, next_fast_len(2 * n, real=True), axis=1)[:, :n] / n
    within = covariance[:, :1] * n / (n - 1.0)
    total = covariance[:, :1] + (values.mean(axis=2).var(axis=1, ddof=1)[:, None] if chains > 1 else 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = 1.0 - (within - covariance) / total
    rho[:, 0] = 1.0
    last = (n - 3) // 2
    pairs = rho[:, : 2 * last + 2].reshape(m, last + 1, 2).sum(axis=2)
    ends = pairs <= 0.0
    ends[:, 0], ends[:, last] = False, True
    end = ends.argmax(axis=1)
    monotone = np.minimum.accumulate(pairs, axis=1)
    kept = np.where(np.arange(last + 1) < end[:, None], monotone, 0.0).sum(axis=1)
    tau = -1.0 + 2.0 * kept + np.maximum(rho[np.arange(m), 2 * end], 0.0)
    return np.asarray(chains * n / np.maximum(tau, 1.0 / np.log10(chains * n)))
