"""200 patients by maximum likelihood, beside R's nlme on the same data in one run: times and log likelihoods.

Usage: python benchmarks/population_200.py. R with its package nlme (Debian: r-base-core, r-cran-nlme) is needed by
nothing else here; without it no times are compared. The data are data/verify/population_200_*.csv: log levels of a
decay model with four random effects; log likelihoods are those of log levels. Each program is timed on its fit alone,
kernels warm, packages loaded, the best of three; both start from the simulation's typical values.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np

from igkinetics.cards.load import load_card
from igkinetics.population.exact import gauss_hermite, importance, lay_points
from igkinetics.population.maximise import Maximum, maximise, refined, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare
from igkinetics.verification.comparison import cases_folder
from igkinetics.verification.populations import decay_cohort

TIMES = 3
R = """
suppressMessages(library(nlme))
obs <- read.csv("population_200_obs.csv"); doses <- read.csv("population_200_doses.csv")
most <- max(table(doses$ID))
at <- matrix(1e9, max(obs$ID), most); amount <- matrix(0, max(obs$ID), most)
for (id in unique(doses$ID)) {
  own <- doses[doses$ID == id, ]; at[id, seq_len(nrow(own))] <- own$TIME; amount[id, seq_len(nrow(own))] <- own$AMT
}
# log C and its slopes in log C0, logit S, log k, log V: nlme uses the gradient that the function carries
curve <- function(ID, TIME, lc, ls, lk, lv) {
  c0 <- exp(lc); s <- plogis(ls); k <- exp(lk); v <- exp(lv)
  left <- exp(-k * TIME); own <- c0 * (1 - s + s * left)
  given <- 0; later <- 0
  for (j in seq_len(most)) {
    since <- TIME - at[ID, j]
    one <- ifelse(since >= 0, amount[ID, j] / v * exp(-k * pmax(since, 0)), 0)
    given <- given + one; later <- later + one * pmax(since, 0)
  }
  total <- own + given
  value <- log(total)
  attr(value, "gradient") <- cbind(lc = own / total, ls = c0 * s * (1 - s) * (left - 1) / total,
    lk = -k * (c0 * s * TIME * left + later) / total, lv = -given / total)
  value
}
grouped <- groupedData(LOGC ~ TIME | ID, obs)
fit <- function() nlme(LOGC ~ curve(ID, TIME, lc, ls, lk, lv), data = grouped, fixed = lc + ls + lk + lv ~ 1,
  random = pdDiag(lc + ls + lk + lv ~ 1), start = c(log(9), qlogis(0.65), log(0.03), log(5)), method = "ML")
best <- Inf
for (turn in seq_len(as.integer(commandArgs(TRUE)[1]))) {
  seconds <- system.time(found <- fit())[["elapsed"]]; best <- min(best, seconds)
}
cat(best, as.numeric(logLik(found)), as.character(packageVersion("nlme")), R.version$major, R.version$minor,
  fixef(found), as.numeric(VarCorr(found)[, "StdDev"]), "\\n")
"""


def by_r() -> list[str] | None:
    """Seconds, log likelihood, versions, four typical values, five SDs; None where nlme is not installed."""
    if shutil.which("Rscript") is None:
        return None
    call = ["Rscript", "-e", R, str(TIMES)]
    done = subprocess.run(call, cwd=cases_folder(), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"Rscript ended with {done.returncode}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return done.stdout.split()


def of_logs(prepared: Prepared, minus_log_likelihood: float) -> float:
    """Log likelihood of log levels."""
    return -minus_log_likelihood + float(np.log(prepared.arrays.igg).sum())


def prepared_and_fitted(jobs: int) -> tuple[float, Prepared, Maximum]:
    """Seconds of the fit alone (model and maximum with its Hessian), the best of TIMES."""
    card = str(cases_folder() / "decay.toml")
    options = PopulationOptions(card=card, structure="one_compartment/step_loss", residual="lognormal", jobs=jobs)
    prepared = prepare(decay_cohort(), load_card(card), options)
    best, maximum = np.inf, None
    for _ in range(TIMES + 1):  # the first compiles or loads the kernels
        began = time.perf_counter()
        maximum = maximise(prepared.model, prepared.arrays, start_of(prepared.model, prepared.omega), jobs)
        seconds = time.perf_counter() - began
        best = min(best, seconds)
    assert maximum is not None
    return best, prepared, maximum


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
    from_r = by_r()
    rows = []
    for jobs in (1, 2):
        seconds, prepared, maximum = prepared_and_fitted(jobs)
        rows.append((f"igkinetics FOCEI, {jobs} thread{'s' * (jobs > 1)}", seconds))
    began = time.perf_counter()
    exact = refined(prepared.model, prepared.arrays, maximum, seed=1, jobs=2)
    to_the_integral = time.perf_counter() - began
    if from_r is None:
        print("R with nlme is not installed: no comparison of times")
    else:
        seconds, value, nlme, *version = from_r[:5]
        told = f"{float(seconds):.3f} s, log likelihood {float(value):.3f} (its own)"
        print(f"nlme {nlme}, R {'.'.join(version)}, ML: {told}")
    for name, own in rows:
        ratio = f", {float(from_r[0]) / own:.1f} times as fast as nlme" if from_r else ""
        print(f"{name}: {own:.3f} s{ratio}")
    print(f"  its own approximation: {of_logs(prepared, maximum.value):.3f}, {maximum.n_evaluations} evaluations")
    for where, one in (("FOCEI's estimates", maximum), ("the integral's own maximum", exact)):
        told = ", ".join(f"{value:.3f} ({name})" for name, value in integrals(prepared, one).items())
        print(f"  log likelihood at {where}: {told}")
    print(f"  from FOCEI's maximum to the integral's, 2 threads: {to_the_integral:.2f} s")


if __name__ == "__main__":
    main()
