"""Draws for an effect analysis: the base model, then each extension beside it; or the card alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.effect.beside import (
    FREE_WORDS,
    Beside,
    Tell,
    another_laboratory,
    anybody_infused,
    asked_structures,
    drifting_courses,
    everybody,
    other_models_of,
    other_structures,
    prepared_for,
    suspected_given,
    suspected_of,
    suspected_words,
    why_no_second,
)
from igkinetics.effect.learnt import PRIOR_DRAWS
from igkinetics.effect.options import DRAWS_OF, SAMPLER_OF, EffectOptions
from igkinetics.effect.result import DIAGNOSTIC_COLUMNS, Sampling, verdict_words
from igkinetics.effect.sensitivity import Again, Other, Question, Resample, sensitivity_tables
from igkinetics.effect.visual_check import NEW_DRAWS
from igkinetics.errors import InputError
from igkinetics.hierarchical.common_step import CommonStep, common_step
from igkinetics.hierarchical.diagnostics import BEHIND_ESS, FEW, NOT_REPORTED
from igkinetics.hierarchical.fit import LAPLACE, PreparedCohort, SampledCohort
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.suspected import Suspected

if TYPE_CHECKING:
    from igkinetics.hierarchical.settings import SampleSettings

POSTERIOR_FILES: Final = {
    "base": "posterior.nc",
    "clearance_ratio": "posterior_clearance_ratio.nc",
    "production_ratio": "posterior_production_ratio.nc",
    "dose_recovery": "posterior_dose_recovery.nc",
}
"""Model -> file; those of the extensions lie beside the base model's."""
FEWEST_DRAWS: Final = 100
ENOUGH: Final = 0.08
"""Effective draws of the worst parameter that patients share, of a model beside the base one, as a share of all."""
CAREFUL: Final = 0.95
"""Share of proposals to be accepted when a first run's checks failed."""
MANY_DRAWS: Final = 2000
"""Draws of all chains from which on too few effective ones are the sampler's fault."""
EXTENSIONS: Final[tuple[Extension, ...]] = ("clearance_ratio", "production_ratio", "dose_recovery")
PRIOR_WORDS: Final = "draws of the card, independent of each other and of the measurements"


def sample(cohort: Cohort, card: Card, options: EffectOptions, tell: Tell | None = None) -> Sampling:
    """Base model and extensions.

    tell: said before each long step; then, on a terminal, chains show draws done and time left too.
    """
    prepared = prepared_for(cohort, card, options)
    if options.prior_only:
        return of_card(prepared, options)
    if options.posterior is not None:
        return reopened(Path(options.posterior), cohort, prepared, options)
    from igkinetics.hierarchical.fit import sample_prepared

    say = tell or (lambda line: None)
    settings = settings_of(options, progress=tell is not None and sys.stderr.isatty())
    base = sampled_base(prepared, settings, say)
    lighter = lightened(settings, full=options.checks == "full")
    extensions: dict[Extension, SampledCohort] = {}
    infused = anybody_infused(prepared)
    further = not (options.base_only or base.posterior.interrupted)
    for extension in EXTENSIONS if infused and further else ():
        say(f"Sampling with a free {FREE_WORDS[extension]}.")
        trial = unless_stopped(partial(sample_prepared, prepared, lighter, extension))
        if trial is None:
            base, further = stopped(base), False
            break
        extensions[extension] = trial

    def resample(population: Population) -> CohortPosterior:
        say("Sampling with other priors.")
        return sample_prepared(prepared, lighter, population=population).posterior

    def again(change: str, records: PreparedCohort) -> SampledCohort:
        say(f"Sampling again {change}.")
        return sample_prepared(records, lighter)

    beside = Beside(settings=lighter, say=say)
    suspected = suspected_of(cohort, card, prepared, options)
    step = common_step(base.posterior, cohort.day_zero, options.seed)
    others = others_of(cohort, card, prepared, beside, options, suspected, step) if further else {}
    return sampling_of(base, extensions, resample, options, others, again, suspected, step, further=further)


def settings_of(options: EffectOptions, *, progress: bool = False) -> SampleSettings:
    """How the base model is sampled."""
    from igkinetics.hierarchical.settings import SampleSettings

    return SampleSettings(
        draws=options.draws_each,
        tune=options.tune,
        chains=options.chains,
        cores=options.jobs,
        seed=options.seed,
        sampler=SAMPLER_OF[options.sampler],
        progress=progress,
        chain_draws=None if options.draws is not None else DRAWS_OF["nutpie"],
    )


def others_of(
    cohort: Cohort,
    card: Card,
    prepared: PreparedCohort,
    beside: Beside,
    options: EffectOptions,
    suspected: Suspected,
    step: CommonStep | None,
) -> dict[str, Other]:
    """The models beside base and extensions, none of them sampled yet."""
    others = other_models_of(prepared, beside, options)
    others |= asked_structures(cohort, card, prepared, beside, options)
    others |= other_structures(cohort, card, prepared, beside, options)
    others |= drifting_courses(prepared, beside)
    others |= suspected_given(prepared, beside, suspected)
    others |= another_laboratory(prepared, beside, step)
    if prepared.set_aside or prepared.unexplained:
        others |= everybody(cohort, card, prepared, beside, options)
    return others


def sampled_base(prepared: PreparedCohort, settings: SampleSettings, say: Tell) -> SampledCohort:
    """The base model; once more, and with more care, where the first draws cannot be relied on."""
    from igkinetics.hierarchical.fit import sample_prepared

    n = len(prepared.members)
    if settings.sampler == LAPLACE:
        say(f"Drawing {settings.chains} x {settings.draws} times from the model of {n} patients.")
    else:
        say(f"Sampling {settings.chains} chains of {settings.tune} + {settings.draws} draws of {n} patients.")
    base = sample_prepared(prepared, settings)
    if base.handed_over:
        say(f"Sampled by chains: {base.handed_over}.")
    if not worth_a_second_try(base, settings):
        return base
    if base.sampler == LAPLACE:
        say(f"Sampling by chains: {base.verdict}.")
        careful, why = settings.of_chains, base.verdict
    else:
        say(f"Sampling again with twice the tuning: {base.verdict}.")
        careful = replace(settings.of_chains, tune=2 * settings.tune, target_accept=CAREFUL)
        why = base.handed_over
    second = unless_stopped(lambda: replace(sample_prepared(prepared, careful), handed_over=why))
    return stopped(base) if second is None else second


def lightened(settings: SampleSettings, *, full: bool) -> SampleSettings:
    """For models beside the base one: importance sampling of a quarter of the draws, in half the batches, tried again
    only where what is left would hardly do.

    Where chains take over: two thirds of the tuning. full: by the base model's sampler, with as many draws.
    """
    if full:
        return settings
    chains = max(settings.chains // 2, 1)
    draws, tune = settings.chains * settings.draws // (4 * chains), 2 * settings.tune // 3
    draws, tune = max(draws, FEWEST_DRAWS), max(tune, FEWEST_DRAWS)
    return replace(
        settings, sampler=LAPLACE, chains=chains, draws=draws, tune=tune, chain_draws=2 * draws, enough_share=ENOUGH
    )


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
    """Whether longer tuning may help: chains that disagree or diverge, or mix badly though draws are many. Weighted
    draws that tell what patients share well enough stand: their estimands are judged later."""
    if sampled.passed or sampled.posterior.interrupted or settings.chains == 1:
        return False
    if sampled.sampler == LAPLACE:
        table = sampled.diagnostics
        shared = table[~table["parameter"].isin(NOT_REPORTED)]
        return bool((shared[["ess_bulk", "ess_tail"]].astype(float) < BEHIND_ESS).any(axis=None))
    few = FEW in sampled.verdict.split(" of ")[0]
    return not few or settings.draws * settings.chains >= MANY_DRAWS


def reopened(file: Path, cohort: Cohort, prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """A saved posterior, with those of the extensions that lie beside it; nothing is sampled."""
    from igkinetics.hierarchical.store import load_posterior

    base = load_posterior(file, prepared)
    beside = {name: file.with_name(POSTERIOR_FILES[name]) for name in EXTENSIONS}
    extensions = {name: load_posterior(path, prepared) for name, path in beside.items() if path.is_file()}
    step = common_step(base.posterior, cohort.day_zero, options.seed)
    return sampling_of(base, extensions, None, options, {}, None, step=step, further=not options.base_only)


def sampling_of(
    base: SampledCohort,
    extensions: dict[Extension, SampledCohort],
    resample: Resample | None,
    options: EffectOptions,
    others: dict[str, Other],
    again: Again | None,
    suspected: Suspected | None = None,
    step: CommonStep | None = None,
    *,
    further: bool = True,
) -> Sampling:
    """What the analysis needs of the draws. resample, again: sample with other priors, of other records; suspected:
    infusions that the record does not have, None: not asked; step: of all levels at one time; further: sensitivity is
    wanted."""
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
    samplers: dict[Extension, str] = {"base": base.sampler}
    samplers |= {name: sampled.sampler for name, sampled in extensions.items()}
    return Sampling(
        posterior=base.posterior,
        diagnostics=base.diagnostics,
        by_chains=True,
        verdict=verdict_words(base.verdict, base.sampler),
        passed=base.passed,
        prior=from_prior(base.prepared, PRIOR_DRAWS, options.seed),
        prior_sources=base.population.sources,
        new=lambda: from_posterior(base, NEW_DRAWS, options.seed),
        extensions={name: sampled.posterior for name, sampled in extensions.items()},
        extension_verdicts={name: sampled.verdict for name, sampled in extensions.items()},
        samplers=samplers,
        left_out=base.prepared.left_out,
        set_aside=base.prepared.set_aside,
        failed=base.prepared.failed,
        unexplained=base.prepared.unexplained,
        suspected=suspected,
        step=step,
        notes=notes_of(base.prepared, suspected, second=resample is not None and further),
        covariates=None if covariates is None else covariates.values,
        labels=() if covariates is None else covariates.labels,
        ask=ask if further else None,
        save=save,
    )


def notes_of(prepared: PreparedCohort, suspected: Suspected | None, *, second: bool) -> tuple[str, ...]:
    """What a reader has to know of the records. second: a second published disposition was asked for."""
    why_not = why_no_second(prepared) if second else ""
    said = (
        f"No second published disposition stands beside: {why_not}" if why_not else "",
        suspected_words(suspected) if suspected is not None else "",
    )
    return (*prepared.notes, *filter(None, said))


def of_card(prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """Draws of the card for these patients and infusions, as many as were asked for."""
    from igkinetics.hierarchical.predict import from_prior

    drawn = from_prior(prepared, options.draws_each * options.chains, options.seed)
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
