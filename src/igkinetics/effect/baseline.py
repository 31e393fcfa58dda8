"""Who takes part, step by step, and how those infused and the others were at the start and followed (no model)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.effect.exposure import Exposure
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import from_g_per_l

FLOW_COLUMNS: Final = ("step", "patients", "infused", "who")
"""infused: of these patients, by the record, in their window. who: those who leave, with the reason."""
BASELINE_COLUMNS: Final = (
    "quantity", "unit", "infused", "infused_lower", "infused_upper", "n_infused", "not_infused", "not_infused_lower",
    "not_infused_upper", "n_not_infused", "standardised_difference",
)  # fmt: skip
"""Medians with quartiles (of a share: the share alone) over those with a value, n of them. standardised_difference: of
means, in SDs pooled over both groups."""
MOST_NAMED: Final = 20


def flow_rows(
    cohort: Cohort, people: Sequence[Exposure], left_out: Mapping[str, str], set_aside: Mapping[str, str]
) -> pd.DataFrame:
    """FLOW_COLUMNS, from the record to those whose effect is averaged."""
    infused = {one.patient.patient_id for one in people if one.treated}
    in_window = {one.patient.patient_id for one in people}
    everybody = set(cohort.patient_ids)
    dosed = {patient.patient_id for patient in cohort.each_patient() if patient.dose_day.size}
    without = [name for name in cohort.patient_ids if name not in in_window and name not in left_out]
    acting = {one.patient.patient_id for one in people if one.treated and one.could_act}
    steps: list[tuple[str, set[str], str]] = [("in the record", everybody, "")]
    reasons: dict[str, list[str]] = {}
    for name, why in left_out.items():
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        steps.append(("left out", set(names), f"{named(names)}: {why}"))
    if without:
        steps.append(("no window", set(without), named(without)))
    if set_aside:
        steps.append(("in the model, single odd samples set aside", set(set_aside), named(list(set_aside))))
    steps += [
        ("in the model", in_window, ""),
        ("infused in the window", infused, ""),
        ("infused before the window's last day, so that it could act", acting, ""),
        ("not infused in the window", in_window - infused, ""),
    ]
    rows = [(step, len(who), len(who & (infused if who <= in_window else dosed)), words) for step, who, words in steps]
    return pd.DataFrame(rows, columns=list(FLOW_COLUMNS))


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def baseline_rows(cohort: Cohort, people: Sequence[Exposure]) -> pd.DataFrame:
    """BASELINE_COLUMNS over the patients of the model that have a window."""
    table = cohort.patients.set_index(cohort.patients["patient_id"].astype(str)).loc[
        [one.patient.patient_id for one in people]
    ]
    treated = np.array([one.treated for one in people], dtype=bool)
    unit = cohort.igg_unit
    rows = []
    for quantity, shown, values in quantities(table, people, unit):
        if np.isfinite(values).any():
            rows.append(compared(quantity, shown, values, treated))
    return pd.DataFrame(rows, columns=list(BASELINE_COLUMNS))


def quantities(table: pd.DataFrame, people: Sequence[Exposure], unit: Any) -> list[tuple[str, str, Floats]]:
    """Name, unit, and a value of each patient, nan where it is not known."""

    def numbers(name: str) -> Floats:
        column = table[name] if name in table else pd.Series(np.nan, index=table.index)
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)

    women = [np.nan if one.sex is None else float(one.sex == "female") for one in people]
    samples = [one.patient.sample_day[(one.patient.sample_day <= one.window.end)] for one in people]
    died = [float(one.patient.end_reason == "death") for one in people]
    transplanted = [float(one.patient.end_reason == "hsct") for one in people]
    return [
        ("age", "years", numbers("age_y")),
        ("women", "share", np.array(women)),
        ("weight", "kg", np.array([one.weight_kg if one.weight_known else np.nan for one in people])),
        ("IgG at the start", str(unit), np.array([first_level(one, unit) for one in people])),
        ("samples", "number", np.array([float(days.size) for days in samples])),
        ("window", "days", np.array([one.window.end - one.window.start for one in people])),
        ("infusions in the window", "number", np.array([float(one.in_window.sum()) for one in people])),
        ("grams in the window", "g", np.array([one.doses.amount_g[one.in_window].sum() for one in people])),
        ("died", "share", np.array(died)),
        ("transplanted", "share", np.array(transplanted)),
    ]


def first_level(one: Exposure, unit: Any) -> float:
    """The last value at or before the window's start, else the first; nan when only known to lie beyond a limit."""
    patient = one.patient
    if not patient.sample_day.size:
        return np.nan
    index = max(int(np.searchsorted(patient.sample_day, one.window.start, side="right")) - 1, 0)
    return from_g_per_l(float(patient.sample_igg[index]), unit) if patient.sample_limit[index] == 0 else np.nan


def compared(quantity: str, unit: str, values: Floats, treated: np.ndarray) -> dict[str, Any]:
    """One row: both groups and how far apart they are."""
    row: dict[str, Any] = {"quantity": quantity, "unit": unit}
    groups = []
    for name, mask in (("infused", treated), ("not_infused", ~treated)):
        known = values[mask & np.isfinite(values)]
        groups.append(known)
        middle: list[float] = [np.nan] * 3
        if known.size:
            quartiles = np.quantile(known, [0.5, 0.25, 0.75]).tolist()
            middle = [float(known.mean()), np.nan, np.nan] if unit == "share" else quartiles
        row |= dict(zip((name, f"{name}_lower", f"{name}_upper"), middle, strict=True))
        row[f"n_{name}"] = int(known.size)
    row["standardised_difference"] = np.nan
    if min(group.size for group in groups) > 1:
        spread = np.sqrt(0.5 * sum(float(group.var(ddof=1)) for group in groups))
        if spread > 0:
            row["standardised_difference"] = float(groups[0].mean() - groups[1].mean()) / spread
    return row
