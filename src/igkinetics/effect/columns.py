"""What the columns of an effect analysis' tables mean."""

from __future__ import annotations

from typing import Final

from igkinetics.output.meanings import meaning

COMMON: Final = {
    "patient_id": "the patient, as named in the data",
    "group": "population averaged over, `A - B` for a contrast, or the patient's group",
    "unit": "unit of the values in this row",
    "level": "level of the intervals in this row, as a fraction",
    "status": "estimated, or why there is no value",
    "reason": "the status in words, and what is to be known of the row",
    "note": "what is to be known about this row",
    "day": "day number in the patient's own time",
    "threshold": "the IgG level asked for",
    "estimand": "name of the estimand: docs/model.md, section 5",
    "median": "posterior median",
    "p_positive": "posterior probability of being above 0 (ratios: above 1); empty where mass balance gives the sign",
    "treated": "whether an infusion was given in the window",
    "with_ivig": "median of the curve, or of its measure, as it was",
    "without_ivig": "the same with the infusions of the window removed",
    "prior_median": "median under the card alone",
    "contraction": "1 - (posterior SD / prior SD)^2",
    "n_samples": "samples behind this row",
    "speaks": "whether it lies beyond what chance brings",
    "p": "probability of so much under the model",
    "n": "number of values or patients behind this row",
    "window_start": "first day of the window",
    "window_end": "last day of the window",
    "measured": "the measured value",
    "limit": "below or above, where only a limit is known",
}
"""Column -> meaning, in every table that has it unless told otherwise below."""
OWN: Final = {
    "summary": {
        "p_above_minimum": "posterior probability of an effect above the stated minimum",
        "rope_verdict": "inside, outside or undecided, against the stated range of practical equivalence",
    },
    "patients": {
        "n_infusions": "infusions in the window",
        "amount_g": "grams in the window",
        "weight_kg": "weight used, kg",
        "median": "median of the change, with minus without",
    },
    "prior": {"evidence": "how far the data speak: none, weak, moderate or strong, or that they contradict the card"},
    "population": {"parameter": "typical value, spread or error", "prior_source": "where the prior comes from"},
    "checks": {
        "n_censored": "samples known only beyond a limit",
        "inside_50": "share of samples inside the 50 % predictive interval",
        "inside_90": "share inside the 90 % predictive interval",
        "mean_rank": "mean rank of the samples among replicates, 0 to 1",
        "raw_nadir_rank": "rank of the lowest measured value among those of replicates",
    },
    "replicates": {"median": "of the replicates", "rank": "share of replicates below the measured value"},
    "vpc": {
        "first_day": "first day of the bin",
        "last_day": "last day of the bin",
        "percentile": "percentile of the levels in the bin",
        "observed": "as measured",
        "median": "of the replicates",
    },
    "first_below": {
        "infusions": "with or without the infusions",
        "share_ever": "share of patients ever below the threshold",
        "median_day": "day by which half of the patients are below",
    },
    "decomposition": {
        "measure": "what is compared",
        "quantity": "naive difference, effect, selection, or a mean behind them",
        "n_infused": "patients infused in the window",
        "n_never_infused": "patients never infused in it",
    },
    "misfit": {
        "test": "what is tested",
        "statistic": "its value",
        "expected": "what it would be on average if the model were right",
        "think_of": "what brings such a misfit about",
    },
    "controls": {
        "control": "infusions that were not given, or samples after infusions that were",
        "quantity": "apparent share of a gram, or deviation of the samples",
        "estimate": "its value",
        "expected": "what it would be if nothing is amiss",
        "patients": "patients behind the row",
    },
    "flow": {
        "step": "who is counted",
        "patients": "how many",
        "infused": "how many of them were infused in the window",
        "who": "names of those left out, and why",
    },
    "baseline": {
        "quantity": "what is compared at the window's start",
        "infused": "median, or share, of those infused in the window",
        "not_infused": "of the others",
        "n_infused": "number of infused with a value",
        "n_not_infused": "number of others with a value",
        "standardised_difference": "difference over the pooled SD",
    },
    "extensions": {
        "model": "what is free beside the base model",
        "ratio": "median of the freed factor",
        "p_above_1": "posterior probability of a factor above 1",
        "nadir_change_att": "median change of the nadir in the infused under this model",
        "verdict": "whether its draws can be relied on",
        "sampler": "what made the draws: laplace (importance sampling) or nuts (chains)",
    },
}
"""Table -> column -> meaning."""


def column_words(table: str, column: str) -> str:
    """The meaning of a column; KeyError for one that nobody has explained."""
    return meaning(COMMON, OWN.get(table, {}), column)
