"""What the cards say beside what trials measured: writes docs/external_validation.md.

Usage: python docs/external_validation.py. Observations, doses and sources are in docs/published_observations.csv, the
words in docs/external_validation.toml; every simulated figure is computed from the cards.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.prior import draw_parameters, kinetic_parameters, patient_prior, patient_typical
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import C_BASE
from igkinetics.kinetics.schedule import build_schedule

HERE = Path(__file__).resolve().parent
OBSERVATIONS = HERE / "published_observations.csv"
WORDS_FILE = HERE / "external_validation.toml"
PAGE = HERE / "external_validation.md"
Cells = Mapping[tuple[str, str], tuple[str, str]]
"""(card, observation) -> text, verdict."""
Floats = npt.NDArray[np.float64]

N_PATIENTS = 1500
SEED = 20
WEIGHT_KG, HEIGHT_CM, SEX = 70.0, 170.0, "male"
AGREES = 0.20
"""A figure within 20 % of the published one agrees: trials of 3-68 people with an SD of 20-30 % allow no more."""
YEARS_DAYS = 1092
"""Three years of dosing before the interval that is read: a multiple of 7, 21 and 28."""
PEAK_AFTER_DAY = 15 / 1440
"""Peaks were sampled 15 minutes after the infusion; doses are given at once."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A card under stated covariates. levels: whether its own IgG makes totals comparable."""

    label: str
    card_id: str
    covariates: dict[str, float | str]
    levels: bool = True


@dataclass(frozen=True, kw_only=True)
class Response:
    """Infused IgG of each patient, mg/dL per mg/kg (n,), by (quantity, route, interval); own IgG, mg/dL (n,)."""

    own: Floats
    unit: dict[tuple[str, str, str], Floats]
    virtual: bool


VARIANTS = (
    Variant(label="adult_b_cell_depletion", card_id="adult_b_cell_depletion", covariates={}, levels=False),
    Variant(label="navarro_mora_2022", card_id="navarro_mora_2022", covariates={}),
    Variant(label="li_2022", card_id="li_2022", covariates={"height_cm": HEIGHT_CM, "sex": SEX}),
    Variant(label="luo_2020", card_id="luo_2020", covariates={}),
    Variant(label="zhang_2020", card_id="zhang_2020", covariates={}),
    Variant(label="tortorici_2019, primary", card_id="tortorici_2019", covariates={"deficiency": "primary"}),
    Variant(label="tortorici_2019, secondary", card_id="tortorici_2019", covariates={"deficiency": "secondary"}),
    Variant(label="cheng_2026, primary", card_id="cheng_2026", covariates={"deficiency": "primary"}),
    Variant(label="cheng_2026, secondary", card_id="cheng_2026", covariates={"deficiency": "secondary"}),
    Variant(label="landersdorfer_2013", card_id="landersdorfer_2013", covariates={}),
    Variant(label="dumas_2019", card_id="dumas_2019", covariates={}),
    Variant(label="lee_2021", card_id="lee_2021", covariates={}),
    Variant(label="davda_2014", card_id="davda_2014", covariates={}, levels=False),
)

WORDS = {
    "peak": "peak",
    "trough": "trough",
    "rise": "rise at an infusion",
    "trough_gain": "gain in trough",
    "excess_end": "excess at the end of the infusion",
    "excess_day_29": "excess after 29 days",
}
TIMING = {
    "21": "every 3 weeks",
    "28": "every 4 weeks",
    "21|28": "every 3 or 4 weeks (mean of both)",
    "7": "weekly, subcutaneous",
    "single": "one infusion",
}


def parameter_vectors(variant: Variant) -> tuple[Floats, bool]:
    """Virtual patients (n, 13) of a full card, the typical patient (1, 13) of a limited one."""
    card = load_card(variant.card_id)
    disposition = card.structure.dispositions[0]
    if card.use == "typical_only":
        values = patient_typical(card, WEIGHT_KG, (), disposition, variant.covariates)[1]
        return np.atleast_2d(kinetic_parameters(values)), False
    prior = patient_prior(card, weight_kg=WEIGHT_KG, agents=(), disposition=disposition, covariates=variant.covariates)
    drawn = draw_parameters(prior, np.random.default_rng(SEED), N_PATIENTS, with_uncertainty=False)
    return kinetic_parameters(drawn), True


def infused(thetas: Floats, dose_day: Floats, route: str, day: list[float]) -> Floats:
    """(n, n_day) mg/dL per mg/kg, doses of 1 mg/kg given at once."""
    schedule = build_schedule(
        start_day=0.0,
        dose_day=dose_day,
        dose_g=np.full(dose_day.shape, WEIGHT_KG / 1000),
        dose_duration_day=np.zeros(dose_day.shape),
        dose_is_sc=np.full(dose_day.shape, route == "sc"),
    )
    return 100 * igg_curve(thetas, schedule, np.array(day))[1]


def response(variant: Variant) -> Response:
    card: Card = load_card(variant.card_id)
    thetas, virtual = parameter_vectors(variant)
    unit: dict[tuple[str, str, str], Floats] = {}
    regimens = [("iv", 21), ("iv", 28)] + ([("sc", 7)] if "sc" in card.structure.routes else [])
    for route, interval in regimens:
        doses = np.arange(0.0, YEARS_DAYS, interval)
        levels = infused(thetas, doses, route, [YEARS_DAYS - interval + PEAK_AFTER_DAY, YEARS_DAYS])
        unit["peak", route, str(interval)], unit["trough", route, str(interval)] = levels.T
    unit["excess_end", "iv", "single"], unit["excess_day_29", "iv", "single"] = infused(
        thetas, np.zeros(1), "iv", [PEAK_AFTER_DAY, 29.0]
    ).T
    return Response(own=100 * thetas[:, C_BASE], unit=unit, virtual=virtual)


def simulated(found: Response, row: pd.Series, levels: bool) -> float | None:
    """The observation's counterpart: mean (or median) over the virtual patients; None where the card cannot say."""
    quantity, dose = str(row["quantity"]), float(row["dose_mg_per_kg"])
    average = np.median if row["statistic"] == "median" else np.mean
    values = []
    for interval in str(row["interval_day"]).split("|"):
        key = (row["route"], interval)
        if (("trough" if quantity in ("rise", "trough_gain") else quantity), *key) not in found.unit:
            return None
        if quantity in ("peak", "trough"):
            if not levels:
                return None
            values.append(average(found.own + dose * found.unit[quantity, *key]))
        elif quantity == "rise":
            peak, trough = (found.unit[name, *key] for name in ("peak", "trough"))
            values.append(dose * (np.mean(found.own / dose + peak) - np.median(found.own / dose + trough)))
        else:
            values.append(dose * average(found.unit["trough" if quantity == "trough_gain" else quantity, *key]))
    return float(np.mean(values))


def band(row: pd.Series) -> tuple[float, float]:
    """The published figure, or the range of figures."""
    low = row["low"] if pd.notna(row["low"]) else row["value"]
    return float(low), float(row["high"] if pd.notna(row["high"]) else row["value"])


def verdict(value: float, row: pd.Series) -> str:
    """`agrees`, `noise` (outside 20 %, within two standard errors of the published mean), `low` or `high`."""
    low, high = band(row)
    if row["statistic"] == "bound":
        return "agrees" if value >= low else "low"
    if low * (1 - AGREES) <= value <= high * (1 + AGREES):
        return "agrees"
    error = row["spread_sd"] / np.sqrt(row["n"])
    if pd.notna(error) and low - 2 * error <= value <= high + 2 * error:
        return "noise"
    return "low" if value < low else "high"


def dose_needed(found: Response, value: float, row: pd.Series) -> float | None:
    """The dose at which the card would agree, where the trial's is not known exactly; levels are linear in it."""
    if pd.isna(row["dose_low"]):
        return None
    average = np.median if row["statistic"] == "median" else np.mean
    own = float(average(found.own)) if row["quantity"] in ("peak", "trough") else 0.0
    needed = float(row["dose_mg_per_kg"]) * (row["value"] - own) / (value - own)
    return needed if needed > 0 else None


def cell(found: Response, row: pd.Series, levels: bool) -> tuple[str, str]:
    """Text of a cell, and its verdict ("" where the card cannot say)."""
    value = simulated(found, row, levels)
    if value is None:
        return "", ""
    said = verdict(value, row)
    if said in ("agrees", "noise"):
        return f"{value:.0f}{' ~' if said == 'noise' else ''}", said
    needed = dose_needed(found, value, row)
    return f"**{value:.0f}**" + (f" ({needed:.0f} mg/kg)" if needed else ""), said


def study_table(study: str, note: str, rows: pd.DataFrame, cells: Cells) -> list[str]:
    """One study: the published figures, then a line per card that can say anything of them."""
    head = [heading(row) for _, row in rows.iterrows()]
    published = [figure_text(row) for _, row in rows.iterrows()]
    lines = [f"### {study}", "", note, ""]
    lines += [f"| mg/dL | {' | '.join(head)} |", "| --- |" + " --- |" * len(head)]
    lines += [f"| published | {' | '.join(published)} |"]
    for variant in VARIANTS:
        texts = [cells[variant.label, str(name)][0] for name in rows["id"]]
        lines += [f"| {variant.label} | {' | '.join(texts)} |"] if any(texts) else []
    return [*lines, ""]


def heading(row: pd.Series) -> str:
    step = "for " if row["quantity"] == "trough_gain" else ""
    return f"{WORDS[row['quantity']]}, {TIMING[row['interval_day']]}, {step}{row['dose_mg_per_kg']:g} mg/kg"


def figure_text(row: pd.Series) -> str:
    low, high = band(row)
    if row["statistic"] == "bound":
        return f"above {low:g}"
    ranged = f" ({low:g} to {high:g})" if high > low else ""
    spread = f" (SD {row['spread_sd']:g})" if pd.notna(row["spread_sd"]) and not ranged else ""
    return f"{row['value']:g}{ranged}{spread}"


def verdict_lines(cells: Cells, ids: list[str], reasons: Mapping[str, Any]) -> list[str]:
    """Each card: how many figures agree, which do not, and why. A reason written for other misses is an error."""
    lines = ["| card | agree | miss | why |", "| --- | --- | --- | --- |"]
    for variant in VARIANTS:
        said = {name: cells[variant.label, name][1] for name in ids if cells[variant.label, name][1]}
        misses = {name: found for name, found in said.items() if found in ("low", "high")}
        reason = reasons[variant.label]
        if " ".join(f"{name}:{found}" for name, found in misses.items()) != reason["misses"]:
            raise AssertionError(f"the reason for {variant.label} was written for other misses: {misses}")
        told = "; ".join(f"{name.replace('_', ' ')} {found}" for name, found in misses.items()) or "none"
        lines.append(f"| {variant.label} | {len(said) - len(misses)} of {len(said)} | {told} | {reason['why']} |")
    return lines


def page() -> str:
    """The whole page, as committed."""
    observations = pd.read_csv(OBSERVATIONS, dtype={"interval_day": str})
    words = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    cells: dict[tuple[str, str], tuple[str, str]] = {}
    for variant in VARIANTS:
        found = response(variant)
        for _, row in observations.iterrows():
            cells[variant.label, str(row["id"])] = cell(found, row, variant.levels)
    tables: list[str] = []
    for study, rows in observations.groupby("study", sort=False):
        tables += study_table(str(study), words["studies"][study], rows, cells)
    ids = [str(name) for name in observations["id"]]
    sources = [f"- {row['id'].replace('_', ' ')}: {row['source']}" for _, row in observations.iterrows()]
    origin = f"from `docs/{OBSERVATIONS.name}` and the cards; a test compares it with what the script gives."
    lines = [
        "# The cards beside what trials measured",
        "",
        f"Written by `docs/{Path(__file__).name}` {origin}",
        "",
        words["method"].strip(),
        "",
        words["marks"].strip(),
        "",
        *(f"- {line}" for line in words["summary"]),
        "",
        "## Figures",
        "",
        *tables,
        "## Verdicts",
        "",
        *verdict_lines(cells, ids, words["cards"]),
        "",
        "Not compared:",
        "",
        *(f"- {cards}: {reason}" for cards, reason in words["not_compared"].items()),
        "",
        "## Sources",
        "",
        *sources,
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"docs/{PAGE.name}")
