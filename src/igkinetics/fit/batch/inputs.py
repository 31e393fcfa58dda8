"""Patients of a chunk as the kernels take them: records in ragged arrays, priors of every structure side by side."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.cards.prior import PatientPrior
from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import Window
from igkinetics.errors import InputError
from igkinetics.fit.allowed_structures import PriorOf, possible_production, possible_structures, why_without_weight
from igkinetics.fit.batch.layout import How, Priors, Records
from igkinetics.fit.laplace import even_normal
from igkinetics.fit.nadirs import RawNadir
from igkinetics.fit.options import FitOptions
from igkinetics.fit.problem import PRIOR_NAME, estimated_names
from igkinetics.fit.weights import DRIFT_SDS
from igkinetics.kinetics.parameters import (
    C_INIT,
    DISPOSITIONS,
    INDEX,
    K_LOSS,
    N_PARAMETERS,
    PARAMETERS,
    STRUCTURES,
    Floats,
    needed_parameters,
)
from igkinetics.kinetics.schedule import Schedule, assemble_segments
from igkinetics.scales import SHARES
from igkinetics.units import g_per_l

N_POINTS: Final = 192
"""Of one patient, evenly spread (see docs/guide/size.md for what fewer or more would say); whole blocks of curves."""
MOST_STRUCTURES: Final = len(STRUCTURES)
LOGITS: Final = np.array([name in SHARES for name in PARAMETERS])
PRIOR_NAMES: Final = tuple(PRIOR_NAME.get(name, name) for name in PARAMETERS)
NO_THERAPY: Final = np.empty((0, 2))
NOTHING_MODIFIED: Final = np.array([np.inf, np.inf])
BASE: Final = np.array([np.nan, np.nan, 0, 1, np.nan, np.nan, np.nan, np.nan, 0, 0, 0, 1, 1], dtype=float)
"""The parameter vector where a structure asks for nothing (see parameter_vector)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One structure as patients of one class have it: its place among the dispositions, parameters estimated, those
    read, prior weight and what is said of it."""

    name: str
    disposition: int
    free: npt.NDArray[np.int64]
    read: npt.NDArray[np.bool_]
    prior_weight: float
    note: str

    @property
    def production(self) -> str:
        return self.name.split("/")[1]


@dataclass(frozen=True, slots=True)
class Spread:
    """What priors that differ in typical values alone have in common: SD of each parameter, which of them vary, and
    whether those do so on the scales on which the kernels estimate them."""

    sds: tuple[float, ...]
    varies: tuple[bool, ...]
    scales_fit: bool


def spread_of(prior: PatientPrior) -> Spread:
    sds = tuple(prior.sd(name) for name in PRIOR_NAMES)
    fit = not prior.clearance_follows_volume and all(
        prior.scale[name] == ("logit" if name in SHARES else "log")
        for name, sd in zip(PRIOR_NAMES, sds, strict=True)
        if sd > 0
    )
    return Spread(sds, tuple(sd > 0 for sd in sds), fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A patient whom the batch can take: record, priors and their spreads by disposition (None where the card has no
    numbers), the structures of its class (the fitted one first), notes, window and lowest value measured."""

    place: int
    patient: Patient
    priors: tuple[PatientPrior | None, ...]
    spreads: tuple[Spread | None, ...]
    structures: tuple[Structure, ...]
    notes: tuple[str, ...]
    window: Window
    raw: RawNadir

    @property
    def prior(self) -> PatientPrior:
        """That of the fitted structure."""
        own = self.priors[self.structures[0].disposition]
        if own is None:
            raise AssertionError(f"no prior for {self.structures[0].name}")
        return own

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(PARAMETERS[place] for place in self.structures[0].free)


class Classes:
    """The structures of patients whose records and priors have the same form, worked out once for each form."""

    def __init__(self, structure: str, others: float) -> None:
        self.disposition, self.production = structure.split("/")
        self.others = others
        self.known: dict[tuple[object, ...], tuple[tuple[Structure, ...], tuple[str, ...]]] = {}

    def of(
        self,
        patient: Patient,
        priors: tuple[PatientPrior | None, ...],
        spreads: tuple[Spread | None, ...],
        last_day: float,
    ) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
        """Structures, and what is said of the fitted one."""
        started = patient.therapy_start < last_day
        form = (
            patient.therapy_start.size > 0,
            bool(started.any()),
            bool(started.any()) and bool(patient.therapy_stop[0] >= last_day),
            bool(patient.dose_is_sc.any()),
            *(None if prior is None else prior.production for prior in priors),
            *(None if spread is None else spread.varies for spread in spreads),
        )
        if form not in self.known:
            self.known[form] = self._worked_out(patient, priors, last_day)
        return self.known[form]

    def _worked_out(
        self, patient: Patient, priors: tuple[PatientPrior | None, ...], last_day: float
    ) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
        prior_of = given(priors)
        own = prior_of(patient, self.disposition)
        production, said = possible_production(patient, own, self.production)
        model = f"{self.disposition}/{production}"
        others = [pair for pair in possible_structures(patient, prior_of) if pair[0] != model]
        others.sort(key=lambda pair: STRUCTURES.index(pair[0]))
        notes = why_without_weight(patient, model, own, others, last_day)
        distinct = sum(not note for note in notes)
        weights = [0.0 if note else self.others / distinct for note in notes]
        rows = [(model, own, 0.0, ""), *((*pair, w, n) for pair, w, n in zip(others, weights, notes, strict=True))]
        subcutaneous = bool(patient.dose_is_sc.any())
        return tuple(structure_of(*row, subcutaneous=subcutaneous) for row in rows), tuple(said)


def structure_of(name: str, prior: PatientPrior, weight: float, note: str, *, subcutaneous: bool) -> Structure:
    disposition, production = name.split("/")
    names = estimated_names(prior, disposition, production, subcutaneous=subcutaneous)
    read = {*needed_parameters(disposition, production), "ka", "F", "clearance_ratio", "production_ratio"}
    return Structure(
        name=name,
        disposition=DISPOSITIONS.index(disposition),
        free=np.array([INDEX[one] for one in names], dtype=np.int64),
        read=np.array([one in read for one in PARAMETERS]),
        prior_weight=weight,
        note=note,
    )


def given(priors: tuple[PatientPrior | None, ...]) -> PriorOf:
    """The priors of one patient, by disposition, as they are asked for one patient at a time."""

    def prior_of(_: Patient, disposition: str) -> PatientPrior:
        prior = priors[DISPOSITIONS.index(disposition)]
        if prior is None:
            raise InputError([])
        return prior

    return prior_of


def records_of(entrants: Sequence[Entrant]) -> Records:
    patients = [entrant.patient for entrant in entrants]
    kept = [patient.sample_day <= patient.follow_up_end for patient in patients]

    def ragged(columns: list[Floats]) -> tuple[npt.NDArray[np.int64], Floats]:
        sizes = np.array([len(column) for column in columns], dtype=np.int64)
        return np.append(0, np.cumsum(sizes)), np.ascontiguousarray(np.concatenate(columns))

    sample_at, day = ragged([patient.sample_day[own] for patient, own in zip(patients, kept, strict=True)])
    own_doses = [
        np.column_stack([p.dose_day, p.dose_g, p.dose_duration_day, p.dose_is_sc]).astype(float) for p in patients
    ]
    dose_at, doses = ragged(own_doses)
    starts = [patient.start_day for patient in patients]
    schedules = [
        (
            schedule_of(start, own, np.column_stack([patient.therapy_start, patient.therapy_stop])),
            schedule_of(start, own, NO_THERAPY),
        )
        for patient, start, own in zip(patients, starts, own_doses, strict=True)
    ]
    schedule_at, schedule = ragged([with_therapy for with_therapy, _ in schedules])
    bare_at, bare = ragged([without for _, without in schedules])
    return Records(
        sample_at=sample_at,
        day=day,
        igg=np.concatenate([patient.sample_igg[own] for patient, own in zip(patients, kept, strict=True)]),
        limit=np.concatenate([patient.sample_limit[own] for patient, own in zip(patients, kept, strict=True)]),
        dose_at=dose_at,
        doses=doses,
        schedule_at=schedule_at,
        schedule=schedule,
        bare_at=bare_at,
        bare=bare,
        start_day=np.array(starts),
    )


def schedule_of(start_day: float, doses: Floats, therapy: Floats) -> Schedule:
    """Segments of a patient's course (see build_schedule); without those of therapy where a structure does not heed
    it. doses (n, 4), therapy (m, 2)."""
    earliest = min([start_day, *doses[:, 0], *therapy[:, 0]])
    if earliest < start_day:
        raise AssertionError(f"an event on day {earliest} lies before the start of the state, day {start_day}")
    return assemble_segments(float(start_day), doses, therapy.astype(float), NOTHING_MODIFIED)


def priors_of(entrants: Sequence[Entrant]) -> Priors:
    n = len(entrants)
    shape = (n, MOST_STRUCTURES)
    typical, spread = np.full((n, 2, N_PARAMETERS), np.nan), np.zeros((n, 2, N_PARAMETERS))
    for i, entrant in enumerate(entrants):
        for d, (prior, known) in enumerate(zip(entrant.priors, entrant.spreads, strict=True)):
            if prior is not None and known is not None:
                typical[i, d], spread[i, d] = [prior.typical[name] for name in PRIOR_NAMES], known.sds
    with np.errstate(divide="ignore", invalid="ignore"):  # what is not estimated may lie at the end of its scale
        scaled = np.where(LOGITS, np.log(typical / (1.0 - typical)), np.log(typical))
    priors = Priors(
        n_structures=np.array([len(entrant.structures) for entrant in entrants], dtype=np.int64),
        p=np.zeros(shape, dtype=np.int64),
        free=np.zeros((*shape, N_PARAMETERS), dtype=np.int64),
        fixed=np.empty((*shape, N_PARAMETERS)),
        mu=np.zeros((*shape, N_PARAMETERS)),
        sd=np.ones((*shape, N_PARAMETERS)),
        ignores_therapy=np.zeros(shape, dtype=bool),
        disposition=np.zeros(shape, dtype=np.int64),
        weight=np.zeros(shape),
        a=entrants[0].prior.additive_g_per_l,
        b=entrants[0].prior.proportional,
    )
    members: dict[int, list[int]] = {}
    for i, entrant in enumerate(entrants):
        members.setdefault(id(entrant.structures), []).append(i)
    for places in members.values():
        own = np.array(places)
        for s, structure in enumerate(entrants[places[0]].structures):
            d, p = structure.disposition, structure.free.size
            priors.p[own, s], priors.disposition[own, s], priors.weight[own, s] = p, d, structure.prior_weight
            priors.ignores_therapy[own, s] = structure.production == "constant"
            priors.free[own, s, :p] = structure.free
            priors.mu[own, s, :p] = scaled[own, d][:, structure.free]
            priors.sd[own, s, :p] = spread[own, d][:, structure.free]
            read = structure.read & ~np.isnan(typical[own, d])
            fixed = np.where(read, typical[own, d], BASE)
            fixed[:, C_INIT] = typical[own, d, C_INIT]
            if structure.production == "step_loss":
                fixed[:, K_LOSS] = np.inf
            priors.fixed[own, s] = fixed
    return priors


@cache
def even_table(n: int) -> Floats:
    """Row k (n + 1, n): k evenly spread normal numbers."""
    table = np.zeros((n + 1, n))
    for k in range(1, n + 1):
        table[k, :k] = even_normal(k)
    return table


def how_asked(entrants: Sequence[Entrant], records: Records, options: FitOptions, unit: str) -> How:
    weights = options.prior_weights
    tail = (1.0 - options.level) / 2.0
    windows = np.array([(one.window.start, one.window.end) for one in entrants])
    windows = np.maximum(windows, records.start_day[:, None])
    daily = np.maximum(np.ceil(windows[:, 1] - records.start_day), 0.0).astype(np.int64)
    most_days = daily + 2 + np.diff(records.sample_at) + 2 * np.diff(records.dose_at)
    n_drift = len(DRIFT_SDS) if options.drift else 1
    drawn = options.intervals == "draws"
    n_points = options.draws if drawn else min(options.draws, N_POINTS)
    return How(
        drift_sds=np.array(DRIFT_SDS[:n_drift]),
        drift_prior=np.array(weights.drift[:n_drift]),
        unlike=weights.unlike,
        heavy=weights.heavy,
        drawn=drawn,
        n_points=n_points,
        even=even_normal(n_points)[None, :] if drawn else even_table(n_points),
        tail=tail,
        thresholds=np.array([g_per_l(value, unit) for value in options.thresholds]),  # type: ignore[arg-type]
        windows=windows,
        observed=np.array([entrant.raw.value for entrant in entrants]),
        seeds=np.array([seed_of(options.seed, entrant.patient.patient_id) for entrant in entrants], dtype=np.uint64),
        curve_at=np.append(0, np.cumsum(most_days)),
    )


def seed_of(seed: int, patient_id: str) -> int:
    """Of a patient's own random numbers, which depend on nobody else of the cohort."""
    return (zlib.crc32(patient_id.encode()) << 32) ^ zlib.crc32(f"batch {seed}".encode())
