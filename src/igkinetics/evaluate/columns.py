"""The tables of a check of forecasts: their columns in order, each with its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from igkinetics.evaluate.points import interval_columns

SCORES: Final = {
    "card": "the model card",
    "n": "samples predicted",
    "horizon": "days from the last sample known to the one predicted: all, 0-7 (up to 7), 7-14 (over 7 up to 14), ...",
    "bias": "mean of (predicted - measured) / measured; predicted: the median of what a measurement was expected to be",
    "rrmse": "root mean square of the same",
    "within_20": "share predicted within 20 % of the value measured",
    "within_30": "the same within 30 %",
    "coverage_50": "share of measurements within the 50 % interval predicted for them",
    "coverage_80": "the same of the 80 % interval",
    "coverage_95": "the same of the 95 % interval",
    "log_score": "mean log predictive density of what was measured (per unit of IgG; beyond a limit its log "
    "probability): higher is better",
    "weight": "of the card in the mixture that predicts best (stacking); the same in every row of a card",
    "dosing": "all; infused: an infusion between the last sample known and the one predicted; not infused",
    "n_missed": "samples not predicted: evaluate_points.parquet says why",
    "rank": "place of the card by log score on the samples that every ranked card predicted; empty: not ranked",
    "behind": "mean log score less than that of the best card, on those samples",
    "behind_se": "standard error of it, between patients",
    "unit": "unit of IgG",
    "note": "why a card is not ranked",
}
RELIABILITY: Final = {
    "card": "the model card",
    "threshold": "the IgG level asked for, in `unit`",
    "p_from": "predictions of P(measured below) above this ...",
    "p_to": "... up to this",
    "n": "samples predicted so",
    "p_mean": "mean P predicted",
    "share_below": "share measured below the threshold",
    "unit": "unit of IgG",
}
POINTS: Final = {
    "card": "the model card",
    "patient_id": "the patient, as named in the data",
    "day": "day of the sample predicted, in the patient's own time",
    "n_before": "samples known when it was predicted",
    "horizon_day": "days from the last of these",
    "dosing": "infused: an infusion between that sample and this one; not infused",
    "observed": "the value measured; the limit, where only a limit is known",
    "limit": "below or above, where `observed` is a limit",
    "predicted": "median of what a measurement was expected to be",
    **{
        name: f"{'lower' if name.startswith('lower') else 'upper'} end of its {name.split('_')[1]} % interval"
        for name in interval_columns()
    },
    "pit": "where the measurement lies among those predicted, 0 to 1; uniform if predictions are right (a random place "
    "beyond a limit)",
    "log_score": "log predictive density (per unit of IgG) or, beyond a limit, log probability",
    "status": "that of the fit to the samples before: fitted, prior_only, ...",
    "reason": "why the sample could not be predicted",
    "unit": "unit of IgG",
}
"""And for each threshold T a column p_below_T: P(measured below T)."""


def point_columns(thresholds: Sequence[float]) -> tuple[str, ...]:
    return (*POINTS, *(f"p_below_{threshold:g}" for threshold in thresholds))
