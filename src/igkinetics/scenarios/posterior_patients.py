"""Patients of a posterior: one fitted patient, or a cohort's own, each with draws of the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.cards.load import list_cards
from igkinetics.dosing.cases import FITS, About, Cases, DaysFrom
from igkinetics.errors import InputError, Problem, counted
from igkinetics.fit.courses import NODE_DAYS, drift_states
from igkinetics.fit.drift import Record
from igkinetics.fit.forecast import DriftAtEnd, factor_of
from igkinetics.fit.likelihood import LOGNORMAL, RESIDUALS
from igkinetics.fit.records import (
    DRAW_COLUMNS,
    DRAWS_FILE,
    EVENTS_FILE,
    Left,
    Member,
    drift_of,
    folder_with,
    is_in_parts,
    left_by,
    members_of,
)
from igkinetics.kinetics.parameters import CLEARANCE_RATIO, PARAMETERS, PRODUCTION_RATIO, Floats
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.random_streams import of_patient
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.scenarios.recorded import (
    before_day_0,
    counted_from,
    days_note,
    end_notes,
    ended,
    lacking,
    left_out_note,
    moment_of,
    start_of,
    too_early,
    weighed,
    weight_notes,
    with_stated_day_zero,
)
from igkinetics.text import listed, visible
from igkinetics.virtual.patients import stacked

MOST_DRAWS_OF_EACH: Final = 200
"""Of each of many patients of a fit, whoever else is there: parts give the numbers of the whole."""
MOST_CASES: Final = 20_000
"""Cases (patients x draws) of one batch."""
ERROR_COLUMNS: Final = ("additive_g_per_l", "proportional")
POSTERIOR_FILE: Final = "posterior.nc"
RESIDUAL_ERROR: Final = "residual_error"
FEWEST_DRAWS: Final = 100
SAME_DAY: Final = 1e-9
"""Days that rounding may part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PosteriorPatients:
    """Own patients of a posterior, all with the same number of draws; their days count from from_day. Their doses are
    those that stay, whatever a regimen gives."""

    members: tuple[Member, ...]
    about: About

    @property
    def per_batch(self) -> int:
        return max(1, MOST_CASES // self.about.n_draws)

    @property
    def n_batches(self) -> int:
        return -(-len(self.members) // self.per_batch)

    def batch(self, place: int) -> Cases:
        first = place * self.per_batch
        chosen = [with_same_drift_days(one, self.members) for one in self.members[first : first + self.per_batch]]
        width = [max((len(getattr(one, name)) for one in chosen), default=0) for name in ("therapy", "doses")]
        return stacked(
            [cases_of(one, first + k, k * self.about.n_draws, width[0], width[1]) for k, one in enumerate(chosen)]
        )

    def uncertain(self) -> None:
        """The batches' own draws tell it."""


def cases_of(one: Member, number: int, noise: int, courses: int, doses: int) -> Cases:
    """One patient's draws with the doses that stay; tables are filled up to the widths given."""
    n = len(one.thetas)

    def filled(table: Floats, rows: int) -> Floats:
        return np.repeat(np.concatenate([table, np.full((rows - len(table), table.shape[1]), np.nan)])[None], n, axis=0)

    return Cases(
        thetas=one.thetas,
        start_day=np.full(n, one.start_day),
        therapy=filled(one.therapy, courses),
        history=filled(one.doses, doses),
        error=one.error,
        weight_kg=np.full(n, one.weight_kg),
        height_cm=np.full(n, one.height_cm),
        is_male=np.full(n, bool(one.is_male)),
        patient=np.full(n, number),
        draw=np.arange(n),
        model=np.zeros(n, dtype=np.int64),
        noise=noise + np.arange(n),
        drift_day=np.repeat(one.drift_day[None], n, axis=0),
        factor=one.factor if one.drift_day.size else np.empty((n, 0)),
    )


def fitted_patient(file: ScenarioFile) -> PosteriorPatients:
    """The one patient of `fit`. InputError for a folder that is none, or a patient without numbers."""
    population = file.scenario.population
    if population.fit is None or population.patient is None:
        raise AssertionError("a population of a fit without its patient passed its checks")
    folder = folder_with(file.path(population.fit), population.patient)
    left = left_by("fit", folder, (DRAWS_FILE, EVENTS_FILE))
    return patient_of_fit(file, left, population.patient, doubt_about(left, population.patient))


def fitted_patients(file: ScenarioFile) -> PosteriorPatients:
    """All patients of a fit for whom it has numbers, or those named, each with draws of his own."""
    population = file.scenario.population
    if population.fit is None:
        raise AssertionError("a population without a fit passed its checks")
    folder = file.path(population.fit)
    if is_in_parts(folder):
        rule = "is a fit in parts: the command `scenario` takes them one by one; here give one of them, or one patient"
        raise InputError([Problem(file=file.name, column="population.fit", found=folder.name, expected=rule)])
    left = left_by("fit", folder, (DRAWS_FILE, EVENTS_FILE))
    draws = left.table(DRAWS_FILE, DRAW_COLUMNS)
    own = {str(name): rows for name, rows in draws.groupby("patient_id", sort=False)}
    if unknown := [name for name in population.patients or () if name not in own]:
        raise left.fault(unknown[0], why_without(left, unknown[0], draws), "population.patients")
    if not own:
        raise left.fault(left.name, "must have a patient with fitted numbers", "population.fit")
    wanted = population.patients or list(own)
    n = min(MOST_DRAWS_OF_EACH, *(len(own[name]) for name in wanted), MOST_DRAWS_OF_EACH)
    thinned = {name: own[name].iloc[np.linspace(0, len(own[name]) - 1, n).round().astype(int)] for name in wanted}
    found = {
        name: (rows[list(PARAMETERS)].to_numpy(dtype=float), error_of_draws(rows, left))
        for name, rows in thinned.items()
    }
    members = [
        replace(one, drift=drift_of(thinned[one.patient_id], as_log=one.error[0, 2] == LOGNORMAL))
        for one in members_of(left, found)
    ]
    says = f"{counted(len(wanted), 'patient')} of the fit in {left.name}, {counted(n, 'draw')} each"
    rows = pd.read_csv(left.folder / "patients.csv", dtype=str, keep_default_na=False)
    doubted = rows.loc[rows["patient_id"].isin(wanted) & (rows["status"] != "fitted"), "patient_id"]
    notes = (f"the fit doubts its own numbers of {listed(map(visible, doubted))}",) if len(doubted) else ()
    patients = patients_with(file, left, members, FITS, says, "the posterior of these patients' parameters", notes)
    return replace(patients, about=replace(patients.about, n_in_all=file.n_in_all))


def with_same_drift_days(one: Member, others: Sequence[Member]) -> Member:
    """A patient whose curve does not drift, with a factor of 1 on the days of those that do."""
    days = next((other.drift_day for other in others if other.drift_day.size), one.drift_day)
    if one.drift_day.size or not days.size:
        return one
    return replace(one, drift_day=days, factor=np.ones((len(one.thetas), days.size)))


def doubt_about(left: Left, patient_id: str) -> str:
    """What the fit says against its own numbers of a patient: no more than the prior, a parameter at its bound."""
    row = row_of_fit(left, patient_id)
    return row["reason"] if row.get("status", "fitted") != "fitted" else ""


def row_of_fit(left: Left, patient_id: str) -> dict[str, str]:
    """The row of patients.csv that the fit wrote; empty for nobody."""
    patients = pd.read_csv(left.folder / "patients.csv", dtype=str, keep_default_na=False)
    rows: list[dict[str, str]] = patients[patients["patient_id"] == patient_id].to_dict("records")  # type: ignore[assignment]
    return rows[0] if rows else {}


def patient_of_fit(file: ScenarioFile, left: Left, patient_id: str, doubt: str = "") -> PosteriorPatients:
    """The one patient, of what a fit left behind in a folder or in memory. doubt: told beside every answer."""
    draws = left.table(DRAWS_FILE, DRAW_COLUMNS)
    own = draws[draws["patient_id"] == patient_id]
    if own.empty:
        raise left.fault(patient_id, why_without(left, patient_id, draws), "population.patient")
    found = {
        patient_id: (
            own[list(PARAMETERS)].to_numpy(dtype=float),
            error_of_draws(own, left),
        )
    }
    member = members_of(left, found)[0]
    drift = drift_of(own, as_log=member.error[0, 2] == LOGNORMAL)
    members = [replace(member, drift=drift, doubt=doubt)]
    says = f"patient {visible(patient_id)} of the fit in {left.name}, {counted(len(own), 'draw')}"
    return patients_with(file, left, members, "fit", says, "the posterior of this patient's parameters")


def why_without(left: Left, patient_id: str, draws: pd.DataFrame) -> str:
    """Why a fit has no draws of a patient."""
    row = row_of_fit(left, patient_id)
    if row:
        return f"has no fitted numbers: {row['status']}, {row['reason']}"
    return f"must be a patient of {left.name}: {listed([visible(name) for name in draws['patient_id'].unique()])}"


def own_patients(file: ScenarioFile) -> PosteriorPatients:
    """Own patients of a cohort's posterior, all or those named."""
    import xarray  # here, for it takes half a second that other populations do not need

    population = file.scenario.population
    if population.effect is None:
        raise AssertionError("a population without an effect passed its checks")
    left = left_by("effect", file.path(population.effect), (POSTERIOR_FILE, EVENTS_FILE))
    with xarray.open_dataset(left.folder / POSTERIOR_FILE, group="posterior", engine="h5netcdf") as posterior:
        theta = posterior["theta"].transpose("chain", "draw", "patient", "parameter").sel(parameter=list(PARAMETERS))
        names = [str(name) for name in posterior["patient"].to_numpy()]
        values = theta.to_numpy().reshape(-1, len(names), len(PARAMETERS))
        error = error_draws(posterior, len(values), left)
    wanted = population.patients or names
    unknown = [name for name in wanted if name not in names]
    if unknown:
        known = listed([visible(name) for name in names])
        raise left.fault(", ".join(unknown), f"must be patients of {left.name}: {known}", "population.patients")
    kept = np.linspace(0, len(values) - 1, n_draws(len(wanted), len(values))).round().astype(int)
    found = {name: (values[kept, names.index(name)], error[kept]) for name in wanted}
    members = members_of(left, found)
    which = f"{counted(len(wanted), 'patient')}" if population.patients else f"the {len(wanted)} own patients"
    says = f"{which} of the cohort posterior in {left.name} (nobody else), {counted(len(kept), 'draw')}"
    ratios = values[:, :, [CLEARANCE_RATIO, PRODUCTION_RATIO]]
    notes = () if np.all(ratios == 1.0) else ("clearance and production ratios under immunoglobulin are not applied",)
    return patients_with(file, left, members, "effect", says, "the posterior of these patients' parameters", notes)


def n_draws(patients: int, available: int) -> int:
    """As many draws of each patient as one batch holds, at least 100: of few patients all there are."""
    return min(available, max(FEWEST_DRAWS, MOST_CASES // patients))


def error_draws(posterior: Any, n: int, left: Left) -> Floats:
    """(n, 3): a and b of a measurement, and the residual model; nan where a posterior has none: a rule then needs
    assay_cv_percent."""
    if RESIDUAL_ERROR not in posterior.data_vars:
        return np.full((n, 3), np.nan)
    return with_residual(posterior[RESIDUAL_ERROR].to_numpy().reshape(-1, 2), left)


def error_of_draws(draws: pd.DataFrame, left: Left) -> Floats:
    """(n, 3): a and b of a measurement of each draw, and its residual model."""
    unknown = [str(name) for name in draws["residual"].unique() if name not in RESIDUALS]
    if unknown:
        raise left.fault(unknown[0], f"its residual must be one of {', '.join(RESIDUALS)}")
    kind = draws["residual"].map(RESIDUALS).to_numpy(dtype=float)
    return np.column_stack([draws[list(ERROR_COLUMNS)].to_numpy(dtype=float), kind])


def with_residual(error: Floats, left: Left) -> Floats:
    """a and b (n, 2) and in a third column the residual model of the run. InputError for one that is not known."""
    name = left.record.get("options", {}).get("residual", "normal")
    if name not in RESIDUALS:
        raise left.fault(name, f"its residual must be one of {', '.join(RESIDUALS)}")
    return np.column_stack([error, np.full(len(error), float(RESIDUALS[name]))])


def patients_with(
    file: ScenarioFile,
    left: Left,
    members: Sequence[Member],
    kind: str,
    says: str,
    uncertainty: str,
    more_notes: tuple[str, ...] = (),
) -> PosteriorPatients:
    """The patients with their days counted from from_day. InputError for what they lack for the regimens asked for."""
    from_day = [start_of(file, left, member) for member in members]
    members = [with_stated_day_zero(file, member) for member in members]
    members = [weighed(member, day) for member, day in zip(members, from_day, strict=True)]
    problems = [*lacking(file, members), *too_early(file, members, from_day)]
    problems += [] if kind == FITS else ended(file, members, from_day)
    if problems:
        raise InputError(problems)
    one = members[0]
    whose = f"patient {visible(one.patient_id)}, {one.weight_kg:g} kg" + ("" if len(members) == 1 else ", the first")
    cards = {str(name): (str(digest), str(name)) for name, digest in left.record.get("cards", {}).items()}
    ongoing = [visible(one.patient_id) for one in members if np.isinf(one.therapy[:, 1]).any()]
    notes = [f"therapy without a stop is taken to last to the horizon: {listed(ongoing)}"] if ongoing else []
    notes += [*weight_notes(members), *end_notes(members, from_day)]
    unshown = [name for name in cards if name not in list_cards()]
    notes += [f"card {name} was given as a file and is not shown here" for name in unshown]
    days_from = DaysFrom(
        day=from_day[0] if len(set(from_day)) == 1 else np.nan, moment=moment_of(one, from_day[0], len(members))
    )
    notes.insert(0, days_note(file, days_from, len(members)))
    about = About(
        kind=kind,
        says=says,
        uncertainty=uncertainty,
        n_patients=len(members),
        n_draws=len(one.thetas),
        model_names=("posterior",),
        model_weights=(1.0,),
        patient_ids=tuple(one.patient_id for one in members),
        cards=cards,
        inputs=left.inputs,
        notes=(*notes, *more_notes),
        days_from=days_from,
        example=(one.weight_kg, one.height_cm, bool(one.is_male), whose),
        igg_unit=left.record.get("igg_unit"),
    )
    moved = [
        with_drift(counted_from(one, day), file.scenario.horizon_day, file.scenario.seed)
        for one, day in zip(members, from_day, strict=True)
    ]
    if note := left_out_note(file, moved, from_day, days_from):
        about = replace(about, notes=(*about.notes, note))
    return PosteriorPatients(members=tuple(before_day_0(one) for one in moved), about=about)


def with_drift(one: Member, until: float, seed: int) -> Member:
    """The patient with what drift multiplies each draw's curve by, from day 0 to `until`: up to the last sample as the
    record tells, from there on as the process goes."""
    if one.drift is None or not one.drift.sd.any():
        return one
    days = np.append(np.arange(0.0, until, NODE_DAYS), until)
    generator = of_patient(seed, one.patient_id, "drift")
    end = one.drift
    past = days[days < end.day]
    factor = np.ones((len(one.thetas), days.size))
    if past.size:
        drifting = end.sd > 0
        times, states = drift_states(
            record_of(one, end), recorded_schedule(one), one.thetas[drifting], end.sd[drifting], past, generator
        )
        own = np.searchsorted(times, past)
        factor[drifting, : past.size] = factor_of(states[:, own, 0], as_log=end.as_log)
        last = end.states.copy()
        last[drifting] = states[:, -1]
        end = replace(end, states=last)
    if past.size < days.size:
        factor[:, past.size :] = end.factors(days[past.size :], generator)
    return replace(one, drift_day=days, factor=factor)


def record_of(one: Member, drift: DriftAtEnd) -> Record:
    """The samples that were fitted."""
    used = one.samples[one.samples[:, 0] <= drift.day + SAME_DAY]
    a, b, kind = one.error[drift.sd > 0][0]  # of the draws that drift: all have the fitted structure's error
    return Record(int(kind), used[:, 0].copy(), used[:, 1].copy(), used[:, 2].astype(np.int8), float(a), float(b))


def recorded_schedule(one: Member) -> Schedule:
    return build_schedule(
        start_day=one.start_day,
        dose_day=one.doses[:, 0],
        dose_g=one.doses[:, 1],
        dose_duration_day=one.doses[:, 2],
        dose_is_sc=one.doses[:, 3],
        therapy_start=one.therapy[:, 0],
        therapy_stop=one.therapy[:, 1],
    )
