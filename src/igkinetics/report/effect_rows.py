"""Tables of the effect report as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.effect.estimands import EVIDENCE, PATIENT_CHANGES, Measure
from igkinetics.effect.result import CohortEffect
from igkinetics.report.effect_words import (
    CONTROL_WORDS,
    TEST_WORDS,
    amount,
    estimand_words,
    name_words,
    p_words,
    parameter_words,
    probability,
    section_of,
    unit_words,
)

Cells = dict[str, str]
SHOWN_CHANGES: Final[tuple[Measure, ...]] = ("nadir", "nadir_day", "mean_igg")
"""Of each patient in the table."""


def estimand_sections(effect: CohortEffect) -> list[tuple[str, list[Cells]]]:
    """The rows of effect.csv under their headings, in their order."""
    sections: dict[str, list[Cells]] = {}
    given = effect.summary[(effect.summary["status"] == "estimated") | (effect.summary["estimand"] == EVIDENCE)]
    for row in given.to_dict("records"):
        sections.setdefault(section_of(str(row["estimand"])), []).append(estimand_cells(row, effect))
    return list(sections.items())


def not_given(effect: CohortEffect) -> list[str]:
    """Estimands without a value, each with its reason; the same reason once."""
    rows = effect.summary[(effect.summary["status"] != "estimated") & (effect.summary["estimand"] != EVIDENCE)]
    by_reason: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        where = section_of(str(row["estimand"])).partition(":")[0]
        words = f"{estimand_words(row, effect.cohort.igg_unit)} ({where[:1].lower()}{where[1:]})"
        by_reason.setdefault(text.visible(row["reason"], 300), []).append(words)
    return [f"{text.listed(words, 20)}: {reason}" for reason, words in by_reason.items()]


def estimand_cells(row: Mapping[Any, Any], effect: CohortEffect) -> Cells:
    unit = str(row["unit"])
    return {
        "words": estimand_words(row, effect.cohort.igg_unit),
        "group": str(row["group"]).replace(" - ", " − "),
        "median": with_unit(row["median"], unit),
        "interval": ends(row["lower"], row["upper"], unit),
        "positive": probability(row["p_positive"]),
        "minimum": probability(row["p_above_minimum"]),
        "rope": str(row["rope_verdict"]),
        "reason": text.visible(row["reason"], 300),
    }


def with_unit(value: Any, unit: str) -> str:
    return f"{amount(value, unit)} {unit_words(unit)}".strip() if text.known(value) else text.UNKNOWN


def ends(lower: Any, upper: Any, unit: str) -> str:
    return f"{amount(lower, unit)} to {amount(upper, unit)}" if text.known(lower) else ""


def patient_cells(effect: CohortEffect) -> list[Cells]:
    """One row per patient: nadir with and without, and the changes."""
    rows = []
    for patient_id, of_patient in effect.patients.groupby("patient_id", sort=False):
        first = of_patient.iloc[0]
        by_name = {str(row["estimand"]): row for row in of_patient.drop_duplicates("estimand").to_dict("records")}
        cells = {
            "patient": text.visible(patient_id),
            "group": text.visible(first["group"]),
            "infusions": str(int(first["n_infusions"])),
            "grams": text.number(first["amount_g"], 4) if first["treated"] else "",
            "reason": "" if first["status"] == "estimated" else text.visible(first["reason"], 200),
        }
        for short in SHOWN_CHANGES:
            row = by_name.get(PATIENT_CHANGES[short])
            cells |= {f"{short}_with": "", f"{short}_without": "", short: "", f"{short}_interval": ""}
            if row is not None:
                unit = str(row["unit"])
                cells |= {
                    f"{short}_with": amount(row["with_ivig"], unit),
                    f"{short}_without": amount(row["without_ivig"], unit),
                }
                if row["treated"]:
                    cells |= {
                        short: amount(row["median"], unit),
                        f"{short}_interval": ends(row["lower"], row["upper"], unit),
                    }
        rows.append(cells)
    return rows


def first_below_cells(effect: CohortEffect) -> list[Cells]:
    return [
        {
            "threshold": f"{text.number(row['threshold'], 5)} {effect.cohort.igg_unit}",
            "who": f"{row['group']} (n = {row['n']})",
            "infusions": str(row["infusions"]),
            "share": text.share_of_draws(float(row["share_ever"])),
            "share_interval": f"{text.share_of_draws(float(row['share_ever_lower']))} to "
            f"{text.share_of_draws(float(row['share_ever_upper']))}",
            "day": amount(row["median_day"], "day") if text.known(row["median_day"]) else "fewer than half",
            "day_interval": " to ".join(
                amount(row[end], "day") if text.known(row[end]) else "never"
                for end in ("median_day_lower", "median_day_upper")
            ),
        }
        for row in effect.first_below.to_dict("records")
    ]


def prior_cells(effect: CohortEffect) -> list[Cells]:
    """What the card alone says, what the data made of it, and how much they narrowed it."""
    return [
        {
            "words": estimand_words(row, effect.cohort.igg_unit),
            "before": with_unit(row["prior_median"], str(row["unit"])),
            "before_interval": ends(row["prior_lower"], row["prior_upper"], str(row["unit"])),
            "after": with_unit(row["median"], str(row["unit"])),
            "after_interval": ends(row["lower"], row["upper"], str(row["unit"])),
            "contraction": text.fraction(row["contraction"]),
            "evidence": str(row["evidence"]),
        }
        for row in effect.prior.to_dict("records")
    ]


def population_cells(effect: CohortEffect) -> list[Cells]:
    """What patients share: each parameter's prior with its source, and what the data made of it."""
    return [
        {
            "words": parameter_words(str(row["parameter"])),
            "name": text.visible(row["parameter"]),
            "source": str(row["prior_source"]),
            "before": f"{shared(row['prior_median'])} {unit_words(str(row['unit']))}".strip(),
            "before_interval": f"{shared(row['prior_lower'])} to {shared(row['prior_upper'])}",
            "after": f"{shared(row['median'])} {unit_words(str(row['unit']))}".strip(),
            "after_interval": f"{shared(row['lower'])} to {shared(row['upper'])}",
            "contraction": text.fraction(row["contraction"]),
        }
        for row in effect.population.to_dict("records")
    ]


def shared(value: Any) -> str:
    return text.number(value, 3).replace("-", "−")


def check_cells(effect: CohortEffect) -> list[Cells]:
    return [
        {
            "patient": text.visible(row["patient_id"]),
            "group": text.visible(row["group"]),
            "samples": str(row["n_samples"]),
            "inside_50": text.share(row["inside_50"]),
            "inside_90": text.share(row["inside_90"]),
            "mean": text.share(row["mean_rank"]),
            "lowest": text.share(row["raw_nadir_rank"]),
            "note": str(row["note"]),
        }
        for row in effect.checks.to_dict("records")
    ]


def misfit_cells(effect: CohortEffect) -> list[Cells]:
    """The tests of the fit, in words."""
    return [
        {
            "words": TEST_WORDS[str(row["test"])],
            "statistic": shared(row["statistic"]),
            "expected": shared(row["expected"]),
            "n": str(row["n"]),
            "p": p_words(row["p"]),
            "speaks": "speaks against the model" if row["speaks"] else "",
            "think_of": str(row["think_of"]),
        }
        for row in effect.misfit.to_dict("records")
    ]


def control_cells(effect: CohortEffect) -> list[Cells]:
    """The negative controls, in words."""
    return [
        {
            "words": CONTROL_WORDS[str(row["control"])],
            "quantity": str(row["quantity"]),
            "estimate": amount(row["estimate"], "1"),
            "interval": ends(row["lower"], row["upper"], "1"),
            "n": f"{row['n']} in {row['patients']} patients",
            "p": p_words(row["p"]) if text.known(row["p"]) else str(row["note"]),
            "speaks": "speaks against the model" if row["speaks"] else "",
        }
        for row in effect.controls.to_dict("records")
    ]


def baseline_cells(effect: CohortEffect) -> list[Cells]:
    """How the infused and the others were at the start, and how long they were followed."""
    rows = []
    for row in effect.baseline.to_dict("records"):
        plain = row["unit"] in ("number", "share", "g")
        cells = {"words": str(row["quantity"]) if plain else f"{row['quantity']}, {row['unit']}"}
        for group in ("infused", "not_infused"):
            share = row["unit"] == "share"
            value = row[group]
            shown = text.UNKNOWN if not text.known(value) else text.share(value) if share else text.number(value, 4)
            quartiles = "" if share or not text.known(value) else f"{text.number(row[f'{group}_lower'], 4)} to "
            cells[group] = shown
            cells[f"{group}_quartiles"] = quartiles + text.number(row[f"{group}_upper"], 4) if quartiles else ""
            cells[f"n_{group}"] = str(row[f"n_{group}"])
        cells["apart"] = shared(row["standardised_difference"]) if text.known(row["standardised_difference"]) else ""
        rows.append(cells)
    return rows


def flow_cells(effect: CohortEffect) -> list[Cells]:
    """Who takes part, step by step."""
    return [
        {
            "step": str(row["step"]),
            "patients": str(row["patients"]),
            "infused": str(row["infused"]),
            "who": text.visible(row["who"], 400),
        }
        for row in effect.flow.to_dict("records")
    ]


EXTENSION_WORDS = {
    "base": "Base model: nothing changes under IVIG",
    "clearance_ratio": "Clearance may differ under IVIG",
    "production_ratio": "Production may differ under IVIG",
    "dose_recovery": "The recorded doses may not arrive in full",
    "joint": "Both may differ",
}


def extension_cells(effect: CohortEffect) -> list[Cells]:
    return [
        {
            "model": EXTENSION_WORDS[str(row["model"])],
            "ratio": with_unit(row["ratio"], "1"),
            "ratio_interval": ends(row["ratio_lower"], row["ratio_upper"], "1"),
            "above": probability(row["p_above_1"]),
            "change": with_unit(row["nadir_change_att"], effect.cohort.igg_unit),
            "change_interval": ends(row["nadir_change_att_lower"], row["nadir_change_att_upper"], str(row["unit"])),
            "verdict": str(row["verdict"]),
        }
        for row in effect.extensions.to_dict("records")
    ]


def plain_table(table: pd.DataFrame, words: str = "") -> dict[str, Any]:
    """Any table as headings and rows of text, with what to say before it; an empty cell stays empty."""
    rows = [[plain(value) for value in row] for row in table.itertuples(index=False)]
    return {"headings": [str(name).replace("_", " ") for name in table.columns], "rows": rows, "words": words}


def plain(value: Any) -> str:
    if not text.known(value):
        return ""
    if isinstance(value, float):
        return text.number(value, 4)
    return EXTENSION_WORDS.get(str(value), text.visible(name_words(str(value)), 200))
