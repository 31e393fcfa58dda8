"""How well predictions did: a row per card, horizon and dosing; the ranking of the cards, and weights to mix them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.special import logsumexp

from igkinetics.errors import counted
from igkinetics.evaluate.points import LEVELS
from igkinetics.kinetics.parameters import Floats

ALL: Final = "all"
HORIZON_EDGES: Final = (0.0, 7.0, 14.0, 28.0, 56.0, np.inf)
ENOUGH: Final = 0.9
"""A card that predicted a smaller share of what the best served one did is not ranked."""
RELIABILITY_EDGES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0)


def horizon_words() -> list[str]:
    """Names of the bins of horizons, in days: 0-7 (up to 7), 7-14 (over 7 up to 14), ..., 56-."""
    return [f"{low:g}-{'' if np.isinf(high) else f'{high:g}'}" for low, high in pairwise(HORIZON_EDGES)]


def horizon_bin(days: pd.Series[float]) -> pd.Series[Any]:
    return pd.cut(days, list(HORIZON_EDGES), labels=horizon_words(), include_lowest=True)


def measures(points: pd.DataFrame) -> dict[str, float]:
    """n and the measures of the predicted samples among these; errors relative to the value measured, of values within
    the assay's limits."""
    known = points[points["pit"].notna()]
    plain = known[(known["limit"] == "") & (known["observed"] > 0)]
    error = (plain["predicted"] - plain["observed"]) / plain["observed"]
    pit = known["pit"].to_numpy(dtype=float)
    nothing = np.nan if not len(known) else 0.0

    def mean(values: Any) -> float:
        return float(np.mean(values)) + nothing if len(values) else np.nan

    return {
        "n": len(known),
        "bias": mean(error),
        "rrmse": float(np.sqrt(mean(error**2))),
        "within_20": mean(np.abs(error) <= 0.2),
        "within_30": mean(np.abs(error) <= 0.3),
        **{f"coverage_{100 * level:g}": mean(np.abs(pit - 0.5) <= level / 2.0) for level in LEVELS},
        "log_score": mean(known["log_score"]),
    }


def score_table(points: pd.DataFrame, cards: Sequence[str], ranking: pd.DataFrame) -> pd.DataFrame:
    """Rows of SCORE columns: for each card, best first, all samples, each horizon, each dosing."""
    rows = []
    for card in ranking["card"]:
        of_card = points[points["card"] == card]
        shared = ranking[ranking["card"] == card].iloc[0].to_dict()
        bins = horizon_bin(of_card["horizon_day"].astype(float))
        parts = [(ALL, ALL, of_card)]
        parts += [(name, ALL, of_card[bins == name]) for name in horizon_words()]
        parts += [(ALL, dosing, rows_of) for dosing, rows_of in of_card.groupby("dosing", sort=True)]
        for horizon, dosing, part in parts:
            if horizon == ALL or len(part):
                found = measures(part)
                missed = len(part) - int(found["n"])
                rows.append({**shared, **found, "horizon": horizon, "dosing": dosing, "n_missed": missed})
    return pd.DataFrame(rows)


def ranking_of(points: pd.DataFrame, cards: Sequence[str]) -> pd.DataFrame:
    """Cards, best first: rank, weight, behind and behind_se (mean log score less than the best card's, on the samples
    that every ranked card predicted, with its standard error between patients), note."""
    scores = points.pivot(index=["patient_id", "day", "n_before"], columns="card", values="log_score")
    scores = scores.reindex(columns=list(cards))
    n = scores.notna().sum()
    ranked = [card for card in cards if n[card] and n[card] >= ENOUGH * n.max()]
    common = scores[ranked].dropna()
    rows = [{"card": card, "weight": 0.0, "note": why_unranked(points, card, int(n.max()))} for card in cards]
    table = pd.DataFrame(rows).set_index("card").assign(rank=np.nan, behind=np.nan, behind_se=np.nan)
    if len(common):
        order = common.mean().sort_values(ascending=False, kind="stable").index
        weights = stacking_weights(common.to_numpy(dtype=float))
        for place, card in enumerate(order, 1):
            behind = common[order[0]] - common[card]
            own: list[Any] = [place, float(behind.mean()), clustered_error(behind)]
            table.loc[card, ["rank", "behind", "behind_se"]] = own
            table.loc[card, "note"] = ""
        table.loc[ranked, "weight"] = weights
    return table.reset_index().sort_values(["rank", "card"], kind="stable", ignore_index=True)


def why_unranked(points: pd.DataFrame, card: str, most: int) -> str:
    """Why a card takes no part in the ranking: the commonest reason of samples that it did not predict."""
    own = points[points["card"] == card]
    reasons = own.loc[own["pit"].isna(), "reason"].value_counts()
    first = f": {reasons.index[0]}" if len(reasons) else ""
    return f"not ranked: predicted {int(own['pit'].notna().sum())} of {counted(most, 'sample')} that others did{first}"


def clustered_error(differences: pd.Series[float]) -> float:
    """Standard error of the mean of these over patients, whose samples are not independent; nan with one patient."""
    centred = differences - differences.mean()
    sums = centred.groupby(level="patient_id").sum().to_numpy(dtype=float)
    if sums.size < 2:
        return np.nan
    return float(np.sqrt(sums.size / (sums.size - 1.0) * np.sum(sums**2)) / len(differences))


def stacking_weights(log_scores: Floats) -> Floats:
    """Weights (cards,), none negative, of sum 1, whose mixture of predictive densities has the highest mean log score.

    log_scores (samples, cards). The problem is concave; Yao et al., Bayesian Anal 2018;13:917, section 3.
    """
    relative = np.exp(log_scores - log_scores.max(axis=1, keepdims=True))
    k = relative.shape[1]

    def loss(weights: Floats) -> float:
        return float(-np.mean(np.log(np.maximum(relative @ weights, 1e-300))))

    def slope(weights: Floats) -> Floats:
        return np.asarray(-np.mean(relative / np.maximum(relative @ weights, 1e-300)[:, None], axis=0))

    found = minimize(
        loss,
        np.full(k, 1.0 / k),
        jac=slope,
        method="SLSQP",
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(np.ones((1, k)), 1.0, 1.0),
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    weights = np.clip(found.x, 0.0, None)
    weights[weights < 1e-6] = 0.0
    return np.asarray(weights / weights.sum())


def stacked_scores(log_scores: Floats, weights: Floats) -> Floats:
    """Log score (samples,) of the mixture."""
    with np.errstate(divide="ignore"):
        return np.asarray(logsumexp(log_scores + np.log(weights), axis=1))


def reliability(points: pd.DataFrame, cards: Sequence[str], thresholds: Sequence[float]) -> pd.DataFrame:
    """P(measured below) held against what was measured, in bins of P. A value below its limit counts as below any
    threshold at or above the limit, one above its limit as not below."""
    rows = []
    for card in cards:
        known = points[(points["card"] == card) & points["pit"].notna()]
        for threshold in thresholds:
            p = known[f"p_below_{threshold:g}"].astype(float)
            at_limit = (known["limit"] == "below") & (known["observed"] <= threshold)
            below = ((known["observed"] < threshold) & (known["limit"] != "above")) | at_limit
            bins = pd.cut(p, list(RELIABILITY_EDGES), include_lowest=True)
            for interval, part in p.groupby(bins, observed=True):
                rows.append(
                    {
                        "card": card,
                        "threshold": threshold,
                        "p_from": max(interval.left, 0.0),
                        "p_to": interval.right,
                        "n": len(part),
                        "p_mean": part.mean(),
                        "share_below": below[part.index].mean(),
                    }
                )
    return pd.DataFrame(rows)
