"""What an effect analysis says, in plain sentences: for the end of the command and the head of the report."""

from __future__ import annotations

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


def effect_sentences(effect: CohortEffect, report: str) -> tuple[str, ...]:
    """Verdict, patients, comparison of groups, sampling, policies, where; sampling first when it cannot be trusted."""
    said = [verdict_sentence(effect), patients_sentence(effect), contrast_sentence(effect)]
    said.insert(len(said) if effect.sampling.passed else 0, sampling_sentence(effect))
    return (*said, *policy_sentences(effect), *private_sentences(effect.card_ids), f"Report: {report}.")


def verdict_sentence(effect: CohortEffect) -> str:
    """The effect on the nadir, and how far the data themselves speak on it."""
    change = effect.estimand("nadir_change_att")
    if change["status"] != "estimated":
        return f"No effect of IVIG can be given: {change['reason']}."
    if effect.options.prior_only:
        said = with_interval(change, text.percent(effect.options.level))
        return f"Before any measurement, the card says that IVIG raises the nadir of the infused by {said}."
    said = f"{headline(effect)}; {evidence(effect)}."
    return f"{said} {judgement(effect)}".strip()


def headline(effect: CohortEffect) -> str:
    """The effect on the nadir: averaged over models where several were sampled, with the reported one beside."""
    level = text.percent(effect.options.level)
    alone = with_interval(effect.estimand("nadir_change_att"), level)
    averaged = effect.sensitivity.get(AVERAGED)
    rows = [] if averaged is None else averaged[averaged["quantity"] == "nadir_change_att"].to_dict("records")
    if not rows:
        return f"Given mass balance and this model, IVIG raised the nadir of treated patients by {alone}"
    of_all = with_interval({**rows[0], "unit": effect.cohort.igg_unit}, level)
    failed = str(rows[0]["left_out"])
    without = f" (not over {failed}: the chains do not agree)" if failed else ""
    return (
        f"Given mass balance, averaged over {rows[0]['n_models']} models by how they predict unseen patients{without}, "
        f"IVIG raised the nadir of treated patients by {of_all}; under the model reported alone by {alone}"
    )


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
    return f"Fit: the model does NOT describe these data by {text.listed(said)}. Intervals are then too narrow."
