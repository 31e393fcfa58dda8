"""`igk.fit_cohort`: every patient of a cohort fitted; the tables are asked of the fits (see fit/tables.py)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import patient_prior, patient_typical, residual_error_of
from igkinetics.cards.scaling import default_structure, supported_disposition
from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.errors import InputError, Problem, call_error, told_error
from igkinetics.fit.asked import LEVELS, OF_DISPOSITION, prior_lookup, settings_of
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.learning import learnt_for_fit
from igkinetics.fit.options import FitOptions
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.result import PatientFit, Status
from igkinetics.fit.stack import stacked
from igkinetics.fit.tables import PatientTables, bare_tables, cohort_tables, patient_tables
from igkinetics.kinetics.parameters import PARAMETER_UNITS
from igkinetics.parallel import Progress, as_far_as_reached

INTERRUPTED = "interrupted before this patient was reached"
NOT_TRIED: tuple[Status, ...] = ("set_aside", "failed")
MOST_NAMED = 8
FAR_FROM_CARD: Final = 30.0
"""Times: volumes and clearances in mL are a thousand times those in L; a newborn's are a twentieth of an adult's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """One patient's fit with what it gives to the tables."""

    fit: PatientFit
    tables: PatientTables


def fit_cohort(
    cohort: Cohort, options: FitOptions | None = None, progress: Progress | None = None, **choices: Any
) -> CohortFit:
    """Fit every patient: `fit_cohort(cohort, thresholds=[400], jobs=4)`. progress(done, of) is called after each one.

    choices: those of FitOptions, which see; given beside `options`, they take the place of its own. Order of patients
    and number of jobs change no number; with average="alone" nor do the other patients. InputError for choices that
    cannot be carried out, and when the card cannot be read or has no numbers for the structure's disposition.
    docs/model.md 3.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]}
    >>> therapy = {"patient_id": ["A"], "start": [0], "stop": [40], "agent": ["blinatumomab"]}
    >>> cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    >>> fits = igk.fit_cohort(cohort, thresholds=[400], draws=200)
    >>> fits.nadir[["patient_id", "raw_nadir", "unit", "status"]].values.tolist()
    [['A', 390.0, 'mg/dL', 'fitted']]
    >>> fits.nadirs(window=(0, 40))["window_end"].tolist()
    [40]
    """
    options = chosen(FitOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    began = time.perf_counter()
    cards = [(load_card(name), share) for name, share in options.cards.items()]
    levels = {f"fix {name}": value for name, value in options.fix.items() if name in LEVELS}
    refuse_out_of_proportion(cohort, thresholds=options.thresholds, levels=levels, window=options.window)
    for card, _ in cards:
        residual_error_of(card)
        disposition = supported_disposition(card, (options.structure or default_structure(card)).split("/")[0])
        refuse_far_from_card(cohort, card, disposition, options.fix)
    options, learnt = learnt_for_fit(cohort, options)
    made = fitted_at_once(cohort, cards[0][0], options, progress)
    if made is None:
        made = fitted_one_by_one(cohort, cards, options, progress)
    return CohortFit(
        cohort=cohort,
        fits=made.fits,
        left=made.left,
        card_ids={card.id: card.sha256 for card, _ in cards},
        options=options,
        notes=(*cohort.notes, *fixed_notes(cohort, options), *interval_notes(options), *learnt, *fit_notes(made.noted)),
        seconds=time.perf_counter() - began,
        interrupted=made.interrupted,
        finished=datetime.now(UTC),
        **made.tables,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """All patients' fits and tables, those of whom something is to be said, and how many were left to the search for
    one patient, with why."""

    fits: Sequence[PatientFit]
    tables: dict[str, Any]
    noted: Sequence[Noted]
    interrupted: bool
    left: dict[str, int] = field(default_factory=dict)


def fitted_at_once(cohort: Cohort, card: Card, options: FitOptions, progress: Progress | None) -> Made | None:
    """A large cohort in chunks; None where the options ask for what only the search for one patient does."""
    if not options.in_chunks(cohort.n_patients):
        return None
    from igkinetics.fit.batch.whole import fit_in_chunks  # here, for its kernels are compiled for large cohorts alone

    found = fit_in_chunks(cohort, card, options, progress)
    return Made(fits=found.fits, tables=found.tables, noted=found.noted, interrupted=found.interrupted, left=found.left)


def fitted_one_by_one(
    cohort: Cohort, cards: Sequence[tuple[Card, float]], options: FitOptions, progress: Progress | None
) -> Made:
    patients = list(cohort.each_patient())
    tasks = [partial(patient_result, cohort, patient, cards, options) for patient in patients]
    reached = as_far_as_reached(tasks, options.jobs, progress)
    results = [
        reached.results[place]
        if place in reached.results
        else with_tables(cohort, unfitted(patient, cards[0][0], "set_aside", INTERRUPTED), options)
        for place, patient in enumerate(patients)
    ]
    tried = [result.fit for result in results if result.fit.status not in NOT_TRIED]
    tables = cohort_tables(cohort, tried, [result.tables for result in results], options)
    fits = tuple(result.fit for result in results)
    return Made(fits=fits, tables=tables, noted=tried, interrupted=reached.interrupted)


def patient_result(
    cohort: Cohort, patient: Patient, cards: Sequence[tuple[Card, float]], options: FitOptions
) -> PatientResult:
    """One patient's fit and tables; an error of ours becomes one too, for it must not cost all others their fits."""
    try:
        fits = [(fit_of(cohort, patient, card, options), share) for card, share in cards]
        return with_tables(cohort, stacked(fits, options.draws, options.seed), options)
    except Exception as error:  # noqa: BLE001 (told in the row and on stderr; the run ends with exit status 1)
        fit = unfitted(patient, cards[0][0], "failed", told_error(error))
        return PatientResult(fit=fit, tables=bare_tables(cohort, fit, options))


def with_tables(cohort: Cohort, fit: PatientFit, options: FitOptions) -> PatientResult:
    return PatientResult(fit=fit, tables=patient_tables(cohort, fit, options))


def fit_of(cohort: Cohort, patient: Patient, card: Card, options: FitOptions) -> PatientFit:
    """Fit one patient, or say why not: a patient set aside, outside the card's limits, or beyond its routes."""
    if reason := why_refused(cohort, patient, card, options.residual):
        return unfitted(patient, card, "set_aside", reason)
    try:
        return fit_patient(patient, prior_lookup(cohort, patient, card, options), settings_of(cohort, card, options))
    except InputError as error:  # the card refuses this patient: weight outside its hard limits, no height
        return unfitted(patient, card, "set_aside", "; ".join(map(str, error.problems)))


def refuse_far_from_card(cohort: Cohort, card: Card, disposition: str, fixed: Mapping[str, float]) -> None:
    """InputError for volumes and clearances to be fixed that no patient of the card's kind has, as in mL."""
    held = {name: fixed[name] for name in ("CL", *OF_DISPOSITION) if name in fixed}
    typical = first_typical(cohort, card, disposition) if held else {}
    problems = []
    for name, value in held.items():
        usual = typical.get(name, np.nan)
        if value > 0 and not usual / FAR_FROM_CARD <= value <= usual * FAR_FROM_CARD and usual > 0:
            expected = f"is in {PARAMETER_UNITS[name]}, and {card.id} has {usual:.3g} for a patient of this cohort"
            problems.append(Problem(file="call", column=f"fix {name}", found=f"{value:g}", expected=expected))
    if problems:
        raise InputError(problems)


def first_typical(cohort: Cohort, card: Card, disposition: str) -> dict[str, float]:
    """The card's typical values for the first patient of whom all is known that they need; none without one."""
    for name in cohort.patient_ids:
        with suppress(InputError):
            known = patient_covariates_of(cohort, name, card)
            return patient_typical(card, cohort.patient(name).weight_kg, (), disposition, known)[1]
    return {}


def unfitted(patient: Patient, card: Card, status: Status, reason: str) -> PatientFit:
    """A patient for whom no fit was tried, or whose fit ended in an error."""
    prior = patient_prior(card, weight_kg=np.nan, agents=(), disposition=card.structure.dispositions[0])
    return PatientFit(patient=patient, prior=prior, status=status, reason=reason)


def fixed_notes(cohort: Cohort, options: FitOptions) -> list[str]:
    """What the options fix, in words; nothing where they fix nothing."""
    if not options.fix:
        return []
    units = PARAMETER_UNITS | dict.fromkeys(LEVELS, cohort.igg_unit) | {"C_init_ratio": "1"}
    said = [f"{name} = {value:g} {units[name]}".removesuffix(" 1") for name, value in options.fix.items()]
    return [f"fixed by the call in every patient: {', '.join(said)}"]


LAPLACE_COSTS: Final = (
    "intervals rest on a few hundred weighted points, not on draws: among simulated patients an end of a nadir's "
    "interval lies off that of draws by 0.05 of the interval's width in the median, and by 0.15 or more in one of 20; "
    "take --intervals draws for the level of one patient"
)


def interval_notes(options: FitOptions) -> list[str]:
    """What intervals without draws cost; nothing with draws."""
    return [LAPLACE_COSTS] if options.intervals == "laplace" else []


class Noted(Protocol):
    """What was made for one patient, with what is to be said about it."""

    @property
    def patient(self) -> Patient: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


def fit_notes(fits: Sequence[Noted]) -> list[str]:
    """What was said of single patients, once, with whom it concerns."""
    concerned: dict[str, list[str]] = {}
    for fit in fits:
        for note in fit.notes:
            concerned.setdefault(note, []).append(fit.patient.patient_id)
    return [
        f"{note} ({len(who)} of {len(fits)} patients: {', '.join(who[:MOST_NAMED])}"
        f"{', ...' if len(who) > MOST_NAMED else ''})"
        for note, who in concerned.items()
    ]
