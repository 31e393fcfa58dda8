"""A posterior as a NetCDF file: written by xarray and h5netcdf, reopened and reported without sampling again.

Groups by ArviZ's names: `posterior` (theta of every patient in natural units, population, error), `sample_stats`,
`observed_data`, `log_likelihood` (of every sample), `posterior_predictive`, `prior`; beside
them `estimands` (draws of the base
model's, in the cohort's unit) and `sampler` (the whitened numbers, from which everything is rebuilt). Attributes say
which cohort, card and options.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from igkinetics.errors import InputError, Problem
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sampled_cohort
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.likelihood import terms_of
from igkinetics.hierarchical.posterior import CohortPosterior, Extension, Trace
from igkinetics.hierarchical.predict import from_prior, replicates
from igkinetics.hierarchical.reading import patients_of, phi_of
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import N_PARAMETERS, PARAMETER_UNITS, PARAMETERS, Floats
from igkinetics.random_streams import numbered_stream

FORMAT: Final = "igkinetics posterior 5"
ENGINE: Final = "h5netcdf"
STATISTICS: Final = {
    "diverging": "diverging",
    "energy": "energy",
    "n_steps": "n_steps",
    "max_tree_depth_reached": "reached_max_treedepth",
    "pareto_k": "pareto_k",
    "effective": "effective_draws",
}
"""Ours -> ArviZ's."""
MOST_VALUES: Final = 30_000_000
"""Of draws times samples in the groups of single samples; beyond, draws are thinned evenly."""
PRIOR_DRAWS: Final = 500
COMPRESSED: Final = {"zlib": True, "complevel": 4}


def fingerprint(prepared: PreparedCohort) -> dict[str, str]:
    """What a saved posterior has to agree with: the data as the model sees them, and the card."""
    digest = hashlib.sha256()
    for member in prepared.members:
        digest.update(member.patient.patient_id.encode())
    *arrays, kind = prepared.arrays
    for value in arrays:
        digest.update(np.ascontiguousarray(value).tobytes())
    population = prepared.population("base")
    digest.update(population.offset.tobytes() + population.design.tobytes() + population.lkj.tobytes())
    digest.update(bytes([kind]))
    return {"cohort": digest.hexdigest(), "card": f"{prepared.card.id} {prepared.card.sha256}"}


def posterior_tree(
    sampled: SampledCohort, options: dict[str, Any], estimands: Mapping[str, Floats] | None = None
) -> xr.DataTree:
    """The posterior with names, units and coordinates. estimands: name -> draws (chain, draw), nan where left out."""
    posterior, trace, whitening = sampled.posterior, sampled.trace, sampled.whitening
    coordinates = {"patient": list(posterior.patient_ids), "parameter": list(PARAMETERS), "error": ["a", "b"]}
    draws = posterior_variables(posterior)
    sampler = {
        "u": (("chain", "draw", "shared"), trace.u),
        "z": (("chain", "draw", "patient", "varying"), trace.z),
        "centre": (("shared",), whitening.centre),
        "root": (("shared", "shared_of"), whitening.root),
        "information": (("patient", "varying", "varying_of"), whitening.coordinates.information),
        "linear": (("patient", "pull", "varying"), whitening.coordinates.linear),
        "ridge": (("patient", "of_ridge", "varying"), whitening.coordinates.ridge),
        "bend": (("patient", "varying", "varying_of"), whitening.coordinates.bend),
    }
    before = from_prior(sampled.prepared, PRIOR_DRAWS, int(options.get("seed", 0)), posterior.extension)
    names = {"shared": list(sampled.population.labels), "varying": list(sampled.population.names)}
    statistics = {
        STATISTICS[name]: (("chain", "draw"), values.astype(float)) for name, values in trace.statistics.items()
    }
    attributes = {
        "format": FORMAT,
        "extension": posterior.extension,
        "interrupted": int(posterior.interrupted),
        "options": json.dumps(options, sort_keys=True),
        **fingerprint(sampled.prepared),
    }
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(draws, coords=coordinates),
            "prior": xr.Dataset(posterior_variables(before), coords=coordinates),
            "sampler": xr.Dataset(sampler, coords=names),
            "sample_stats": xr.Dataset(statistics),
            **sample_groups(sampled, int(options.get("seed", 0))),
        }
    )
    if estimands:
        each: dict[str, Any] = {name: (("chain", "draw"), draws) for name, draws in estimands.items()}
        tree["estimands"] = xr.DataTree(xr.Dataset(each))
    tree.attrs = attributes
    return tree


def posterior_variables(posterior: CohortPosterior) -> dict[str, Any]:
    """theta of every patient in natural units, population and error, named as in the file."""
    units = ", ".join(f"{name}: {PARAMETER_UNITS[name]}" for name in PARAMETERS)
    theta = xr.DataArray(posterior.theta, dims=("chain", "draw", "patient", "parameter"), attrs={"units": units})
    draws: dict[str, Any] = {name: (("chain", "draw"), values) for name, values in posterior.population.items()}
    return draws | {"theta": theta, "residual_error": (("chain", "draw", "error"), posterior.error)}


def sample_groups(sampled: SampledCohort, seed: int) -> dict[str, xr.Dataset]:
    """Of single samples: measured, log likelihood and replicates of every draw (evenly thinned if many)."""
    prepared, trace = sampled.prepared, sampled.trace
    arrays = prepared.arrays
    chains, draws = trace.u.shape[:2]
    kept = np.unique(
        np.linspace(0, draws - 1, min(draws, max(1, MOST_VALUES // (chains * arrays.day.size)))).round().astype(int)
    )
    phi = phi_of(trace.u[:, kept], sampled.whitening)
    thinned = replace(trace, u=trace.u[:, kept], z=trace.z[:, kept])
    _, x = patients_of(thinned, phi, sampled.population, arrays, sampled.whitening)
    terms = np.empty((chains, kept.size, arrays.day.size))
    for index in np.ndindex(chains, kept.size):
        _, _, error, log_ratio = sampled.population.parts(phi[index])
        terms[index] = terms_of(x[index], error, arrays, log_ratio)
    owner = np.repeat(sampled.posterior.patient_ids, np.diff(arrays.sample_bounds))
    coordinates = {
        "sample": np.arange(arrays.day.size),
        "patient": ("sample", owner.astype(str)),
        "day": ("sample", arrays.day),
        "limit": ("sample", arrays.limit),
    }
    of_draws = coordinates | {"chain": np.arange(chains), "draw": kept}
    dims = ("chain", "draw", "sample")
    units = {"units": "g/L"}
    return {
        "observed_data": xr.Dataset({"igg": ("sample", arrays.igg, units)}, coords=coordinates),
        "log_likelihood": xr.Dataset({"igg": (dims, terms)}, coords=of_draws),
        "posterior_predictive": xr.Dataset({"igg": (dims, predicted(sampled, kept, seed), units)}, coords=of_draws),
    }


def predicted(sampled: SampledCohort, kept: np.ndarray, seed: int) -> Floats:
    """Replicates (chain, kept draw, sample) of every measurement, g/L."""
    posterior = sampled.posterior
    generator = numbered_stream(seed, "stored replicates")
    error = posterior.error[:, kept].reshape(-1, 2)
    parts = []
    for index, problem in enumerate(posterior.problems):
        thetas = np.ascontiguousarray(posterior.theta[:, kept, index].reshape(-1, N_PARAMETERS))
        levels = np.add(*igg_curve(thetas, problem.schedule, problem.day))
        parts.append(replicates(levels, error, problem.kind, generator))
    return np.concatenate(parts, axis=1).reshape(len(posterior.error), kept.size, -1)


def save_posterior(
    sampled: SampledCohort, path: Path, options: dict[str, Any], estimands: Mapping[str, Floats] | None = None
) -> None:
    """Write the posterior to `path` (NetCDF 4). options: how it was sampled, kept as text."""
    tree = posterior_tree(sampled, options, estimands)
    encoding = {f"/{group}": {str(name): COMPRESSED for name in tree[group].data_vars} for group in tree.children}
    tree.to_netcdf(path, engine=ENGINE, encoding=encoding)


def load_posterior(path: Path, prepared: PreparedCohort) -> SampledCohort:
    """The saved posterior of this cohort and card. InputError for another file, cohort or card."""
    try:
        tree = xr.open_datatree(path, engine=ENGINE)
    except (OSError, ValueError) as error:
        raise refused(path, "the file", type(error).__name__, "must be a posterior.nc written by `effect`") from error
    with tree:
        check(tree, path, prepared)
        tree.load()
    extension: Extension = tree.attrs["extension"]
    sampler = tree["sampler"]
    trace = Trace(
        u=sampler["u"].to_numpy(),
        z=sampler["z"].to_numpy(),
        statistics={
            name: tree["sample_stats"][theirs].to_numpy()
            for name, theirs in STATISTICS.items()
            if theirs in tree["sample_stats"]
        },
        interrupted=bool(tree.attrs["interrupted"]),
    )
    whitening = Whitening(
        centre=sampler["centre"].to_numpy(),
        root=sampler["root"].to_numpy(),
        coordinates=Coordinates(*(sampler[name].to_numpy() for name in Coordinates._fields)),
    )
    return sampled_cohort(prepared, prepared.population(extension), whitening, trace, extension)


def check(tree: xr.DataTree, path: Path, prepared: PreparedCohort) -> None:
    """All reasons why the file is not this cohort's posterior, at once."""
    problems = []
    if tree.attrs.get("format") != FORMAT:
        raise refused(path, "format", str(tree.attrs.get("format", "")), f"must be {FORMAT!r}: written by `effect`")
    expected = {
        "cohort": "the same samples, doses, therapy, weights, covariates and options, whose hash is",
        "card": "the same card, which is",
    }
    for name, value in fingerprint(prepared).items():
        if tree.attrs.get(name) != value:
            problems.append(problem(path, name, str(tree.attrs.get(name, "")), f"must be of {expected[name]} {value}"))
    if problems:
        raise InputError(problems)


def problem(path: Path, column: str, found: str, expected: str) -> Problem:
    return Problem(file=path.name, column=column, found=found, expected=expected)


def refused(path: Path, column: str, found: str, expected: str) -> InputError:
    return InputError([problem(path, column, found, expected)])
