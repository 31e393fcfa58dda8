"""Tables with a row for each parameter of each patient of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from igkinetics.fit.batch.fitted import Fitted, Ints, contractions
from igkinetics.fit.batch.joining import Words, joined, words_of
from igkinetics.fit.batch.layout import (
    LOWER,
    POSTERIOR_SD,
    STDERR,
    UPPER,
    X,
)
from igkinetics.fit.parameter_rows import HALF_LIVES, contraction_note, fixed_parameters, unit_of
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.kinetics.parameters import C_BASE, C_INIT, INDEX
from igkinetics.units import from_g_per_l

LEVELS: Final = (C_BASE, C_INIT)


def gathered(fitted: Fitted, of_class: Callable[[Fitted, Ints], dict[str, Any]]) -> dict[str, Any]:
    """Columns (n, rows) of each class of patients, put together row by row in the order of the patients."""
    parts, order = [], []
    for places in fitted.classes():
        columns = of_class(fitted, places)
        width = columns["parameter"].which.size
        shape = (places.size, width)
        parts.append(
            {
                name: each.reshape(shape) if isinstance(each, Words) else np.broadcast_to(each, shape).reshape(-1)
                for name, each in columns.items()
            }
        )
        order.append(np.repeat(places, width))
    if not parts:
        return {}
    rank = np.argsort(np.concatenate(order), kind="stable")
    columns = {name: joined([part[name] for part in parts]) for name in parts[0]}
    return {name: each.take(rank) if isinstance(each, Words) else each[rank] for name, each in columns.items()}


def in_turn(texts: Sequence[str]) -> Words:
    """The same texts for every patient."""
    return Words(texts, np.arange(len(texts)))


def etas(fitted: Fitted) -> dict[str, Any]:
    return gathered(fitted, class_etas)


def class_etas(fitted: Fitted, places: Ints) -> dict[str, Any]:
    rows, first = fitted.rows[places], fitted.entrants[places[0]]
    p, found, priors = len(first.names), fitted.chunk.found, fitted.chunk.priors
    return {
        "patient_id": Words(fitted.ids, places[:, None]),
        "group": Words(fitted.groups, places[:, None]),
        "parameter": in_turn(first.names),
        "scale": in_turn([first.prior.scale[PRIOR_NAME.get(name, name)] for name in first.names]),
        "eta": found.estimates[rows, :p, X] - priors.mu[rows, 0, :p],
        "prior_sd": priors.sd[rows, 0, :p],
        "posterior_sd": found.estimates[rows, :p, POSTERIOR_SD],
        "status": Words(fitted.status[0], places[:, None]),
    }


def parameters(fitted: Fitted) -> dict[str, Any]:
    return gathered(fitted, class_parameters)


def class_parameters(fitted: Fitted, places: Ints) -> dict[str, Any]:
    """Estimated, fixed and derived quantities of patients of one class."""
    rows, first = fitted.rows[places], fitted.entrants[places[0]]
    found, names, n = fitted.chunk.found, first.names, places.size
    p, theta, said = len(names), found.theta[rows], found.estimates[rows]
    fixed = fixed_parameters(first.patient, first.prior, names, first.structures[0].name, theta[0])
    estimated = [INDEX[name] for name in names]
    learnt = contractions(fitted, places)
    words = np.array([[contraction_note(value) for value in row] for row in learnt], dtype=object).reshape(n, p)
    blank, derived = np.full((n, len(fixed)), np.nan), found.half_lives[rows]
    of_fixed = theta[:, [INDEX[name] for name in fixed]]
    in_unit = np.array([float(from_g_per_l(1.0, fitted.unit)) if INDEX[name] in LEVELS else 1.0 for name in names])
    fixed_unit = np.array([float(from_g_per_l(1.0, fitted.unit)) if INDEX[name] in LEVELS else 1.0 for name in fixed])
    none = np.full((n, 2), np.nan)
    kinds = ["estimated"] * p + ["fixed"] * len(fixed) + ["derived"] * 2
    every = [*names, *fixed, *HALF_LIVES]
    scales = [first.prior.scale[PRIOR_NAME.get(name, name)] for name in names]
    notes = [*fixed.values(), *HALF_LIVES.values()]
    return {
        "patient_id": Words(fitted.ids, places[:, None]),
        "model": Words([first.structures[0].name], np.zeros(1, dtype=np.int64)),
        "parameter": in_turn(every),
        "kind": in_turn(kinds),
        "value": np.hstack(
            [
                theta[:, estimated] * in_unit,
                np.where(np.isfinite(of_fixed), of_fixed * fixed_unit, np.nan),
                derived[:, :, 0],
            ]
        ),
        "stderr": np.hstack([said[:, :p, STDERR] * in_unit, blank, none]),
        "lower": np.hstack([said[:, :p, LOWER] * in_unit, blank, derived[:, :, 1]]),
        "upper": np.hstack([said[:, :p, UPPER] * in_unit, blank, derived[:, :, 2]]),
        "level": np.array([fitted.options.level]),
        "unit": in_turn([unit_of(name, fitted.unit) for name in every]),
        "scale": in_turn([*scales, *[""] * (len(fixed) + 2)]),
        "contraction": np.hstack([learnt, blank, none]),
        "note": words_of(np.hstack([words, np.broadcast_to(np.array(notes, dtype=object), (n, len(notes)))])),
    }
