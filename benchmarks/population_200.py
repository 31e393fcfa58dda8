"""200 patients by maximum likelihood, beside R's nlme on the same data in one run: times and log likelihoods.

Usage: python benchmarks/population_200.py [exact]; exact: the integral's own maximum too (a minute). R with its package
nlme (Debian: r-base-core, r-cran-nlme) is needed by nothing else here; without it no times are compared. The data are
data/verify/population_200_*.csv: log levels of a decay model with four random effects; log likelihoods are those of log
levels. Both start from the simulation's typical values, and both fits hold the standard errors. Two comparisons, each
by elapsed and by processor time (on a busy machine the latter compares):
- the fit alone, kernels warm, packages loaded, the best of several;
- the whole process, from its start to the printed estimates: loading of packages, reading of files, one fit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.population.exact import gauss_hermite, importance, lay_points
from igkinetics.population.maximise import Maximum, maximise, refined, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare
from igkinetics.verification.comparison import cases_folder
from igkinetics.verification.populations import decay_cohort

TIMES = 5
ONCE = "once"
R = """
suppressMessages(library(nlme))
obs <- read.csv("population_200_obs.csv"); doses <- read.csv("population_200_doses.csv")
most <- max(table(doses$ID))
at <- matrix(1e9, max(obs$ID), most); amount <- matrix(0, max(obs$ID), most)
for (id in unique(doses$ID)) {
  own <- doses[doses$ID == id, ]; at[id, seq_len(nrow(own))] <- own$TIME; amount[id, seq_len(nrow(own))] <- own$AMT
}
# log C and its slopes in log C0, logit S, log k, log V: nlme uses the gradient that the function carries
curve <- function(who, TIME, lc, ls, lk, lv) {
  c0 <- exp(lc); s <- plogis(ls); k <- exp(lk); v <- exp(lv)
  left <- exp(-k * TIME); own <- c0 * (1 - s + s * left)
  given <- 0; later <- 0
  for (j in seq_len(most)) {
    since <- TIME - at[who, j]
    one <- ifelse(since >= 0, amount[who, j] / v * exp(-k * pmax(since, 0)), 0)
    given <- given + one; later <- later + one * pmax(since, 0)
  }
  total <- own + given
  value <- log(total)
  attr(value, "gradient") <- cbind(lc = own / total, ls = c0 * s * (1 - s) * (left - 1) / total,
    lk = -k * (c0 * s * TIME * left + later) / total, lv = -given / total)
  value
}
obs$WHO <- obs$ID  # grouped data order the levels of ID anew
grouped <- groupedData(LOGC ~ TIME | ID, obs)
fit <- function() nlme(LOGC ~ curve(WHO, TIME, lc, ls, lk, lv), data = grouped, fixed = lc + ls + lk + lv ~ 1,
  random = pdDiag(lc + ls + lk + lv ~ 1), start = c(log(9), qlogis(0.65), log(0.03), log(5)), method = "ML")
best <- Inf; work <- Inf
for (turn in seq_len(as.integer(commandArgs(TRUE)[1]))) {
  taken <- system.time(found <- fit())
  best <- min(best, taken[["elapsed"]]); work <- min(work, taken[["user.self"]] + taken[["sys.self"]])
}
cat(best, work, as.numeric(logLik(found)), as.character(packageVersion("nlme")), R.version$major, R.version$minor,
  fixef(found), as.numeric(VarCorr(found)[, "StdDev"]), "\\n")
"""


def by_r(times: int = TIMES) -> list[str] | None:
    """Seconds, those of the processor, log likelihood, versions, estimates; None where nlme is not installed."""
    if shutil.which("Rscript") is None:
        return None
    call = ["Rscript", "-e", R, str(times)]
    done = subprocess.run(call, cwd=cases_folder(), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"Rscript ended with {done.returncode}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return done.stdout.split()


def whole_process(call: list[str]) -> tuple[float, float]:
    """Seconds, and those of the processor, of a process from its start to its end: the least of TIMES."""
    found = []
    for _ in range(TIMES):
        began, before = time.perf_counter(), os.times()
        subprocess.run(call, cwd=cases_folder(), capture_output=True, check=True)
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        found.append((time.perf_counter() - began, used))
    return min(seconds for seconds, _ in found), min(used for _, used in found)


def of_logs(prepared: Prepared, minus_log_likelihood: float) -> float:
    """Log likelihood of log levels."""
    return -minus_log_likelihood + float(np.log(prepared.arrays.igg).sum())


def prepared_200() -> Prepared:
    card = str(cases_folder() / "decay.toml")
    options = PopulationOptions(card=card, structure="one_compartment/step_loss", residual="lognormal")
    return prepare(decay_cohort(), load_card(card), options)


def prepared_and_fitted(jobs: int) -> tuple[float, float, Prepared, Maximum]:
    """Seconds, and of the processor, of the fit alone (maximum with its Hessian), the best of TIMES."""
    prepared = prepared_200()
    best, work, maximum = np.inf, np.inf, None
    for _ in range(TIMES + 1):  # the first compiles or loads the kernels
        began, used = time.perf_counter(), time.process_time()
        maximum = maximise(prepared.model, prepared.arrays, start_of(prepared.model, prepared.omega), jobs)
        best, work = min(best, time.perf_counter() - began), min(work, time.process_time() - used)
    assert maximum is not None
    return best, work, prepared, maximum


def once() -> None:
    """One fit in a process of its own, as `by_r` makes one."""
    prepared = prepared_200()
    maximum = maximise(prepared.model, prepared.arrays, start_of(prepared.model, prepared.omega), 1)
    print(maximum.value, dict(zip(prepared.model.labels, maximum.phi, strict=True)))


def integrals(prepared: Prepared, maximum: Maximum) -> dict[str, float]:
    """Log likelihood of log levels at a maximum, by three rules."""
    level = prepared.model.level(maximum.phi)
    points = lay_points(level, prepared.arrays, maximum.found, seed=1, jobs=2)
    found = {}
    for name, rule in (
        ("quadrature, 9 nodes", gauss_hermite(4, 9)),
        ("quadrature, 13 nodes", gauss_hermite(4, 13)),
        ("importance sampling, 16384 points", importance(4, 3, 16384)),
    ):
        own = maximum.found._replace(value=maximum.found.value.copy())
        replace(points, rule=rule).fill(level, prepared.arrays, own, slopes=False, jobs=2)
        found[name] = of_logs(prepared, float(own.value.sum()))
    return found


def main() -> None:
    if ONCE in sys.argv[1:]:
        once()
        return
    from_r = by_r()
    if from_r is None:
        print("No R with nlme that could fit: no comparison of times")
    else:
        seconds, work, value, nlme, *version = from_r[:6]
        print(
            f"nlme {nlme}, R {'.'.join(version)}, ML: {float(seconds):.3f} s ({float(work):.3f} s of the processor), "
            f"log likelihood {float(value):.3f} (its own)"
        )
    for jobs in (1, 2):
        own, own_work, prepared, maximum = prepared_and_fitted(jobs)
        told = f"igkinetics FOCEI, threads: {jobs}: {own:.3f} s ({own_work:.3f} s of the processor)"
        if from_r is not None:
            told += f"; nlme takes {float(from_r[0]) / own:.1f} times as long ({float(from_r[1]) / own_work:.1f} times)"
        print(told)
    print(f"  its own approximation: {of_logs(prepared, maximum.value):.3f}, {maximum.n_evaluations} evaluations")
    if from_r is not None:
        own, own_work = whole_process([sys.executable, str(Path(__file__).resolve()), ONCE])
        theirs, their_work = whole_process(["Rscript", "-e", R, "1"])
        print(
            f"whole process: igkinetics {own:.2f} s ({own_work:.2f} s of the processor), R with nlme {theirs:.2f} s "
            f"({their_work:.2f} s): {theirs / own:.1f} times as long ({their_work / own_work:.1f} times)"
        )
    places = {"FOCEI's estimates": maximum}
    if "exact" in sys.argv[1:]:
        places["the integral's own maximum"] = refined(prepared.model, prepared.arrays, maximum, seed=1, jobs=2)
    for where, one in places.items():
        told = ", ".join(f"{value:.3f} ({name})" for name, value in integrals(prepared, one).items())
        print(f"  log likelihood at {where}: {told}")


if __name__ == "__main__":
    main()
