"""Who takes part, and the models beside the base one: other dispositions, structures and records, no covariates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.scaling import default_structure, supported_disposition
from igkinetics.cohort.model import Cohort
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.sensitivity import Other
from igkinetics.errors import InputError, call_error
from igkinetics.hierarchical.common_step import CommonStep, pooled, remaining, rescaled
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, SampledCohort, prepare_cohort
from igkinetics.hierarchical.pausing import has_pauses, pausing
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.population_priors import RATIOS
from igkinetics.hierarchical.posterior import Extension
from igkinetics.hierarchical.suspected import Suspected, suspected_infusions, with_suspected
from igkinetics.text import listed

if TYPE_CHECKING:
    from igkinetics.hierarchical.settings import SampleSettings

Tell = Callable[[str], None]
SECOND_DISPOSITION: Final = "zhang_2020"
"""A slower exchange with a larger peripheral volume than the default card's: a wrong disposition can look like an
effect (docs/model.md 5)."""
MOST_NAMED: Final = 8
"""Patients named for infusions that were suspected in them."""
ONE, TWO = "one_compartment", "two_compartment"
AT_ONCE_DAYS: Final = 0.5
"""Half-life of B-cell-dependent production on therapy where it is lost at once."""
NO_RECOVERY: Final = -8.0
"""What is added to the log of the typical rate of recovery where there is none."""
WHATEVER_LOG_SD: Final = 0.5
"""Prior SD of a log ratio under IVIG that something else than IVIG may have changed, such as an illness of those who
are infused: as wide as that of the dose recovery (assumption)."""
STEP_BELOW: Final = 0.05
"""P of a step of all levels from which on a model has it."""
SIDE: Final = 3.0**0.5
CENTRE_PARTS: Final = 4
"""Quadrature of three nodes: standard errors of the outer ones off the centre, whose weight is four times theirs."""
DRIFTING: Final = "courses that drift"
EVERYBODY: Final = "every patient and every sample in"
FREE_WORDS: Final[dict[Extension, str]] = {
    "clearance_ratio": "clearance ratio under IVIG",
    "production_ratio": "production ratio under IVIG",
    "dose_recovery": "dose recovery",
}


def prepared_for(
    cohort: Cohort, card: Card, options: EffectOptions, *, keep_all: bool = False, structure: str = ""
) -> PreparedCohort:
    """Who takes part, under this structure, else the first asked for, else the card's.

    keep_all: see HierarchicalOptions. InputError for a disposition that the card has no numbers for.
    """
    structure = structure or next(iter(options.structure), default_structure(card))
    supported_disposition(card, structure.split("/")[0])
    chosen = HierarchicalOptions(
        structure=structure,
        residual=options.residual,
        covariates=options.covariates,
        ratios_last_day=options.ivig_days,
        lkj=options.lkj,
        keep_all=keep_all,
    )
    return prepare_cohort(cohort, card, chosen)


def anybody_infused(prepared: PreparedCohort) -> bool:
    """Whether ratios under IVIG can be asked about."""
    return any(member.modified is not None for member in prepared.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How models beside the base one are sampled."""

    settings: SampleSettings
    say: Tell

    def sample(
        self,
        name: str,
        records: PreparedCohort,
        extension: Extension = "base",
        population: Population | None = None,
    ) -> SampledCohort:
        from igkinetics.hierarchical.fit import sample_prepared

        self.say(f"Sampling another model: {name}.")
        return sample_prepared(records, self.settings, extension, population=population)


def other_models_of(prepared: PreparedCohort, beside: Beside, options: EffectOptions) -> dict[str, Other]:
    """A second published disposition for every model, ratios under IVIG that may be anything, no covariates, and on
    request both ratios at once."""
    from igkinetics.hierarchical.fit import exchanged, without_covariates

    infused = anybody_infused(prepared)
    others: dict[str, Other] = {}
    if not why_no_second(prepared):
        second = exchanged(prepared, load_card(SECOND_DISPOSITION))
        for extension in ("base", *(RATIOS if infused and options.checks == "full" else ())):
            free = "" if extension == "base" else f", free {FREE_WORDS[extension]}"
            name = f"Q and V2 of {SECOND_DISPOSITION}{free}"
            others[name] = partial(beside.sample, name, second, extension)
    if infused:
        others |= wide_ratios(prepared, beside, options)
    if options.covariates:
        name = "without covariates"
        without = without_covariates(prepared.population("base"))
        others[name] = partial(beside.sample, name, prepared, population=without)
    if options.joint and infused:
        name = "both ratios free"
        others[name] = partial(beside.sample, name, prepared, "joint")
    return others


def wide_ratios(prepared: PreparedCohort, beside: Beside, options: EffectOptions) -> dict[str, Other]:
    """Each ratio, whatever changes it: in the days after each infusion alone where somebody's infusions lie further
    apart than that, else from the first on, which is the same there."""
    records, when = prepared, "whatever changes it"
    if has_pauses(prepared, options.ivig_days):
        records = pausing(prepared, options.ivig_days)
        when = f"for {options.ivig_days:g} days after each infusion"
    others: dict[str, Other] = {}
    for ratio in RATIOS:
        name = f"free {FREE_WORDS[ratio]}, {when}"
        wide = prepared.population(ratio).widened({ratio: WHATEVER_LOG_SD})
        others[name] = partial(beside.sample, name, records, ratio, wide)
    return others


def asked_structures(
    cohort: Cohort, card: Card, prepared: PreparedCohort, beside: Beside, options: EffectOptions
) -> dict[str, Other]:
    """The structures named after the first, each of the same patients and samples. InputError where one cannot be."""
    from igkinetics.hierarchical.fit import restructured

    others: dict[str, Other] = {}
    for structure in options.structure[1:]:
        whole = prepared_for(cohort, card, options, keep_all=True, structure=structure)
        taking_part = {member.patient.patient_id for member in whole.members}
        ids = [member.patient.patient_id for member in prepared.members]
        if missing := [one for one in ids if one not in taking_part]:
            raise call_error("structure", structure, f"must be possible for everyone: not for {', '.join(missing[:8])}")
        others[structure] = partial(beside.sample, structure, restructured(prepared, whole))
    return others


def other_structures(
    cohort: Cohort, card: Card, prepared: PreparedCohort, beside: Beside, options: EffectOptions
) -> dict[str, Other]:
    """One compartment; production that does not come back, or (full checks) is lost at once: of the same samples."""
    from igkinetics.hierarchical.fit import restructured

    others: dict[str, Other] = {}
    population = prepared.population("base")
    if prepared.members[0].prior.disposition == TWO and ONE in card.structure.dispositions:
        production = (options.structure or (default_structure(card),))[0].split("/")[1]
        single = prepared_for(cohort, card, options, keep_all=True, structure=f"{ONE}/{production}")
        ids = {member.patient.patient_id for member in single.members}
        if single.arrays.names == prepared.arrays.names and ids.issuperset(
            one.patient.patient_id for one in prepared.members
        ):
            others["one compartment"] = partial(beside.sample, "one compartment", restructured(prepared, single))
    if options.checks == "full" and "k_loss" in population.labels and "k_loss" in population.reference:
        at_once = float(np.log(np.log(2.0) / AT_ONCE_DAYS)) - population.reference["k_loss"][0]
        name = "production lost at once"
        others[name] = partial(beside.sample, name, prepared, population=population.held({"k_loss": at_once}))
    if "k_rec" in population.labels and recovery_seen(prepared):
        name = "production does not come back"
        others[name] = partial(beside.sample, name, prepared, population=population.held({"k_rec": NO_RECOVERY}))
    return others


def drifting_courses(prepared: PreparedCohort, beside: Beside) -> dict[str, Other]:
    """Every course free to leave its curve for weeks, for a reason that nobody recorded; drawn twice as often, for a
    point of a drifting patient is worth less."""
    from igkinetics.hierarchical.drifting import drifting, known_error

    more = replace(beside, settings=replace(beside.settings, chains=2 * beside.settings.chains))
    population = known_error(prepared.population("base"))
    return {DRIFTING: partial(more.sample, DRIFTING, drifting(prepared), population=population)}


def suspected_of(cohort: Cohort, card: Card, prepared: PreparedCohort, options: EffectOptions) -> Suspected:
    """Infusions that the record does not have, in everybody; those left out, or with samples set aside, whole."""
    whole = prepared
    if prepared.unexplained or prepared.set_aside:
        whole = prepared_for(cohort, card, options, keep_all=True)
    return suspected_infusions(whole.members)


def suspected_words(suspected: Suspected) -> str:
    """Who was perhaps infused when, for a reader who can look it up; empty where nobody was."""
    if not suspected.n:
        return ""
    each = [
        f"{patient_id} after day {listed([format(day, '.4g') for day in infusions[:, 0]])}"
        for patient_id, infusions in suspected.infusions.items()
    ]
    more = f" and {len(each) - MOST_NAMED} more patients" if len(each) > MOST_NAMED else ""
    return (
        f"Levels rose by as much as a dose without a recorded infusion: {'; '.join(each[:MOST_NAMED])}{more}. "
        "Were these patients infused?"
    )


def suspected_given(prepared: PreparedCohort, beside: Beside, suspected: Suspected) -> dict[str, Other]:
    """The same patients with the infusions that were suspected in them."""
    given = with_suspected(prepared, suspected.likely, suspected.odds)
    n = sum(map(len, given.suspected.values()))
    name = f"infusions suspected where levels rose by as much ({n})"
    return {name: partial(beside.sample, name, given)} if n else {}


def another_laboratory(prepared: PreparedCohort, beside: Beside, step: CommonStep | None) -> dict[str, Other]:
    """The same patients, levels from the suspected step on divided by its size; none where it may well be chance.

    The size is asked of a first posterior without the step that the base model's tells, and its uncertainty stands in
    the draws: three parts of them, of the three sizes and in the shares of Gauss and Hermite.
    """
    if step is None or step.p >= STEP_BELOW:
        return {}

    def drawn(size: float, batches: int) -> SampledCohort:
        from igkinetics.hierarchical.fit import sample_prepared

        settings = replace(beside.settings, chains=batches, draws=beside.settings.draws)
        return sample_prepared(rescaled(prepared, step, size), settings)

    def sampled() -> SampledCohort:
        beside.say(f"Sampling another model: {name}.")
        size, error = remaining(drawn(step.size, 2).posterior, step, step.size)
        sizes = (size + SIDE * error, size - SIDE * error)
        return pooled([drawn(size, CENTRE_PARTS), *(drawn(one, 1) for one in sizes)])

    name = f"another laboratory from {step.when} on"
    return {name: sampled}


def recovery_seen(prepared: PreparedCohort) -> bool:
    """Whether anybody's therapy stopped before the last sample: else the model without recovery is the same."""
    return any(
        member.problem.day.size and np.any(member.patient.therapy_stop < member.problem.day[-1])
        for member in prepared.members
    )


def why_no_second(prepared: PreparedCohort) -> str:
    """Empty when the second published disposition can be put in place of the card's; else why not."""
    from igkinetics.hierarchical.fit import exchanged

    if prepared.card.id == SECOND_DISPOSITION:
        return f"{SECOND_DISPOSITION} is the card itself"
    if prepared.members[0].prior.disposition != "two_compartment":
        return f"the card has one compartment, and {SECOND_DISPOSITION} two"
    if estimated := [name for name in ("Q", "V2") if name in prepared.arrays.names]:
        return f"the card lets {' and '.join(estimated)} vary between patients"
    try:
        exchanged(prepared, load_card(SECOND_DISPOSITION))
    except InputError as error:
        return "; ".join(str(problem) for problem in error.problems[:1])
    return ""


def everybody(
    cohort: Cohort, card: Card, prepared: PreparedCohort, beside: Beside, options: EffectOptions
) -> dict[str, Other]:
    """The model with every sample and every patient in whom something is unexplained."""

    def sampled() -> SampledCohort:
        whole = prepared_for(cohort, card, options, keep_all=True)
        return beside.sample(EVERYBODY, whole)

    return {EVERYBODY: sampled}
