"""What an effect analysis says, in plain sentences: for the end of the command and the head of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from igkinetics import text
from igkinetics.cards.private import private_sentences
from igkinetics.effect.estimands import EVIDENCE
from igkinetics.effect.learnt import CONTRADICTS
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.sensitivity import AVERAGED
from igkinetics.errors import counted
from igkinetics.report.effect_groups import decomposition_sentence, taken_apart
from igkinetics.report.effect_policies import policy_sentences
from igkinetics.report.effect_words import TEST_WORDS, amount, p_words, probability, with_interval


def page_sentences(effect: CohortEffect) -> list[str]:
    """The head of the page: what IVIG did, the evidence, groups, policies, patients, and tests of fit that speak."""
    loud = [misfit_sentence(effect)] if not effect.misfit.empty and effect.misfit["speaks"].astype(bool).any() else []
    parts = [part[:1].upper() + part[1:] for part in verdict_parts(effect)]
    return [*parts, contrast_sentence(effect), *policy_sentences(effect), patients_sentence(effect), *loud]


def effect_sentences(effect: CohortEffect, report: str) -> tuple[str, ...]:
    """Verdict, patients, comparison of groups, sampling, policies, where; sampling first when it cannot be trusted."""
    said = [verdict_sentence(effect), patients_sentence(effect), contrast_sentence(effect)]
    said.insert(len(said) if effect.sampling.passed else 0, sampling_sentence(effect))
    return (*said, *policy_sentences(effect), *private_sentences(effect.card_ids), f"Report: {report}.")


def verdict_sentence(effect: CohortEffect) -> str:
    """The effect on the nadir and on days below, and how far the data themselves speak on it."""
    lead, *rest = verdict_parts(effect)
    return " ".join([f"{lead.rstrip('.')}; {rest[0]}" if rest else lead, *rest[1:]])


def verdict_parts(effect: CohortEffect) -> list[str]:
    """What IVIG did in one sentence, the evidence for it, and the judgement against what was stated beforehand."""
    change = effect.estimand("nadir_change_att")
    if change["status"] != "estimated":
        return [f"No effect of IVIG can be given: {change['reason']}."]
    if effect.options.prior_only:
        said = with_interval(change, text.percent(effect.options.level))
        return [f"Before any measurement, the card says that IVIG raises the nadir of the infused by {said}."]
    beside = reported_alone(effect)
    proof = f"{beside}; {evidence(effect)}." if beside else f"{evidence(effect)}."
    return [part for part in (f"{headline(effect)}.", proof, judgement(effect)) if part]


def headline(effect: CohortEffect) -> str:
    """The effect on the nadir and days below: averaged over models where several were sampled."""
    level, unit = text.percent(effect.options.level), effect.cohort.igg_unit
    rows = {row["quantity"]: row for row in averaged(effect)}
    given = "Given mass balance and this model"
    if rows:
        n_models = next(iter(rows.values()))["n_models"]
        given = f"Given mass balance, averaged over {n_models} models by how they predict unseen patients"
    nadir = {**rows["nadir_change_att"], "unit": unit} if rows else effect.estimand("nadir_change_att")
    spared = days_spared(effect, rows)
    return f"{given}, IVIG raised the nadir of treated patients by {with_interval(nadir, level)}{spared}"


def averaged(effect: CohortEffect) -> list[dict[Any, Any]]:
    """The rows averaged over models; none where the base model stands alone."""
    table = effect.sensitivity.get(AVERAGED)
    return [] if table is None or not (table["quantity"] == "nadir_change_att").any() else table.to_dict("records")


def days_spared(effect: CohortEffect, rows: Mapping[str, Mapping[Any, Any]]) -> str:
    """ " and spared them, on average, 93 days below 400 mg/dL (85 to 98)"; nothing where none were spared."""
    told = []
    for row in effect.summary[effect.summary["estimand"] == "days_below_change_att"].to_dict("records"):
        level = text.number(row["threshold"], 5)
        found = rows.get(f"days_below_change_att_{row['threshold']:g}", row)
        if text.known(found["median"]) and found["upper"] < 0:
            days, fewest, most = (amount(-found[end], "day") for end in ("median", "upper", "lower"))
            told.append(f"{days} days below {level} {effect.cohort.igg_unit} ({fewest} to {most})")
    return f" and spared them, on average, {text.listed(told)}" if told else ""


def reported_alone(effect: CohortEffect) -> str:
    """The effect under the model reported alone, and which models were not averaged; empty where there is one model."""
    rows = averaged(effect)
    if not rows:
        return ""
    level = text.percent(effect.options.level)
    failed = str(rows[0]["left_out"])
    without = f" (not averaged, for their draws cannot be relied on: {failed})" if failed else ""
    alone = with_interval(effect.estimand("nadir_change_att"), level)
    return f"under the model reported alone by {alone}{without}"


def evidence(effect: CohortEffect) -> str:
    """The data's own evidence on the rise per gram, against what the card alone says."""
    rise = effect.estimand(EVIDENCE)
    rows = effect.prior[effect.prior["estimand"] == EVIDENCE].to_dict("records")
    if not rows or rise["status"] != "estimated":
        why = rise["reason"] or "the card alone was not asked"
        return f"the data's own evidence on the rise per gram cannot be given: {why}"
    row = rows[0]
    unit = str(row["unit"])
    before = (
        f"{amount(row['prior_median'], unit)} ({amount(row['prior_lower'], unit)} to "
        f"{amount(row['prior_upper'], unit)})"
    )
    figures = f"{with_interval(rise)} 14 days after 0.1 g/kg, where the card alone says {before}"
    if row["evidence"] == CONTRADICTS:
        return (
            f"on the rise per gram the data contradict the card: {figures} (doses not given in full or not "
            "recorded, other weights, or a card that does not fit these patients)"
        )
    return f"the data's own evidence on the rise per gram is {row['evidence']}: {figures}"


def judgement(effect: CohortEffect) -> str:
    """What minimum effect and ROPE say of the nadir, where they were given."""
    change, unit = effect.estimand("nadir_change_att"), effect.cohort.igg_unit
    said = []
    if text.known(change["p_above_minimum"]):
        least = f"{text.number(effect.options.minimum_effect, 5)} {unit}"
        share = probability(change["p_above_minimum"])
        said.append(f"It exceeds the stated minimum of {least} with probability {share}.")
    if change["rope_verdict"] and effect.options.rope is not None:
        low, high = (text.number(end, 5) for end in effect.options.rope)
        words = {"inside": "lies within", "outside": "lies outside", "undecided": "is undecided against"}
        said.append(f"It {words[change['rope_verdict']]} the range taken as no effect, {low} to {high} {unit}.")
    return " ".join(said)


def patients_sentence(effect: CohortEffect) -> str:
    """Who was infused, who was not, who is not in the model and why."""
    treated, others = effect.n_treated, len(effect.in_posterior(treated=False))
    members = [*effect.in_posterior(treated=True), *effect.in_posterior(treated=False)]
    people = len({effect.cohort.records.get(str(one), str(one)) for one in members})
    who = (
        counted(people, "patient")
        if people == len(members)
        else f"{len(members)} records of {counted(people, 'patient')}"
    )
    rows = effect.patients[effect.patients["treated"].astype(bool)].drop_duplicates("patient_id")
    infusions, grams = int(rows["n_infusions"].sum()), float(rows["amount_g"].sum())
    said = (
        f"{who} in the model: {treated} infused in the window "
        f"({counted(infusions, 'infusion')}, {text.number(grams, 5)} g), {others} not."
    )
    odd = [f"{text.visible(name)} ({text.visible(what, 120)})" for name, what in effect.sampling.set_aside.items()]
    if odd:
        said = f"{said} Single odd samples set aside, their patients stay: {text.listed(odd)}."
    missing = effect.patients[effect.patients["status"] != "estimated"].drop_duplicates("patient_id")
    if missing.empty:
        return f"{said} Nobody was left out."
    named = [
        f"{text.visible(row['patient_id'])} ({text.visible(row['reason'], 120)})" for row in missing.to_dict("records")
    ]
    return f"{said} Left out: {text.listed(named)}."


def contrast_sentence(effect: CohortEffect) -> str:
    """What the comparison of groups reads, and that it asks something else."""
    raw = effect.estimand("naive_raw_nadir_difference")
    if raw["status"] != "estimated":
        return f"The groups cannot be compared: {raw['reason']}."
    said = (
        f"Ever minus never infused, the lowest measured IgG differs by {with_interval(raw)}; that compares other "
        "patients and is no effect of IVIG."
    )
    return f"{said} {decomposition_sentence(effect)}." if taken_apart(effect) else said


def sampling_sentence(effect: CohortEffect) -> str:
    """Whether the draws can be trusted."""
    stopped = " Interrupted: what was drawn until then is reported." if effect.interrupted else ""
    trusted = "Sampling" if effect.sampling.passed else "Sampling FAILED its checks; do not rely on these numbers"
    return f"{trusted}: {effect.sampling.verdict.rstrip('.')}.{stopped} {misfit_sentence(effect)}".strip()


def misfit_sentence(effect: CohortEffect) -> str:
    """What the tests of fit say; empty where none was made (the card alone)."""
    rows = effect.misfit
    if rows.empty:
        return ""
    loud = rows[rows["speaks"].astype(bool)].sort_values("p", kind="stable")
    if loud.empty:
        return f"Fit: none of {len(rows)} tests speaks against the model."
    said = [f"{TEST_WORDS[row['test']]} ({p_words(row['p'])}): {row['think_of']}" for row in loud.to_dict("records")]
    narrow = (
        "Intervals of the model reported alone are then too narrow"
        if averaged(effect)
        else "Intervals are then too narrow"
    )
    return f"Fit: the model does NOT describe these data by {text.listed(said)}. {narrow}."
