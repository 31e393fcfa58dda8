"""The file of draws in ArviZ: 0.23 (with PyMC 5, Python 3.11) and 1.x (with PyMC 6, from Python 3.12 on)."""

from __future__ import annotations

from pathlib import Path

import arviz as az
import matplotlib as mpl
import numpy as np
import pytest

from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.leave_one_out import leave_samples_out
from igkinetics.hierarchical.store import save_posterior


def test_arviz_summarises_compares_and_draws_it(sampled: SampledCohort, tmp_path: Path) -> None:
    save_posterior(sampled, tmp_path / "posterior.nc", {"seed": 3})
    posterior = az.from_netcdf(tmp_path / "posterior.nc")
    summary = az.summary(posterior, var_names=["residual_error"], round_to=8)
    np.testing.assert_allclose(float(summary["mean"].iloc[0]), sampled.posterior.error[..., 0].mean(), rtol=1e-6)
    loo = az.loo(posterior)
    ours = leave_samples_out(sampled)
    assert float(getattr(loo, "elpd", getattr(loo, "elpd_loo", None))) == pytest.approx(ours.elpd.sum(), abs=0.5)
    energy = az.bfmi(posterior)
    energy = energy["energy"] if hasattr(energy, "data_vars") else energy
    assert (np.asarray(energy) > 0.2).all()
    mpl.use("Agg")
    az.plot_energy(posterior)
