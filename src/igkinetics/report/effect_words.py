"""Estimands in words, and their values as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from igkinetics import text
from igkinetics.effect.sensitivity import INFLUENCE, MODELS, OTHERS, PREDICTION, PRIORS
from igkinetics.units import IggUnit

ESTIMAND_WORDS: Final = {
    "nadir_change_att": "Nadir",
    "nadir_day_change_att": "Day of the nadir",
    "days_below_change_att": "Days below",
    "mean_igg_change_att": "Mean IgG over the window",
    "nadir_change_atc": "Nadir",
    "nadir_day_change_atc": "Day of the nadir",
    "days_below_change_atc": "Days below",
    "mean_igg_change_atc": "Mean IgG over the window",
    "rise_per_0.1_g_per_kg_day_0": "Rise per 0.1 g/kg at the end of an infusion",
    "rise_per_0.1_g_per_kg_day_7": "Rise per 0.1 g/kg after 7 days",
    "rise_per_0.1_g_per_kg_day_14": "Rise per 0.1 g/kg after 14 days",
    "rise_per_0.1_g_per_kg_day_28": "Rise per 0.1 g/kg after 28 days",
    "infused_half_life": "Half-life of infused IgG",
    "apparent_recovery": "Apparent recovery",
    "clearance_ratio_under_ivig": "Clearance under IVIG, relative",
    "production_ratio_under_ivig": "Production under IVIG, relative",
    "naive_raw_nadir_difference": "Lowest measured IgG",
    "naive_fitted_nadir_difference": "Fitted nadir",
    "adjusted_fitted_nadir_difference": "Fitted nadir, adjusted",
}
ERROR_WORDS: Final = {"a": "Additive error, SD", "b": "Proportional error, SD"}
SECTIONS: Final = (
    ("Effect in the infused: with minus without, same patients (ATT)", "_att"),
    ("Effect in those not infused, had they received the same (ATC)", "_atc"),
    ("What a dose does", "rise_ infused_ apparent_"),
    ("Beyond mass balance", "clearance_ production_"),
    ("Between groups: ever minus never infused", "naive_ adjusted_"),
)
"""Heading of each part of the table -> how its estimands' names end or begin."""

SENSITIVITY_WORDS: Final = {
    OTHERS: "The same quantities under other models of the same patients; levels in {unit}, times in days. A wrong "
    "disposition can look like an effect: Q and V2 of a second published model take the place of the card's.",
    PRIORS: "Every prior SD of the population halved and doubled; levels in {unit}, times in days. Reweighted draws "
    "hold while Pareto k is at most 0.7; beyond, the model was sampled again.",
    MODELS: "Expected log density of a patient whom the model has not seen, integrated over that patient's own "
    "parameters. A difference below two standard errors, or below 4, supports neither model.",
    INFLUENCE: "The mean change of the nadir ({unit}) had one patient not been in the study, most influential first; "
    "a patient who was infused leaves the mean too.",
    PREDICTION: "Expected log predictive density of single samples and of whole patients left out; a Pareto k above "
    "0.7 means that the number is not to be relied on.",
}
"""Heading of a sensitivity table -> how to read it."""


def section_of(name: str) -> str:
    """The heading under which an estimand stands."""
    return next(
        heading for heading, marks in SECTIONS
        if name.endswith(tuple(mark for mark in marks.split() if mark.startswith("_")))
        or name.startswith(tuple(mark for mark in marks.split() if mark.endswith("_")))
    )  # fmt: skip


def estimand_words(row: Mapping[Any, Any], igg_unit: IggUnit) -> str:
    """What a row is about, with its threshold."""
    words = ESTIMAND_WORDS.get(str(row["estimand"]), str(row["estimand"]))
    return f"{words} {text.number(row['threshold'], 5)} {igg_unit}" if text.known(row["threshold"]) else words


def parameter_words(name: str) -> str:
    """A population parameter in words."""
    if name in ERROR_WORDS:
        return ERROR_WORDS[name]
    parameter, colon, covariate = name.partition(":")
    if colon:
        return f"{parameter}, change per SD of {text.visible(covariate)}"
    kind, _, rest = name.partition("_")
    if kind == "omega":
        return f"{rest}, SD between patients"
    if kind == "correlation":
        return "Correlation between patients"
    return f"S, typical, {rest} agents" if kind == "S" else f"{name}, typical"


def amount(value: Any, unit: str) -> str:
    """A value in the row's unit, without it: a level, days to one decimal, or a ratio to two."""
    if not text.known(value):
        return text.UNKNOWN
    if unit == "day":
        return f"{float(value):.1f}".replace("-0.0", "0.0").replace("-", "−")
    if unit == "1":
        return f"{float(value):.2f}"
    shown = text.level(value, unit)
    return (shown.removeprefix("-") if float(shown) == 0 else shown).replace("-", "−")


def unit_words(unit: str) -> str:
    return {"day": "days", "1": ""}.get(unit, unit)


def with_interval(row: Mapping[Any, Any], level: str = "") -> str:
    """ "79 mg/dL (95 % 62 to 97)": median and interval of a row; level: in words, "" for none."""
    unit = str(row["unit"])
    ends = f"{level} {amount(row['lower'], unit)} to {amount(row['upper'], unit)}".strip()
    return f"{amount(row['median'], unit)} {unit_words(unit)}".rstrip() + f" ({ends})"


def probability(value: Any) -> str:
    """A share of draws, which never says certain."""
    if not text.known(value):
        return ""
    return {0.0: "< 0.1 %", 1.0: "> 99.9 %"}.get(float(value), text.share_of_draws(float(value)))
