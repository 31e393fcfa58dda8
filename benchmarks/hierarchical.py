"""Effective samples a second of the hierarchical model, ours beside the same model written plainly in PyMC.

python benchmarks/hierarchical.py 23            both models, minutes
python benchmarks/hierarchical.py 200           both models, a quarter of an hour
python benchmarks/hierarchical.py 1000 ours     without the plain one
Ours: defaults of `effect` (nutpie, 4 chains of 600 + 1,000, acceptance 0.9), and with the acceptance of 0.8 that
the plain one has. Plain: `plain_model.py`, non-centred, by
`pm.sample(nuts_sampler="pymc")` with its defaults on two cores (2 chains of 1,000 + 1,000).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pymc as pm

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.hierarchical.diagnostics import chain_diagnostics
from igkinetics.hierarchical.fit import (
    HierarchicalOptions,
    PreparedCohort,
    compile_prepared,
    prepare_cohort,
    sample_prepared,
)
from igkinetics.hierarchical.reading import phi_of
from igkinetics.hierarchical.sampling import SampleSettings
from igkinetics.simulate.run import simulate_cohort, write_simulation
from plain_model import plain_model

DESIGN = Path(__file__).parents[1] / "data" / "blina23" / "design.toml"
SEED = 1
CORES = 2
"""For both: PyMC alone would take a core of two for hyper-threading and leave it idle."""


@dataclass(frozen=True)
class Sampled:
    """Draws of the estimated parts of phi (chain, draw, k), on its scales; seconds of building and of drawing."""

    name: str
    phi: np.ndarray
    building: float
    drawing: float
    divergences: int

    def each(self, what: str) -> np.ndarray:
        """A diagnostic of every part of phi (k,)."""
        return np.array([chain_diagnostics(self.phi[..., place])[what] for place in range(self.phi.shape[-1])])

    def rates(self) -> tuple[float, float]:
        """Least bulk ESS a second of drawing, and of building and drawing."""
        ess = self.each("ess_bulk").min()
        return ess / self.drawing, ess / (self.building + self.drawing)

    def print(self) -> None:
        drawing, both = self.rates()
        print(
            f"  {self.name}: {self.phi.shape[0]} chains, built in {self.building:.1f} s, "
            f"drawn in {self.drawing:.1f} s; "
            f"least bulk ESS {self.each('ess_bulk').min():.0f}, R-hat {self.each('r_hat').max():.3f}, "
            f"{self.divergences} divergences; {drawing:.3g} effective samples a second, {both:.3g} with building",
            flush=True,
        )


def made_cohort(n: int) -> PreparedCohort:
    """The design of the example with n patients, no reporting limit and no outcomes: what the plain model can take."""
    text = DESIGN.read_text(encoding="utf-8").split("[outcomes")[0].replace("lower_limit_mg_dl = 40\n", "")
    infused = round(n * 17 / 23)
    text = text.replace("n = 17", f"n = {infused}").replace("n = 6", f"n = {n - infused}")
    with tempfile.TemporaryDirectory() as folder:
        write_simulation(simulate_cohort(text, seed=SEED), Path(folder))
        cohort = igk.read_cohort(Path(folder))
    return prepare_cohort(cohort, load_card("adult_b_cell_depletion"), HierarchicalOptions())


def ours(prepared: PreparedCohort, target_accept: float) -> Sampled:
    began = time.perf_counter()
    compiled = compile_prepared(prepared)
    built = time.perf_counter()
    found = sample_prepared(prepared, SampleSettings(seed=SEED, target_accept=target_accept), "base", compiled)
    phi = phi_of(found.trace.u, found.whitening)[..., found.population.active]
    divergences = int(found.trace.statistics["diverging"].sum())
    return Sampled(f"ours, acceptance {target_accept:g}", phi, built - began, time.perf_counter() - built, divergences)


def plain(prepared: PreparedCohort) -> Sampled:
    """Drawing is what pm.sample says it took; building all the rest, compiling included."""
    began = time.perf_counter()
    with plain_model(prepared):
        found = pm.sample(
            nuts_sampler="pymc", cores=CORES, random_seed=SEED, progressbar=False, compute_convergence_checks=False
        )
    drawing = float(found.posterior.attrs["sampling_time"])
    phi = np.asarray(found.posterior["phi"].values)
    divergences = int(found.sample_stats["diverging"].sum())
    return Sampled("plain", phi, time.perf_counter() - began - drawing, drawing, divergences)


def main(n: int, *, both: bool) -> None:
    prepared = made_cohort(n)
    print(
        f"{n} patients, {prepared.arrays.day.size} samples; {os.cpu_count()} cores; PyMC {version('pymc')}, "
        f"nutpie {version('nutpie')}",
        flush=True,
    )
    found = [ours(prepared, target_accept) for target_accept in (0.9, 0.8)]
    for first in found:
        first.print()
    if both:
        second = plain(prepared)
        second.print()
    for first in found if both else ():
        drawing, building = (one / other for one, other in zip(first.rates(), second.rates(), strict=True))
        print(
            f"  {first.name}, over plain: {drawing:.1f} times, {building:.1f} times with building; "
            f"{agreement(prepared, first, second)}"
        )


def agreement(prepared: PreparedCohort, one: Sampled, other: Sampled) -> str:
    """Differences of means of the population in Monte Carlo standard errors of both."""
    population = prepared.population("base")
    labels = [label for label, active in zip(population.labels, population.active, strict=True) if active]
    error = np.hypot(one.each("mcse"), other.each("mcse"))
    away = np.abs(one.phi.mean(axis=(0, 1)) - other.phi.mean(axis=(0, 1))) / error
    return f"means differ by at most {away.max():.1f} Monte Carlo standard errors ({labels[int(np.argmax(away))]})"


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:] if word.isdigit()] or [23]
    for size in sizes:
        main(size, both="ours" not in sys.argv)
