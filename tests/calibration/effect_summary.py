"""What the raw tables of the effect studies say: is the chain calibrated, is the truth found?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kstest

RANKED_DRAWS = 99
NOT_RANKED = (
    "task", "replicate", "divergences", "least_ess", "seconds", "versions",
    "n_model", "sampler", "pareto_k", "effective",
)  # fmt: skip

NAIVE = ("naive", "naive_true_curve", "naive_fitted")


def sbc_table(ranks: pd.DataFrame) -> pd.DataFrame:
    """Kolmogorov-Smirnov on ranks and on folded ranks |2u - 1|, Holm over all tests at 5 %. A rank is spread evenly
    over its cell by a fixed seed, so that u is continuous."""
    quantities = [name for name in ranks.columns if name not in NOT_RANKED]
    jitter = np.random.default_rng(0)
    rows = []
    for name in quantities:
        u = (ranks[name].to_numpy(dtype=float) + jitter.uniform(size=len(ranks))) / (RANKED_DRAWS + 1)
        rows += [
            {"quantity": name, "test": test, "p": float(kstest(values, "uniform").pvalue)}
            for test, values in (("ranks", u), ("folded", np.abs(2.0 * u - 1.0)))
        ]
    table = pd.DataFrame(rows).sort_values("p", kind="stable", ignore_index=True)
    table["holm_limit"] = 0.05 / (len(table) - np.arange(len(table)))
    table["rejected"] = (table["p"] <= table["holm_limit"]).cumprod().astype(bool)
    table["replicates"] = len(ranks)
    return table


def truth_table(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per model: cohorts whose interval holds the truth, and 1; mean and SD of z; the naive difference.

    naive_excludes: cohorts in which the naive 95 % interval of ever minus never infused (lowest measured values; minima
    of the true curves; fitted nadirs as `effect` reports them) misses the true ATT.
    """
    found = []
    for model, of_model in rows.groupby("model", sort=False):
        base = model == "base"
        missed = {
            name: int((~of_model["truth"].between(of_model[f"{name}_lower"], of_model[f"{name}_upper"])).sum())
            for name in NAIVE
        }
        found.append(
            {
                "model": model,
                "cohorts": len(of_model),
                "truth_covered": int(of_model["covered"].sum()),
                "one_covered": None if base else int(of_model["one_covered"].sum()),
                "z_mean": of_model["z"].mean(),
                "z_sd": of_model["z"].std(),
                "mean_truth": of_model["truth"].mean(),
                "mean_estimate": of_model["mean"].mean(),
                "mean_sd": of_model["sd"].mean(),
                **{f"{name}_excludes": count if base else None for name, count in missed.items()},
            }
        )
    return pd.DataFrame(found).astype(dict.fromkeys(["one_covered", *(f"{name}_excludes" for name in NAIVE)], "Int64"))
