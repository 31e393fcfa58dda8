"""What comes out of sampling: the posterior moves from prior to data, files give it back, left-out patients add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from small_cohorts import small_cohort

from igkinetics.errors import InputError
from igkinetics.hierarchical.coordinates import no_coordinates
from igkinetics.hierarchical.diagnostics import GOOD, diagnostics_table, verdict
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort
from igkinetics.hierarchical.integrated import integrated_log_likelihood
from igkinetics.hierarchical.leave_one_out import (
    compare_models,
    influence_table,
    leave_patients_out,
    leave_samples_out,
    left_out,
    loo_table,
)
from igkinetics.hierarchical.likelihood import log_likelihood
from igkinetics.hierarchical.prior_sensitivity import prior_sensitivity, rescaled, reweighting
from igkinetics.hierarchical.reading import patients_of, phi_of
from igkinetics.hierarchical.store import load_posterior, save_posterior
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX


def test_chains_agree_and_the_curve_passes_through_the_samples(sampled: SampledCohort) -> None:
    named = sampled.diagnostics.set_index("parameter")
    assert named.loc["divergences", "value"] == 0
    assert named["r_hat"].max() < 1.05
    theta = sampled.posterior.theta
    assert np.isfinite(theta[..., C_BASE]).all()
    for place, problem in enumerate(sampled.posterior.problems):
        initial = theta[:, :, place, C_INIT].mean()
        first = problem.igg[0]
        assert abs(initial - first) < 3.0 * np.hypot(0.2, 0.09 * first) + 0.5


def test_what_is_read_is_what_the_likelihood_saw(sampled: SampledCohort) -> None:
    """theta from the trace gives back the likelihood of x."""
    phi = phi_of(sampled.trace.u, sampled.whitening)
    theta, x = patients_of(sampled.trace, phi, sampled.population, sampled.prepared.arrays, sampled.whitening)
    np.testing.assert_array_equal(theta, sampled.posterior.theta)
    names = sampled.population.names
    np.testing.assert_allclose(np.log(theta[..., INDEX["CL"]]), x[..., names.index("CL")], rtol=1e-12)
    value, *_ = log_likelihood(x[0, 0], sampled.posterior.error[0, 0], sampled.prepared.arrays)
    assert np.isfinite(value)


def test_population_is_reported_at_the_reference_weight(sampled: SampledCohort) -> None:
    shift = phi_of(sampled.trace.u, sampled.whitening)[..., sampled.population.labels.index("CL")]
    np.testing.assert_allclose(sampled.posterior.population["CL"], 0.155 * np.exp(shift), rtol=1e-12)
    assert set(sampled.posterior.population) == {
        "CL",
        "V1",
        "C_base",
        "S_cd19",
        "k_loss",
        "k_rec",
        "omega_CL",
        "omega_V1",
        "omega_C_base",
        "omega_C_init",
        "omega_S",
        "omega_k_loss",
        "omega_k_rec",
        "a",
        "b",
    }


def test_a_saved_posterior_comes_back(sampled: SampledCohort, prepared: PreparedCohort, tmp_path: Path) -> None:
    save_posterior(sampled, tmp_path / "posterior.nc", {"draws": 250})
    again = load_posterior(tmp_path / "posterior.nc", prepared)
    np.testing.assert_array_equal(again.posterior.theta, sampled.posterior.theta)
    assert again.diagnostics.equals(sampled.diagnostics)


def test_the_file_has_the_groups_that_arviz_knows(
    sampled: SampledCohort, prepared: PreparedCohort, tmp_path: Path
) -> None:
    chains, draws = sampled.trace.u.shape[:2]
    effect = np.arange(float(chains * draws)).reshape(chains, draws)
    save_posterior(sampled, tmp_path / "posterior.nc", {"seed": 3}, {"nadir_change_att": effect})
    with xr.open_datatree(tmp_path / "posterior.nc", engine="h5netcdf") as tree:
        groups = {"posterior", "prior", "sample_stats", "observed_data", "log_likelihood", "posterior_predictive"}
        assert groups <= set(tree.children)
        assert set(tree["prior"].data_vars) == set(tree["posterior"].data_vars)
        assert tree["prior"].sizes["draw"] == 500
        assert {"diverging", "energy", "n_steps", "reached_max_treedepth"} == set(tree["sample_stats"].data_vars)
        np.testing.assert_array_equal(tree["estimands"]["nadir_change_att"], effect)
        found = tree["log_likelihood"]["igg"]
        assert found.sizes == {"chain": chains, "draw": draws, "sample": prepared.arrays.day.size}
        phi = phi_of(sampled.trace.u, sampled.whitening)
        _, x = patients_of(sampled.trace, phi, sampled.population, prepared.arrays, sampled.whitening)
        value, *_ = log_likelihood(x[1, 7], sampled.posterior.error[1, 7], prepared.arrays)
        assert float(found[1, 7].sum()) == pytest.approx(value, rel=1e-10)
        made = tree["posterior_predictive"]["igg"]
        inside = (tree["observed_data"]["igg"] > made.quantile(0.05, ("chain", "draw"))) & (
            tree["observed_data"]["igg"] < made.quantile(0.95, ("chain", "draw"))
        )
        assert float(inside.mean()) > 0.8


def test_another_cohort_or_file_is_refused(sampled: SampledCohort, tmp_path: Path) -> None:
    save_posterior(sampled, tmp_path / "posterior.nc", {})
    with pytest.raises(InputError, match="must be of the same samples, doses"):
        load_posterior(tmp_path / "posterior.nc", small_cohort(8))
    (tmp_path / "other.nc").write_text("not NetCDF", encoding="utf-8")
    with pytest.raises(InputError, match=r"must be a posterior\.nc"):
        load_posterior(tmp_path / "other.nc", sampled.prepared)
    with h5py.File(tmp_path / "posterior.nc", "a") as file:
        file.attrs["format"] = "igkinetics posterior 2"  # its whitened numbers mean something else
    with pytest.raises(InputError, match="must be 'igkinetics posterior 5'"):
        load_posterior(tmp_path / "posterior.nc", sampled.prepared)


def test_integrated_likelihood_is_that_of_brute_force(sampled: SampledCohort) -> None:
    """Importance sampling against plain averaging over draws of the population, for a patient with few samples."""
    prepared, population = sampled.prepared, sampled.population
    arrays = prepared.arrays
    few = arrays._replace(sample_bounds=np.minimum(arrays.sample_bounds, 2))  # all but the first two samples dropped
    phi = phi_of(sampled.trace.u, sampled.whitening)[0, :1]
    nothing = replace(sampled.whitening, coordinates=no_coordinates(*population.offset.shape))
    found = np.mean(
        [integrated_log_likelihood(phi, population, few, nothing, seed=seed, jobs=1)[0, 0] for seed in range(40)]
    )
    mu, root, error, ratio = population.parts(phi[0])
    generator = np.random.default_rng(1)
    values = []
    for _ in range(4000):
        x = mu + generator.standard_normal(mu.shape) @ root.T
        values.append(log_likelihood(x, error, few, ratio)[0])
    highest = max(values)
    brute = highest + np.log(np.mean(np.exp(np.array(values) - highest)))
    assert found == pytest.approx(brute, abs=0.15)


def test_left_out_normal_mean_against_its_closed_form() -> None:
    """y ~ Normal(m, 1), flat prior on m: elpd of each left-out value is known exactly."""
    generator = np.random.default_rng(2)
    y = generator.standard_normal(20)
    m = y.mean() + generator.standard_normal(4000) / np.sqrt(20.0)
    terms = -0.5 * (y[None, :] - m[:, None]) ** 2 - 0.5 * np.log(2.0 * np.pi)
    found = left_out(terms, np.arange(4000))
    variance = 1.0 + 1.0 / 19.0
    others = (y.sum() - y) / 19.0
    exact = -0.5 * (y - others) ** 2 / variance - 0.5 * np.log(2.0 * np.pi * variance)
    np.testing.assert_allclose(found.elpd, exact, atol=0.03)
    assert found.pareto_k.max() < 0.7


def test_tables_of_left_out_patients(sampled: SampledCohort) -> None:
    samples, patients = leave_samples_out(sampled), leave_patients_out(sampled, seed=1, jobs=2)
    table = loo_table(samples, patients).set_index("unit")
    assert table.loc["sample", "n"] == sampled.prepared.arrays.day.size
    assert table.loc["patient", "n"] == len(sampled.prepared.members)
    assert table.loc["patient", "elpd"] < table.loc["sample", "elpd"]  # the others say less than one's own samples
    sound = replace(patients, pareto_k=np.zeros(patients.pareto_k.size))
    same = compare_models({"base": sound, "again": sound, "poor": replace(sound, pareto_k=sound.pareto_k + 0.8)})
    assert list(same["supported"][:2]) == ["reference", "no better and no worse than the base model"]
    assert same["supported"].iloc[2] == "not to be told: Pareto k 0.80 for one patient"
    n = int(np.prod(sampled.posterior.error.shape[:2]))
    changes = np.tile(np.array([1.0, 2.0, 3.0]), (n, 1))
    table = influence_table(patients, sampled.posterior.patient_ids, changes, np.array([1, 3, 5]))
    found = table.set_index("patient_id")
    assert found.loc["P5", "estimate_without"] == pytest.approx(1.5)
    assert found.loc["P0", "estimate_without"] == pytest.approx(2.0)
    assert abs(found["change"].iloc[0]) == pytest.approx(0.5)


def test_reweighting_finds_the_posterior_under_another_prior() -> None:
    """One normal mean: posterior under a doubled prior SD in closed form."""
    population = small_cohort(7).population("base")
    k = population.prior_mean.size
    sd = np.where(np.arange(k) == 0, population.prior_sd[0], 0.0)
    one = replace(population, prior_sd=sd)
    y, se, prior = 0.1, 0.1, sd[0]
    precision = se**-2 + prior**-2
    generator = np.random.default_rng(3)
    phi = np.tile(population.prior_mean, (20000, 1))
    phi[:, 0] = y * se**-2 / precision + generator.standard_normal(20000) / np.sqrt(precision)
    log_weights, shape = reweighting(phi, one, 2.0)
    wide = se**-2 + (2.0 * prior) ** -2
    assert np.exp(log_weights) @ phi[:, 0] == pytest.approx(y * se**-2 / wide, abs=0.004)
    assert shape < 0.7
    assert rescaled(one, 2.0).prior_sd[0] == 2.0 * sd[0]


def test_sensitivity_samples_again_where_weights_fail(sampled: SampledCohort) -> None:
    asked = []

    def refit(population: object) -> dict[str, np.ndarray]:
        asked.append(population)
        return {"CL": np.full(10, 0.5)}

    draws = sampled.posterior.population["CL"].reshape(-1)
    table = prior_sensitivity(sampled, {"CL": draws}, 0.95, refit).set_index("prior_scale")
    assert table.loc[1.0, "median"] == pytest.approx(np.median(draws), rel=2e-3)
    for scale in (0.5, 2.0):
        again = table.loc[scale, "method"] == "sampled again"
        assert again == bool(table.loc[scale, "pareto_k"] > 0.7)
        assert (table.loc[scale, "median"] == 0.5) == again
    assert len(asked) == (table["method"] == "sampled again").sum()


def test_a_verdict_names_what_is_wrong() -> None:
    generator = np.random.default_rng(4)
    good = generator.standard_normal((4, 1000))
    z = generator.standard_normal((4, 1000, 2, 2))
    calm = {
        "diverging": np.zeros((4, 1000)),
        "energy": generator.standard_normal((4, 1000)),
        "max_tree_depth_reached": np.zeros((4, 1000)),
    }
    assert verdict(diagnostics_table({"CL": good}, z, calm, interrupted=False)) == GOOD
    apart = good + np.arange(4)[:, None]
    said = verdict(diagnostics_table({"CL": apart}, z, calm, interrupted=False))
    assert "chains disagree" in said
    assert "CL" in said
    wild = {**calm, "diverging": np.ones((4, 1000))}
    assert "4000 of 4000 draws diverged" in verdict(diagnostics_table({"CL": good}, z, wild, interrupted=False))
    assert "interrupted" in verdict(diagnostics_table({"CL": good}, z, calm, interrupted=True))
