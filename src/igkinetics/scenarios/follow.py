"""A population followed under every regimen: batch after batch into tallies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igkinetics.dosing.cases import Cases, People, Places
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Progress, Workers
from igkinetics.scenarios.engine import Setting, Simulated, assay_noise, simulate
from igkinetics.scenarios.tally import OfRegimen, Spread, Tally, fill_quantiles, pooled_rows, quantiles_of

DAYS_AT_A_TIME = 32
MEDIAN = np.array([0.5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a population. uncertain: of each regimen, and its difference, by draw of typical values, draw 0
    being the typical values themselves; None where nothing is uncertain or the batches' own draws tell it."""

    regimens: list[OfRegimen]
    uncertain: list[tuple[Tally, Tally]] | None
    n_patients: int
    interrupted: bool


def follow(
    people: People, regimens: Sequence[Dosing], setting: Setting, level: float, crew: Workers,
    progress: Progress | None = None,
) -> Followed:  # fmt: skip
    """Each regimen for everybody; differences are taken against the first regimen, patient by patient.

    After an interruption (Ctrl-C) what the finished batches gave is kept.
    """
    tail = (1.0 - level) / 2.0
    shares = np.array([0.5, tail, 1.0 - tail])
    about, width = people.about, setting.columns.width
    kept = [new_regimen(len(about.model_names), about.n_draws, width) for _ in regimens]
    steps, done, interrupted = people.n_batches * len(regimens), 0, False
    n_patients = 0
    for place in range(people.n_batches):
        cases = people.batch(place)
        noise = assay_noise(cases, regimens, setting, place)
        try:
            found = []
            for regimen in regimens:
                simulated = simulate(regimen, cases, noise, setting, crew)
                found.append(summarised(simulated, cases, about.model_weights, shares, named(people), crew))
                done += 1
                if progress is not None:
                    progress(done, steps)
        except KeyboardInterrupt:
            if place == 0:
                raise
            interrupted = True
            break
        for own, summary in zip(kept, found, strict=True):
            add(own, summary, found[0].values, cases)
        n_patients += int(np.unique(cases.patient).size)
    return Followed(regimens=kept, uncertain=uncertain(people, regimens, setting, crew), n_patients=n_patients,
                    interrupted=interrupted)  # fmt: skip


def named(people: People) -> bool:
    """Whether its patients have names, so that each is told apart."""
    return bool(people.about.patient_ids)


def new_regimen(models: int, draws: int, width: int) -> OfRegimen:
    zero = np.zeros(1)
    return OfRegimen(
        tally=Tally.empty(models, draws, width), difference=Tally.empty(models, draws, width), spread=Spread(zero),
        by_model=[Spread(zero) for _ in range(models)], curve=Spread(zero), medians=Spread(zero),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One regimen in one batch. spread, by_model: quantiles (3, column); curve (5, day): median, lower, upper of the
    total, medians of endogenous and infused, g/L; patients as in OfRegimen."""

    values: Floats
    spread: Floats
    by_model: list[Floats]
    curve: Floats
    patients: dict[int, tuple[Floats, Floats]]
    patient_curves: dict[int, Floats]


def summarised(
    simulated: Simulated, cases: Cases, weights: tuple[float, ...], shares: Floats, with_names: bool, crew: Workers
) -> Summary:
    values = simulated.values
    pooled = pooled_rows(cases, weights)
    own: dict[int, Places] = {}
    if with_names:
        own = {int(patient): np.flatnonzero(cases.patient == patient) for patient in np.unique(cases.patient)}
    return Summary(
        values=values,
        spread=quantiles_of(values, pooled, shares),
        by_model=[quantiles_of(values, np.flatnonzero(cases.model == k), shares) for k in range(len(weights))],
        curve=curve_quantiles(simulated, pooled, shares, crew),
        patients={who: (values[rows].mean(axis=0), quantiles_of(values, rows, shares)) for who, rows in own.items()},
        patient_curves={who: curve_quantiles(simulated, rows, shares, crew) for who, rows in own.items()},
    )


def curve_quantiles(simulated: Simulated, rows: Places, shares: Floats, crew: Workers) -> Floats:
    """(5, day), see Summary; g/L. Threads share the days."""
    n_day = simulated.endogenous.shape[1]
    quantiles = np.empty((5, n_day))

    def work(part: slice) -> None:
        endogenous, infused = simulated.endogenous[:, part], simulated.infused[:, part]
        for places, values, wanted in (
            (slice(0, 3), endogenous + infused, shares),
            (slice(3, 4), endogenous, MEDIAN),
            (slice(4, 5), infused, MEDIAN),
        ):  # fmt: skip
            found = np.empty((wanted.size, values.shape[1]))
            fill_quantiles(np.ascontiguousarray(values), rows, wanted, found)
            quantiles[places, part] = found

    crew.over(n_day, DAYS_AT_A_TIME, work)
    return quantiles


def add(kept: OfRegimen, found: Summary, first: Floats, cases: Cases) -> None:
    """A finished batch. first: values of the first regimen for the same cases."""
    n = float(len(cases))
    kept.tally.add(found.values, cases)
    kept.difference.add(found.values - first, cases)
    kept.spread.add(found.spread, n)
    for spread, quantiles in zip(kept.by_model, found.by_model, strict=True):
        spread.add(quantiles, n)
    kept.curve.add(found.curve[:3], n)
    kept.medians.add(found.curve[3:], n)
    kept.patients |= found.patients
    kept.patient_curves |= found.patient_curves


def uncertain(
    people: People, regimens: Sequence[Dosing], setting: Setting, crew: Workers
) -> list[tuple[Tally, Tally]] | None:
    """The few patients under many draws of the typical values: outcomes only."""
    cases = people.uncertain()
    if cases is None:
        return None
    alone = Setting(from_day=setting.from_day, horizon_day=setting.horizon_day, columns=setting.columns,
                    day=np.empty(0), seed=setting.seed)  # fmt: skip
    noise = assay_noise(cases, regimens, alone, 0)
    draws, models = int(cases.draw.max()) + 1, len(people.about.model_names)
    found, first = [], None
    for regimen in regimens:
        values = simulate(regimen, cases, noise, alone, crew).values
        first = values if first is None else first
        tallies = Tally.empty(models, draws, values.shape[1]), Tally.empty(models, draws, values.shape[1])
        tallies[0].add(values, cases)
        tallies[1].add(values - first, cases)
        found.append(tallies)
    return found
