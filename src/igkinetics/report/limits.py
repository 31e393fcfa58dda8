"""What the data behind a fit cannot tell, and where the prior speaks instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from igkinetics import text
from igkinetics.cards.agents import agent_class
from igkinetics.cards.load import load_card
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.fit.importance import GOOD_PARETO_K
from igkinetics.fit.options import DEFAULT_CARD
from igkinetics.fit.parameter_rows import MOSTLY_PRIOR_BELOW
from igkinetics.report.sentences import laboratory_sentence
from igkinetics.units import from_g_per_l

PARAPROTEIN_ABOVE_G_PER_L: Final = 16.0
"""Upper end of the usual adult range of serum IgG."""
WELL_LEARNT_FROM: Final = 0.7
CREDIBLE_WEIGHT: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """How much the patients' own data said about one parameter. contraction: median over patients, 0 to 1."""

    parameter: str
    n: int
    contraction: float
    words: str


def mostly_prior(fit: CohortFit) -> frozenset[str]:
    """Patients whose endogenous nadir rests on the prior, S having hardly been learnt."""
    rows = fit.sampling
    return frozenset(rows.loc[rows["endogenous_note"] == "mostly prior", "patient_id"])


def learnt(fit: CohortFit) -> list[Learnt]:
    """One entry per estimated parameter, in the order of the table; empty without a prior."""
    fitted = set(fit.patients.loc[fit.patients["status"].isin(WITH_ESTIMATES), "patient_id"])
    rows = fit.parameters[
        (fit.parameters["kind"] == "estimated")
        & fit.parameters["contraction"].notna()
        & fit.parameters["patient_id"].isin(fitted)
    ]
    entries = []
    for parameter, group in rows.groupby("parameter", sort=False):
        median = float(group["contraction"].median())
        entries.append(
            Learnt(parameter=str(parameter), n=len(group), contraction=median, words=contraction_words(median))
        )
    return entries


def contraction_words(contraction: float) -> str:
    """A contraction in plain words."""
    if contraction >= WELL_LEARNT_FROM:
        return "learnt from the samples"
    if contraction >= MOSTLY_PRIOR_BELOW:
        return "partly learnt, partly the prior"
    return "mostly the prior"


MOST_OF_THE_WEIGHT: Final = 0.85
"""Weight of drift beyond which a patient is named; before any sample it is 0.45 (docs/model.md 3.6)."""


def limit_sentences(fit: CohortFit) -> list[str]:
    """Plain warnings that this fit gives rise to; empty when there are none."""
    said = [*_prior_sentences(fit), *_window_sentences(fit), *_quality_sentences(fit), *paraprotein_sentences(fit)]
    return [sentence for sentence in said if sentence]


def _prior_sentences(fit: CohortFit) -> list[str]:
    if fit.options.prior == "none":
        return ["Fitted without a prior: what the samples cannot tell is not held by anything."]
    on_prior = mostly_prior(fit)
    resting = [name for name in fit.cohort.patient_ids if name in on_prior]
    flagged = [row for row in fit.conflict.to_dict("records") if text.is_true(row["flagged"])]
    return [
        f"The endogenous nadir is mostly prior (the samples say little about how much production depends on "
        f"B cells) for {_names(resting)}."
        if resting
        else "",
        *(
            f"These patients disagree with the prior in {row['parameter']}: their mean deviation is "
            f"{text.number(row['ratio'], 2)} standard errors from what the prior expects. Another card, or a "
            f"fit without the prior, should be looked at."
            for row in flagged
        ),
    ]


def _window_sentences(fit: CohortFit) -> list[str]:
    fitted = fit.nadir[fit.nadir["status"].isin(WITH_ESTIMATES)]
    at_end = list(fitted.loc[fitted["nadir_position"] == "end", "patient_id"])
    at_start = list(fitted.loc[fitted["nadir_position"] == "start", "patient_id"])
    return [
        f"The lowest level lies at the end of the window for {_names(at_end)}: it may fall further." if at_end else "",
        f"The lowest level lies at the start of the window for {_names(at_start)}: no fall was seen in it."
        if at_start
        else "",
    ]


def _quality_sentences(fit: CohortFit) -> list[str]:
    unreliable = list(fit.patients.loc[fit.patients["pareto_k"] > GOOD_PARETO_K, "patient_id"])
    unexplained = list(fit.patients.loc[fit.patients["status"] == "unexplained_change", "patient_id"])
    return [
        f"Intervals are rough (Pareto k above {GOOD_PARETO_K}) for {_names(unreliable)}." if unreliable else "",
        *drift_sentences(fit),
        laboratory_sentence(fit),
        f"A change that no recorded dose or therapy explains was found in {_names(unexplained)}: plasma exchange, "
        "protein loss, an unrecorded infusion and a sample mix-up all look like this."
        if unexplained
        else "",
    ]


def drift_sentences(fit: CohortFit) -> list[str]:
    """Whose course does not follow the model, and when; whose levels lie off it for good from some day on."""
    fitted = fit.nadir[fit.nadir["status"].isin(WITH_ESTIMATES)]
    off = [
        f"{text.visible(row['patient_id'])} (days {text.day_interval(row['drift_start'], row['drift_end'])}"
        f"{', ' + up_to(row['drift_percent']) if text.known(row['drift_percent']) else ''})"
        for row in fitted[(fitted["drift"] > MOST_OF_THE_WEIGHT) & fitted["step_day"].isna()].to_dict("records")
    ]
    stepped = [
        f"{text.visible(row['patient_id'])} ({off_by(row['step_percent'])} from day {text.day(row['step_day'])} on)"
        for row in fitted[fitted["step_day"].notna()].to_dict("records")
    ]
    said = []
    if off:
        said.append(
            f"The course does not follow the model in {text.listed(off, most=8)}: illness, protein loss, steroids, "
            "another laboratory? Their levels and bands come mostly from courses that drift around the kinetic curve."
        )
    if stepped:
        said.append(
            f"All later levels lie off the curve through the earlier ones in {text.listed(stepped, most=8)}: another "
            "laboratory or method? Then bring the levels to one method before they are fitted. Or something that "
            "lasts: an illness, protein loss, steroids?"
        )
    return said


def off_by(percent: float) -> str:
    """ "21 % above"."""
    return f"{text.number(abs(percent), 2)} % {'above' if percent > 0 else 'below'}"


def up_to(percent: float) -> str:
    return f"up to {off_by(percent)}"


def paraprotein_sentences(fit: CohortFit) -> list[str]:
    """IgG that may be a monoclonal protein: high levels, or a therapy given for myeloma."""
    samples = fit.cohort.samples
    high = samples.loc[samples["igg"] > PARAPROTEIN_ABOVE_G_PER_L, "patient_id"]
    card = load_card(DEFAULT_CARD)
    courses = [(str(row["patient_id"]), str(row["agent"])) for row in fit.cohort.therapy.to_dict("records")]
    bcma = {agent for agent in {agent for _, agent in courses} if agent_class(card, agent) == "bcma"}
    above = f"{from_g_per_l(PARAPROTEIN_ABOVE_G_PER_L, fit.cohort.igg_unit):g} {fit.cohort.igg_unit}"
    warned = {
        f"IgG above {above} was measured in": list(dict.fromkeys(high)),
        "A BCMA-directed agent, given for myeloma, was used in": list(
            dict(course for course in courses if course[1] in bcma)
        ),
    }
    return [
        f"{words} {_names(names)}: part of the IgG may be a monoclonal protein (paraprotein), which these models do "
        "not know; look at electrophoresis and at IgG without the paraprotein."
        for words, names in warned.items()
        if names
    ]


def _names(patient_ids: list[str]) -> str:
    return text.listed((text.visible(name) for name in patient_ids), most=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """How one patient's fitted nadir moves with the structure; levels in `unit`."""

    patient_id: str
    unit: str
    lowest: float
    highest: float
    credible_lowest: float
    credible_highest: float
    preferred: str
    preferred_weight: float


def sensitivities(fit: CohortFit) -> list[Sensitivity]:
    """One entry per patient with more than one structure fitted."""
    rows: dict[str, list[dict[Any, Any]]] = {}
    steady = fit.structures[fit.structures["fitted_nadir"].notna() & (fit.structures["drift_sd"] == 0)]
    for row in steady.to_dict("records"):
        rows.setdefault(str(row["patient_id"]), []).append(row)
    return [_sensitivity(name, group) for name, group in rows.items() if len(group) > 1]


def _sensitivity(patient_id: str, rows: list[dict[Any, Any]]) -> Sensitivity:
    nadirs = [float(row["fitted_nadir"]) for row in rows]
    credible = [float(row["fitted_nadir"]) for row in rows if row["weight"] >= CREDIBLE_WEIGHT]
    best = max(rows, key=lambda row: row["weight"] if text.known(row["weight"]) else -1.0)
    return Sensitivity(
        patient_id=patient_id,
        unit=str(best["unit"]),
        lowest=min(nadirs),
        highest=max(nadirs),
        credible_lowest=min(credible, default=float("nan")),
        credible_highest=max(credible, default=float("nan")),
        preferred=str(best["model"]),
        preferred_weight=float(best["weight"]),
    )
