"""Draws for an effect analysis: the base model, then each extension beside it; or the card alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.scaling import default_structure, supported_disposition
from igkinetics.cohort.model import Cohort
from igkinetics.effect.learnt import PRIOR_DRAWS
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.result import DIAGNOSTIC_COLUMNS, Sampling, verdict_words
from igkinetics.effect.sensitivity import Again, Other, Question, Resample, sensitivity_tables
from igkinetics.effect.visual_check import NEW_DRAWS
from igkinetics.errors import InputError, call_error
from igkinetics.hierarchical.diagnostics import FEW
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, SampledCohort, prepare_cohort
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.population_priors import RATIOS
from igkinetics.hierarchical.posterior import CohortPosterior, Extension

if TYPE_CHECKING:
    from igkinetics.hierarchical.sampling import CompiledModel, SampleSettings

Tell = Callable[[str], None]
POSTERIOR_FILES: Final = {
    "base": "posterior.nc",
    "clearance_ratio": "posterior_clearance_ratio.nc",
    "production_ratio": "posterior_production_ratio.nc",
    "dose_recovery": "posterior_dose_recovery.nc",
}
"""Model -> file; those of the extensions lie beside the base model's."""
SECOND_DISPOSITION: Final = "zhang_2020"
"""A slower exchange with a larger peripheral volume than the default card's: a wrong disposition can look like an
effect (docs/model.md 5)."""
ONE, TWO = "one_compartment", "two_compartment"
AT_ONCE_DAYS: Final = 0.5
"""Half-life of B-cell-dependent production on therapy where it is lost at once."""
NO_RECOVERY: Final = -8.0
"""What is added to the log of the typical rate of recovery where there is none."""
FEWEST_DRAWS: Final = 100
EVERYBODY: Final = "every patient and every sample in"
CAREFUL: Final = 0.95
"""Share of proposals to be accepted when a first run's checks failed."""
MANY_DRAWS: Final = 2000
"""Draws of all chains from which on too few effective ones are the sampler's fault."""
EXTENSIONS: Final[tuple[Extension, ...]] = ("clearance_ratio", "production_ratio", "dose_recovery")
FREE_WORDS: Final[dict[Extension, str]] = {
    "clearance_ratio": "clearance ratio under IVIG",
    "production_ratio": "production ratio under IVIG",
    "dose_recovery": "dose recovery",
}
PRIOR_WORDS: Final = "draws of the card, independent of each other and of the measurements"


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


def sample(cohort: Cohort, card: Card, options: EffectOptions, tell: Tell | None = None) -> Sampling:
    """Base model and extensions, one compiled model for all.

    tell: said before each long step; then, on a terminal, the sampler shows draws done and time left too.
    """
    prepared = prepared_for(cohort, card, options)
    if options.prior_only:
        return of_card(prepared, options)
    if options.posterior is not None:
        return reopened(Path(options.posterior), prepared, options)
    from igkinetics.hierarchical.fit import compile_prepared, sample_prepared
    from igkinetics.hierarchical.sampling import SampleSettings

    say = tell or (lambda line: None)
    settings = SampleSettings(
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        cores=options.jobs,
        seed=options.seed,
        sampler=options.sampler,  # type: ignore[arg-type]
        progress=tell is not None and sys.stderr.isatty(),
    )
    say(f"Building the model of {len(prepared.members)} patients.")
    compiled = compile_prepared(prepared) if options.sampler == "nutpie" else None
    say(f"Sampling {options.chains} chains of {options.tune} + {options.draws} draws.")
    base = sample_prepared(prepared, settings, compiled=compiled)
    if worth_a_second_try(base, settings):
        say(f"Sampling again with twice the tuning: {base.verdict}.")
        longer = replace(settings, tune=2 * settings.tune, target_accept=CAREFUL)
        second = unless_stopped(lambda: sample_prepared(prepared, longer, compiled=compiled))
        base = stopped(base) if second is None else second
    lighter = settings if options.checks == "full" else lightened(settings)
    extensions: dict[Extension, SampledCohort] = {}
    infused = anybody_infused(prepared)
    further = not (options.base_only or base.posterior.interrupted)
    for extension in EXTENSIONS if infused and further else ():
        say(f"Sampling with a free {FREE_WORDS[extension]}.")
        trial = unless_stopped(partial(sample_prepared, prepared, lighter, extension, compiled))
        if trial is None:
            base, further = stopped(base), False
            break
        extensions[extension] = trial

    def resample(population: Population) -> CohortPosterior:
        say("Sampling with other priors.")
        return sample_prepared(prepared, lighter, compiled=compiled, population=population).posterior

    def again(change: str, records: PreparedCohort) -> SampledCohort:
        say(f"Sampling again {change}.")
        return sample_prepared(records, lighter, compiled=compiled)

    beside = Beside(settings=lighter, compiled=compiled, say=say)
    others = other_models_of(prepared, beside, options) if further else {}
    if further:
        others |= asked_structures(cohort, card, prepared, beside, options)
        others |= other_structures(cohort, card, prepared, beside, options)
    if further and (prepared.set_aside or prepared.unexplained):
        others |= everybody(cohort, card, prepared, beside, options)
    return sampling_of(base, extensions, resample, options, others, again, further=further)


def lightened(settings: SampleSettings) -> SampleSettings:
    """For all models beside the base one: half the draws after two thirds of the tuning."""
    draws, tune = settings.draws // 2, 2 * settings.tune // 3
    return replace(settings, draws=max(draws, FEWEST_DRAWS), tune=max(tune, FEWEST_DRAWS))


def unless_stopped(draw: Callable[[], SampledCohort]) -> SampledCohort | None:
    """What was drawn; None when the user ended it, be it before the first draw."""
    try:
        drawn = draw()
    except InputError:  # interrupted with nothing drawn; everything else was asked of the base model already
        return None
    return None if drawn.posterior.interrupted else drawn


def stopped(base: SampledCohort) -> SampledCohort:
    """The base model, whole, of a run that is not."""
    return replace(base, posterior=replace(base.posterior, interrupted=True))


def worth_a_second_try(sampled: SampledCohort, settings: SampleSettings) -> bool:
    """Whether longer tuning may help: chains that disagree or diverge, or mix badly though draws are many."""
    if sampled.passed or sampled.posterior.interrupted or settings.chains == 1:
        return False
    few = FEW in sampled.verdict.split(" of ")[0]
    return not few or settings.draws * settings.chains >= MANY_DRAWS


def anybody_infused(prepared: PreparedCohort) -> bool:
    """Whether ratios under IVIG can be asked about."""
    return any(member.modified is not None for member in prepared.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How models beside the base one are sampled. compiled: the base model's, for records of the same shape."""

    settings: SampleSettings
    compiled: CompiledModel | None
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
        return sample_prepared(records, self.settings, extension, self.compiled, population)


def other_models_of(prepared: PreparedCohort, beside: Beside, options: EffectOptions) -> dict[str, Other]:
    """A second published disposition for every model, no covariates, and on request both ratios at once."""
    from igkinetics.hierarchical.fit import exchanged, without_covariates

    infused = anybody_infused(prepared)
    others: dict[str, Other] = {}
    if not why_no_second(prepared):
        second = exchanged(prepared, load_card(SECOND_DISPOSITION))
        for extension in ("base", *(RATIOS if infused and options.checks == "full" else ())):
            free = "" if extension == "base" else f", free {FREE_WORDS[extension]}"
            name = f"Q and V2 of {SECOND_DISPOSITION}{free}"
            others[name] = partial(beside.sample, name, second, extension)
    if options.covariates:
        name = "without covariates"
        without = without_covariates(prepared.population("base"))
        others[name] = partial(beside.sample, name, prepared, population=without)
    if options.joint and infused:
        name = "both ratios free"
        others[name] = partial(beside.sample, name, prepared, "joint")
    return others


def asked_structures(
    cohort: Cohort, card: Card, prepared: PreparedCohort, beside: Beside, options: EffectOptions
) -> dict[str, Other]:
    """The structures named after the first, each of the same patients and samples. InputError where one cannot be."""
    from igkinetics.hierarchical.fit import restructured

    others: dict[str, Other] = {}
    anew = replace(beside, compiled=None)  # other parameters: another compiled model
    for structure in options.structure[1:]:
        whole = prepared_for(cohort, card, options, keep_all=True, structure=structure)
        taking_part = {member.patient.patient_id for member in whole.members}
        ids = [member.patient.patient_id for member in prepared.members]
        if missing := [one for one in ids if one not in taking_part]:
            raise call_error("structure", structure, f"must be possible for everyone: not for {', '.join(missing[:8])}")
        others[structure] = partial(anew.sample, structure, restructured(prepared, whole))
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
        alike = whole.arrays.used.shape == prepared.arrays.used.shape
        return (beside if alike else replace(beside, compiled=None)).sample(EVERYBODY, whole)

    return {EVERYBODY: sampled}


def reopened(file: Path, prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """A saved posterior, with those of the extensions that lie beside it; nothing is sampled."""
    from igkinetics.hierarchical.store import load_posterior

    base = load_posterior(file, prepared)
    beside = {name: file.with_name(POSTERIOR_FILES[name]) for name in EXTENSIONS}
    extensions = {name: load_posterior(path, prepared) for name, path in beside.items() if path.is_file()}
    return sampling_of(base, extensions, None, options, {}, None, further=not options.base_only)


def sampling_of(
    base: SampledCohort,
    extensions: dict[Extension, SampledCohort],
    resample: Resample | None,
    options: EffectOptions,
    others: dict[str, Other],
    again: Again | None,
    *,
    further: bool = True,
) -> Sampling:
    """What the analysis needs of the draws. resample, again: sample with other priors, of other records; further:
    sensitivity is wanted."""
    from igkinetics.hierarchical.predict import from_posterior, from_prior

    def ask(question: Question) -> dict[str, pd.DataFrame]:
        return sensitivity_tables(base, extensions, resample, others, again, question)

    def save(folder: Path, draws: pd.DataFrame) -> None:
        from igkinetics.hierarchical.store import save_posterior

        chains = draws["chain"].nunique()
        estimands = {
            str(name): values.to_numpy().reshape(chains, -1)
            for name, values in draws.items()
            if name not in ("chain", "draw") and name not in base.posterior.population
        }
        for name, sampled in {"base": base, **extensions}.items():
            of_base = estimands if name == "base" else None
            save_posterior(sampled, folder / POSTERIOR_FILES[name], options.record(), of_base)

    covariates = base.prepared.covariates
    notes = base.prepared.notes
    if resample is not None and further and (why := why_no_second(base.prepared)):
        notes = (*notes, f"No second published disposition stands beside: {why}")
    return Sampling(
        posterior=base.posterior,
        diagnostics=base.diagnostics,
        by_chains=True,
        verdict=verdict_words(base.verdict),
        passed=base.passed,
        prior=from_prior(base.prepared, PRIOR_DRAWS, options.seed),
        prior_sources=base.population.sources,
        new=lambda: from_posterior(base, NEW_DRAWS, options.seed),
        extensions={name: sampled.posterior for name, sampled in extensions.items()},
        extension_verdicts={name: sampled.verdict for name, sampled in extensions.items()},
        left_out=base.prepared.left_out,
        set_aside=base.prepared.set_aside,
        failed=base.prepared.failed,
        notes=notes,
        covariates=None if covariates is None else covariates.values,
        labels=() if covariates is None else covariates.labels,
        ask=ask if further else None,
        save=save,
    )


def of_card(prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """Draws of the card for these patients and infusions, as many as were asked for."""
    from igkinetics.hierarchical.predict import from_prior

    drawn = from_prior(prepared, options.draws * options.chains, options.seed)
    return Sampling(
        posterior=drawn,
        prior=drawn,
        prior_sources=prepared.population("base").sources,
        new=lambda: drawn,
        diagnostics=pd.DataFrame([("verdict", PRIOR_WORDS)], columns=["parameter", "value"]).reindex(
            columns=[*DIAGNOSTIC_COLUMNS, "value"]
        ),
        verdict=PRIOR_WORDS,
        passed=True,
        left_out=prepared.left_out,
        set_aside=prepared.set_aside,
        failed=prepared.failed,
        notes=prepared.notes,
    )
