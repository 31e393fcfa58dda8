"""A posterior as a NetCDF file: written by xarray and h5netcdf, reopened and reported without sampling again.

Groups: `posterior` (what a reader wants: theta of every patient in natural units, population, error), `sampler` (the
whitened numbers, from which everything is rebuilt), `statistics`. Attributes say which cohort, card and options.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from igkinetics.errors import InputError, Problem
from igkinetics.hierarchical.coordinates import Coordinates
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sampled_cohort
from igkinetics.hierarchical.laplace import Whitening
from igkinetics.hierarchical.posterior import Extension, Trace
from igkinetics.kinetics.parameters import PARAMETER_UNITS, PARAMETERS

FORMAT: Final = "igkinetics posterior 3"
ENGINE: Final = "h5netcdf"
COMPRESSED: Final = {"zlib": True, "complevel": 4}


def fingerprint(prepared: PreparedCohort) -> dict[str, str]:
    """What a saved posterior has to agree with: the data as the model sees them, and the card."""
    digest = hashlib.sha256()
    for member in prepared.members:
        digest.update(member.patient.patient_id.encode())
    for value in prepared.arrays:
        digest.update(np.ascontiguousarray(value).tobytes())
    population = prepared.population("base")
    digest.update(population.offset.tobytes() + population.design.tobytes() + population.lkj.tobytes())
    digest.update(bytes([prepared.kind]))
    return {"cohort": digest.hexdigest(), "card": f"{prepared.card.id} {prepared.card.sha256}"}


def posterior_tree(sampled: SampledCohort, options: dict[str, Any]) -> xr.DataTree:
    """The posterior with names, units and coordinates."""
    posterior, trace, whitening = sampled.posterior, sampled.trace, sampled.whitening
    coordinates = {"patient": list(posterior.patient_ids), "parameter": list(PARAMETERS), "error": ["a", "b"]}
    units = ", ".join(f"{name}: {PARAMETER_UNITS[name]}" for name in PARAMETERS)
    theta = xr.DataArray(posterior.theta, dims=("chain", "draw", "patient", "parameter"), attrs={"units": units})
    draws: dict[str, Any] = {name: (("chain", "draw"), values) for name, values in posterior.population.items()}
    draws |= {"theta": theta, "residual_error": (("chain", "draw", "error"), posterior.error)}
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
    names = {"shared": list(sampled.population.labels), "varying": list(sampled.population.names)}
    statistics = {name: (("chain", "draw"), values.astype(float)) for name, values in trace.statistics.items()}
    attributes = {
        "format": FORMAT,
        "extension": posterior.extension,
        "interrupted": int(posterior.interrupted),
        "options": json.dumps(options, sort_keys=True),
        **fingerprint(sampled.prepared),
    }
    tree = xr.DataTree.from_dict({
        "posterior": xr.Dataset(draws, coords=coordinates),
        "sampler": xr.Dataset(sampler, coords=names),
        "statistics": xr.Dataset(statistics),
    })  # fmt: skip
    tree.attrs = attributes
    return tree


def save_posterior(sampled: SampledCohort, path: Path, options: dict[str, Any]) -> None:
    """Write the posterior to `path` (NetCDF 4). options: how it was sampled, kept as text."""
    tree = posterior_tree(sampled, options)
    encoding = {
        f"/{group}": {str(name): COMPRESSED for name in tree[group].data_vars} for group in tree.children
    }
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
        statistics={str(name): values.to_numpy() for name, values in tree["statistics"].data_vars.items()},
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
    expected = {"cohort": "the same samples, doses, therapy, weights, covariates and options, whose hash is",
                "card": "the same card, which is"}  # fmt: skip
    for name, value in fingerprint(prepared).items():
        if tree.attrs.get(name) != value:
            problems.append(problem(path, name, str(tree.attrs.get(name, "")), f"must be of {expected[name]} {value}"))
    if problems:
        raise InputError(problems)


def problem(path: Path, column: str, found: str, expected: str) -> Problem:
    return Problem(file=path.name, column=column, found=found, expected=expected)


def refused(path: Path, column: str, found: str, expected: str) -> InputError:
    return InputError([problem(path, column, found, expected)])
