"""Whether the chains can be believed: R-hat, ESS, divergences, E-BFMI, tree depth, and a verdict in words.

What is reported decides: parameters of the population and estimands. Coordinates of single patients, a few divergences,
E-BFMI and tree depth warn: they say where to look, and their harm would show in what is reported.
Rank-normalised split R-hat, bulk and tail ESS: Vehtari et al., Bayesian Anal 2021;16:667 (by arviz-stats).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

from igkinetics.hierarchical.many_diagnostics import many_diagnostics
from igkinetics.kinetics.parameters import Floats

DIAGNOSTIC_COLUMNS: Final = ("parameter", "r_hat", "ess_bulk", "ess_tail", "mcse", "value")
"""value: of the rows divergences, e_bfmi, max_tree_depth (where chains were run), pareto_k (where they were not) and
verdict, which have no other number; of the row of the worst patient, which patient and parameter."""
MOST_R_HAT: Final = 1.01
LEAST_ESS: Final = 400.0
BEHIND_R_HAT: Final = 1.05
BEHIND_ESS: Final = 100.0
"""The same of what patients share where estimands are judged themselves: what lies behind them then warns, and only
beyond these decides."""
LEAST_E_BFMI: Final = 0.3
MOST_DIVERGENT: Final = 0.01
"""Share of draws; beyond it the sampler misses a part of the posterior that nobody can name."""
GOOD: Final = "good"
WORST_PATIENT: Final = "patients_worst"
"""The row with the worst R-hat and ESS over all parameters of all patients."""
NOT_REPORTED: Final = (WORST_PATIENT, "divergences", "e_bfmi", "max_tree_depth", "pareto_k", "verdict")
FEW: Final = "ESS"


class Run(NamedTuple):
    """What the verdict has to know of a run besides its table. kept: estimands of which fewer draws were used.

    estimands: rows that decide; none: all do.
    """

    n_draws: int
    interrupted: bool
    kept: Mapping[str, int]
    estimands: frozenset[str] = frozenset()


def chain_diagnostics(draws: Floats, *, error: bool = True) -> dict[str, float]:
    """R-hat, ESS and Monte Carlo error of the mean of one quantity (chain, draw); nan for one that never varies.

    error False: without the last, which takes its time.
    """
    if draws.shape[1] < 4 or np.ptp(draws) == 0:
        return dict.fromkeys(("r_hat", "ess_bulk", "ess_tail", "mcse"), np.nan)
    return {
        "r_hat": float(array_stats.rhat(draws)) if draws.shape[0] > 1 else np.nan,
        "ess_bulk": float(array_stats.ess(draws, method="bulk")),
        "ess_tail": float(array_stats.ess(draws, method="tail", prob=0.9)),
        "mcse": float(array_stats.mcse(draws, method="mean")) if error else np.nan,
    }


def diagnostics_table(
    population: Mapping[str, Floats],
    z: Floats,
    statistics: Mapping[str, np.ndarray],
    *,
    interrupted: bool,
    patients: Sequence[str] = (),
    names: Sequence[str] = (),
) -> pd.DataFrame:
    """A row per population quantity, the worst of all patients, and what the sampler says of itself.

    patients, names: of the last two axes of z, to name the worst.
    """
    rows = [{"parameter": name, **chain_diagnostics(draws)} for name, draws in population.items()]
    rows.append({"parameter": WORST_PATIENT, **worst(z, patients, names)})  # type: ignore[dict-item]
    rows += [{"parameter": name, "value": value} for name, value in of_sampler(statistics).items()]
    table = pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS)).astype({"value": object})
    return judged(table, Run(int(z.shape[0] * z.shape[1]), interrupted, {}))


def of_sampler(statistics: Mapping[str, np.ndarray]) -> dict[str, object]:
    """What a sampler says of itself: of chains, or of weights."""
    if "pareto_k" in statistics:
        weights = float(np.max(statistics["pareto_k"]))
        return dict.fromkeys(("divergences", "e_bfmi", "max_tree_depth")) | {"pareto_k": weights}
    return {
        "divergences": int(statistics["diverging"].sum()),
        "e_bfmi": float(np.min(array_stats.bfmi(statistics["energy"]))),
        "max_tree_depth": int(statistics["max_tree_depth_reached"].sum()),
        "pareto_k": None,
    }


def with_estimands(table: pd.DataFrame, estimands: Mapping[str, Floats], run: Run) -> pd.DataFrame:
    """The table with a row for each estimand (chain, draw) behind those of the population, and judged anew."""
    rows = pd.DataFrame(
        [{"parameter": name, **chain_diagnostics(draws)} for name, draws in estimands.items()],
        columns=list(DIAGNOSTIC_COLUMNS),
    ).astype({"value": object})
    index = int(np.flatnonzero(table["parameter"].isin(NOT_REPORTED))[0])
    parts = [part for part in (table.iloc[:index], rows, table.iloc[index:]) if len(part)]
    return judged(pd.concat(parts, ignore_index=True), run._replace(estimands=frozenset(estimands)))


def judged(table: pd.DataFrame, run: Run) -> pd.DataFrame:
    """The table with its verdict as the last row."""
    bare = table[table["parameter"] != "verdict"].reset_index(drop=True)
    bare.loc[len(bare)] = {"parameter": "verdict", "value": verdict_of(bare, run)}
    return bare


def worst(z: Floats, patients: Sequence[str], names: Sequence[str]) -> dict[str, float | str]:
    """The worst of each diagnostic over all (patient, parameter) of z (chain, draw, patient, p), and whose it is."""
    table = pd.DataFrame(many_diagnostics(z.reshape(*z.shape[:2], -1)))
    row: dict[str, float | str] = {
        "r_hat": table["r_hat"].max(),
        "ess_bulk": table["ess_bulk"].min(),
        "ess_tail": table["ess_tail"].min(),
        "mcse": np.nan,
    }
    if len(patients):
        # the fewest effective draws tell a stuck coordinate; where several are alike the first is named
        patient, parameter = divmod(int(table["ess_bulk"].fillna(np.inf).argmin()), len(names))
        row["value"] = f"{patients[patient]}, {names[parameter]}"
    return row


def verdict_of(table: pd.DataFrame, run: Run) -> str:
    """`good`, with what should be known all the same; or what is wrong, in words."""
    faults = ["interrupted before all draws were made"] if run.interrupted else []
    reported = table[~table["parameter"].isin(NOT_REPORTED)].dropna(subset=["ess_bulk"])
    value = table.set_index("parameter")["value"]
    chains = not pd.isna(value["divergences"])
    decides = reported["parameter"].isin(run.estimands) if run.estimands else reported["parameter"].notna()
    behind = reported[~decides]
    faults += shortcomings(reported[decides], MOST_R_HAT, LEAST_ESS, run, chains=chains)
    faults += shortcomings(behind, BEHIND_R_HAT, BEHIND_ESS, run, chains=chains)
    faults = list(dict.fromkeys(faults))
    warnings = patient_warnings(table, chains=chains)
    if not faults:
        warnings = [*shortcomings(behind, MOST_R_HAT, LEAST_ESS, run, chains=chains), *warnings]
    if not chains:  # importance sampling: batches are independent, and its weights were judged before
        return said_of(faults, warnings)
    diverged = int(value["divergences"])
    if diverged:
        said = f"{diverged} of {run.n_draws} draws diverged"
        (faults if diverged > MOST_DIVERGENT * run.n_draws else warnings).append(said)
    if value["e_bfmi"] < LEAST_E_BFMI:
        warnings.append(f"E-BFMI {value['e_bfmi']:.2f} is below {LEAST_E_BFMI:g}")
    if value["max_tree_depth"]:
        warnings.append(f"{int(value['max_tree_depth'])} of {run.n_draws} draws met the largest tree depth")
    return said_of(faults, warnings)


def said_of(faults: Sequence[str], warnings: Sequence[str]) -> str:
    """The verdict in words."""
    if faults:
        return "; ".join([*faults, *warnings])
    return f"{GOOD}; to be known: {'; '.join(warnings)}" if warnings else GOOD


def shortcomings(rows: pd.DataFrame, most: float, fewest: float, run: Run, *, chains: bool) -> list[str]:
    """What chains say differently of these rows, and of which there are too few effective draws."""
    if rows.empty:
        return []
    said = disagreements(rows, most) if chains else []
    least = rows["parameter"].map(lambda name: min(fewest, 0.5 * run.kept.get(name, np.inf)))
    for column, kind in (("ess_bulk", "bulk"), ("ess_tail", "tail")):
        short = rows[rows[column] < least]
        if not short.empty:
            row = short.sort_values(column).iloc[0]
            said.append(f"{kind} {FEW} of {row['parameter']} only {row[column]:.0f}")
    return said


def disagreements(reported: pd.DataFrame, most: float) -> list[str]:
    """What chains say differently of what is reported, by R-hat at or above `most`."""
    if reported["r_hat"].isna().all():
        return ["one chain alone: whether chains agree cannot be told"] if len(reported) else []
    apart = reported[~(reported["r_hat"] < most)]
    if apart.empty:
        return []
    row = apart.sort_values("r_hat", ascending=False, na_position="first").iloc[0]
    return [f"chains disagree (largest R-hat {row['r_hat']:.3f}, {row['parameter']})"]


def patient_warnings(table: pd.DataFrame, *, chains: bool) -> list[str]:
    """What is known of the worst coordinate of a patient."""
    warned = table[table["parameter"] == WORST_PATIENT]
    if warned.empty:
        return []
    row = warned.iloc[0]
    least = min(row["ess_bulk"], row["ess_tail"])
    if not ((chains and row["r_hat"] >= MOST_R_HAT) or least < LEAST_ESS):
        return []
    who = f" ({row['value']})" if isinstance(row["value"], str) else ""
    return [f"parameters of single patients: R-hat up to {row['r_hat']:.3f}, ESS down to {least:.0f}{who}"]


def verdict(table: pd.DataFrame) -> str:
    """The verdict of a table of diagnostics."""
    return str(table.loc[table["parameter"] == "verdict", "value"].iloc[0])


def passes(said: str) -> bool:
    """Whether a verdict lets the numbers be relied on."""
    return said.split(";")[0] == GOOD
