"""A population followed under every regimen: batch after batch into tallies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from igkinetics.dosing.cases import FITS, About, Cases, Patients, Places
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Progress, Workers
from igkinetics.random_streams import of_patient
from igkinetics.scenarios.engine import Setting, Simulated, assay_noise, most_checks, simulate
from igkinetics.scenarios.mean_interval import MovedMeans, moved_means
from igkinetics.scenarios.tally import (
    Bins,
    OfRegimen,
    Tally,
    Values,
    count_levels,
    fill_quantiles,
    mean_known,
    pooled_rows,
    quantiles_of,
    step_within,
)

DAYS_AT_A_TIME = 32
MEDIAN = np.array([0.5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a population. moved: of each regimen, what draws of the population level do to its means; None
    where nothing is uncertain or the batches' own draws tell it. notes: on how quantiles were made."""

    regimens: list[OfRegimen]
    moved: list[MovedMeans] | None
    n_patients: int
    interrupted: bool
    notes: tuple[str, ...] = ()

    def means(self, place: int, column: int) -> Floats | None:
        """(model, draw): the mean of one regimen under each draw; None: as its tally has it."""
        return None if self.moved is None else self.moved[place].levels(self.regimens[place].tally, column)

    def differences(self, place: int, column: int) -> Floats | None:
        """The same of the difference to the first regimen, around that of the patients who have both."""
        own, first = self.means(place, column), self.means(0, column)
        if own is None or first is None:
            return None
        kept = self.regimens[place]
        apart = kept.tally.means[:, column] - self.regimens[0].tally.means[:, column]
        return np.asarray(own - first + (kept.difference.means[:, column] - apart)[:, None])


def follow(
    patients: Patients,
    regimens: Sequence[Dosing],
    setting: Setting,
    level: float,
    crew: Workers,
    progress: Progress | None = None,
    gathered: Callable[[list[OfRegimen]], None] | None = None,
) -> Followed:
    """Each regimen for everybody; differences are taken against the first regimen, patient by patient.

    After an interruption (Ctrl-C) what the finished batches gave is kept. gathered: is shown what was kept of all
    regimens before quantiles are made of it.
    """
    shares = shares_of(level)
    kept = new_regimens(patients.about, len(regimens), setting, binned=patients.n_batches > 1)
    steps, done, interrupted = patients.n_batches * len(regimens), 0, False
    n_patients = 0
    for index in range(patients.n_batches):
        cases = patients.batch(index)
        noise = noise_of(patients.about, cases, regimens, setting, index)
        first = None
        for own, regimen in zip(kept, regimens, strict=True):
            try:
                simulated = simulate(regimen, cases, noise, setting, crew)
            except KeyboardInterrupt:
                if index == 0:
                    raise
                interrupted = True  # the batch is finished: every regimen is to have the same patients
                simulated = simulate(regimen, cases, noise, setting, crew)
            first = simulated.values if first is None else first
            add(own, simulated, first, cases, patients, shares, crew)
            done += 1
            if progress is not None:
                progress(done, steps)
        n_patients += int(np.unique(cases.patient).size)
        if interrupted:
            break
    if gathered is not None:
        gathered(kept)
    return replace(
        finished(kept, patients.about, shares, n_patients),
        moved=moved(patients, regimens, setting, crew),
        interrupted=interrupted,
    )


def shares_of(level: float) -> Floats:
    """Of the quantiles: median, lower, upper."""
    tail = (1.0 - level) / 2.0
    return np.array([0.5, tail, 1.0 - tail])


def finished(kept: list[OfRegimen], about: About, shares: Floats, n_patients: int) -> Followed:
    """What all batches together gave, with its quantiles."""
    for own in kept:
        finish(own, about.model_weights, shares)
    step = kept[0].values.step if kept else 1
    notes = (f"medians and spreads are those of one in {step} patients",) if step > 1 else ()
    return Followed(regimens=kept, moved=None, n_patients=n_patients, interrupted=False, notes=notes)


def noise_of(about: About, cases: Cases, regimens: Sequence[Dosing], setting: Setting, batch: int) -> Floats:
    """The errors of the checks of a batch: each patient of a fit has a stream of his own, whoever else is there."""
    if about.kind != FITS:
        return assay_noise(cases, regimens, setting, batch)
    n_checks = most_checks(cases, regimens, setting)
    whose = [about.patient_ids[place] for place in np.unique(cases.patient)]
    each = [
        of_patient(setting.seed, name, "scenario checks").standard_normal((n_checks, about.n_draws)) for name in whose
    ]
    return np.ascontiguousarray(np.concatenate(each, axis=1).T)[cases.noise]


def new_regimens(about: About, number: int, setting: Setting, *, binned: bool) -> list[OfRegimen]:
    """Empty tallies. binned: levels by day are counted in bins, as those of several batches have to be."""
    width = setting.columns.width
    models, draws = len(about.model_names), about.n_draws
    step = step_within(models * draws * max(about.n_patients, about.n_in_all), number, width)
    return [
        OfRegimen(
            tally=Tally.empty(models, draws, width),
            difference=Tally.empty(models, draws, width),
            values=Values(step),
            bins=Bins.empty(setting.day.size) if binned or about.kind == FITS else None,
        )
        for _ in range(number)
    ]


def add(
    kept: OfRegimen,
    simulated: Simulated,
    first: Floats,
    cases: Cases,
    patients: Patients,
    shares: Floats,
    crew: Workers,
) -> None:
    """A finished batch. first: values of the first regimen for the same cases."""
    values, weights = simulated.values, patients.about.model_weights
    kept.tally.add(values, cases)
    kept.difference.add(values - first, cases)
    kept.values.add(values, cases)
    pooled = pooled_rows(cases.model, weights)
    if kept.bins is None:
        kept.curve = curve_quantiles(simulated, pooled, shares, crew)
    else:
        count_curves(simulated, pooled, kept.bins, crew)
    if patients.about.patient_ids:  # patients with names are told apart
        for patient in np.unique(cases.patient):
            rows = np.flatnonzero(cases.patient == patient)
            kept.patients[int(patient)] = mean_known(values[rows]), quantiles_of(values, rows, shares)
            kept.patient_curves[int(patient)] = curve_quantiles(simulated, rows, shares, crew)


def finish(kept: OfRegimen, weights: tuple[float, ...], shares: Floats) -> None:
    """Quantiles of all batches."""
    kept.spread, kept.by_model = kept.values.quantiles(shares, weights)
    kept.values = Values(kept.values.step)
    if kept.bins is not None:
        quantities = ((0, shares), (1, MEDIAN), (2, MEDIAN))
        kept.curve = np.concatenate([kept.bins.quantiles(which, wanted) for which, wanted in quantities])
        kept.bins = None


def count_curves(simulated: Simulated, rows: Places, bins: Bins, crew: Workers) -> None:
    """Threads share the days."""

    def work(part: slice) -> None:
        count_levels(
            np.ascontiguousarray(simulated.endogenous[:, part]),
            np.ascontiguousarray(simulated.infused[:, part]),
            rows,
            part.start,
            bins.counts,
        )

    crew.over(simulated.endogenous.shape[1], DAYS_AT_A_TIME, work)


def curve_quantiles(simulated: Simulated, rows: Places, shares: Floats, crew: Workers) -> Floats:
    """(5, day), see OfRegimen; g/L. Threads share the days."""
    n_day = simulated.endogenous.shape[1]
    quantiles = np.empty((5, n_day))

    def work(part: slice) -> None:
        endogenous, infused = simulated.endogenous[:, part], simulated.infused[:, part]
        for places, values, wanted in (
            (slice(0, 3), endogenous + infused, shares),
            (slice(3, 4), endogenous, MEDIAN),
            (slice(4, 5), infused, MEDIAN),
        ):
            of_part = np.empty((wanted.size, values.shape[1]))
            fill_quantiles(np.ascontiguousarray(values), rows, wanted, of_part)
            quantiles[places, part] = of_part

    crew.over(n_day, DAYS_AT_A_TIME, work)
    return quantiles


def moved(patients: Patients, regimens: Sequence[Dosing], setting: Setting, crew: Workers) -> list[MovedMeans] | None:
    """What draws of the population level do to the means: outcomes only, see virtual.uncertainty."""
    uncertain = patients.uncertain()
    if uncertain is None:
        return None
    alone = replace(setting, day=np.empty(0))
    noise = assay_noise(uncertain.cases, regimens, alone, 0)
    is_share = [outcome.is_share for outcome in setting.columns.all]
    return [
        moved_means(simulate(regimen, uncertain.cases, noise, alone, crew).values, uncertain, is_share, crew)
        for regimen in regimens
    ]
