"""What one reader has on the desk: a cohort, edited records, a card; fits are made when asked for, and kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from igkinetics.app.records import Record, cohort_of, merged, record_of
from igkinetics.app.whatif import Patient, Plan
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.learning import Evidence, asked_of, evidence_in, learns, weighed
from igkinetics.fit.options import DEFAULT_CARD, FitOptions
from igkinetics.fit.weights import FIT, FIT_AT_LEAST

Weights = tuple[float, ...]
MOST_LISTED: Final = 200
"""Patients that one search lists."""
MOST_KEPT: Final = 50
"""Fits and plans kept at a time."""


@dataclass(slots=True)
class Desk:
    """The state of one page. Nothing of it is written anywhere."""

    cohort: Cohort | None = None
    card: str = DEFAULT_CARD
    options: FitOptions = field(default_factory=lambda: FitOptions(jobs=1, engine="batch"))
    """Of every fit, but for its card: the same numbers as with lmfit's cross-check, which takes a second to load."""
    edited: dict[str, Cohort] = field(default_factory=dict)
    fits: dict[tuple[str, str, Weights], CohortFit] = field(default_factory=dict)
    planned: dict[tuple[str, str, Weights, Plan], Patient] = field(default_factory=dict)
    evidence: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    """Of each patient under each card, for the weights of the average."""
    weighed: dict[str, FitOptions] = field(default_factory=dict)
    """Options of every fit with a card, with these weights."""

    def open(self, cohort: Cohort) -> None:
        """Another cohort; edits of the one before are dropped."""
        self.cohort = cohort
        self.edited, self.fits, self.planned, self.evidence, self.weighed = {}, {}, {}, {}, {}

    @property
    def whole(self) -> Cohort | None:
        """The cohort with its edits."""
        return None if self.cohort is None else merged(self.cohort, self.edited)

    @property
    def patient_ids(self) -> tuple[str, ...]:
        if self.cohort is None:
            return ()
        return tuple(dict.fromkeys([*self.cohort.patient_ids, *self.edited]))

    @property
    def first_followed(self) -> str:
        """The patient to begin with: the first who is still followed, of those that a list shows."""
        if self.cohort is None:
            return ""
        names = self.cohort.patient_ids[:MOST_LISTED]
        followed = (name for name in names if np.isinf(self.cohort.patient(name).follow_up_end))
        return next(followed, "".join(names[:1]))

    def of(self, patient_id: str) -> Cohort:
        """The cohort of this patient alone, as edited. KeyError when nobody has this id."""
        if patient_id in self.edited:
            return self.edited[patient_id]
        if self.cohort is None:
            raise KeyError(patient_id)
        return self.cohort.only(patient_id)

    def record(self, patient_id: str) -> Record:
        return record_of(self.of(patient_id), patient_id)

    def edit(self, record: Record, igg_unit: str) -> None:
        """Take this record in place of the patient's own, or as a new patient. InputError with all that is wrong."""
        like = self.cohort
        if record.patient_id in self.edited:
            like = self.edited[record.patient_id]
        own = cohort_of(record, like, igg_unit if like is None else like.igg_unit)
        if self.cohort is None:
            self.cohort = own
        self.edited[record.patient_id] = own
        self.forget(record.patient_id)

    def undo(self, patient_id: str) -> None:
        """Back to the record as it was opened."""
        if self.cohort is not None and patient_id in self.cohort.patient_ids:
            self.edited.pop(patient_id, None)
            self.forget(patient_id)

    def forget(self, patient_id: str) -> None:
        self.fits = {key: fit for key, fit in self.fits.items() if key[0] != patient_id}
        self.planned = {key: one for key, one in self.planned.items() if key[0] != patient_id}
        self.evidence = {key: one for key, one in self.evidence.items() if key[0] != patient_id}
        self.weighed = {}

    @property
    def asked(self) -> FitOptions:
        """Of every fit: the card, and the weights of the average that all records on the desk call for."""
        if self.card not in self.weighed:
            options = replace(self.options, card=self.card)
            names = asked_of(self.patient_ids)
            if self.cohort is not None and learns(options, len(names)):
                card = load_card(self.card)
                for name in names:
                    if (name, self.card) not in self.evidence:
                        own = self.edited.get(name, self.cohort)
                        self.evidence[name, self.card] = evidence_in(own, name, card, options)
                options, _ = weighed(options, [self.evidence[name, self.card] for name in names], FIT, FIT_AT_LEAST)
            self.weighed[self.card] = options
        return self.weighed[self.card]

    @property
    def weights(self) -> Weights:
        return tuple(self.asked.average_weights.values())

    def fit(self, patient_id: str) -> CohortFit:
        """The patient's fit, as `igkinetics fit` makes it of the whole cohort as it lies on the desk."""
        key = (patient_id, self.card, self.weights)
        if key not in self.fits:
            self.fits = dict(list(self.fits.items())[-MOST_KEPT:])
            self.fits[key] = fit_cohort(self.of(patient_id), self.asked)
        return self.fits[key]

    def plan(self, patient_id: str, plan: Plan) -> Patient:
        """The fitted patient with a plan, ready to be asked about regimens."""
        key = (patient_id, self.card, self.weights, plan)
        if key not in self.planned:
            self.planned = dict(list(self.planned.items())[-MOST_KEPT:])
            self.planned[key] = Patient(self.fit(patient_id), patient_id, plan)
        return self.planned[key]
