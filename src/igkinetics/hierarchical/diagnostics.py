"""Whether the chains can be believed: R-hat, ESS, divergences, E-BFMI, tree depth, and a verdict in words.

Rank-normalised split R-hat, bulk and tail ESS: Vehtari et al., Bayesian Anal 2021;16:667 (by arviz-stats).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

from igkinetics.kinetics.parameters import Floats

DIAGNOSTIC_COLUMNS: Final = ("parameter", "r_hat", "ess_bulk", "ess_tail", "mcse", "value")
"""value: of the rows divergences, e_bfmi, max_tree_depth and verdict, which have no other number."""
MOST_R_HAT: Final = 1.01
LEAST_ESS: Final = 400.0
LEAST_E_BFMI: Final = 0.3
GOOD: Final = "good"
WORST_PATIENT: Final = "patients_worst"
"""The row with the worst R-hat and ESS over all parameters of all patients."""


def chain_diagnostics(draws: Floats) -> dict[str, float]:
    """R-hat, ESS and Monte Carlo error of the mean of one quantity (chain, draw)."""
    return {
        "r_hat": float(array_stats.rhat(draws)) if draws.shape[0] > 1 else np.nan,
        "ess_bulk": float(array_stats.ess(draws, method="bulk")),
        "ess_tail": float(array_stats.ess(draws, method="tail", prob=0.9)),
        "mcse": float(array_stats.mcse(draws, method="mean")),
    }


def diagnostics_table(
    population: Mapping[str, Floats], z: Floats, statistics: Mapping[str, np.ndarray], *, interrupted: bool
) -> pd.DataFrame:
    """A row per population quantity, the worst of all patients, and what the sampler says of itself."""
    rows = [{"parameter": name, **chain_diagnostics(draws)} for name, draws in population.items()]
    rows.append({"parameter": WORST_PATIENT, **worst(z)})
    divergences = int(statistics["diverging"].sum())
    e_bfmi = float(np.min(array_stats.bfmi(statistics["energy"])))
    deepest = int(statistics["max_tree_depth_reached"].sum())
    rows += [{"parameter": "divergences", "value": divergences}, {"parameter": "e_bfmi", "value": e_bfmi},
             {"parameter": "max_tree_depth", "value": deepest}]  # fmt: skip
    table = pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS)).astype({"value": object})
    verdict = verdict_of(table, divergences, e_bfmi, deepest, int(z.shape[0] * z.shape[1]), interrupted=interrupted)
    table.loc[len(table)] = {"parameter": "verdict", "value": verdict}
    return table


def worst(z: Floats) -> dict[str, float]:
    """The worst of each diagnostic over all (patient, parameter) of z (chain, draw, patient, p)."""
    chains, draws = z.shape[:2]
    each = [chain_diagnostics(column) for column in np.moveaxis(z.reshape(chains, draws, -1), -1, 0)]
    table = pd.DataFrame(each)
    return {"r_hat": table["r_hat"].max(), "ess_bulk": table["ess_bulk"].min(), "ess_tail": table["ess_tail"].min(),
            "mcse": np.nan}  # fmt: skip


def verdict_of(
    table: pd.DataFrame, divergences: int, e_bfmi: float, deepest: int, n_draws: int, *, interrupted: bool
) -> str:
    """`good`, or what is wrong, in words."""
    faults = ["interrupted before all draws were made"] if interrupted else []
    named = table.dropna(subset=["ess_bulk"])
    r_hat = named["r_hat"].max()
    if not r_hat < MOST_R_HAT:
        where = str(named["parameter"].iloc[int(named["r_hat"].fillna(np.inf).argmax())])
        faults.append(f"chains disagree (largest R-hat {r_hat:.3f}, {where})")
    for column, kind in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        if not named[column].min() >= LEAST_ESS:
            where = str(named["parameter"].iloc[int(named[column].argmin())])
            faults.append(f"{kind} ESS of {where} only {named[column].min():.0f}")
    if divergences:
        faults.append(f"{divergences} of {n_draws} draws diverged")
    if e_bfmi < LEAST_E_BFMI:
        faults.append(f"E-BFMI {e_bfmi:.2f} is below {LEAST_E_BFMI:g}")
    if deepest:
        faults.append(f"{deepest} of {n_draws} draws met the largest tree depth")
    return GOOD if not faults else "; ".join(faults)


def verdict(table: pd.DataFrame) -> str:
    """The verdict of a table of diagnostics."""
    return str(table.loc[table["parameter"] == "verdict", "value"].iloc[0])
