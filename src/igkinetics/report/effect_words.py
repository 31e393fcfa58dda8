"""Estimands in words, and their values as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from igkinetics import text
from igkinetics.effect.names import BY_NAME, Part
from igkinetics.effect.sensitivity import AVERAGED, INFLUENCE, MODELS, OTHERS, PREDICTION, PRIORS
from igkinetics.hierarchical.leave_one_out import MOST_DRAWS
from igkinetics.units import IggUnit

ERROR_WORDS: Final = {"a": "Additive error, SD", "b": "Proportional error, SD"}
SECTIONS: Final[dict[Part, str]] = {
    "att": "Effect in the infused: with minus without, same patients (ATT)",
    "atc": "Effect in those not infused, had they received the same (ATC)",
    "dose": "What a dose does",
    "ratio": "Beyond mass balance",
    "groups": "Between groups: ever minus never infused",
}
"""Heading of each part of the table."""

SENSITIVITY_WORDS: Final = {
    AVERAGED: "The same quantities over all models of the same samples in the table below, each with the weight that "
    "its predictive density of unseen patients gives it (pseudo-BMA+); levels in {unit}, times in days.",
    OTHERS: "The same quantities under other models of the same patients; levels in {unit}, times in days. A wrong "
    "disposition can look like an effect: Q and V2 of a second published model take the place of the card's.",
    PRIORS: "Every prior SD of the population halved and doubled; levels in {unit}, times in days. Reweighted draws "
    "hold while Pareto k is at most 0.7; beyond, the model was sampled again.",
    MODELS: "Expected log density of a patient whom the model has not seen, integrated over that patient's own "
    "parameters. A difference below two standard errors, or below 4, supports neither model. The weight is that in the "
    "average over models.",
    INFLUENCE: "The mean change of the nadir ({unit}) had one patient not been in the study, most influential first; "
    "a patient who was infused leaves the mean too.",
    PREDICTION: "Expected log predictive density of single samples and of whole patients left out, from at most "
    f"{MOST_DRAWS:,} draws, evenly spaced; a Pareto k above 0.7 means that the number is not to be relied on.",
}
"""Heading of a sensitivity table -> how to read it."""


TEST_WORDS: Final = {
    "neighbours": "neighbouring residuals of a patient that go together",
    "patients": "the share of patients whose residuals go together",
    "study day": "residuals that drift with the study day",
    "calendar": "residuals that drift with the calendar",
    "since infusion": "residuals that depend on the time since an infusion",
    "tails": "more far-off values than the residual error allows",
    "spread": "residuals of another spread than fitted",
}
"""Test of the fit -> what speaks."""


def p_words(value: Any) -> str:
    """A P value; the smallest that the replicates can show is told as such."""
    return "P < 0.001" if float(value) < 0.001 else f"P = {float(value):.2g}"


def section_of(name: str) -> str:
    """The heading under which an estimand stands."""
    return SECTIONS[BY_NAME[name].part]


def name_words(name: str) -> str:
    """An estimand in words; any other name as it is."""
    return BY_NAME[name].words if name in BY_NAME else name


def estimand_words(row: Mapping[Any, Any], igg_unit: IggUnit) -> str:
    """What a row is about, with its threshold."""
    words = name_words(str(row["estimand"]))
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
