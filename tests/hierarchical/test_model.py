"""The PyMC model: the same density as the kernels', no Python in the loop, other data without compiling again."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaPerformanceWarning
from small_cohorts import SETTINGS, small_cohort

import igkinetics
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.laplace import log_density_of, whiten
from igkinetics.hierarchical.model import build_model, model_data
from igkinetics.hierarchical.packing import packed, unpacked
from igkinetics.hierarchical.posterior import Extension
from igkinetics.hierarchical.sampling import CompiledModel


@pytest.mark.parametrize("extension", ["base", "joint"])
def test_density_and_gradient_are_those_of_the_kernels(prepared: PreparedCohort, extension: Extension) -> None:
    """Without compiled graphs: PyTensor's own evaluation against numpy around the kernel."""
    population = prepared.population(extension)
    whitening = whiten(prepared.members, population, prepared.arrays)
    model = build_model(population, prepared.arrays, whitening)
    generator = np.random.default_rng(1)
    n, p = population.offset.shape
    u, z = generator.standard_normal(population.prior_mean.size), generator.standard_normal((n, p))
    found = float(model.compile_logp(mode="FAST_COMPILE")({"u": u, "z": z}))
    gradient = model.compile_dlogp(mode="FAST_COMPILE")({"u": u, "z": z})
    phi = whitening.centre + whitening.root @ u
    log_density = log_density_of(population, prepared.arrays, whitening.coordinates)
    expected, by_z, by_phi = log_density(z, phi)
    active = population.active
    constant = np.log(population.prior_sd[active]).sum() + 0.5 * active.sum() * np.log(2.0 * np.pi)
    assert found == pytest.approx(expected + constant - 0.5 * np.sum(u[~active] ** 2), rel=1e-11)
    by_u = whitening.root.T @ by_phi - np.where(active, 0.0, u)
    np.testing.assert_allclose(gradient, np.concatenate([by_u, by_z.reshape(-1)]), rtol=1e-8, atol=1e-8)


def test_compiled_without_object_mode_and_equal(prepared: PreparedCohort, compiled: CompiledModel) -> None:
    """What nutpie calls, at a point of another cohort of the same size: data are arguments."""
    for one in (prepared, small_cohort(8)):
        population = one.population("clearance_ratio")
        whitening = whiten(one.members, population, one.arrays)
        data = model_data(population, one.arrays, whitening)
        model = compiled.with_data(data).compiled
        generator = np.random.default_rng(2)
        u = generator.standard_normal(population.prior_mean.size)
        z = generator.standard_normal(population.offset.shape)
        keys = getattr(model, "shared_var_keys", {})  # newer nutpie: a key per variable, no longer its name
        read = [keys.get(variable, variable.name) for variable in model.logp_func.get_shared()]
        shared = [np.asarray(model.shared_data[key]) for key in read]
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # object mode is announced by a warning
            warnings.simplefilter("ignore", NumbaPerformanceWarning)  # memory layouts are not it
            value, _ = model.logp_func.vm.jit_fn(np.concatenate([u, z.reshape(-1)]), *shared)
        density = log_density_of(population, one.arrays, whitening.coordinates)
        active = population.active
        constant = np.log(population.prior_sd[active]).sum() + 0.5 * active.sum() * np.log(2.0 * np.pi)
        phi = whitening.centre + whitening.root @ u
        expected = density(z, phi)[0] + constant - 0.5 * np.sum(u[~active] ** 2)
        assert float(value) == pytest.approx(expected, rel=1e-10)


def test_what_is_packed_comes_back(prepared: PreparedCohort) -> None:
    coordinates = whiten(prepared.members, prepared.population("base"), prepared.arrays).coordinates
    arrays = prepared.arrays._replace(kind=2)
    for before, after in zip((coordinates, arrays), unpacked(*packed(coordinates, arrays)), strict=True):
        assert before._fields == after._fields
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


TWO_PROCESSES = """
import sys
import numpy as np, pytensor, pytensor.tensor as pt
sys.path[:0] = {paths!r}
from small_cohorts import small_cohort
from igkinetics.hierarchical.coordinates import no_coordinates
from igkinetics.hierarchical.op import patients_log_density
from igkinetics.hierarchical.packing import packed
one = small_cohort({seed})
population = one.population("base")
mu, root, error, ratio = population.parts(population.prior_mean)
n, p = mu.shape
numbers = [np.ones((n, p)), mu, root, error, ratio, *packed(no_coordinates(n, p), one.arrays)]
inputs = [pt.as_tensor(np.asarray(number)).type() for number in numbers]
with pytensor.config.change_flags(numba__fastmath=False):
    run = pytensor.function(inputs, patients_log_density(*inputs)[0], mode="NUMBA", on_unused_input="ignore")
from igkinetics.hierarchical.op import log_density
print(repr(float(run(*numbers))), repr(float(log_density(*numbers)[0])))
"""


@pytest.mark.slow
def test_two_cohorts_in_two_processes_that_share_a_cache(tmp_path: Path) -> None:
    """A stale compiled function would answer with the other cohort's number."""
    paths = [str(Path(igkinetics.__file__).parents[1]), str(Path(__file__).parent), str(Path(__file__).parents[1])]
    answers = []
    for seed in (7, 8):
        done = subprocess.run(
            [sys.executable, "-c", TWO_PROCESSES.format(paths=paths, seed=seed)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env={**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"},
        )
        assert done.returncode == 0, done.stderr
        compiled, direct = map(float, done.stdout.split())
        assert compiled == pytest.approx(direct, rel=1e-12)
        answers.append(compiled)
    assert answers[0] != answers[1]


def test_the_same_seed_gives_the_same_draws(
    prepared: PreparedCohort, compiled: CompiledModel, sampled: SampledCohort
) -> None:
    again = sample_prepared(prepared, SETTINGS, "base", compiled)
    np.testing.assert_array_equal(again.posterior.theta, sampled.posterior.theta)
