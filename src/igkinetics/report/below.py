"""Who fell below a threshold, when and for how long, and who was below it at the last measurement."""

from __future__ import annotations

from typing import Final

import pandas as pd

from igkinetics import text
from igkinetics.cohort.readings import hides, reads_below
from igkinetics.errors import counted
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.units import IggUnit, g_per_l

MOST_NAMED: Final = 8


def below_sentences(fit: CohortFit) -> list[str]:
    """For each threshold, in their order, who fell below, as far as anybody was fitted, and who is below now."""
    said: list[str] = []
    fitted = fit.patients.loc[fit.patients["status"].isin(WITH_ESTIMATES), "patient_id"]
    for threshold in fit.thresholds["threshold"].unique().tolist():
        rows = fit.thresholds[fit.thresholds["threshold"] == threshold]
        known = rows[rows["days_below"].notna() & rows["patient_id"].isin(list(fitted))]
        level = f"{text.number(threshold, 5)} {fit.cohort.igg_unit}"
        said += [fell_words(known, level)] if len(known) else []
        said += [now_words(fit, float(threshold), level)]
    return said


def fell_words(rows: pd.DataFrame, level: str) -> str:
    """Of the fitted: how many fell below, from when on and for how long. rows: those of one threshold."""
    fell = rows[rows["first_day_below"].notna()]
    patients = counted(len(rows), "fitted patient")
    if fell.empty:
        return (
            f"None of {patients} fell below {level}." if len(rows) > 1 else f"The fitted patient stayed above {level}."
        )
    return (
        f"{len(fell)} of {patients} fell below {level}: first on day {spread(fell['first_day_below'])}, "
        f"in all for {spread(fell['days_below'], ' days')}."
    )


def spread(values: pd.Series[float], unit: str = "") -> str:
    """Median and range in whole days; one value alone."""
    if len(values) == 1:
        return f"{text.day(values.iloc[0])}{unit}"
    return f"{text.day(values.median())}{unit} (median; {text.day(values.min())} to {text.day(values.max())})"


def now_words(fit: CohortFit, threshold: float, level: str) -> str:
    """Who of the living was below at the last measurement, of whom that cannot be told, and how many of those who died
    were."""
    rows, died = last_below(fit, threshold), list(who_died(fit))
    dead = rows["patient_id"].isin(died)
    measured = fit.cohort.samples.drop_duplicates("patient_id")["patient_id"]
    anybody = counted(int((~measured.isin(died)).sum()), "living patient")
    named = named_levels(rows[~dead], fit.cohort.igg_unit)
    hidden = last_hidden(fit, threshold)
    untold = named_levels(hidden[~hidden["patient_id"].isin(died)], fit.cohort.igg_unit)
    last = "at the last measurement"
    said = (
        f"Below {level} {last}: {len(named)} of {anybody}, {text.listed(named, MOST_NAMED)}"
        if named
        else f"Below {level} {last}: none of {anybody}"
    )
    said += f"; cannot be told of {len(untold)}, {text.listed(untold, MOST_NAMED)}" if untold else ""
    n_dead = int(dead.sum())
    return f"{said}; and {n_dead} of those who died." if n_dead else f"{said}."


def named_levels(rows: pd.DataFrame, unit: IggUnit) -> list[str]:
    """ "IVIG-08 (<200 on day 180)", of the rows of `last_levels`."""
    return [
        f"{text.visible(row['patient_id'])} ({row['sign']}{text.level(row['igg'], unit)} on day {text.day(row['day'])})"
        for row in rows.to_dict("records")
    ]


def last_below(fit: CohortFit, threshold: float) -> pd.DataFrame:
    """Last sample of each patient whose last sample lies below; igg in the cohort's unit, lowest first."""
    last, edge = last_samples(fit), g_per_l(threshold, fit.cohort.igg_unit)
    return last_levels(last[reads_below(last["limit"], last["igg"], edge)], threshold / edge).sort_values(
        "igg", kind="stable"
    )


def last_hidden(fit: CohortFit, threshold: float) -> pd.DataFrame:
    """Last sample of each patient known to lie beyond a limit only, on neither side of the threshold: <200 for 100."""
    last, edge = last_samples(fit), g_per_l(threshold, fit.cohort.igg_unit)
    return last_levels(last[hides(last["limit"], last["igg"], edge)], threshold / edge).sort_values(
        "igg", kind="stable"
    )


def last_levels(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Samples as they are told: igg in the cohort's unit (`factor` times g/L), with the sign of one below its limit."""
    return pd.DataFrame(
        {
            "patient_id": rows["patient_id"].astype(str),
            "day": rows["day"],
            "igg": rows["igg"] * factor,
            "sign": [{"below": "<", "above": ">"}.get(mark, "") for mark in rows["limit"].astype(str)],
        }
    )


def last_samples(fit: CohortFit) -> pd.DataFrame:
    """The last sample of each patient who has any."""
    return fit.cohort.samples.sort_values("day", kind="stable").groupby("patient_id", sort=False).tail(1)


def who_died(fit: CohortFit) -> set[str]:
    cohort = fit.cohort
    told = cohort.outcomes.loc[cohort.outcomes["outcome"] == "death", "patient_id"]
    return {*told.astype(str), *cohort.patients.loc[cohort.patients["death"].notna(), "patient_id"].astype(str)}
