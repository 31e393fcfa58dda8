"""The hierarchical model at size: processor time by stage and memory, with the accuracy beside them.

    python benchmarks/hierarchical_size.py [--sizes 250 1000] [--chains 250] [--out benchmarks/hierarchical_size.csv]

Cohorts in the shape of the example, dosed by a rule on their levels, with truth from the default card; importance
sampling with the draws of `effect` (4 batches of 500), one thread. Processor seconds of: `prepare` (who takes part),
`whiten` (each patient's mode, alternating with the population's), `learn` (where points and draws of the population
lie), `draw`, `read` (draws as parameters, diagnostics). `exponent` is the slope of log time on log patients from the
size before. Accuracy: Pareto k of the weights; the fewest effective draws of a parameter that patients share; R-hat at
its worst; of the typical values and spreads whose truth the card holds, how many lie in their 95 % interval, and the
root mean square of (posterior mean - truth) / posterior SD, 1 where all is well.
`--chains N`: NUTS on N patients for so few iterations (one chain of 100 + 100), for a rate of draws: each draw counted
as an effective one, which is more than a chain gives.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import PRIOR_PARAMETERS, patient_prior
from igkinetics.hierarchical import importance
from igkinetics.hierarchical.fit import HierarchicalOptions, PreparedCohort, prepare_cohort, sampled_cohort
from igkinetics.hierarchical.laplace import whiten
from igkinetics.hierarchical.many_diagnostics import many_diagnostics
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.settings import SampleSettings
from igkinetics.scenarios.new_patients import PRIOR_NAME_OF
from igkinetics.simulate.run import simulate_cohort, write_simulation

DESIGN = Path(__file__).parents[1] / "data" / "blina23" / "design.toml"
CARD = "adult_b_cell_depletion"
AGENTS = ("blinatumomab",)
SEED = 1
SETTINGS = SampleSettings(seed=SEED, cores=1, sampler="laplace", draws=500)
STAGES = ("prepare_s", "whiten_s", "learn_s", "draw_s", "read_s")
ACCURACY = ("pareto_k", "least_effective", "r_hat", "effective_a_second", "in_interval", "rms_z")
COLUMNS = ("what", "patients", *STAGES, "whole_s", "exponent", "peak_gib", "points", *ACCURACY)


def made_cohort(n: int) -> PreparedCohort:
    """The design of the example with n patients and no outcomes."""
    text = DESIGN.read_text(encoding="utf-8").split("[outcomes")[0]
    infused = round(n * 17 / 23)
    text = text.replace("n = 17", f"n = {infused}").replace("n = 6", f"n = {n - infused}")
    with tempfile.TemporaryDirectory() as folder:
        write_simulation(simulate_cohort(text, seed=SEED), Path(folder))
        cohort = igk.read_cohort(Path(folder))
    began = time.process_time()
    prepared = prepare_cohort(cohort, load_card(CARD), HierarchicalOptions())
    SECONDS["prepare_s"] = time.process_time() - began
    return prepared


SECONDS: dict[str, float] = {}


def by_importance(n: int) -> dict[str, Any]:
    """One row: stages of n patients."""
    prepared = made_cohort(n)
    population = prepared.population("base")
    last = time.process_time()

    def stage(name: str) -> None:
        nonlocal last
        SECONDS[name] = time.process_time() - last
        last = time.process_time()

    whitening = whiten(prepared.members, population, prepared.arrays)
    stage("whiten_s")

    def timed(target: importance.Target, generator: np.random.Generator) -> importance.Sampler:
        sampler = learnt_sampler(target, generator)
        stage("learn_s")
        return sampler

    learnt_sampler, importance.learnt_sampler = importance.learnt_sampler, timed
    drawn = importance.draw_by_importance(population, prepared.arrays, whitening, SETTINGS)
    stage("draw_s")
    sampled = sampled_cohort(prepared, population, whitening, drawn.trace, "base")
    stage("read_s")
    whole = sum(SECONDS.values())
    shared = many_diagnostics(drawn.trace.u[..., population.active])
    least = float(np.minimum(shared["ess_bulk"], shared["ess_tail"]).min())
    return {
        "what": "importance sampling" if not drawn.why_not else f"importance sampling, not believed: {drawn.why_not}",
        "patients": n,
        **{name: round(seconds, 1) for name, seconds in SECONDS.items()},
        "whole_s": round(whole, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "points": drawn.points,
        "pareto_k": round(drawn.pareto_k, 2),
        "least_effective": round(least),
        "r_hat": round(float(shared["r_hat"].max()), 3),
        "effective_a_second": round(least / whole, 2),
        **agreement(sampled.posterior),
    }


def agreement(posterior: CohortPosterior) -> dict[str, Any]:
    """Of typical values and spreads with those of the card that made the patients."""
    card = load_card(CARD)
    prior = patient_prior(card, weight_kg=np.nan, agents=AGENTS)
    z, held = [], []
    for name in PRIOR_PARAMETERS:
        own = PRIOR_NAME_OF.get(name, name)
        labels = [one for one in posterior.population if one == own or (name == "S" and one.startswith("S_"))]
        for label, truth in [(one, prior.typical[name]) for one in labels] + [(f"omega_{own}", prior.omega[name])]:
            draws = posterior.population.get(label)
            if draws is None or np.ptp(draws) == 0.0:
                continue
            draws = np.log(draws / (1.0 - draws)) if label.startswith("S_") else np.log(draws)
            truth = np.log(truth / (1.0 - truth)) if label.startswith("S_") else np.log(truth)
            low, high = np.quantile(draws, [0.025, 0.975])
            z.append((draws.mean() - truth) / draws.std())
            held.append(low <= truth <= high)
    return {"in_interval": f"{sum(held)} of {len(held)}", "rms_z": round(float(np.sqrt(np.mean(np.square(z)))), 2)}


def by_chains(n: int) -> dict[str, Any]:
    """How many draws a second one chain makes."""
    from igkinetics.hierarchical.fit import compile_prepared, drawn_by_chains

    prepared = made_cohort(n)
    population = prepared.population("base")
    began = time.process_time()
    whitening = whiten(prepared.members, population, prepared.arrays)
    SECONDS["whiten_s"] = time.process_time() - began
    compiled = compile_prepared(prepared)
    settings = replace(SETTINGS, sampler="nutpie", draws=100, tune=100, chains=1)
    began = time.process_time()
    drawn_by_chains(prepared, population, whitening, settings, compiled)
    seconds = time.process_time() - began
    return {
        "what": "NUTS, draws a second",
        "patients": n,
        "whiten_s": round(SECONDS["whiten_s"], 1),
        "draw_s": round(seconds, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "effective_a_second": round(200 / seconds, 2),
    }


def in_own_process(*arguments: str) -> dict[str, Any]:
    """A row made in a process of its own, so that its peak of memory is its own; one thread."""
    alone = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=os.environ | alone, capture_output=True, text=True, check=True)
    return dict(next(csv.DictReader(done.stdout.splitlines()[-2:])))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=[250, 1000])
    parser.add_argument("--chains", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--row", nargs=2)
    options = parser.parse_args()
    if options.row:
        what, n = options.row[0], int(options.row[1])
        made = by_importance if what == "importance" else by_chains
        made_cohort(12)  # loads the kernels
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerow(made(n))
        return
    rows: list[dict[str, Any]] = []
    for n in options.sizes:
        row = in_own_process("--row", "importance", str(n))
        if rows:
            before = rows[-1]
            slope = np.log(float(row["whole_s"]) / float(before["whole_s"])) / np.log(n / int(before["patients"]))
            row["exponent"] = round(float(slope), 2)
        rows.append(row)
        print(row, flush=True)
    if options.chains:
        rows.append(in_own_process("--row", "chains", str(options.chains)))
        print(rows[-1], flush=True)
    if options.out:
        load = f"load {os.getloadavg()[0]:.1f}"
        with options.out.open("w", encoding="utf-8", newline="") as file:
            file.write(f"# {platform.processor() or platform.machine()}, {os.cpu_count()} cores, {load}\n")
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
