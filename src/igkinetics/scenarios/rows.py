"""The tables of a scenario as rows: outcomes, differences, models, trajectories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from igkinetics.dosing.cases import About
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.scenarios.follow import Followed
from igkinetics.scenarios.mean_interval import mean_interval
from igkinetics.scenarios.outcomes import Columns, Outcome
from igkinetics.scenarios.windows import Windows, compared_over, note_of, span_of
from igkinetics.text import percent
from igkinetics.units import IggUnit, from_g_per_l

OUTCOME_COLUMNS: Final = (
    "regimen",
    "outcome",
    "threshold",
    "mean",
    "mean_lower",
    "mean_upper",
    "median",
    "lower",
    "upper",
    "unit",
    "interval_start",
    "interval_end",
    "share_known",
    "threshold_unit",
    "note",
)
"""lower, upper: spread between patients; mean_lower, mean_upper: uncertainty of the mean; interval_start, interval_end:
the days that the row covers; share_known: of the patients that have a value."""
PATIENT_OUTCOME_COLUMNS: Final = (
    "regimen",
    "patient_id",
    "outcome",
    "threshold",
    "mean",
    "median",
    "lower",
    "upper",
    "unit",
    "threshold_unit",
)
DIFFERENCE_COLUMNS: Final = (
    "regimen",
    "against",
    "outcome",
    "threshold",
    "mean_difference",
    "lower",
    "upper",
    "monte_carlo_error",
    "unit",
    "threshold_unit",
    "note",
)
MODEL_COLUMNS: Final = (
    "regimen",
    "model",
    "weight",
    "outcome",
    "threshold",
    "mean",
    "mean_lower",
    "mean_upper",
    "median",
    "lower",
    "upper",
    "sd_between_models",
    "sd_within_models",
    "unit",
    "threshold_unit",
)
TRAJECTORY_COLUMNS: Final = (
    "regimen",
    "patient_id",
    "day",
    "median",
    "lower",
    "upper",
    "endogenous",
    "infused",
    "unit",
)


def share_of_draws_interval(share: float, n: int, level: float) -> tuple[float, float]:
    """What n draws can tell of the probability of one patient: there are no other patients to take a share of."""
    half = float(ndtri(0.5 + level / 2.0)) * np.sqrt(share * (1.0 - share) / n)
    return share - half, share + half


def within(value: float, outcome: Outcome) -> float:
    """An end of an interval kept to what the quantity can be: no share beyond 0 and 1, no negative amount."""
    most = 1.0 if outcome.is_share else np.inf
    return float(np.clip(value, 0.0, most))


def named(outcome: Outcome, columns: Columns) -> dict[str, Any]:
    """The cells that say which outcome a row is of."""
    unit = columns.unit if np.isfinite(outcome.threshold) else ""
    return {"outcome": outcome.name, "threshold": outcome.threshold, "unit": outcome.unit, "threshold_unit": unit}


def outcome_rows(
    regimens: Sequence[Dosing],
    windows: Sequence[Windows],
    followed: Followed,
    about: About,
    columns: Columns,
    level: float,
) -> Iterator[dict[str, Any]]:
    """A row per regimen and outcome."""
    weights = np.array(about.model_weights)
    for index, (regimen, kept) in enumerate(zip(regimens, followed.regimens, strict=True)):
        for k, outcome in enumerate(columns.all):
            mean, lower, upper, _ = mean_interval(
                kept.tally, followed.means(index, k), weights, k, level, is_own=about.is_own
            )
            if about.is_one and outcome.is_share:
                lower, upper = share_of_draws_interval(mean, about.n_draws, level)
            share = kept.tally.share_known(k, weights)
            span = span_of(outcome.name, windows[index])
            yield {
                "regimen": regimen.name,
                **named(outcome, columns),
                "mean": mean,
                "mean_lower": within(lower, outcome),
                "mean_upper": within(upper, outcome),
                **three(kept.spread[:, k]),
                "interval_start": span[0],
                "interval_end": span[1],
                "share_known": share,
                "note": note_of(outcome.name, windows[index], regimen, share),
            }


def three(quantiles: Floats) -> dict[str, float]:
    return dict(zip(("median", "lower", "upper"), map(float, quantiles), strict=True))


def difference_rows(
    regimens: Sequence[Dosing],
    windows: Sequence[Windows],
    followed: Followed,
    about: About,
    columns: Columns,
    level: float,
) -> Iterator[dict[str, Any]]:
    """Each regimen minus the first, patient by patient: common random numbers. Empty where the days differ."""
    weights = np.array(about.model_weights)
    for index, (regimen, kept) in enumerate(zip(regimens, followed.regimens, strict=True)):
        if index == 0:
            continue
        for k, outcome in enumerate(columns.all):
            found = mean_interval(
                kept.difference, followed.differences(index, k), weights, k, level, is_own=about.is_own
            )
            note = compared_over(outcome.name, windows[index], windows[0])
            mean, lower, upper, error = (np.nan,) * 4 if note else found
            share = kept.difference.share_known(k, weights)
            if not note and share < 1.0:
                note = f"of the {percent(round(share, 4))} that have it under both regimens"
            yield {
                "regimen": regimen.name,
                "against": regimens[0].name,
                **named(outcome, columns),
                "mean_difference": mean,
                "lower": lower,
                "upper": upper,
                "monte_carlo_error": error,
                "note": note,
            }


def model_rows(
    regimens: Sequence[Dosing], followed: Followed, about: About, columns: Columns, level: float
) -> Iterator[dict[str, Any]]:
    """Each of several models by itself, with the spread between their means beside the spread within."""
    if len(about.model_names) == 1:
        return
    weights = np.array(about.model_weights) / sum(about.model_weights)
    for index, (regimen, kept) in enumerate(zip(regimens, followed.regimens, strict=True)):
        means, spreads = kept.tally.means, kept.tally.spreads
        for k, outcome in enumerate(columns.all):
            between = float(np.sqrt(weights @ (means[:, k] - weights @ means[:, k]) ** 2))
            inside = float(np.sqrt(weights @ spreads[:, k] ** 2))
            draws = followed.means(index, k)
            for number, name in enumerate(about.model_names):
                mean, lower, upper, _ = mean_interval(
                    kept.tally.of_model(number),
                    None if draws is None else draws[[number]],
                    np.ones(1),
                    k,
                    level,
                    is_own=False,
                )
                yield {
                    "regimen": regimen.name,
                    "model": name,
                    "weight": weights[number],
                    **named(outcome, columns),
                    "mean": mean,
                    "mean_lower": within(lower, outcome),
                    "mean_upper": within(upper, outcome),
                    **three(kept.by_model[number][:, k]),
                    "sd_between_models": between,
                    "sd_within_models": inside,
                }


def patient_rows(
    regimens: Sequence[Dosing], followed: Followed, about: About, columns: Columns
) -> Iterator[dict[str, Any]]:
    """Each patient with a name: mean and quantiles over the draws of his or her parameters."""
    for regimen, kept in zip(regimens, followed.regimens, strict=True):
        for place, (means, quantiles) in kept.patients.items():
            for k, outcome in enumerate(columns.all):
                yield {
                    "regimen": regimen.name,
                    "patient_id": about.patient_ids[place],
                    **named(outcome, columns),
                    "mean": float(means[k]),
                    **three(quantiles[:, k]),
                }


def trajectory_table(
    regimens: Sequence[Dosing], followed: Followed, about: About, day: Floats, unit: IggUnit
) -> pd.DataFrame:
    """Population rows have an empty patient_id; those of patients with a name follow."""
    parts = []
    for regimen, kept in zip(regimens, followed.regimens, strict=True):
        curves = {"": kept.curve, **{about.patient_ids[who]: curve for who, curve in kept.patient_curves.items()}}
        for patient_id, curve in curves.items():
            levels = from_g_per_l(curve, unit)
            names = ("median", "lower", "upper", "endogenous", "infused")
            part = {"regimen": regimen.name, "patient_id": patient_id, "day": day}
            parts.append(pd.DataFrame({**part, **dict(zip(names, levels, strict=True)), "unit": unit}))
    if not parts:
        return pd.DataFrame(columns=list(TRAJECTORY_COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(TRAJECTORY_COLUMNS)]
