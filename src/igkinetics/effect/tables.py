"""From a posterior to every table of an effect analysis, without any sampler."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.dosing.regimen import Regimen
from igkinetics.effect.averages import EXTENSION_COLUMNS, atc, att, ratios, rises
from igkinetics.effect.baseline import baseline_rows, flow_rows
from igkinetics.effect.between import between_groups
from igkinetics.effect.counterfactual import Change, in_controls, within_patient
from igkinetics.effect.courses import course_table
from igkinetics.effect.decomposition import decomposition_rows
from igkinetics.effect.dosing_seen import Dosing, dosing_seen
from igkinetics.effect.estimand_row import EFFECT_COLUMNS, Criteria, Estimand, effect_row
from igkinetics.effect.estimands import EVIDENCE
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.effect.learnt import POPULATION_COLUMNS, PRIOR_COLUMNS, conflict, population_rows, prior_rows, speaking
from igkinetics.effect.misfit import misfit_table, residuals, rise_row, rises_row, step_row, unexplained_row
from igkinetics.effect.negative_controls import control_rows
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.patients import patient_effect_rows
from igkinetics.effect.predictive import first_below_rows, predictive_rows
from igkinetics.effect.result import CohortEffect, Sampling, verdict_words
from igkinetics.effect.sensitivity import Question
from igkinetics.effect.visual_check import vpc_rows
from igkinetics.hierarchical.diagnostics import Run, passes, verdict, with_estimands
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l, g_per_l

Progress = Callable[[int, int], None]
WEIGHT: Final = "weight_kg"
ASKED: Final = ("nadir_change_att", "days_below_change_att", "mean_igg_change_att", EVIDENCE, "infused_half_life")
"""Estimands whose dependence on the priors is told."""


def card_weight(card: Card) -> float:
    """The weight that the card takes for a patient without one; nan for a card that does not use weight."""
    covariate = card.covariates.get(WEIGHT)
    return float(covariate.when_missing) if covariate is not None else np.nan


def effect_of(
    cohort: Cohort,
    sampling: Sampling,
    card: Card,
    options: EffectOptions,
    *,
    regimen: Regimen | None = None,
    began: float | None = None,
    progress: Progress | None = None,
) -> CohortEffect:
    """Every table from the draws. regimen: what controls receive in place of the infused's. began: on perf_counter."""
    began = time.perf_counter() if began is None else began
    posterior = sampling.posterior
    thresholds = tuple(g_per_l(value, cohort.igg_unit) for value in options.thresholds)
    people = exposures(cohort, posterior, card_weight(card), options.ivig_days)
    changes = within_patient(posterior, people, thresholds, options.jobs, progress)
    infused = infused_of(cohort, sampling.extensions, card, options)
    estimands = [
        *average_effects(posterior, people, changes, thresholds, options, regimen),
        *ratios(sampling.extensions, infused),
        *between_groups(changes, design_of(sampling, people), sampling.labels, options.seed),
    ]
    criteria = Criteria(
        level=options.level, unit=cohort.igg_unit, minimum_effect=options.minimum_effect, rope=options.rope
    )
    draws = draw_table(posterior, estimands, criteria)
    sampling = judged_sampling(sampling, estimands, draws, cohort.igg_unit)
    checks, replicates = predictive_rows(cohort, posterior, options.seed, options.level)
    dosing = dosing_seen(people)
    asked = question(cohort, card, options, changes, sampling)
    learnt = prior_tables(cohort, sampling, card, options, thresholds, estimands)
    return CohortEffect(
        cohort=cohort,
        card_ids={card.id: card.sha256},
        options=options,
        sampling=sampling,
        summary=pd.DataFrame([effect_row(one, criteria) for one in estimands], columns=list(EFFECT_COLUMNS)),
        patients=patient_effect_rows(cohort, changes, sampling.left_out, thresholds, options.level),
        posterior=draws,
        courses=course_table(posterior, people, cohort.igg_unit, options.level),
        prior=learnt["prior"],
        population=learnt["population"],
        checks=checks,
        replicates=replicates,
        vpc=vpc_rows(cohort, new_patients(sampling, dosing), options.seed, options.level),
        misfit=asked.misfit,
        controls=control_rows(posterior, people if sampling.by_chains else (), options.seed, options.level),
        flow=flow_rows(cohort, people, sampling.left_out, sampling.set_aside),
        baseline=baseline_rows(cohort, people),
        decomposition=decomposition_rows(changes, thresholds, cohort.igg_unit, options.level),
        first_below=first_below_rows(changes, thresholds, cohort.igg_unit, options.level),
        sensitivity=sampling.sensitivity | (sampling.ask(asked) if sampling.ask is not None else {}),
        extensions=extension_table(sampling, changes, infused, criteria, options.jobs),
        dosing=dosing.words,
        dosing_by_calendar=dosing.by_calendar,
        notes=(*cohort.notes, *sampling.notes),
        n_acting=sum(one.treated and one.could_act for one in people),
        seconds=time.perf_counter() - began,
    )


def new_patients(sampling: Sampling, dosing: Dosing) -> CohortPosterior | None:
    """Patients drawn anew, where infusions followed a calendar: else what they would have been given is not known."""
    return sampling.new() if sampling.new and dosing.by_calendar else None


def design_of(sampling: Sampling, people: Sequence[Exposure]) -> Floats:
    """The covariates adjusted for, a row for each of these patients; no column where there are none."""
    if sampling.covariates is None:
        return np.empty((len(people), 0))
    return sampling.covariates[[patient.place for patient in people]]


def average_effects(
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    changes: Sequence[Change],
    thresholds: tuple[float, ...],
    options: EffectOptions,
    regimen: Regimen | None,
) -> Iterator[Estimand]:
    """ATT, ATC, rises, half-life and recovery. In the base model the sign of a change follows from mass balance."""
    given = posterior.extension == "base"
    yield from att(changes, thresholds, sign_given=given)
    assigned = in_controls(posterior, people, thresholds, options.jobs, regimen)
    yield from atc(assigned, thresholds, sign_given=given)
    yield from rises(posterior, people)


def prior_tables(
    cohort: Cohort,
    sampling: Sampling,
    card: Card,
    options: EffectOptions,
    thresholds: tuple[float, ...],
    estimands: Sequence[Estimand],
) -> dict[str, pd.DataFrame]:
    """`prior` (effects in the treated, and rises) and `population`: under the card alone, and with the data."""
    before = sampling.prior
    if before is None:
        return {
            "prior": pd.DataFrame(columns=list(PRIOR_COLUMNS)),
            "population": pd.DataFrame(columns=list(POPULATION_COLUMNS)),
        }
    people = exposures(cohort, before, card_weight(card), options.ivig_days)
    effects = [
        *att(within_patient(before, people, thresholds, options.jobs), thresholds, sign_given=True),
        *rises(before, people),
    ]
    return {
        "prior": prior_rows(
            effects,
            estimands,
            Criteria(level=options.level, unit=cohort.igg_unit),
            speaking(people, before),
            speaking(people, before, limited=True),
        ),
        "population": population_rows(
            before, sampling.posterior, sampling.prior_sources, cohort.igg_unit, options.level
        ),
    }


def infused_of(
    cohort: Cohort, extensions: Mapping[Extension, CohortPosterior], card: Card, options: EffectOptions
) -> dict[Extension, list[Exposure]]:
    """The treated patients of each extension's posterior."""
    weight = card_weight(card)
    return {
        name: [one for one in exposures(cohort, posterior, weight, options.ivig_days) if one.treated]
        for name, posterior in extensions.items()
    }


def question(
    cohort: Cohort, card: Card, options: EffectOptions, changes: Sequence[Change], sampling: Sampling
) -> Question:
    """What sensitivity is asked about: effect on nadir, days below and mean, rise, half-life, in the cohort's unit."""
    weight = card_weight(card)
    criteria = Criteria(level=options.level, unit=cohort.igg_unit)
    thresholds = tuple(g_per_l(value, cohort.igg_unit) for value in options.thresholds)

    def quantities_of(posterior: CohortPosterior) -> dict[str, Floats]:
        people = exposures(cohort, posterior, weight, options.ivig_days)
        treated = [one for one in people if one.treated]
        estimands = [*att(within_patient(posterior, treated, thresholds, options.jobs), thresholds, sign_given=True),
                     *rises(posterior, people)]  # fmt: skip
        return {
            column_name(one, criteria.unit): one.in_unit(criteria.unit)
            for one in estimands
            if one.estimated and one.name in ASKED
        }

    people = [change.exposure for change in changes]
    scores = residuals(cohort, sampling.posterior, people, options.seed) if sampling.by_chains else None
    beside = [] if scores is None else beside_residuals(cohort, sampling, weight, options.ivig_days)
    treated = [change for change in changes if change.exposure.treated]
    each = [from_g_per_l(change.difference("nadir"), cohort.igg_unit) for change in treated]
    return Question(
        quantities_of=quantities_of,
        changes=np.array(each).T if each else np.empty((0, 0)),
        members=np.array([change.exposure.place for change in treated], dtype=np.int64),
        people=people,
        misfit=misfit_table(scores, beside),
        found=scores,
        unit=cohort.igg_unit,
        level=options.level,
        seed=options.seed,
        jobs=options.jobs,
    )


def beside_residuals(cohort: Cohort, sampling: Sampling, weight: float, ivig_days: float) -> list[Mapping[str, object]]:
    """The tests of fit that look at a step of all levels, at who was left out, at rises without an infusion, and at the
    rise per gram."""
    patients = len(sampling.posterior.patient_ids) + len(sampling.unexplained)
    rows: list[Mapping[str, object]] = [] if sampling.step is None else [step_row(sampling.step)]
    rows.append(unexplained_row(len(sampling.unexplained), patients))
    if sampling.suspected is not None and sampling.suspected.gaps:
        rows.append(rises_row(sampling.suspected))
    if sampling.prior is None:
        return rows
    people = exposures(cohort, sampling.posterior, weight, ivig_days)
    each = [
        one.draws
        for posterior in (sampling.prior, sampling.posterior)
        for one in rises(posterior, people)
        if one.name == EVIDENCE and one.estimated
    ]
    n_speaking = speaking(people, sampling.posterior)
    if len(each) > 1 and n_speaking:
        rows.append(rise_row(conflict(*each), n_speaking))
    return rows


def extension_table(
    sampling: Sampling,
    changes: Sequence[Change],
    infused: Mapping[Extension, Sequence[Exposure]],
    criteria: Criteria,
    jobs: int,
) -> pd.DataFrame:
    """EXTENSION_COLUMNS: the base model first; nobody infused: no row."""
    rows: list[dict[str, object]] = []
    treated = [change for change in changes if change.exposure.treated]
    models: dict[Extension, Sequence[Change]] = {"base": treated} if treated else {}
    models |= {name: within_patient(sampling.extensions[name], who, (), jobs) for name, who in infused.items() if who}
    for name, model in models.items():
        change = next(att(model, (), sign_given=False))
        row: dict[str, object] = {"model": name, "unit": criteria.unit, "level": criteria.level}
        shown = effect_row(change, criteria)
        row |= {
            f"nadir_change_att{end}": shown[key]
            for end, key in (("", "median"), ("_lower", "lower"), ("_upper", "upper"))
        }
        row["verdict"] = sampling.verdict if name == "base" else sampling.extension_verdicts.get(name, "")
        row["sampler"] = sampling.samplers.get(name, "")
        for ratio in ratios(sampling.extensions, infused):
            if ratio.estimated and ratio.named.extension == name:
                found_ratio = effect_row(ratio, criteria)
                row |= {
                    "ratio": found_ratio["median"],
                    "ratio_lower": found_ratio["lower"],
                    "ratio_upper": found_ratio["upper"],
                    "p_above_1": found_ratio["p_positive"],
                }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(EXTENSION_COLUMNS))


def judged_sampling(sampling: Sampling, estimands: Sequence[Estimand], draws: pd.DataFrame, unit: IggUnit) -> Sampling:
    """The sampling with a row of diagnostics for every estimand, which then decide with the population."""
    if not sampling.by_chains:
        return sampling
    chains = sampling.posterior.error.shape[0]
    each, kept = {}, {}
    for one in estimands:
        if not one.estimated or one.named.part == "ratio":
            continue
        name = column_name(one, unit)
        by_chain = [values.dropna().to_numpy() for _, values in draws.groupby("chain")[name]]
        shortest = min(map(len, by_chain))
        each[name] = np.array([values[:shortest] for values in by_chain])
        if one.draws.size < len(draws):
            kept[name] = shortest * chains
    run = Run(len(draws), sampling.posterior.interrupted, kept)
    table = with_estimands(sampling.diagnostics, each, run)
    said = verdict(table)
    return replace(sampling, diagnostics=table, verdict=verdict_words(said, sampling.sampler), passed=passes(said))


def draw_table(posterior: CohortPosterior, estimands: Sequence[Estimand], criteria: Criteria) -> pd.DataFrame:
    """A row per draw: chain, draw, the population's parameters, every estimand; nan where a draw was left out."""
    chains, draws = posterior.error.shape[:2]
    columns: dict[str, Floats] = {
        "chain": np.repeat(np.arange(chains), draws).astype(float),
        "draw": np.tile(np.arange(draws), chains).astype(float),
    }
    columns |= {name: values.reshape(-1) for name, values in posterior.population.items()}
    for one in estimands:
        if not one.estimated or one.named.part == "ratio":
            continue  # a ratio has draws of its own, which belong to no draw of the base model
        name = column_name(one, criteria.unit)
        values = np.full(chains * draws, np.nan)
        values[slice(None, one.draws.size) if one.places is None else one.places] = one.in_unit(criteria.unit)
        columns[name] = values
    return pd.DataFrame(columns).astype({"chain": int, "draw": int})


def column_name(estimand: Estimand, unit: IggUnit) -> str:
    """An estimand's column in the table of draws: its threshold, where it has one, behind its name."""
    if np.isnan(estimand.threshold):
        return estimand.name
    return f"{estimand.name}_{estimand.threshold / g_per_l(1.0, unit):g}"
