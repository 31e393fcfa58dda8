"""What a fit says, in five plain sentences: for the end of the command and the head of the report."""

from __future__ import annotations

from typing import Final

from igkinetics import text
from igkinetics.cards.private import private_sentences
from igkinetics.errors import counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.plots import fitted_nadirs
from igkinetics.report.below import below_sentences

LOWEST_NAMED: Final = 3
STATUS_WORDS: Final = {
    "fitted": "fitted",
    "prior_only": "too little data, so the curve is the prior's",
    "no_samples": "no samples",
    "too_few_samples": "too few samples",
    "unexplained_change": "a change that no dose or therapy explains",
    "not_converged": "the fit did not converge",
    "at_bound": "fitted, with a parameter that the data do not limit",
    "start_contradicts": "the first level contradicts the level at which the card starts every patient",
    "set_aside": "set aside",
    "failed": "an error of the software, not of the data",
}
"""status -> words."""


def not_drawn_words(begins: str, samples: int, doses: int) -> str:
    """ "2 samples and 1 dose before day 60, where the chart begins, are not drawn; the model knows them." """
    counts = [counted(n, thing) for n, thing in ((samples, "sample"), (doses, "dose")) if n]
    if not counts:
        return ""
    verb, them = ("is", "it") if samples + doses == 1 else ("are", "them")
    return f"{text.listed(counts)} before {begins}, where the chart begins, {verb} not drawn; the model knows {them}."


def five_sentences(fit: CohortFit, report: str) -> tuple[str, ...]:
    """Patients, lowest nadirs with intervals, how many not reached, who was not fitted and why, where.

    With thresholds the answer to them comes first, and the patients stand beside those not fitted.
    """
    below = " ".join(below_sentences(fit))
    patients = " ".join([patients_sentence(fit), *private_sentences(fit.card_ids)])
    unfitted = not_fitted_sentence(fit)
    return (
        below or patients,
        lowest_sentence(fit),
        reached_sentence(fit),
        f"{patients} {unfitted}" if below else unfitted,
        f"Report: {report}.",
    )


def patients_sentence(fit: CohortFit) -> str:
    people = fit.patients[~fit.patients["patient_id"].isin(list(fit.cohort.records))]
    groups = people.loc[people["group"] != "", "group"].value_counts(sort=False)
    by_group = ", ".join(f"{count} {text.visible(group)}" for group, count in groups.items())
    shown = f" ({by_group})" if by_group else ""
    stopped = " Interrupted; patients not reached are listed as not fitted." if fit.interrupted else ""
    n_samples = counted(len(fit.cohort.samples), "IgG sample")
    n_patients = counted(len(people), "patient")
    records = f" in {len(fit.patients)} records" if len(people) < len(fit.patients) else ""
    n_bound = int((fit.patients["status"] == "at_bound").sum())
    bound = f", of them {n_bound} with a parameter that the data do not limit" if n_bound else ""
    return f"{n_patients}{shown}{records} with {n_samples}: {fit.n_fitted} fitted{bound}.{stopped}"


def lowest_sentence(fit: CohortFit) -> str:
    lowest = fitted_nadirs(fit).head(LOWEST_NAMED)
    if lowest.empty:
        return "No fitted nadir."
    named = [
        f"{text.visible(row['patient_id'])} {text.level(row['fitted_nadir'], row['unit'])} "
        f"({text.level_interval(row['fitted_nadir_lower'], row['fitted_nadir_upper'], row['unit'])}) "
        f"{row['unit']} on day {text.day(row['fitted_nadir_day'])}"
        for row in lowest.to_dict("records")
    ]
    return f"Lowest fitted nadirs ({text.percent(fit.options.level)} interval): {'; '.join(named)}."


def reached_sentence(fit: CohortFit) -> str:
    rows = fitted_nadirs(fit)
    if rows.empty:
        return "No nadir to call reached or not."
    reached = sum(text.is_true(value) for value in rows["nadir_reached"])
    waiting = len(rows) - reached
    if waiting == 0:
        untreated = set(rows["patient_id"]) - set(fit.cohort.therapy["patient_id"])
        after = "" if untreated else " after therapy"
        who, which = (f"all {len(rows)}", "every") if len(rows) > 1 else ("the one patient", "the")
        return f"The nadir was reached in {who} fitted: {which} curve rises again{after}."
    return (
        f"The nadir was reached in {reached} of {len(rows)} fitted; "
        f"in the other {waiting if waiting > 1 else 'one'} the level given is the lowest so far."
    )


def not_fitted_sentence(fit: CohortFit) -> str:
    rows = fit.patients[~fit.patients["status"].isin(WITH_ESTIMATES)]
    if rows.empty:
        return "Nobody was left unfitted."
    why = [
        f"{_why(str(status), set(group['reason']))}: {text.listed(text.visible(name) for name in group['patient_id'])}"
        for status, group in rows.groupby("status", sort=False)
    ]
    return f"{counted(len(rows), 'patient')} not fitted ({'; '.join(why)})."


def laboratory_sentence(fit: CohortFit) -> str:
    """A step common to many patients, as another laboratory makes; empty where there is none. Tells no date."""
    if fit.laboratory.empty:
        return ""
    row = fit.laboratory.iloc[0]
    ends = " to ".join(f"{100 * row[name]:+.0f} %".replace("-", "−") for name in ("step_lower", "step_upper"))
    since = (
        f"study day {text.day(row['day'])}"
        if row["by"] == "study day"
        else "one calendar date (laboratory.csv, --dates)"
    )
    size = f"{100 * row['step']:+.0f} %".replace("-", "−")
    return (
        f"Levels change by {size} ({ends}) in {row['n_patients']} patients at once, from {since} on "
        f"(P = {text.number(row['p'], 2)}): another laboratory or method? Nothing was corrected."
    )


def sampling_sentence(fit: CohortFit) -> str:
    """How far the lowest measured values lie from the fitted nadirs, and how far sampling alone would put them."""
    rows = fit.sampling.merge(fitted_nadirs(fit)[["patient_id", "fitted_nadir"]], on="patient_id")
    rows = rows[rows["raw_nadir"].notna()]
    if rows.empty:
        return "No measured value to set beside a fitted nadir."
    found, expected = (
        float((rows[name].astype(float) / rows["fitted_nadir"].astype(float) - 1.0).median())
        for name in ("raw_nadir", "expected_raw_nadir")
    )
    return (
        f"The lowest measured value lies {_off(found)} the fitted nadir (median over patients); noise and the days of "
        f"sampling alone would put it {_off(expected)}."
    )


def _off(share: float) -> str:
    """-0.05 as "5 % below"."""
    return f"{text.share(abs(share))} {'below' if share < 0 else 'above'}"


def _why(status: str, reasons: set[str]) -> str:
    """The status in words; for patients set aside the reason too, where it is one and the same."""
    if status == "set_aside" and len(reasons) == 1:
        return f"{STATUS_WORDS[status]}, {text.visible(reasons.pop(), most=200)}"
    return STATUS_WORDS[status]
