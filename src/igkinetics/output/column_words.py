"""What every column of the written tables means, for the workbook and for readers of the files."""

from __future__ import annotations

from typing import Final

COMMON: Final = {
    "patient_id": "the patient, as named in the data",
    "group": "the patient's group, as named in the data; empty where none is given",
    "unit": "unit of the values in this row",
    "level": "level of the intervals in this row, as a fraction",
    "status": "fitted, or why there are no fitted values: prior_only, no_samples, too_few_samples, unexplained_change, "
    "not_converged, at_bound, start_contradicts, set_aside, failed",
    "reason": "the status in words, with days and values; empty for fitted",
    "model": "structure: disposition/production",
    "parameter": "name of the parameter, as in the model's equations",
    "scale": "scale on which it was estimated: log or logit",
    "note": "what is to be known about this row",
    "day": "day number in the patient's own time",
    "threshold": "the IgG level asked for",
    "n_samples": "samples in the window",
    "raw_nadir": "lowest measured IgG in the window; the limit, where only a limit is known",
    "expected_raw_nadir": "what the lowest of this patient's measurements would read on average if the fitted "
    "curve were true",
    "fitted_nadir": "median of the draws' own minima in the window, over structures and drift",
    "endogenous_nadir": "the same for the patient's own IgG, without what was infused",
    "objective": "-2 log posterior at the fitted values (without a prior: -2 log likelihood)",
    "pareto_k": "shape of the importance weights, at most 0.7; empty where Markov chains took their place",
    "method": "how the draws were made: importance sampling, Markov chains or normal approximation",
    "drift": "weight of courses that drift around the kinetic curve",
    "n_starts_agreeing": "starts that ended within 0.01 of the lowest -2 log posterior",
    "n": "number of values or patients behind this row",
}
"""Column -> meaning, in every table that has it unless told otherwise below."""
OWN: Final = {
    "parameters": {
        "kind": "estimated, fixed (by the card) or derived", "value": "the fitted value, in `unit`",
        "stderr": "standard error from the curvature, by the delta method",
        "contraction": "1 - (posterior SD / prior SD)^2: 1 learnt from the samples alone, 0 the prior",
        "unit": "unit of value, stderr, lower and upper; 1 where it has none",
    },
    "nadir": {
        "n_below_limit": "of them, values known only to lie below a limit",
        "window_start": "first day of the window", "window_end": "last day of the window",
        "baseline": "last value measured up to the window's start",
        "raw_nadir_below_limit": "whether raw_nadir is such a limit", "raw_nadir_day": "its day; the earliest on ties",
        "fitted_nadir_day": "median of the days of those minima",
        "curve_nadir": "minimum of the single best curve, without drift", "curve_nadir_day": "its day",
        "drift_start": "first day on which 90 % of the drifting courses lie on one side of the kinetic curve",
        "drift_end": "last such day",
        "nadir_position": "interior, start or end of the window; a flat minimum lies at its earliest day",
        "nadir_reached": "whether the minimum is interior, all therapy had stopped and the curve had risen by more "
        "than 5 % in at least 90 % of draws; if not, the nadir is the lowest level so far",
        "endogenous_nadir_day": "day of the minimum of the patient's own IgG",
    },
    "patients": {
        "model_weight": "weight of the fitted structure, without drift, in the averaged posterior",
        "r_hat": "worst R-hat of any parameter, where draws come from Markov chains",
        "rows_used": "sample rows used", "rows_set_aside": "sample rows set aside",
    },
    "thresholds": {
        "first_day_below": "first day on which the fitted curve lies below the threshold; empty when it never does",
        "share_of_draws_below": "share of draws that ever lie below it in the window",
        "days_below": "days in the window below it",
    },
    "structures": {
        "weight": "weight in the averaged posterior: prior weight times marginal likelihood (AICc without a prior)",
        "prior_weight": "its weight before the samples", "drift_sd": "SD of the drift around the curve, as a share",
        "minus_two_log_likelihood": "the objective without the prior's part: comparable between structures",
        "fitted_nadir": "minimum of this structure's best curve",
        "note": "why it has no weight; failed convergence tests, if any",
    },
    "sampling": {
        "raw_nadir_percentile": "share of predicted lowest readings at or below the measured one",
        "share_risen": "share of draws whose curve at the window's end has risen by more than 5 %",
        "endogenous_note": "mostly prior, where the share S was hardly learnt",
    },
    "conflict": {
        "mean_eta": "mean of fitted minus typical value over the patients, on the estimation scale",
        "expected_se": "standard error that the card expects of that mean", "ratio": "mean_eta over expected_se",
        "flagged": "whether the ratio lies beyond 3",
    },
    "groups": {
        "n_patients": "patients of the group", "n_infused": "of them, with at least one infusion",
        "n_fitted": "of them, fitted", "n_samples": "samples in the whole record",
        "samples_median": "median of samples per patient", "samples_least": "fewest samples of a patient",
        "samples_most": "most samples of a patient", "n_infections": "infections recorded",
        "n_near_infection": "samples near an infection of the same patient", "near_days": "what near means, in days",
        "share_near_infection": "n_near_infection over n_samples",
    },
    "predictions": {
        "observed": "measured IgG; the limit, where only a limit is known", "limit": "below or above, for such a limit",
        "pred": "PRED: the curve at the card's typical values for this patient", "ipred": "IPRED: the fitted curve",
        "iwres": "observed minus IPRED over the standard deviation of the error there (log-normal: of logarithms)",
        "iwres_expected_sd": "standard deviation that iwres would have were the model right",
        "iwres_expected_product": "mean of iwres times that of the measured sample before, were the model right",
        "unit": "unit of observed, pred and ipred",
    },
    "etas": {
        "eta": "fitted minus typical value on the estimation scale", "prior_sd": "the card's SD for one patient",
        "posterior_sd": "SD of the draws",
    },
    "diagnostics": {
        "n_measured": "samples with a measured value", "n_beyond_limit": "samples known only to lie beyond a limit",
        "iwres_mean": "mean of the patient's IWRES", "iwres_sd": "their standard deviation",
        "iwres_largest": "the largest in size", "iwres_largest_day": "its day", "n_starts": "starts tried",
        "n_optima": "different optima found", "model_weight": "weight of the fitted structure, without drift",
        "best_model": "structure of most weight", "best_weight": "its weight",
    },
    "shrinkage": {
        "quantity": "parameter, or IWRES", "sd": "standard deviation of the etas (of IWRES)",
        "reference_sd": "prior SD used in the fits (1 for IWRES)", "shrinkage_sd": "1 - sd/reference_sd",
        "shrinkage_variance": "1 - (sd/reference_sd)^2",
    },
    "residuals": {
        "quantity": "statistic of IWRES", "value": "over all fitted patients",
        "expected": "what it would be were the model right, to first order",
    },
    "profiles": {
        "value": "value at which the parameter is held", "normal_rise": "what the standard error alone says",
        "rise": "rise of -2 log posterior over its minimum, all other parameters fitted again",
    },
    "curves": {
        "total": "the best kinetic curve", "median": "pointwise median of all draws, drift included",
        "endogenous": "of it the patient's own", "infused": "of it infused",
    },
    "dates": {"event": "what happened; day_0 is what days count from", "date": "calendar date (ISO 8601)"},
    "problems": {
        "file": "file of the input", "line": "its line, the header being 1", "column": "column concerned",
        "found": "what stands there", "expected": "what should", "severity": "error or warning",
        "action": "what was done with the row",
    },
}  # fmt: skip
"""Table -> column -> meaning."""


def column_words(table: str, column: str) -> str:
    """The meaning of a column; KeyError for one that nobody has explained."""
    own = OWN.get(table, {})
    if column in own:
        return own[column]
    if column in COMMON:
        return COMMON[column]
    for end in ("lower", "upper"):
        if column == end:
            return f"{end} end of the interval"
        if column.endswith(f"_{end}"):
            return f"{end} end of the interval of {column.removesuffix(f'_{end}')}"
    raise KeyError(f"{table}.{column}")
