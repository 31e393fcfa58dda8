"""Estimands in words, and their values as a reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from igkinetics import text
from igkinetics.effect.estimands import BY_NAME, Part
from igkinetics.effect.negative_controls import EARLIER_DAYS
from igkinetics.effect.sensitivity import (
    AVERAGED,
    INFLUENCE,
    MISFITS,
    MODELS,
    OTHERS,
    PREDICTION,
    PRIORS,
    TIPPING,
    WINDOWS,
)
from igkinetics.effect.tipping import BEFORE_DAYS, DEATH_DAYS, LEVELS_DAYS
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
    TIPPING: "Each row breaks one assumption in the infused, puts their records right for it, and asks at which amount "
    "the effect on the nadir ({unit}) would be half of that reported. Where no amount up to the largest tried halves "
    "it, the effect at the largest stands there. No chain is run: the draws of the base model are moved to the records "
    "put right and weighted by the ratio of the two densities; above a Pareto k of 0.7 the weights are not used.",
    WINDOWS: "A ratio acts from the first infusion to so many days after the last. Where it depends on these days, "
    "the data say little about it. Levels in {unit}.",
    MISFITS: "The base model sampled again without what speaks against it, or with Student-t error, for each test of "
    "the fit that speaks; levels in {unit}, times in days. What does not change does not hang on the misfit.",
}
"""Heading of a sensitivity table -> how to read it."""
CONTROL_WORDS: Final = {
    "placebo_in_never_infused": "Infusions that nobody got: the never infused under the schedules of the infused",
    "placebo_before_infusions": f"Infusions dated {EARLIER_DAYS:g} days too early: an effect before its cause",
    "after_infusion_day_0_7": "Foretold: samples up to day 7 after an infusion",
    "after_infusion_day_7_14": "Foretold: samples of days 7 to 14 after an infusion",
    "after_infusion_day_14_28": "Foretold: samples of days 14 to 28 after an infusion",
    "after_infusion_day_28_56": "Foretold: samples of days 28 to 56 after an infusion",
}
"""Negative control -> what it is."""
ASSUMPTION_WORDS: Final = {
    "ivig_before_day_0": f"IVIG {BEFORE_DAYS:g} days before the window that nobody recorded",
    "doses_not_recorded": "Infusions of the window that nobody recorded",
    "doses_not_given": "Recorded grams that were not given",
    "illness_in_the_infused": "Faster loss while infusions are given, from illness and not from IVIG",
    "clearance_raised_by_ivig": "Faster loss because of IVIG",
    "sampled_when_low": f"Samples of the {LEVELS_DAYS:g} days before an infusion taken because IgG was passing a low",
    "faster_loss_before_death": f"Faster loss in the last {DEATH_DAYS:g} days of those who died",
}
"""Assumption of the tipping points -> what would be wrong."""


TEST_WORDS: Final = {
    "step": "a lasting step of all levels at one time",
    "neighbours": "neighbouring residuals of a patient that go together",
    "patients": "the share of patients whose residuals go together",
    "study day": "residuals that drift with the study day",
    "calendar": "residuals that drift with the calendar",
    "since infusion": "residuals that depend on the time since an infusion",
    "rises": "rises without a recorded infusion between two samples",
    "unexplained": "patients left out for a course that nothing recorded explains",
    "rise per gram": "a rise per gram that contradicts the card",
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
    """An estimand, or an assumption, in words; any other name as it is."""
    if name in BY_NAME:
        return BY_NAME[name].words
    of, _, threshold = name.rpartition("_")
    if of in BY_NAME and BY_NAME[of].measure == "days_below":
        return f"{BY_NAME[of].words} {threshold}"
    return ASSUMPTION_WORDS.get(name, name)


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


def drawn_words(sampler: str, draws: int, chains: int) -> str:
    """How the draws of the base model were made."""
    if sampler == "laplace":
        return (
            f"{draws} draws in {chains} independent {'batch' if chains == 1 else 'batches'}, by importance sampling "
            "around the Laplace approximation of the model; Pareto k of the weights stands among the diagnostics."
        )
    _, handed_over, why_not = sampler.removesuffix(")").partition("(laplace: ")
    reason = f" (importance sampling could not be believed: {why_not})" if handed_over else ""
    return f"{draws} draws in {chains} {'chain' if chains == 1 else 'chains'}{reason}."
