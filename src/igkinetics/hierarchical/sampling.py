"""Sampling the hierarchical model by chains: nutpie, or PyMC's own NUTS. Nothing is read or judged here.

The only module that meets a sampler's trace type; it hands on plain arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytensor

from igkinetics.errors import call_error
from igkinetics.hierarchical.posterior import Trace
from igkinetics.hierarchical.quiet_pymc import pm
from igkinetics.hierarchical.settings import SampleSettings

STATISTICS: Final = {
    "diverging": ("diverging",),
    "energy": ("energy",),
    "n_steps": ("n_steps",),
    "max_tree_depth_reached": ("maxdepth_reached", "reached_max_treedepth"),
}
"""Ours -> the samplers' names."""
STRICT: Final = {"numba__fastmath": False, "floatX": "float64"}
"""With fastmath, cold and warm caches gave different draws from one seed."""


@dataclass(frozen=True, kw_only=True)
class CompiledModel:
    """The model of one cohort size, compiled for nutpie; other data go in without compiling again."""

    compiled: Any

    def with_data(self, data: Mapping[str, Any]) -> CompiledModel:
        """The same model with other numbers under the names of its `pm.Data`; shapes of rows may change, ranks not.

        AssertionError when the model does not read one of them: it would keep the numbers it was compiled with.
        """
        functions = (self.compiled.logp_func, self.compiled.expand_func)
        read = {variable.name for function in functions for variable in function.get_shared()}
        if read != set(data):
            raise AssertionError(f"the compiled model reads {sorted(read)}, not {sorted(data)}")
        return CompiledModel(compiled=self.compiled.with_data(**data))


def compile_model(model: pm.Model) -> CompiledModel:
    """Compiled for nutpie by numba; seconds, once per cohort size."""
    nutpie = quiet_nutpie()
    with pytensor.config.change_flags(**STRICT):
        return CompiledModel(compiled=nutpie.compile_pymc_model(model, backend="numba", var_names=["u", "z"]))


def quiet_nutpie() -> Any:
    """nutpie, without the notice that ArviZ gives on import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import nutpie
    return nutpie


def sample_compiled(compiled: CompiledModel, settings: SampleSettings) -> Trace:
    """Draws of a compiled model by nutpie. Interrupted by the user: what every started chain has drawn."""
    sampler = quiet_nutpie().sample(
        compiled.compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=settings.cores,
        seed=settings.seed,
        target_accept=settings.target_accept,
        save_warmup=False,
        progress_bar=settings.progress,
        blocking=False,
    )
    try:
        return as_trace(sampler.wait(), interrupted=False)
    except KeyboardInterrupt:
        return as_trace(sampler.abort(), interrupted=True)
    except BaseException:
        sampler.cancel()
        raise


def sample_by_pymc(model: pm.Model, settings: SampleSettings) -> Trace:
    """Draws by PyMC's own NUTS, chains in spawned processes."""
    with model, pytensor.config.change_flags(**STRICT):
        trace = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=settings.cores,
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            nuts_sampler="pymc",
            compile_kwargs={"mode": "NUMBA"},
            var_names=["u", "z"],
            compute_convergence_checks=False,
            progressbar=settings.progress,
            mp_ctx="spawn",
        )
    drawn = int(trace.posterior.sizes["draw"])
    return as_trace(trace, interrupted=drawn < settings.draws)


def as_trace(trace: Any, *, interrupted: bool) -> Trace:
    """A sampler's trace as arrays: the draws that all chains with any have. InputError when there are none."""
    u = np.asarray(trace.posterior["u"].values, dtype=float)
    z = np.asarray(trace.posterior["z"].values, dtype=float)
    drawn = np.isfinite(u).all(axis=2).sum(axis=1) if u.size else np.zeros(0, dtype=int)
    chains = np.flatnonzero(drawn > 0)
    if chains.size == 0:
        raise call_error("sampling", "interrupted", "ended before the first draw: nothing can be reported")
    n = int(drawn[chains].min())
    statistics = {
        name: np.asarray(trace.sample_stats[theirs].values)[chains, :n]
        for name, names in STATISTICS.items()
        for theirs in names
        if theirs in trace.sample_stats
    }
    return Trace(u=u[chains, :n], z=z[chains, :n], statistics=statistics, interrupted=interrupted)
