"""report.html of a non-compartmental analysis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.charts.profiles_chart import MOST_PROFILES, profiles_chart
from igkinetics.charts.svg import Chart, draw
from igkinetics.errors import counted
from igkinetics.noncompartmental.areas import FEWEST_POINTS
from igkinetics.noncompartmental.parameters import BASELINES, PARAMETERS
from igkinetics.noncompartmental.profiles import RECORD, Profile
from igkinetics.noncompartmental.run import Nca
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells
from igkinetics.units import from_g_per_l

SHOWN: Final = ("dose", "c_start", "cmax", "tmax", "c_end", "auc_tau", "auc_last", "half_life", "clearance")
"""Columns of the page's table of profiles; nca.csv holds all."""
MOST_ROWS: Final = 500
MEDIAN_WORDS: Final = {"cmax": "highest level measured", "c_end": "level before the next dose"}


def write_nca_report(result: Nca, path: Path) -> None:
    path.write_text(nca_report(result), encoding="utf-8", newline="\n")


def nca_report(result: Nca) -> str:
    """The whole page as text; every name from the input is escaped."""
    rows = profile_rows(result)
    title = f"Non-compartmental analysis of {text.visible(result.cohort.name)}"
    return render_page(
        "nca.html.j2",
        title,
        result.record(),
        {
            "sentences": nca_sentences(result),
            "notes": result.notes,
            "unit": result.cohort.igg_unit,
            "options": result.options,
            "baseline": BASELINES[result.options.baseline],
            "headings": [heading(name, result.cohort.igg_unit) for name in SHOWN],
            "rows": rows[:MOST_ROWS],
            "n_rows": len(rows),
            "summary": summary_rows(result),
            "meanings": [(name, words) for name, (_, words) in PARAMETERS.items()],
            "figures": draw(charts(result)),
            "caption": f"Levels above 0 of each profile after a dose; at most {MOST_PROFILES} are drawn.",
        },
    )


WORDS: Final = {
    "dose": "Dose",
    "n_measured": "Measured levels",
    "n_below_limit": "Values below the limit",
    "c_start": "Level before the dose",
    "cmax": "Highest level (Cmax)",
    "tmax": "Day of the highest (tmax)",
    "cmin": "Lowest level (Cmin)",
    "tmin": "Day of the lowest (tmin)",
    "c_end": "Level before the next dose",
    "clast": "Last level (Clast)",
    "tlast": "Day of the last (tlast)",
    "auc_last": "Area to the last level (AUClast)",
    "auc_all": "Area to the first value below the limit (AUCall)",
    "auc_tau": "Area to the next dose (AUCtau)",
    "c_average": "Average level (Cav)",
    "fluctuation": "Fluctuation",
    "aumc_last": "First moment to the last level (AUMClast)",
    "lambda_z": "Terminal rate (lambda z)",
    "half_life": "Terminal half-life",
    "lambda_z_points": "Levels on the terminal line",
    "lambda_z_first": "Day of the first of them",
    "lambda_z_r2": "R² of the terminal line",
    "lambda_z_adjusted_r2": "Adjusted R² of the terminal line",
    "lambda_z_span": "Half-lives that the terminal line covers",
    "clast_predicted": "Last level on the terminal line",
    "auc_inf": "Area to infinity (AUCinf)",
    "auc_inf_predicted": "Area to infinity, from the terminal line",
    "auc_extrapolated": "Share of the area beyond the last level",
    "aumc_inf": "First moment to infinity (AUMCinf)",
    "mean_residence_time": "Mean residence time (MRT)",
    "clearance": "Clearance",
    "clearance_tau": "Clearance at steady state",
    "volume_z": "Volume, terminal (Vz)",
    "volume_steady_state": "Volume at steady state (Vss)",
}
"""Parameter -> name for a reader; others are shown as the table has them."""


def named(name: str) -> str:
    return WORDS.get(name, name.replace("_", " "))


def heading(name: str, igg_unit: str) -> str:
    unit = {"igg": igg_unit, "area": f"{igg_unit} day"}.get(PARAMETERS[name][0], PARAMETERS[name][0])
    return f"{named(name)} ({unit})"


def shown(row: Mapping[Any, Any]) -> str:
    """A value to four digits, or a dash."""
    return digits(row["value"])


def digits(value: Any) -> str:
    """Four digits; from a million on in scientific notation as a reader writes it."""
    told = text.number(value, 4)
    mantissa, e, power = told.partition("e+")
    return f"{mantissa} × 10^{int(power)}" if e else told


def profile_rows(result: Nca) -> list[dict[str, Any]]:
    """A row per profile, with the parameters of SHOWN."""
    table = result.table[result.table["parameter"].isin(SHOWN)]
    found: list[dict[str, Any]] = []
    for (patient, name), rows in table.groupby(["patient_id", "profile"], sort=False):
        of_name = {row["parameter"]: row for row in rows.to_dict("records")}
        first = rows.iloc[0]
        cells = [shown(of_name[each]) for each in SHOWN]
        found.append(
            {
                "patient": text.visible(patient),
                "profile": str(name),
                "days": f"{text.number(first['start'])} to {text.number(first['end'])}",
                "cells": cells,
            }
        )
    return found


def is_sampled(profile: Profile) -> bool:
    """Whether enough levels were measured after the dose for areas and highest levels to mean something."""
    after = (profile.since_start > 0) & ((profile.level > 0) | np.isfinite(profile.limit))
    return int(after.sum()) >= FEWEST_POINTS


def summarised(result: Nca) -> pd.DataFrame:
    """Rows that medians are taken over: those of sampled profiles of doses; where there are none, all."""
    doses = result.table[result.table["profile"] != RECORD]
    if not len(doses):
        return result.table
    sampled = {(one.patient_id, one.name) for one in result.profiles if not one.is_record and is_sampled(one)}
    keep = [key in sampled for key in zip(doses["patient_id"], doses["profile"], strict=True)]
    return doses[keep] if sampled else doses


def sparse_sentence(result: Nca) -> list[str]:
    """How many profiles are in no median."""
    doses = [profile for profile in result.profiles if not profile.is_record]
    sparse = sum(not is_sampled(profile) for profile in doses)
    if not sparse:
        return []
    few = f"{sparse} of {counted(len(doses), 'profile')} hold fewer than {FEWEST_POINTS} levels after the dose"
    if sparse == len(doses):
        return [f"{few}: highest levels and areas say little of them."]
    return [f"{few}: they are in nca.csv, but in none of the medians."]


def summary_rows(result: Nca) -> list[Cells]:
    """Each parameter over the profiles of `summarised`: spread, and why missing."""
    table = summarised(result)
    found = []
    for name, rows in table.groupby("parameter", sort=False):
        values = rows["value"].dropna()
        reasons = rows.loc[rows["value"].isna(), "reason"].value_counts()
        found.append(
            {
                "parameter": f"{named(str(name))}{in_unit(str(rows['unit'].iloc[0]))}",
                "n": f"{len(values)} of {len(rows)}",
                "median": digits(values.median()) if len(values) else text.UNKNOWN,
                "range": f"{digits(values.min())} to {digits(values.max())}" if len(values) else text.UNKNOWN,
                "reason": f"{text.visible(reasons.index[0], 200)} ({reasons.iloc[0]})" if len(reasons) else "",
            }
        )
    return found


def in_unit(unit: str) -> str:
    return "" if unit == "1" else f" ({unit.replace('*', ' ')})"


def charts(result: Nca) -> list[Chart]:
    unit = result.cohort.igg_unit
    less = any(np.isfinite(profile.baseline) for profile in result.profiles)
    drawn = [
        {
            "day": profile.since_start[profile.level > 0],
            "level": from_g_per_l(profile.level[profile.level > 0], unit),
        }
        for profile in result.profiles
        if not profile.is_record and np.any(profile.level > 0)
    ]
    return (
        [(f"IgG against days since each dose, {unit}", profiles_chart(drawn, unit, subtracted=less))] if drawn else []
    )


def nca_sentences(result: Nca) -> list[str]:
    """For the end of the command and the head of the page."""
    patients = len({profile.patient_id for profile in result.profiles})
    doses = [profile for profile in result.profiles if not profile.is_record]
    table = summarised(result)
    halves = table[(table["parameter"] == "half_life") & (table["profile"] != RECORD)]
    known = int(halves["value"].notna().sum())
    of_total = known and result.options.baseline == "total"
    half_life = (
        "No dose stands among the samples, so there is no profile after one"
        if halves.empty
        else f"Median terminal half-life {text.number(halves['value'].median(), 2)} days, in {known} of {len(halves)} "
        "profiles after a dose"
        if known
        else f"No terminal half-life could be found in {counted(len(halves), 'profile')} after a dose"
    )
    longer = ": of total IgG, which tends to the patient's own level, so longer than that of infused IgG"
    return [
        f"{half_life}{longer if of_total else ''}.",
        *level_sentences(result),
        f"{counted(patients, 'patient')} with samples, {counted(len(doses), 'profile')} after a dose.",
        *sparse_sentence(result),
        f"The patient's own IgG: {BASELINES[result.options.baseline]}.",
        "Every missing value has its reason in nca.csv.",
    ]


def level_sentences(result: Nca) -> list[str]:
    """What a dose did, over its profiles: the highest level measured and the level before the next dose."""
    told = []
    table = summarised(result)
    for name in ("cmax", "c_end"):
        values = table.loc[(table["parameter"] == name) & (table["profile"] != RECORD), "value"].dropna()
        if len(values):
            told.append(f"{MEDIAN_WORDS[name]} {digits(values.median())} {result.cohort.igg_unit}")
    return [f"After a dose, median: {', '.join(told)}."] if told else []
