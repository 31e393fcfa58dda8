"""Is the hierarchical model calibrated, and does it find the effect of IVIG that is there? (docs/model.md 5)

`python tests/calibration/effect_study.py sbc|sbc_laplace|wrong|truth` writes the committed tables, resumed where they
stopped, in half an hour of two cores; `kinds [COHORTS]` is `kinds_study.py`: cohorts whose truth is not the model's.
Simulation-based calibration: Talts et al., arXiv:1804.06788.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from effect_summary import RANKED_DRAWS
from virtual_cohorts import (
    CARD,
    RATIOS_LAST_DAY,
    Subject,
    World,
    drawn_world,
    naive_difference,
    prepared,
    subject,
    true_att,
    typical_world,
)
from wrong_worlds import write_cohort

from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.effect.averages import rises
from igkinetics.effect.beside import prepared_for
from igkinetics.effect.between import between_groups
from igkinetics.effect.counterfactual import Change, within_patient
from igkinetics.effect.exposure import exposures
from igkinetics.effect.options import EffectOptions
from igkinetics.hierarchical.diagnostics import chain_diagnostics
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, compile_prepared, sample_prepared
from igkinetics.hierarchical.likelihood import log_likelihood
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.reading import patients_of, phi_of
from igkinetics.hierarchical.sampling import CompiledModel, SampleSettings
from igkinetics.kinetics.parameters import PARAMETERS, Floats
from igkinetics.provenance import package_versions
from igkinetics.scales import to_scale

HERE = Path(__file__).parent
N_INFUSING, N_NEVER = 17, 6
SBC_REPLICATES = 200
TRUTH_COHORTS = 40
TRUTH_SIZE = 60
INFUSING_SHARE = 0.6
SETTINGS = SampleSettings(draws=600, tune=400, chains=2, target_accept=0.8)
TRUTH_SETTINGS = replace(SETTINGS, draws=400, tune=300)
THOROUGH = replace(SETTINGS, draws=1500, tune=800, target_accept=0.9)
LEAST_ESS = 100
"""Chains with less are drawn again, thoroughly: a rank among draws that hang together is not uniform."""


def drawn(
    ready: PreparedCohort,
    settings: SampleSettings,
    extension: Extension,
    compiled: CompiledModel,
    ess_of: Callable[[SampledCohort], float],
) -> SampledCohort:
    """A posterior with a bulk ESS (of what is studied) of LEAST_ESS, if THOROUGH can reach it."""
    sampled = sample_prepared(ready, settings, extension, compiled)
    if ess_of(sampled) < LEAST_ESS:
        sampled = sample_prepared(ready, replace(THOROUGH, seed=settings.seed), extension, compiled)
    return sampled


def least_ess(sampled: SampledCohort) -> float:
    """Over the population's parameters and all patients."""
    return float(sampled.diagnostics["ess_bulk"].min())


def att_draws(sampled: SampledCohort, subjects: list[Subject]) -> Floats:
    """ATT on the nadir per draw, g/L."""
    treated = [one for one in changes_of(sampled, subjects) if one.exposure.treated]
    return np.mean([change.difference("nadir") for change in treated], axis=0)


def changes_of(sampled: SampledCohort, subjects: list[Subject]) -> tuple[Change, ...]:
    """Every patient with and without infusions, per draw."""
    people = exposures(Records(subjects), sampled.posterior, np.nan, RATIOS_LAST_DAY)  # type: ignore[arg-type]
    return within_patient(sampled.posterior, people, (), 2)


def figures_of(sampled: SampledCohort, began: float) -> dict[str, object]:
    """How the sampling went."""
    return {
        "divergences": int(sampled.trace.statistics["diverging"].sum()),
        "least_ess": least_ess(sampled),
        "seconds": time.perf_counter() - began,
    }


class Records:
    """What `exposures` asks of a cohort: a patient by id."""

    def __init__(self, subjects: list[Subject]) -> None:
        self._of = {one.patient.patient_id: one.patient for one in subjects}

    @property
    def patients(self) -> pd.DataFrame:
        """No heights and no sexes: nobody here is dosed by another weight."""
        return pd.DataFrame({"patient_id": list(self._of), "height_cm": np.nan, "sex": ""})

    def patient(self, patient_id: str) -> object:
        return self._of[patient_id]


def members_among(subjects: list[Subject], ready: PreparedCohort) -> list[Subject]:
    """Those who are in the model."""
    kept = {member.patient.patient_id for member in ready.members}
    return [one for one in subjects if one.patient.patient_id in kept]


def true_population(world: World) -> dict[str, float]:
    """The true value of every label of the population model, on the scale of phi."""
    shifts = {"S_cd19" if name == "S" else name: value for name, value in world.shift.items() if name != "C_init_ratio"}
    omegas = {
        f"omega_{'C_init' if name == 'C_init_ratio' else name}": float(np.log(value))
        for name, value in world.omega.items()
    }
    return {**shifts, **omegas, "a": float(np.log(world.a)), "b": float(np.log(world.b))}


def true_points(subjects: list[Subject], sampled: SampledCohort) -> Floats:
    """The patients' true x (n, p)."""
    names = sampled.population.names
    rows = []
    for one in subjects:
        theta = dict(zip(PARAMETERS, one.theta, strict=True))
        theta["C_init"] /= theta["C_base"]
        rows.append([to_scale(theta[name], "logit" if name == "S" else "log") for name in names])
    return np.array(rows)


def sbc_replicate(
    number: int, compiled: CompiledModel | None, *, additive: bool
) -> tuple[dict[str, object], CompiledModel]:
    """Ranks of the truth among thinned draws, for one cohort of 23."""
    generator = np.random.default_rng([1, number])
    while True:
        world = drawn_world(generator)
        subjects = [subject(world, k, infuses=k < N_INFUSING, generator=generator) for k in range(N_INFUSING + N_NEVER)]
        if np.isfinite(true_att(subjects)):
            break
    ready = prepared(subjects, additive=additive)
    subjects = members_among(subjects, ready)
    compiled = compile_prepared(ready)  # kept for each size: the filter of odd samples may leave somebody out
    began = time.perf_counter()
    sampled = drawn(ready, replace(SETTINGS, seed=number + 1), "base", compiled, least_ess)
    phi = phi_of(sampled.trace.u, sampled.whitening)
    _, x = patients_of(sampled.trace, phi, sampled.population, ready.arrays, sampled.whitening)
    truth = true_population(world)
    places = {label: sampled.population.labels.index(label) for label in truth if label in sampled.population.labels}
    draws = {label: phi[..., place].reshape(-1) for label, place in places.items() if sampled.population.active[place]}
    errors = sampled.posterior.error.reshape(-1, 2)
    likelihoods = [
        log_likelihood(point, error, ready.arrays)[0]
        for point, error in zip(x.reshape(-1, *x.shape[2:]), errors, strict=True)
    ]
    draws["log_likelihood"] = np.array(likelihoods)
    true_error = np.array([world.a if additive else errors[0, 0], world.b])
    truth["log_likelihood"] = log_likelihood(true_points(subjects, sampled), true_error, ready.arrays)[0]
    draws["att_nadir"], truth["att_nadir"] = att_draws(sampled, subjects), true_att(subjects)
    thin = np.linspace(0, errors.shape[0] - 1, RANKED_DRAWS).round().astype(int)
    row: dict[str, object] = {"replicate": number}
    row |= {label: int((values[thin] < truth[label]).sum()) for label, values in draws.items()}
    return row | figures_of(sampled, began), compiled


LAPLACE = SampleSettings(draws=250, chains=4, cores=1, sampler="laplace")
SBC_THRESHOLD_G_PER_L = 4.0


def read_prepared(subjects: list[Subject]) -> tuple[Cohort, PreparedCohort]:
    """The cohort written, read and met by the filter of odd samples as any record is."""
    records = [replace(one.patient, sample_igg=np.maximum(one.patient.sample_igg, 0.05)) for one in subjects]
    with tempfile.TemporaryDirectory() as folder:
        write_cohort([SimpleNamespace(record=one) for one in records], Path(folder))  # type: ignore[misc]
        cohort = read_cohort(Path(folder))
    return cohort, prepared_for(cohort, CARD, EffectOptions())


def effects_of(cohort: Cohort, posterior: CohortPosterior) -> dict[str, Floats]:
    """ATT on nadir, days below 4 g/L and mean IgG, and the rise per 0.1 g/kg at day 14, per draw."""
    people = exposures(cohort, posterior, np.nan)
    treated = [one for one in people if one.treated]
    changes = within_patient(posterior, treated, (SBC_THRESHOLD_G_PER_L,), 1)
    found = {
        f"att_{measure}": np.mean([one.difference(measure) for one in changes], axis=0).reshape(-1)
        for measure in ("nadir", "days_below", "mean_igg")
    }
    rise = next(one for one in rises(posterior, people) if one.name.endswith("day_14"))
    return found | {"rise_day_14": rise.draws}


def laplace_replicate(number: int) -> dict[str, object]:
    """As `sbc_replicate`, drawn by importance sampling (chains where its weights fail), read from files."""
    generator = np.random.default_rng([1, number])
    while True:
        world = drawn_world(generator)
        subjects = [subject(world, k, infuses=k < N_INFUSING, generator=generator) for k in range(N_INFUSING + N_NEVER)]
        if np.isfinite(true_att(subjects)):
            break
    began = time.process_time()
    cohort, ready = read_prepared(subjects)
    subjects = members_among(subjects, ready)
    sampled = sample_prepared(ready, replace(LAPLACE, seed=number + 1))
    phi = phi_of(sampled.trace.u, sampled.whitening)
    _, x = patients_of(sampled.trace, phi, sampled.population, ready.arrays, sampled.whitening)
    truth = true_population(world)
    labels = sampled.population.labels
    draws = {label: phi[..., labels.index(label)].reshape(-1) for label in truth if label in labels}
    errors = sampled.posterior.error.reshape(-1, 2)
    thin = np.linspace(0, errors.shape[0] - 1, RANKED_DRAWS).round().astype(int)
    points = x.reshape(-1, *x.shape[2:])
    likelihoods = {place: log_likelihood(points[place], errors[place], ready.arrays)[0] for place in thin}
    draws["log_likelihood"] = np.array([likelihoods.get(place, np.nan) for place in range(len(errors))])
    error = np.array([world.a, world.b])
    truth["log_likelihood"] = log_likelihood(true_points(subjects, sampled), error, ready.arrays)[0]
    theta = np.array([one.theta for one in subjects])[None, None]
    of_truth = replace(sampled.posterior, theta=theta, error=error[None, None], population={})
    draws |= effects_of(cohort, sampled.posterior)
    truth |= {name: float(values[0]) for name, values in effects_of(cohort, of_truth).items()}
    row: dict[str, object] = {"replicate": number}
    row |= {label: int((values[thin] < truth[label]).sum()) for label, values in draws.items()}
    statistics = sampled.trace.statistics
    return row | {
        "n_model": len(ready.members),
        "sampler": sampled.sampler,
        "pareto_k": float(statistics["pareto_k"].max()) if "pareto_k" in statistics else np.nan,
        "effective": float(statistics["effective"].max()) if "effective" in statistics else np.nan,
        "least_ess": least_ess(sampled),
        "seconds": time.process_time() - began,
    }


TRUTH_MODELS: tuple[tuple[str, Extension, float, float], ...] = (
    ("base", "base", 1.0, 1.0),
    ("clearance", "clearance_ratio", 1.0, 1.0),
    ("production", "production_ratio", 1.0, 1.0),
    ("clearance 1.4", "clearance_ratio", 1.4, 1.0),
    ("production 1.4", "production_ratio", 1.0, 1.4),
)
"""Name, model fitted, true clearance ratio, true production ratio."""


def truth_cohort(number: int, clearance: float, production: float) -> list[Subject]:
    """60 patients at the card's typical population; a coin allots prescribers who infuse when IgG fell."""
    generator = np.random.default_rng([2, number])
    typical = typical_world()
    world = World(
        shift={}, omega=typical.omega, a=typical.a, b=typical.b, clearance_ratio=clearance, production_ratio=production
    )
    return [
        subject(world, k, infuses=bool(generator.random() < INFUSING_SHARE), generator=generator)
        for k in range(TRUTH_SIZE)
    ]


def truth_row(
    number: int, name: str, extension: Extension, ratios: tuple[float, float], compiled: CompiledModel | None
) -> tuple[dict[str, object], CompiledModel]:
    subjects = truth_cohort(number, *ratios)
    ready = prepared(subjects)
    subjects = members_among(subjects, ready)
    compiled = compile_prepared(ready)
    began = time.perf_counter()

    def studied(sampled: SampledCohort) -> Floats:
        """ATT or ratio (chain, draw)."""
        if extension == "base":
            return att_draws(sampled, subjects).reshape(sampled.posterior.error.shape[:2])
        return sampled.posterior.population[extension]

    settings = replace(TRUTH_SETTINGS, seed=number)
    sampled = drawn(ready, settings, extension, compiled, lambda found: chain_diagnostics(studied(found))["ess_bulk"])
    row: dict[str, object] = {"cohort": number, "model": name}
    draws = studied(sampled).reshape(-1)
    truth = true_att(subjects) if extension == "base" else ratios[0 if extension == "clearance_ratio" else 1]
    lower, upper = np.quantile(draws, [0.025, 0.975])
    scale = draws if extension == "base" else np.log(draws)
    row |= {
        "truth": truth,
        "mean": draws.mean(),
        "sd": scale.std(),
        "lower": lower,
        "upper": upper,
        "covered": lower <= truth <= upper,
        "one_covered": lower <= 1.0 <= upper,
        "z": (scale.mean() - (truth if extension == "base" else np.log(truth))) / scale.std(),
    }
    return row | naive_columns(sampled, subjects) | figures_of(sampled, began), compiled


def naive_columns(sampled: SampledCohort, subjects: list[Subject]) -> dict[str, object]:
    """Ever minus never infused: lowest measured values, minima of the true curves, fitted nadirs as in `effect`."""
    row: dict[str, object] = {}
    for name, measured in (("naive", True), ("naive_true_curve", False)):
        estimate, low, high = naive_difference(subjects, measured=measured)
        row |= {name: estimate, f"{name}_lower": low, f"{name}_upper": high}
    contrasts = between_groups(changes_of(sampled, subjects), np.empty((len(subjects), 0)), (), seed=1)
    fitted = next(one.draws for one in contrasts if one.name == "naive_fitted_nadir_difference")
    low, high = np.quantile(fitted, [0.025, 0.975])
    return row | {"naive_fitted": fitted.mean(), "naive_fitted_lower": low, "naive_fitted_upper": high}


def resume(
    path: Path, tasks: list[tuple[str, Callable[[CompiledModel | None], tuple[dict[str, object], CompiledModel]]]]
) -> None:
    """Run what the file does not hold yet, a row each, written at once."""
    done = set(pd.read_csv(path)["task"]) if path.exists() else set()
    compiled: CompiledModel | None = None
    versions = package_versions()
    said = " ".join(
        f"{name} {versions[name]}"
        for name in ("python", "igkinetics", "numpy", "numba", "pymc", "nutpie")
        if name in versions
    )
    for name, task in tasks:
        if name not in done:
            row, compiled = task(compiled)
            frame = pd.DataFrame([{"task": name, **row, "versions": said}])
            frame.to_csv(
                path, mode="a", header=not path.exists(), index=False, float_format="%.6g", lineterminator="\n"
            )
            print(name, f"{row['seconds']:.1f} s", flush=True)


def run(what: str, many: int | None = None, folder: Path = HERE, first: int = 0) -> Path:
    """One of the studies into its raw table, whose path it gives; `first`: number of the first replicate or cohort."""
    path = folder / f"effect_{what}.csv"
    if what == "sbc_laplace":
        alone = [
            (f"{what} {k}", lambda c, k=k: (laplace_replicate(k), c))
            for k in range(first, first + (many or SBC_REPLICATES))
        ]
        resume(path, alone)
        return path
    if what in ("sbc", "wrong"):
        tasks = [
            (f"{what} {k}", lambda c, k=k: sbc_replicate(k, c, additive=what == "sbc"))
            for k in range(first, first + (many or SBC_REPLICATES))
        ]
    else:
        tasks = [
            (f"{number} {name}", lambda c, t=(number, name, extension, (clearance, production)): truth_row(*t, c))
            for name, extension, clearance, production in TRUTH_MODELS
            for number in range(first + 1, first + (many or TRUTH_COHORTS) + 1)
        ]
    resume(path, tasks)
    return path


if __name__ == "__main__":
    if sys.argv[1] == "kinds":
        from kinds_study import run as run_kinds

        run_kinds(*map(int, sys.argv[2:]))
    else:
        run(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
