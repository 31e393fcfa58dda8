"""report.html of a non-compartmental analysis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from igkinetics import text
from igkinetics.charts.profiles_chart import MOST_PROFILES, profiles_chart
from igkinetics.charts.svg import Chart, draw
from igkinetics.errors import counted
from igkinetics.noncompartmental.parameters import BASELINES, PARAMETERS
from igkinetics.noncompartmental.profiles import RECORD
from igkinetics.noncompartmental.run import Nca
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells
from igkinetics.units import from_g_per_l

SHOWN: Final = ("dose", "c_start", "cmax", "tmax", "c_end", "auc_tau", "auc_last", "half_life", "clearance")
"""Columns of the page's table of profiles; nca.csv holds all."""
MOST_ROWS: Final = 500


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


def heading(name: str, igg_unit: str) -> str:
    unit = {"igg": igg_unit, "area": f"{igg_unit} day"}.get(PARAMETERS[name][0], PARAMETERS[name][0])
    return f"{name} ({unit})"


def shown(row: Mapping[Any, Any]) -> str:
    """A value to four digits, or a dash."""
    return text.number(row["value"], 4) if text.known(row["value"]) else text.UNKNOWN


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


def summary_rows(result: Nca) -> list[Cells]:
    """Each parameter over the profiles of doses (of whole records where there is no dose): spread, and why missing."""
    doses = result.table[result.table["profile"] != RECORD]
    table = doses if len(doses) else result.table
    found = []
    for name, rows in table.groupby("parameter", sort=False):
        values = rows["value"].dropna()
        reasons = rows.loc[rows["value"].isna(), "reason"].value_counts()
        found.append(
            {
                "parameter": f"{name} ({rows['unit'].iloc[0]})",
                "n": f"{len(values)} of {len(rows)}",
                "median": text.number(values.median(), 4) if len(values) else text.UNKNOWN,
                "range": f"{text.number(values.min(), 4)} to {text.number(values.max(), 4)}"
                if len(values)
                else text.UNKNOWN,
                "reason": f"{text.visible(reasons.index[0], 200)} ({reasons.iloc[0]})" if len(reasons) else "",
            }
        )
    return found


def charts(result: Nca) -> list[Chart]:
    unit = result.cohort.igg_unit
    drawn = [
        {
            "day": profile.since_start[profile.level > 0],
            "level": from_g_per_l(profile.level[profile.level > 0], unit),
        }
        for profile in result.profiles
        if not profile.is_record and np.any(profile.level > 0)
    ]
    return [(f"IgG against days since each dose, {unit}", profiles_chart(drawn, unit))] if drawn else []


def nca_sentences(result: Nca) -> list[str]:
    """For the end of the command and the head of the page."""
    patients = len({profile.patient_id for profile in result.profiles})
    doses = [profile for profile in result.profiles if not profile.is_record]
    table = result.table
    halves = table[(table["parameter"] == "half_life") & (table["profile"] != RECORD)]
    known = int(halves["value"].notna().sum())
    return [
        f"{counted(patients, 'patient')} with samples, {counted(len(doses), 'profile')} after a dose.",
        f"The patient's own IgG: {BASELINES[result.options.baseline]}.",
        f"A terminal half-life in {known} of {len(halves)} profiles after a dose"
        + (f", median {text.number(halves['value'].median(), 1)} days" if known else "")
        + (
            ": of total IgG, which tends to the patient's own level, so longer than that of infused IgG."
            if known and result.options.baseline == "total"
            else "."
        ),
        "Every missing value has its reason in nca.csv.",
    ]
