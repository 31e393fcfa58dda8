"""The estimate averaged over the models sampled, each weighted by how well it predicts patients it has not seen.

Pseudo-BMA+ weights (Yao et al., Bayesian Anal 2018;13:917, section 3.4): Bayesian bootstrap of the patients' log
predictive densities, so that models which the patients do not tell apart share the weight instead of winning by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import softmax

from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.hierarchical.leave_one_out import GOOD_PARETO_K, LeftOut
from igkinetics.kinetics.parameters import Floats
from igkinetics.random_streams import numbered_stream

AVERAGED_COLUMNS: Final = ("quantity", "n_models", "median", "lower", "upper", "level", "left_out", "note")
"""left_out: models that are not averaged over, for their draws cannot be relied on."""
BOOTSTRAPS: Final = 4000


def model_weights(models: Mapping[str, LeftOut], seed: int) -> dict[str, float]:
    """Weights that sum to 1. All models must be of the same patients."""
    elpd = np.array([one.elpd for one in models.values()])
    n = elpd.shape[1]
    shares = numbered_stream(seed, "model weights").dirichlet(np.ones(n), BOOTSTRAPS)
    weights = softmax(n * shares @ elpd.T, axis=1).mean(axis=0)
    return dict(zip(models, map(float, weights), strict=True))


def averaged_rows(
    weights: Mapping[str, float],
    quantities: Mapping[str, Mapping[str, Floats]],
    models: Mapping[str, LeftOut],
    level: float,
    failed: Sequence[str] = (),
) -> pd.DataFrame:
    """AVERAGED_COLUMNS: a row per quantity that every model has. quantities: model -> name -> draws (n,).

    failed: models that take no part, for their draws cannot be relied on.
    """
    first = next(iter(quantities.values()))
    tail = 0.5 * (1.0 - level)
    worst = max(float(one.pareto_k.max()) for one in models.values())
    note = f"Pareto k up to {worst:.2f}: the weights are rough" if worst > GOOD_PARETO_K else ""
    rows = []
    for name in first:
        if not all(name in each for each in quantities.values()):
            continue
        draws = np.concatenate([each[name] for each in quantities.values()])
        shares = [np.full(each[name].size, weights[model] / each[name].size) for model, each in quantities.items()]
        lower, median, upper = weighted_quantiles(draws, np.concatenate(shares), np.array([tail, 0.5, 1.0 - tail]))
        rows.append(
            {
                "quantity": name,
                "n_models": len(quantities),
                "median": float(median),
                "lower": float(lower),
                "upper": float(upper),
                "level": level,
                "left_out": "; ".join(failed),
                "note": note,
            }
        )
    return pd.DataFrame(rows, columns=list(AVERAGED_COLUMNS))
