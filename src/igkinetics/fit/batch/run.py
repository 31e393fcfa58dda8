"""A cohort fitted in chunks by compiled code: who can be taken, the chunks, and everyone else by the search for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cards.prior import PatientPrior, patient_prior, reweighed
from igkinetics.cards.scaling import default_structure
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.windows import nadir_window
from igkinetics.errors import InputError
from igkinetics.fit.batch.chunk import describe_range, fill_courses
from igkinetics.fit.batch.drawing import draw_range
from igkinetics.fit.batch.inputs import (
    Classes,
    Entrant,
    Spread,
    how_asked,
    priors_of,
    records_of,
    spread_of,
)
from igkinetics.fit.batch.layout import FITTED, MOST_COMPONENTS, MOST_SLOTS, Found, How, Priors, Records
from igkinetics.fit.batch.points import N_BELOW, N_NADIR
from igkinetics.fit.batch.slots import fit_range
from igkinetics.fit.common_steps import scanned
from igkinetics.fit.nadirs import raw_nadir
from igkinetics.fit.options import FitOptions
from igkinetics.fit.refusal import why_refused
from igkinetics.fit.structures import UNLIKE_IN
from igkinetics.kinetics.parameters import DISPOSITIONS, N_PARAMETERS

OfDispositions = tuple[PatientPrior | None, ...]
Spreads = tuple[Spread | None, ...]
REFERENCE_KG: Final = 70.0
"""Priors are made for this weight once, and moved to each patient's."""
CHUNK: Final = 128
"""Patients at a time: enough that calls and frames cost little, few enough that many threads have work."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Patients fitted together, with what went in and what came out, row by row."""

    entrants: tuple[Entrant, ...]
    records: Records
    priors: Priors
    how: How
    found: Found

    @property
    def fitted(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return self.found.code == FITTED


class Taking:
    """Who of a cohort can be taken, and who is asked about a common step."""

    def __init__(self, cohort: Cohort, card: Card, options: FitOptions) -> None:
        self.cohort, self.card, self.options = cohort, card, options
        self.classes = Classes(default_structure(card), options.prior_weights.others)
        self.scanned = frozenset(scanned(cohort.patient_ids))
        self.priors: dict[tuple[object, ...], tuple[OfDispositions, Spreads] | None] = {}

    def entrant(self, place: int, patient: Patient) -> Entrant | None:
        """None for a patient of whom this path does not know what to say."""
        used = patient.sample_day <= patient.follow_up_end
        window = nadir_window(patient, self.options.window)
        if not used.any() or not window.exists or why_refused(self.cohort, patient, self.card, self.options.residual):
            return None
        try:
            priors, spreads = self.priors_of(patient)
        except InputError:  # the card refuses this patient
            return None
        structures, said = self.classes.of(patient, priors, spreads, float(patient.sample_day[used][-1]))
        entrant = Entrant(
            place=place,
            patient=patient,
            priors=priors,
            spreads=spreads,
            structures=structures,
            notes=(*(priors[structures[0].disposition] or priors[0]).notes, *said),  # type: ignore[union-attr]
            window=window,
            raw=raw_nadir(patient, window),
        )
        known = {*entrant.names}
        ordinary = (
            known & {*UNLIKE_IN} and known & {"C_base", "C_init"} and all(one.scales_fit for one in spreads if one)
        )
        return entrant if ordinary else None

    def priors_of(self, patient: Patient) -> tuple[OfDispositions, Spreads]:
        """By disposition, with their spreads; None where the card has no numbers for it."""
        covariates = patient_covariates_of(self.cohort, patient.patient_id, self.card)
        key = (patient.agents, tuple(covariates.items()))
        if key not in self.priors:  # at one weight, whoever comes first: rounding must not depend on the order
            try:
                made = self.made(patient, covariates, REFERENCE_KG)
                self.priors[key] = made, tuple(None if prior is None else spread_of(prior) for prior in made)
            except InputError:
                self.priors[key] = None
        known = self.priors[key]
        moved = None if known is None else self.moved(known[0], patient.weight_kg)
        if known is not None and moved is not None:
            return moved, known[1]
        own = self.made(patient, covariates, patient.weight_kg)
        return own, tuple(None if prior is None else spread_of(prior) for prior in own)

    def made(self, patient: Patient, covariates: dict[str, float | str], weight_kg: float) -> OfDispositions:
        return tuple(
            patient_prior(
                self.card, weight_kg=weight_kg, agents=patient.agents, disposition=disposition, covariates=covariates
            )
            if disposition in self.card.structure.dispositions
            else None
            for disposition in DISPOSITIONS
        )

    def moved(self, priors: OfDispositions, to_kg: float) -> OfDispositions | None:
        """Priors of another weight, where nothing else changes."""
        found = [None if prior is None else reweighed(self.card, prior, REFERENCE_KG, to_kg) for prior in priors]
        return None if any(a is None and b is not None for a, b in zip(found, priors, strict=True)) else tuple(found)


def fitted_chunk(entrants: Sequence[Entrant], options: FitOptions, unit: str) -> Chunk:
    records, priors = records_of(entrants), priors_of(entrants)
    how = how_asked(entrants, records, options, unit)
    found = room_for(len(entrants), records, how)
    fit_range(0, len(entrants), records, priors, how, found)
    describe_range(0, len(entrants), records, priors, how, found)
    if how.drawn:
        draw_range(0, len(entrants), records, priors, how, found)
    fill_courses(0, len(entrants), records, priors, how, found)
    return Chunk(entrants=tuple(entrants), records=records, priors=priors, how=how, found=found)


def room_for(n: int, records: Records, how: How) -> Found:
    m, t, p = how.n_points, how.thresholds.size, N_PARAMETERS
    sizes = np.diff(records.sample_at) ** 2
    return Found(
        code=np.zeros(n, dtype=np.int64),
        starts=np.zeros((n, 3), dtype=np.int64),
        estimates=np.zeros((n, p, 6)),
        half_lives=np.zeros((n, 2, 3)),
        hessian=np.zeros((n, p, p)),
        slots=np.full((n, MOST_SLOTS, 6), np.nan),
        slot_x=np.zeros((n, MOST_SLOTS, p)),
        n_components=np.zeros(n, dtype=np.int64),
        component_slot=np.empty((n, MOST_COMPONENTS), dtype=np.int64),
        component_mass=np.empty((n, MOST_COMPONENTS)),
        component_x=np.empty((n, MOST_COMPONENTS, p)),
        component_root=np.empty((n, MOST_COMPONENTS, p, p)),
        nadir=np.zeros((n, N_NADIR)),
        curve_nadir=np.zeros((n, 2)),
        below=np.zeros((n, t, N_BELOW)),
        step=np.full((n, 2), np.nan),
        misfit=np.zeros((n, 2)),
        theta=np.zeros((n, p)),
        samples=np.zeros((records.day.size, 5)),
        design=np.zeros((records.day.size, p)),
        pull=np.zeros(records.day.size),
        information=np.zeros(int(sizes.sum())),
        information_at=np.append(0, np.cumsum(sizes)),
        n_days=np.zeros(n, dtype=np.int64),
        curves=np.zeros((int(how.curve_at[-1]), 7)),
        pareto_k=np.full(n, np.nan),
        n_points=np.full(n, m, dtype=np.int64),
        point_theta=np.zeros((n, m, p)),
        point_sd=np.zeros((n, m)),
        point_kind=np.zeros((n, m), dtype=np.int8),
        point_states=np.zeros((n, m, 2)),
        point_slot=np.zeros((n, m), dtype=np.int64),
        point_base=np.zeros((n, m)),
        point_weight=np.zeros((n, m)),
    )
