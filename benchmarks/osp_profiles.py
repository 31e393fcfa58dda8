"""Published IgG1 antibody profiles as a two-compartment IV model: terminal half-lives beside the published ones.

Usage: python benchmarks/osp_profiles.py FOLDER, where FOLDER holds human_mab_plasma_profiles.csv (digitised profiles of
the Open Systems Pharmacology models; time_day, conc_mg_per_L, dose_mg_per_kg). Nothing is written there.

Each profile is fitted by maximum likelihood with proportional error (b estimated), no endogenous IgG, the dose as a
bolus on day 0 (infusion lengths are not in the data). Units per kg: mg/kg, L/kg, mg/L; the linear model has no scale.
Published: CDA1 25.3-31.8 days over its cohorts (Taylor et al., Vaccine 2008;26:3404, abstract).
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeResult, minimize

from igkinetics.fit.likelihood import NORMAL, minus_two_log
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.disposition import fill_half_lives
from igkinetics.kinetics.parameters import Floats, parameter_vector
from igkinetics.kinetics.schedule import Schedule, build_schedule

NAMES = ("CL", "V1", "Q", "V2")
STARTS = tuple(itertools.product((0.002, 0.004), (0.04,), (0.02, 0.08), (0.03, 0.06)))
"""CL, V1, Q, V2 per kg: antibody-like, spread over what a profile could show."""
PUBLISHED = {"CDA1": (25.3, 31.8)}


def vector(x: Floats) -> Floats:
    """Natural parameters of log CL, V1, Q, V2; no endogenous IgG."""
    values = {**dict(zip(NAMES, np.exp(x[:4]), strict=True)), "C_base": 0.0}
    return parameter_vector(values, "two_compartment", "constant")


def minus_two_log_likelihood(x: Floats, schedule: Schedule, day: Floats, level: Floats) -> float:
    """x: logs of CL, V1, Q, V2 and of b."""
    _, infused = igg_curve(vector(x), schedule, day)
    b = float(np.exp(x[4]))
    return sum(minus_two_log(NORMAL, y, 0, c, 0.0, b)[0] for y, c in zip(level, infused, strict=True))


def fit_profile(dose: float, day: Floats, level: Floats) -> OptimizeResult:
    """Best of several starts."""
    schedule = build_schedule(start_day=0.0, dose_day=[0.0], dose_g=[dose], dose_duration_day=[0.0], dose_is_sc=[0.0])
    found = [
        minimize(
            minus_two_log_likelihood,
            np.log([*start, 0.1]),
            (schedule, day, level),
            "Nelder-Mead",
            options={"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-7, "fatol": 1e-9, "adaptive": True},
        )
        for start in STARTS
    ]
    return min(found, key=lambda one: float(one.fun))


def main(folder: Path) -> None:
    profiles = pd.read_csv(folder / "human_mab_plasma_profiles.csv").dropna(subset=["conc_mg_per_L"])
    titles = f"{'points':>7}{'CL mL/kg/d':>12}{'V1 mL/kg':>10}{'b %':>6}{'terminal half-life, d':>23}"
    print(f"{'profile':24}{titles}  published")
    for (compound, dose), rows in profiles.groupby(["compound", "dose_mg_per_kg"], sort=False):
        rows = rows.sort_values("time_day")
        best = fit_profile(float(dose), rows["time_day"].to_numpy(), rows["conc_mg_per_L"].to_numpy())
        theta = vector(best.x)
        half_lives = np.empty((1, 2))
        fill_half_lives(theta[None, :], half_lives)
        terminal = half_lives[0, 1]
        low, high = PUBLISHED.get(compound, (np.nan, np.nan))
        published = "" if np.isnan(low) else f"{low} to {high}"
        print(
            f"{f'{compound} {dose:g} mg/kg':24}{len(rows):7}{1e3 * theta[0]:12.2f}{1e3 * theta[1]:10.1f}"
            f"{100 * np.exp(best.x[4]):6.1f}{terminal:23.1f}  {published}"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:  # `make bench` runs every script; this one needs a folder from outside the project
        print("not run; usage: python benchmarks/osp_profiles.py FOLDER")
        sys.exit(0)
    main(Path(sys.argv[1]))
