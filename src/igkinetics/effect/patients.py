"""Rows of patient_effects.csv: what the infusions did to each patient, and why where that cannot be said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.effect.counterfactual import Change
from igkinetics.effect.estimand_row import ESTIMATED, NOT_ESTIMATED, interval
from igkinetics.effect.estimands import PATIENT_CHANGES, of_part
from igkinetics.kinetics.parameters import Floats
from igkinetics.text import share_of_draws
from igkinetics.units import IggUnit, from_g_per_l

PATIENT_EFFECT_COLUMNS: Final = (
    "patient_id",
    "group",
    "treated",
    "n_infusions",
    "amount_g",
    "weight_kg",
    "window_start",
    "window_end",
    "estimand",
    "threshold",
    "with_ivig",
    "with_ivig_lower",
    "with_ivig_upper",
    "without_ivig",
    "without_ivig_lower",
    "without_ivig_upper",
    "median",
    "lower",
    "upper",
    "level",
    "unit",
    "status",
    "reason",
)
"""with_ivig, without_ivig: the quantity itself under both; median, lower, upper: its change, with minus without.
n_infusions and amount_g count the window."""
UNTREATED: Final = "not infused in the window: nothing to remove"


def patient_effect_rows(
    cohort: Cohort, changes: Sequence[Change], left_out: Mapping[str, str], thresholds: tuple[float, ...], level: float
) -> pd.DataFrame:
    """Every patient of the cohort, in its order: a row per estimand (and threshold), or one row with the reason."""
    by_id = {change.exposure.patient.patient_id: change for change in changes}
    rows: list[dict[str, Any]] = []
    for patient in cohort.each_patient():
        if patient.patient_id in by_id:
            rows += changed_rows(by_id[patient.patient_id], thresholds, level, cohort.igg_unit)
        else:
            rows.append(missing_row(patient, left_out.get(patient.patient_id, ""), level))
    return pd.DataFrame(rows, columns=list(PATIENT_EFFECT_COLUMNS))


def missing_row(patient: Patient, why: str, level: float) -> dict[str, Any]:
    """A patient for whom nothing can be given."""
    window = nadir_window(patient)
    inside = (patient.dose_day >= window.start) & (patient.dose_day <= window.end)
    return {
        "patient_id": patient.patient_id,
        "group": patient.group,
        "treated": bool(inside.any()),
        "n_infusions": int(inside.sum()),
        "amount_g": float(patient.dose_g[inside].sum()),
        "weight_kg": patient.weight_kg,
        "window_start": window.start,
        "window_end": window.end,
        "estimand": "",
        "threshold": np.nan,
        "level": level,
        "unit": "",
        "status": NOT_ESTIMATED,
        "reason": why or window.reason or "not in the posterior",
    }


def changed_rows(
    change: Change, thresholds: tuple[float, ...], level: float, unit: IggUnit
) -> Iterator[dict[str, Any]]:
    """One patient's rows. Without an infusion in the window every change is 0, which `reason` says."""
    one = change.exposure
    shared = {
        "patient_id": one.patient.patient_id,
        "group": one.patient.group,
        "treated": one.treated,
        "n_infusions": int(one.in_window.sum()),
        "amount_g": float(one.doses.amount_g[one.in_window].sum()),
        "weight_kg": one.patient.weight_kg,
        "window_start": one.window.start,
        "window_end": one.window.end,
        "level": level,
        "status": ESTIMATED,
    }
    kinds = {named.measure: named.kind for named in of_part("att")}
    for measure, name in PATIENT_CHANGES.items():
        kind = kinds[measure]
        with_ivig, without = getattr(change.with_ivig, measure), getattr(change.without_ivig, measure)
        shown = unit if kind == "level" else "day"
        remark = "" if one.treated else UNTREATED
        if measure == "nadir_day" and one.treated:
            ends = [measures.at_window_end(one.window).mean() for measures in (change.with_ivig, change.without_ivig)]
            remark = "nadir at an end of the window in {} of draws with IVIG, {} without".format(
                *(share_of_draws(float(end)) for end in ends)
            )
        columns = enumerate(thresholds) if measure == "days_below" else ((-1, np.nan),)
        for index, threshold in columns:
            pair = (with_ivig, without) if index < 0 else (with_ivig[:, index], without[:, index])
            values = [from_g_per_l(part, unit) if kind == "level" else part for part in pair]
            yield {
                **shared,
                "estimand": name,
                "threshold": from_g_per_l(threshold, unit),
                "unit": shown,
                "reason": remark,
                **three_intervals(values[0], values[1], level),
            }


def three_intervals(with_ivig: Floats, without: Floats, level: float) -> dict[str, float]:
    """Median and interval of each, and of the difference per draw."""
    columns: dict[str, float] = {}
    for names, values in (
        (("with_ivig", "with_ivig_lower", "with_ivig_upper"), with_ivig),
        (("without_ivig", "without_ivig_lower", "without_ivig_upper"), without),
        (("median", "lower", "upper"), with_ivig - without),
    ):
        columns |= dict(zip(names, interval(values, level), strict=True))
    return columns
