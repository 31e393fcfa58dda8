"""The tables of a fit: their columns in order, each with its meaning. Declared here and nowhere else.

The workbook explains columns by these words, tables are made and checked with these names.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from igkinetics.output.meanings import meaning

Status = Literal[
    "fitted",
    "prior_only",
    "no_samples",
    "too_few_samples",
    "unexplained_change",
    "not_converged",
    "at_bound",
    "start_contradicts",
    "set_aside",
    "failed",
]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
WITH_ESTIMATES: Final = ("fitted", "at_bound")
"""Statuses of patients whose numbers come from their own samples."""
COMMON: Final = {
    "patient_id": "the patient, as named in the data",
    "group": "the patient's group, as named in the data; empty where none is given",
    "unit": "unit of the values in this row",
    "level": "level of the intervals in this row, as a fraction",
    "status": "fitted; at_bound: fitted without a prior, a parameter at a bound or not limited by the data; or why "
    "there are no fitted values: prior_only, no_samples, too_few_samples, unexplained_change, not_converged, "
    "start_contradicts, set_aside, failed",
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
    "objective": "-2 log posterior at the fitted values (without a prior: -2 log likelihood, and the term of C_init)",
    "pareto_k": "shape of the importance weights, at most 0.7; empty where Markov chains or weighted points "
    "took their place",
    "method": "how the draws were made: importance sampling, Markov chains, or weighted points",
    "drift": "weight of courses that drift around the kinetic curve",
    "n_starts_agreeing": "starts that ended within 0.01 of the lowest -2 log posterior",
    "n": "number of values or patients behind this row",
}
"""Column -> meaning, in every table that has it unless it says otherwise below."""
MEANINGS: Final[dict[str, dict[str, str]]] = {
    # every quantity of every fitted patient
    "parameters": {
        "patient_id": "",
        "model": "",
        "parameter": "",
        "kind": "estimated, fixed (by the card, by the call, or because the data say nothing on it) or derived",
        "value": "the fitted value, in `unit`",
        "stderr": "standard error from the curvature, by the delta method",
        "lower": "",
        "upper": "",
        "level": "",
        "unit": "unit of value, stderr, lower and upper; 1 where it has none",
        "scale": "",
        "contraction": "1 - (posterior SD / prior SD)^2: 1 learnt from the samples alone, 0 the prior",
        "note": "",
    },
    # one row for every patient in any file; days are day numbers
    "nadir": {
        "patient_id": "",
        "group": "",
        "n_samples": "",
        "n_below_limit": "of them, values known only to lie below a limit",
        "unit": "",
        "level": "",
        "window_start": "first day of the window",
        "window_end": "last day of the window",
        "baseline": "last value measured up to the window's start",
        "raw_nadir": "",
        "raw_nadir_below_limit": "whether raw_nadir is such a limit",
        "raw_nadir_day": "its day; the earliest on ties",
        "fitted_nadir": "",
        "fitted_nadir_lower": "",
        "fitted_nadir_upper": "",
        "fitted_nadir_day": "median of the days of those minima",
        "fitted_nadir_day_lower": "",
        "fitted_nadir_day_upper": "",
        "nadir_position": "interior, start or end of the window; a flat minimum lies at its earliest day",
        "nadir_reached": "whether the minimum is interior, all therapy had stopped and the curve had "
        "risen by more than 5 % in at least 90 % of draws; if not, the nadir is the "
        "lowest level so far",
        "endogenous_nadir": "",
        "endogenous_nadir_lower": "",
        "endogenous_nadir_upper": "",
        "endogenous_nadir_day": "day of the minimum of the patient's own IgG",
        "expected_raw_nadir": "",
        "curve_nadir": "minimum of the single best curve, without drift",
        "curve_nadir_day": "its day",
        "drift": "",
        "drift_start": "first day of the stretch in which drifting courses lie farthest off the kinetic curve",
        "drift_end": "last day of it",
        "drift_percent": "how far off the curve they lie there at most, in percent of it; below it where negative",
        "step_day": "day from which on all levels lie off the curve before it by step_percent; empty where the samples "
        "do not tell such a step from chance, or an illness as well as a step",
        "step_percent": "size of that step, percent: another laboratory?",
        "method": "",
        "status": "",
        "reason": "",
    },
    # the fitted curve and its band, a row per day
    "curves": {
        "patient_id": "",
        "day": "",
        "total": "the best kinetic curve",
        "median": "pointwise median of all draws, drift included",
        "lower": "",
        "upper": "",
        "endogenous": "of it the patient's own",
        "infused": "of it infused",
        "unit": "",
    },
    # what became of every patient and every sample row
    "patients": {
        "patient_id": "",
        "group": "",
        "status": "",
        "reason": "",
        "model": "",
        "model_weight": "weight of the fitted structure, without drift, in the averaged posterior",
        "rows_used": "sample rows used",
        "rows_set_aside": "sample rows set aside",
        "objective": "",
        "pareto_k": "",
        "n_starts_agreeing": "",
        "r_hat": "worst R-hat of any parameter, where draws come from Markov chains",
        "method": "",
        "drift": "",
    },
    # a row per patient and threshold
    "thresholds": {
        "patient_id": "",
        "group": "",
        "threshold": "",
        "unit": "",
        "level": "",
        "first_day_below": "first day on which the fitted curve lies below the threshold; empty when it never does",
        "first_day_below_lower": "",
        "first_day_below_upper": "",
        "share_of_draws_below": "share of draws that ever lie below it in the window",
        "days_below": "days in the window below it",
        "days_below_lower": "",
        "days_below_upper": "",
        "status": "",
        "reason": "",
    },
    # a row per patient and structure: how far the nadir rests on the structure
    "structures": {
        "patient_id": "",
        "model": "",
        "drift_sd": "SD of the drift around the curve, as a share",
        "objective": "",
        "minus_two_log_likelihood": "the objective without the prior's part: comparable between structures",
        "prior_weight": "its weight before the samples",
        "weight": "weight in the averaged posterior: prior weight times marginal likelihood (AICc without a prior)",
        "fitted_nadir": "minimum of this structure's best curve",
        "endogenous_nadir": "",
        "unit": "",
        "note": "why it has no weight; failed convergence tests, if any",
    },
    # what sampling alone does to the raw nadir: the posterior-predictive minimum at the patient's own days and limits
    "sampling": {
        "patient_id": "",
        "group": "",
        "n_samples": "",
        "raw_nadir": "",
        "expected_raw_nadir": "",
        "expected_raw_nadir_lower": "",
        "expected_raw_nadir_upper": "",
        "raw_nadir_percentile": "share of predicted lowest readings at or below the measured one",
        "share_risen": "share of draws whose curve at the window's end has risen by more than 5 %",
        "endogenous_note": "mostly prior, where the share S was hardly learnt",
        "unit": "",
        "level": "",
    },
    # do the patients, taken together, contradict the card?
    "conflict": {
        "parameter": "",
        "mean_eta": "mean of fitted minus typical value over the patients, on the estimation scale",
        "expected_se": "standard error that the card expects of that mean",
        "ratio": "mean_eta over expected_se",
        "n": "",
        "flagged": "whether the ratio lies beyond 3, and mean_eta beyond 0.2 prior SD",
    },
    # a step common to many patients at one time, as another laboratory makes: at most one row
    "laboratory": {
        "by": "study day or calendar date",
        "day": "first day of the new level; empty where it is a calendar date",
        "date": "that date (ISO 8601), told only where dates are asked for",
        "n_patients": "patients with measured samples on both sides",
        "step": "relative change of all later levels",
        "step_lower": "",
        "step_upper": "",
        "level": "",
        "p": "probability of as clear a step where there is none, over all times looked at",
    },
    # what each group brings, over the whole record
    "groups": {
        "group": "",
        "n_patients": "patients of the group",
        "n_infused": "of them, with at least one infusion",
        "n_fitted": "of them, fitted",
        "n_samples": "samples in the whole record",
        "samples_median": "median of samples per patient",
        "samples_least": "fewest samples of a patient",
        "samples_most": "most samples of a patient",
        "n_infections": "infections recorded",
        "n_near_infection": "samples near an infection of the same patient",
        "share_near_infection": "n_near_infection over n_samples",
        "near_days": "what near means, in days",
    },
    # a row per sample used
    "predictions": {
        "patient_id": "",
        "group": "",
        "day": "",
        "observed": "measured IgG; the limit, where only a limit is known",
        "limit": "below or above, for such a limit",
        "pred": "PRED: the curve at the card's typical values for this patient",
        "ipred": "IPRED: the fitted curve",
        "iwres": "observed minus IPRED over the standard deviation of the error there (log-normal: of logarithms)",
        "iwres_expected_sd": "standard deviation that iwres would have were the model right",
        "iwres_expected_product": "mean of iwres times that of the measured sample before, were the model right",
        "unit": "unit of observed, pred and ipred",
        "status": "",
    },
    # a row per patient and estimated parameter
    "etas": {
        "patient_id": "",
        "group": "",
        "parameter": "",
        "scale": "",
        "eta": "fitted minus typical value on the estimation scale",
        "prior_sd": "the card's SD for one patient",
        "posterior_sd": "SD of the draws",
        "status": "",
    },
    # how well each patient's optimum was found and what it leaves over
    "diagnostics": {
        "patient_id": "",
        "group": "",
        "status": "",
        "n_measured": "samples with a measured value",
        "n_beyond_limit": "samples known only to lie beyond a limit",
        "iwres_mean": "mean of the patient's IWRES",
        "iwres_sd": "their standard deviation",
        "iwres_largest": "the largest in size",
        "iwres_largest_day": "its day",
        "objective": "",
        "pareto_k": "",
        "n_starts": "starts tried",
        "n_starts_agreeing": "",
        "n_optima": "different optima found",
        "model": "",
        "model_weight": "weight of the fitted structure, without drift",
        "best_model": "structure of most weight",
        "best_weight": "its weight",
    },
    # how far the etas are drawn together
    "shrinkage": {
        "quantity": "parameter, or IWRES",
        "n": "",
        "sd": "standard deviation of the etas (of IWRES)",
        "reference_sd": "prior SD used in the fits (1 for IWRES)",
        "shrinkage_sd": "1 - sd/reference_sd",
        "shrinkage_variance": "1 - (sd/reference_sd)^2",
        "note": "",
    },
    # statistics of the residuals, each beside what it would be were the model right
    "residuals": {
        "quantity": "statistic of IWRES",
        "n": "",
        "value": "over all fitted patients",
        "lower": "",
        "upper": "",
        "expected": "what it would be were the model right, to first order",
        "level": "",
        "note": "",
    },
    # when asked for: the likelihood profile of each estimated parameter
    "profiles": {
        "patient_id": "",
        "parameter": "",
        "value": "value at which the parameter is held",
        "rise": "rise of -2 log posterior over its minimum, all other parameters fitted again",
        "normal_rise": "what the standard error alone says",
        "unit": "",
    },
    # when asked for: calendar dates
    "dates": {
        "patient_id": "",
        "event": "what happened; day_0 is what days count from",
        "day": "",
        "date": "calendar date (ISO 8601)",
    },
    # what was wrong with the input
    "problems": {
        "file": "file of the input",
        "line": "its line, the header being 1",
        "patient_id": "",
        "column": "column concerned",
        "found": "what stands there",
        "expected": "what should",
        "severity": "error or warning",
        "action": "what was done with the row",
    },
}
"""Table -> column -> meaning; "" for one of COMMON, or the end of an interval."""
ON_REQUEST: Final = ("dates", "problems")
"""Written beside the tables of the fit itself."""
TABLES: Final = {name: tuple(columns) for name, columns in MEANINGS.items() if name not in ON_REQUEST}
"""Table of a fit -> its columns, in their order."""
DATE_COLUMNS: Final = tuple(MEANINGS["dates"])


def column_words(table: str, column: str) -> str:
    """The meaning of a column; KeyError for one that no table has."""
    return meaning(COMMON, MEANINGS[table], column)
