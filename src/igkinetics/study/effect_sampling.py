"""Draws for an effect analysis: the base model, then each extension beside it; or the card alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.effect.prior_draws import prior_posterior
from igkinetics.hierarchical.diagnostics import GOOD
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, SampledCohort, prepare_cohort
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE
from igkinetics.study.effect_options import EffectOptions
from igkinetics.study.effect_result import DIAGNOSTIC_COLUMNS, Sampling
from igkinetics.study.effect_sensitivity import Question, Resample, sensitivity_tables

Tell = Callable[[str], None]
POSTERIOR_FILES: Final = {
    "base": "posterior.nc", "clearance_ratio": "posterior_clearance_ratio.nc",
    "production_ratio": "posterior_production_ratio.nc",
}  # fmt: skip
"""Model -> file; those of the extensions lie beside the base model's."""
EXTENSIONS: Final[tuple[Extension, ...]] = ("clearance_ratio", "production_ratio")
GOOD_WORDS: Final = "chains agree, without divergences, with enough effective draws"
PRIOR_WORDS: Final = "draws of the card, independent of each other and of the measurements"


def prepared_for(cohort: Cohort, card: Card, options: EffectOptions) -> PreparedCohort:
    """Who takes part, under the first disposition that the card has numbers for."""
    disposition, production = DEFAULT_STRUCTURE.split("/")
    if disposition not in card.structure.dispositions:
        disposition = card.structure.dispositions[0]
    chosen = HierarchicalOptions(structure=f"{disposition}/{production}", covariates=options.covariates,
                                 ratios_last_day=options.ivig_days)  # fmt: skip
    return prepare_cohort(cohort, card, chosen)


def sample(cohort: Cohort, card: Card, options: EffectOptions, tell: Tell | None = None) -> Sampling:
    """Base model and extensions, one compiled model for all. tell: said before each long step."""
    prepared = prepared_for(cohort, card, options)
    if options.prior_only:
        return of_card(prepared, options)
    if options.posterior is not None:
        return reopened(Path(options.posterior), prepared, options)
    from igkinetics.hierarchical.fit import compile_prepared, sample_prepared
    from igkinetics.hierarchical.sampling import SampleSettings

    say = tell or (lambda line: None)
    settings = SampleSettings(draws=options.draws, tune=options.tune, chains=options.chains, cores=options.jobs,
                              seed=options.seed, sampler=options.sampler)  # type: ignore[arg-type]  # fmt: skip
    say(f"Building the model of {len(prepared.members)} patients.")
    compiled = compile_prepared(prepared) if options.sampler == "nutpie" else None
    say(f"Sampling {options.chains} chains of {options.tune} + {options.draws} draws.")
    base = sample_prepared(prepared, settings, compiled=compiled)
    extensions: dict[Extension, SampledCohort] = {}
    infused = any(member.modified is not None for member in prepared.members)
    further = not (options.base_only or base.posterior.interrupted)
    for extension in EXTENSIONS if infused and further else ():
        say(f"Sampling with a free {extension.replace('_', ' ')} under IVIG.")
        extensions[extension] = sample_prepared(prepared, settings, extension, compiled)

    def resample(population: Population) -> CohortPosterior:
        say("Sampling with other priors.")
        return sample_prepared(prepared, settings, compiled=compiled, population=population).posterior

    return sampling_of(base, extensions, resample, options, further=further)


def reopened(file: Path, prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """A saved posterior, with those of the extensions that lie beside it; nothing is sampled."""
    from igkinetics.hierarchical.store import load_posterior

    base = load_posterior(file, prepared)
    beside = {name: file.with_name(POSTERIOR_FILES[name]) for name in EXTENSIONS}
    extensions = {name: load_posterior(path, prepared) for name, path in beside.items() if path.is_file()}
    return sampling_of(base, extensions, None, options, further=not options.base_only)


def sampling_of(
    base: SampledCohort, extensions: dict[Extension, SampledCohort], resample: Resample | None, options: EffectOptions,
    *, further: bool = True,
) -> Sampling:  # fmt: skip
    """What the analysis needs of the draws. resample: samples with other priors; further: sensitivity is wanted."""

    def ask(question: Question) -> dict[str, pd.DataFrame]:
        return sensitivity_tables(base, extensions, resample, question)

    def save(folder: Path) -> None:
        from igkinetics.hierarchical.store import save_posterior

        for name, found in {"base": base, **extensions}.items():
            save_posterior(found, folder / POSTERIOR_FILES[name], options.record())

    covariates = base.prepared.covariates
    return Sampling(
        posterior=base.posterior,
        diagnostics=base.diagnostics,
        verdict=GOOD_WORDS if base.verdict == GOOD else base.verdict,
        passed=base.verdict == GOOD,
        extensions={name: found.posterior for name, found in extensions.items()},
        extension_verdicts={name: found.verdict for name, found in extensions.items()},
        left_out=base.prepared.left_out,
        notes=base.prepared.notes,
        covariates=None if covariates is None else covariates.values,
        labels=() if covariates is None else covariates.labels,
        ask=ask if further else None,
        save=save,
    )


def of_card(prepared: PreparedCohort, options: EffectOptions) -> Sampling:
    """Draws of the card for these patients and infusions, as many as were asked for."""
    blank = CohortPosterior(
        patient_ids=tuple(member.patient.patient_id for member in prepared.members),
        theta=np.zeros((1, 1, len(prepared.members), 13)),
        error=np.zeros((1, 1, 2)),
        population={},
        problems=tuple(member.problem for member in prepared.members),
        modified=tuple(member.modified for member in prepared.members),
        extension="base",
        interrupted=False,
    )
    priors = [member.prior for member in prepared.members]
    return Sampling(
        posterior=prior_posterior(blank, priors, options.draws * options.chains, options.seed),
        diagnostics=pd.DataFrame([("verdict", PRIOR_WORDS)], columns=["parameter", "value"]).reindex(
            columns=[*DIAGNOSTIC_COLUMNS, "value"]
        ),
        verdict=PRIOR_WORDS,
        passed=True,
        left_out=prepared.left_out,
        notes=prepared.notes,
    )
