"""Rows of the report's tables: what each cell reads, nothing computed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.plots import fitted_nadirs
from igkinetics.report.below import last_levels, last_samples
from igkinetics.report.limits import Learnt, Sensitivity, mostly_prior
from igkinetics.report.sentences import STATUS_WORDS
from igkinetics.units import from_g_per_l

Cells = dict[str, str]
Calendar = Callable[[str, Any], str]
"""Patient and day -> calendar date; "" where it is not known or not to be told."""
POSITION_WORDS: Final = {
    "interior": "",
    "start": "at the start of the window",
    "end": "at the end of the window",
}


def raw_level(row: Mapping[Any, Any]) -> str:
    """The lowest measurement; "<40" where only a limit is known."""
    below = "<" if text.is_true(row["raw_nadir_below_limit"]) else ""
    return below + text.level(row["raw_nadir"], row["unit"])


def level_interval(row: Mapping[Any, Any], name: str) -> str:
    """ "317 to 495", or nothing where there is no interval."""
    lower, upper = row[f"{name}_lower"], row[f"{name}_upper"]
    return text.level_interval(lower, upper, row["unit"]) if text.known(lower) and text.known(upper) else ""


def day_interval(row: Mapping[Any, Any], name: str) -> str:
    lower, upper = row[f"{name}_lower"], row[f"{name}_upper"]
    return text.day_interval(lower, upper) if text.known(lower) and text.known(upper) else ""


def level_with_interval(row: Mapping[Any, Any], name: str) -> str:
    """ "396 (317 to 495)"."""
    return text.level(row[name], row["unit"]) + in_brackets(level_interval(row, name))


def day_with_interval(row: Mapping[Any, Any], name: str) -> str:
    """ "183 (174 to 195)"."""
    return text.day(row[name]) + in_brackets(day_interval(row, name))


def in_brackets(interval: str) -> str:
    """ " (317 to 495)", or nothing."""
    return f" ({interval})" if interval else ""


def reached(row: Mapping[Any, Any]) -> str:
    """Whether the fitted nadir is one, or the lowest level so far, and where in the window it lies."""
    if not text.known(row["fitted_nadir"]):
        return text.UNKNOWN
    words = "reached" if text.is_true(row["nadir_reached"]) else "lowest so far"
    place = POSITION_WORDS[row["nadir_position"]] if text.known(row["nadir_position"]) else ""
    return f"{words}, {place}" if place else words


def nadir_rows(fit: CohortFit, drawn: Collection[str], calendar: Calendar) -> list[Cells]:
    """A row for every patient, in the cohort's order. drawn: patients with a part of their own, to link to."""
    resting = mostly_prior(fit)
    sampling = {row["patient_id"]: row for row in fit.sampling.to_dict("records")}
    return [
        {
            "anchor": f"#patient-{index}" if row["patient_id"] in drawn else "",
            "patient": text.visible(row["patient_id"]),
            "group": text.visible(row["group"]),
            "samples": samples(row),
            "window": text.day_interval(row["window_start"], row["window_end"]),
            "baseline": text.level(row["baseline"], row["unit"]),
            "raw": raw_level(row),
            "raw_day": f"day {text.day(row['raw_nadir_day'])}" if text.known(row["raw_nadir_day"]) else "",
            "raw_date": calendar(row["patient_id"], row["raw_nadir_day"]),
            "fitted_date": calendar(row["patient_id"], row["fitted_nadir_day"]),
            "fitted": text.level(row["fitted_nadir"], row["unit"]),
            "fitted_interval": level_interval(row, "fitted_nadir"),
            "day": text.day(row["fitted_nadir_day"]),
            "day_interval": day_interval(row, "fitted_nadir_day"),
            "endogenous": text.level(row["endogenous_nadir"], row["unit"]),
            "endogenous_interval": level_interval(row, "endogenous_nadir"),
            "mostly_prior": "mostly prior" if row["patient_id"] in resting else "",
            "expected": text.level(row["expected_raw_nadir"], row["unit"]),
            "expected_interval": level_interval(sampling[row["patient_id"]], "expected_raw_nadir")
            if row["patient_id"] in sampling
            else "",
            "outcome": reached(row) if row["status"] in WITH_ESTIMATES else STATUS_WORDS[row["status"]],
        }
        for index, row in enumerate(fit.nadir.to_dict("records"), start=1)
    ]


def chips(fit: CohortFit, drawn: Collection[str]) -> list[Cells]:
    """Every drawn patient with the fitted nadir and its day, lowest first, then those without one."""
    place = {name: index for index, name in enumerate(fit.cohort.patient_ids, start=1)}
    rows = {str(row["patient_id"]): row for row in fit.nadir.to_dict("records")}
    order = [str(name) for name in fitted_nadirs(fit)["patient_id"]]
    order += [name for name in rows if name not in order]
    return [
        {
            "anchor": f"#patient-{place[name]}",
            "name": text.visible(name),
            "words": f"{text.level(rows[name]['fitted_nadir'], rows[name]['unit'])}, day "
            f"{text.day(rows[name]['fitted_nadir_day'])}"
            if rows[name]["status"] in WITH_ESTIMATES
            else STATUS_WORDS[rows[name]["status"]],
        }
        for name in order
        if name in drawn
    ]


def samples(row: Mapping[Any, Any]) -> str:
    """Number of samples in the window, and how many of them lie below the limit."""
    if not text.known(row["n_samples"]):
        return text.UNKNOWN
    below = int(row["n_below_limit"]) if text.known(row["n_below_limit"]) else 0
    return f"{int(row['n_samples'])}" + (f" ({below} below limit)" if below else "")


def group_rows(fit: CohortFit) -> list[Cells]:
    """What each group brings; a row for patients without a group too."""
    return [
        {
            "group": text.visible(row["group"]) or "no group",
            "patients": str(row["n_patients"]),
            "infused": str(row["n_infused"]),
            "fitted": str(row["n_fitted"]),
            "samples": str(row["n_samples"]),
            "per_patient": f"{text.number(row['samples_median'])} ({row['samples_least']} to {row['samples_most']})",
            "infections": str(int(row["n_infections"])) if text.known(row["n_infections"]) else text.UNKNOWN,
            "near": f"{int(row['n_near_infection'])} ({text.share(row['share_near_infection'])})"
            if text.known(row["share_near_infection"])
            else text.UNKNOWN,
        }
        for row in fit.groups.to_dict("records")
    ]


def not_fitted_rows(fit: CohortFit) -> list[Cells]:
    return [
        {
            "number": str(index),
            "patient": text.visible(row["patient_id"]),
            "status": STATUS_WORDS[row["status"]],
            "reason": text.visible(row["reason"], most=400) if text.known(row["reason"]) else text.UNKNOWN,
        }
        for index, row in enumerate(fit.patients.to_dict("records"), start=1)
        if row["status"] != "fitted"
    ]


def threshold_rows(fit: CohortFit) -> list[Cells]:
    """First day and days below each threshold, for patients with a curve, and each one's last measurement."""
    unit = fit.cohort.igg_unit
    told = last_levels(last_samples(fit), from_g_per_l(1.0, unit)).set_index("patient_id")
    last = {
        name: f"{row['sign']}{text.level(row['igg'], unit)}, day {text.day(row['day'])}"
        for name, row in told.iterrows()
    }
    return [
        {
            "patient": text.visible(row["patient_id"]),
            "threshold": f"{text.number(row['threshold'])} {row['unit']}",
            "first_day": first_day_below(row),
            "share": share_below(row),
            "days": day_with_interval(row, "days_below"),
            "last": last.get(str(row["patient_id"]), text.UNKNOWN),
        }
        for row in fit.thresholds.to_dict("records")
        if text.known(row["days_below"])
    ]


def share_below(row: Mapping[Any, Any]) -> str:
    share = row["share_of_draws_below"]
    return text.share_of_draws(share) if text.known(share) else text.UNKNOWN


def first_day_below(row: Mapping[Any, Any]) -> str:
    if not text.known(row["first_day_below"]):
        return "stays above"
    lower, upper = row["first_day_below_lower"], row["first_day_below_upper"]
    if text.known(lower) and not text.known(upper):
        return f"{text.day(row['first_day_below'])} ({text.day(lower)} to never)"
    return day_with_interval(row, "first_day_below")


def parameter_rows(rows: pd.DataFrame) -> list[Cells]:
    """One patient's parameters (rows of PARAMETER_COLUMNS), with how much the samples said about each."""
    return [
        {
            "name": row["parameter"],
            "kind": row["kind"],
            "value": f"{text.number(row['value'])} {row['unit']}".removesuffix(" 1"),
            "interval": ends(row["lower"], row["upper"]),
            "contraction": text.fraction(row["contraction"]),
            "note": text.visible(row["note"], most=200) if text.known(row["note"]) else "",
        }
        for row in rows.to_dict("records")
    ]


def ends(lower: Any, upper: Any) -> str:
    """ "0.1 to 0.2"; with one end open "0.1 or more", "0.2 or less"."""
    if not text.known(lower):
        return f"{text.number(upper)} or less" if text.known(upper) else text.UNKNOWN
    return f"{text.number(lower)} to {text.number(upper)}" if text.known(upper) else f"{text.number(lower)} or more"


def learnt_rows(entries: list[Learnt]) -> list[Cells]:
    return [
        {
            "parameter": entry.parameter,
            "n": str(entry.n),
            "contraction": text.fraction(entry.contraction),
            "words": entry.words,
        }
        for entry in entries
    ]


def sensitivity_rows(entries: list[Sensitivity]) -> list[Cells]:
    return [
        {
            "patient": text.visible(entry.patient_id),
            "all": text.level_interval(entry.lowest, entry.highest, entry.unit),
            "credible": text.level_interval(entry.credible_lowest, entry.credible_highest, entry.unit),
            "preferred": entry.preferred,
            "weight": text.fraction(entry.preferred_weight),
        }
        for entry in entries
    ]
