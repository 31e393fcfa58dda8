"""The tables of a chunk, each column made at once from its arrays; columns as `fit/columns.py` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from igkinetics.cohort.model import LIMIT_WORDS
from igkinetics.fit.batch.fitted import Fitted, contractions, interval, within
from igkinetics.fit.batch.inputs import Entrant
from igkinetics.fit.batch.joining import Columns, Words
from igkinetics.fit.batch.layout import (
    ENDOGENOUS_NADIR,
    LIKELIHOOD,
    MOST_SLOTS,
    N_OWN_DRIFT,
    OBJECTIVE,
    PRIOR_WEIGHT,
    TOTAL_NADIR,
    WEIGHT,
)
from igkinetics.fit.batch.parameter_frames import etas, parameters
from igkinetics.fit.batch.points import (
    DAY,
    ENDOGENOUS,
    ENDOGENOUS_DAY,
    EVER_BELOW,
    OFF_BY,
    OFF_FROM,
    OFF_UNTIL,
    RAW,
    RAW_BELOW,
    RAW_MEAN,
    RISEN,
    TOTAL,
)
from igkinetics.fit.importance import METHOD as DRAWN
from igkinetics.fit.laplace import METHOD
from igkinetics.fit.likelihood import RESIDUALS
from igkinetics.fit.nadirs import REACHED_IN_SHARE_OF_DRAWS
from igkinetics.fit.parameter_rows import MOSTLY_PRIOR_BELOW
from igkinetics.fit.records import kept_draws
from igkinetics.fit.structures import HEAVY_TAILED, UNLIKE
from igkinetics.kinetics.parameters import PARAMETERS, Floats


def chunk_tables(fitted: Fitted) -> dict[str, Columns]:
    """The columns of every table of the fitted patients."""
    makers: dict[str, Callable[[Fitted], dict[str, Any]]] = {
        "patients": patients,
        "nadir": nadirs,
        "sampling": sampling,
        "thresholds": thresholds,
        "structures": structures,
        "curves": curves,
        "predictions": predictions,
        "etas": etas,
        "diagnostics": diagnostics,
        "parameters": parameters,
        "draws": draws,
    }
    return {name: make(fitted) for name, make in makers.items()}


def method_of(fitted: Fitted) -> str:
    return DRAWN if fitted.chunk.how.drawn else METHOD


def drift_weight(fitted: Fitted) -> Floats:
    return np.asarray(np.mean(fitted.chunk.found.point_sd[fitted.rows] > 0, axis=1))


def patients(fitted: Fitted) -> dict[str, Any]:
    found, rows, at = fitted.chunk.found, fitted.rows, fitted.chunk.records.sample_at
    aside = fitted.cohort.samples_set_aside
    return {
        "patient_id": fitted.ids,
        "group": fitted.groups,
        "status": fitted.status[0],
        "reason": fitted.status[1],
        "model": fitted.models,
        "model_weight": found.slots[rows, 0, WEIGHT],
        "rows_used": at[rows + 1] - at[rows],
        "rows_set_aside": np.array([aside.get(name, 0) for name in fitted.ids], dtype=np.int64),
        "objective": found.slots[rows, 0, OBJECTIVE],
        "n_starts_agreeing": found.starts[rows, 1],
        "method": method_of(fitted),
        "pareto_k": found.pareto_k[rows],
        "drift": drift_weight(fitted),
    }


def nadirs(fitted: Fitted) -> dict[str, Any]:
    found, rows, level = fitted.chunk.found, fitted.rows, fitted.level
    windows, said = fitted.chunk.how.windows[rows], found.nadir[rows]
    raws = [entrant.raw for entrant in fitted.entrants]
    day = said[:, DAY + 1]
    where = np.where(day <= windows[:, 0], "start", np.where(day >= windows[:, 1], "end", "interior")).astype(object)
    stopped = [
        bool(np.all(one.patient.therapy_stop <= end)) for one, end in zip(fitted.entrants, windows[:, 1], strict=True)
    ]
    reached = (where == "interior") & np.array(stopped, dtype=bool) & (said[:, RISEN] >= REACHED_IN_SHARE_OF_DRAWS)
    return {
        "patient_id": fitted.ids,
        "group": fitted.groups,
        "n_samples": np.array([raw.n_samples for raw in raws], dtype=np.int64),
        "n_below_limit": np.array([raw.n_below_limit for raw in raws], dtype=np.int64),
        "unit": fitted.unit,
        "level": fitted.options.level,
        "window_start": windows[:, 0],
        "window_end": windows[:, 1],
        "baseline": level(np.array([raw.baseline for raw in raws])),
        "raw_nadir": level(np.array([raw.value for raw in raws])),
        "raw_nadir_below_limit": np.array([raw.below_limit for raw in raws], dtype=bool),
        "raw_nadir_day": np.array([raw.day for raw in raws]),
        **interval(level(said[:, TOTAL : TOTAL + 3]), "fitted_nadir"),
        **interval(said[:, DAY : DAY + 3], "fitted_nadir_day"),
        "nadir_position": where,
        "nadir_reached": reached,
        **interval(level(said[:, ENDOGENOUS : ENDOGENOUS + 3]), "endogenous_nadir"),
        "endogenous_nadir_day": said[:, ENDOGENOUS_DAY],
        "expected_raw_nadir": level(said[:, RAW_MEAN]),
        "curve_nadir": level(found.curve_nadir[rows, 0]),
        "curve_nadir_day": found.curve_nadir[rows, 1],
        "drift": drift_weight(fitted),
        "drift_start": said[:, OFF_FROM],
        "drift_end": said[:, OFF_UNTIL],
        "drift_percent": 100.0 * said[:, OFF_BY],
        "step_day": found.step[rows, 0],
        "step_percent": 100.0 * found.step[rows, 1],
        "method": method_of(fitted),
        "status": fitted.status[0],
        "reason": fitted.status[1],
    }


def sampling(fitted: Fitted) -> dict[str, Any]:
    said, level = fitted.chunk.found.nadir[fitted.rows], fitted.level
    raw = interval(level(said[:, RAW : RAW + 3]), "expected_raw_nadir")
    return {
        "patient_id": fitted.ids,
        "group": fitted.groups,
        "n_samples": np.array([entrant.raw.n_samples for entrant in fitted.entrants], dtype=np.int64),
        "raw_nadir": level(np.array([entrant.raw.value for entrant in fitted.entrants])),
        **raw,
        "expected_raw_nadir": level(said[:, RAW_MEAN]),
        "raw_nadir_percentile": said[:, RAW_BELOW],
        "share_risen": said[:, RISEN],
        "endogenous_note": endogenous_notes(fitted),
        "unit": fitted.unit,
        "level": fitted.options.level,
    }


def endogenous_notes(fitted: Fitted) -> npt.NDArray[np.object_]:
    notes = np.full(fitted.rows.size, "", dtype=object)
    for places in fitted.classes():
        names = fitted.entrants[places[0]].names
        if "S" in names:
            learnt = contractions(fitted, places)[:, names.index("S")]
            notes[places] = np.where(learnt < MOSTLY_PRIOR_BELOW, "mostly prior", "")
    return notes


def thresholds(fitted: Fitted) -> dict[str, Any]:
    asked = fitted.chunk.how.thresholds
    said = fitted.chunk.found.below[fitted.rows].reshape(-1, fitted.chunk.found.below.shape[2])
    first = np.where(np.isfinite(said[:, :3]), said[:, :3], np.nan)
    owner = np.repeat(np.arange(fitted.rows.size), asked.size)
    return {
        "patient_id": Words(fitted.ids, owner),
        "group": Words(fitted.groups, owner),
        "threshold": fitted.level(np.tile(asked, fitted.rows.size)),
        "unit": fitted.unit,
        "level": fitted.options.level,
        **interval(first, "first_day_below"),
        "share_of_draws_below": said[:, EVER_BELOW],
        **interval(said[:, 3:6], "days_below"),
        "status": Words(fitted.status[0], owner),
        "reason": Words(fitted.status[1], owner),
    }


def slot_words(entrant: Entrant) -> list[tuple[str, str]]:
    """Model and note of each slot; none for those that are not there."""
    own = entrant.structures[0].name
    words = [(own, "")] * N_OWN_DRIFT + [(one.name, one.note) for one in entrant.structures[1:]]
    words += [("", "")] * (MOST_SLOTS - 2 - len(words))
    return [*words, (own, UNLIKE), (own, HEAVY_TAILED)]


def structures(fitted: Fitted) -> dict[str, Any]:
    slots = fitted.chunk.found.slots[fitted.rows]
    there = ~np.isnan(slots[:, :, OBJECTIVE])
    whose, which = np.nonzero(there)
    kinds = fitted.classes()
    of_class = np.empty(fitted.rows.size, dtype=np.int64)
    for k, places in enumerate(kinds):
        of_class[places] = k
    said = [word for places in kinds for word in slot_words(fitted.entrants[places[0]])]
    which_said = of_class[whose] * MOST_SLOTS + which
    drift = np.zeros(MOST_SLOTS)
    drift[: fitted.chunk.how.drift_sds.size] = fitted.chunk.how.drift_sds
    rows = slots[whose, which]
    return {
        "patient_id": Words(fitted.ids, whose),
        "model": Words([model for model, _ in said], which_said),
        "drift_sd": drift[which],
        "objective": rows[:, OBJECTIVE],
        "minus_two_log_likelihood": rows[:, LIKELIHOOD],
        "prior_weight": rows[:, PRIOR_WEIGHT],
        "weight": rows[:, WEIGHT],
        "fitted_nadir": fitted.level(rows[:, TOTAL_NADIR]),
        "endogenous_nadir": fitted.level(rows[:, ENDOGENOUS_NADIR]),
        "unit": fitted.unit,
        "note": Words([note for _, note in said], which_said),
    }


def curves(fitted: Fitted) -> dict[str, Any]:
    first, n = fitted.chunk.how.curve_at[fitted.rows], fitted.chunk.found.n_days[fitted.rows]
    table = fitted.chunk.found.curves[within(first, first + n)]
    names = ("day", "total", "median", "lower", "upper", "endogenous", "infused")
    columns = {name: table[:, k] if k == 0 else fitted.level(table[:, k]) for k, name in enumerate(names)}
    owner = np.repeat(np.arange(fitted.rows.size), n)
    return {"patient_id": Words(fitted.ids, owner), **columns, "unit": fitted.unit}


def predictions(fitted: Fitted) -> dict[str, Any]:
    records, owner = fitted.chunk.records, fitted.owner
    rows = fitted.ragged(records.sample_at)
    said = fitted.chunk.found.samples[rows]
    return {
        "patient_id": Words(fitted.ids, owner),
        "group": Words(fitted.groups, owner),
        "day": records.day[rows],
        "observed": fitted.level(records.igg[rows]),
        "limit": Words([LIMIT_WORDS[limit] for limit in (-1, 0, 1)], records.limit[rows].astype(np.int64) + 1),
        "pred": fitted.level(said[:, 0]),
        "ipred": fitted.level(said[:, 1]),
        "iwres": said[:, 2],
        "iwres_expected_sd": said[:, 3],
        "iwres_expected_product": said[:, 4],
        "unit": fitted.unit,
        "status": Words(fitted.status[0], owner),
    }


def diagnostics(fitted: Fitted) -> dict[str, Any]:
    records, found, rows, owner = fitted.chunk.records, fitted.chunk.found, fitted.rows, fitted.owner
    n, samples = rows.size, fitted.ragged(records.sample_at)
    iwres, measured = found.samples[samples, 2], records.limit[samples] == 0
    count = np.bincount(owner, measured, n)
    known = np.where(measured, iwres, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):  # nothing measured, or one value
        mean = np.bincount(owner, known, n) / count
        spread = np.sqrt(np.bincount(owner, np.where(measured, (known - mean[owner]) ** 2, 0.0), n) / (count - 1))
    order = np.lexsort((-np.arange(owner.size), np.where(measured, np.abs(known), -1.0), owner))
    largest = order[np.cumsum(np.bincount(owner, minlength=n)) - 1]
    weights = found.slots[rows, :, WEIGHT]
    best = np.nanargmax(weights, axis=1) if n else np.zeros(0, dtype=np.int64)
    words = {id(one.structures): slot_words(one) for one in fitted.entrants}
    return {
        "patient_id": fitted.ids,
        "group": fitted.groups,
        "status": fitted.status[0],
        "n_measured": count.astype(np.int64),
        "n_beyond_limit": np.bincount(owner, ~measured, n).astype(np.int64),
        "iwres_mean": mean,
        "iwres_sd": np.where(count > 1, spread, np.nan),
        "iwres_largest": iwres[largest],
        "iwres_largest_day": np.where(count > 0, records.day[samples][largest], np.nan),
        "objective": found.slots[rows, 0, OBJECTIVE],
        "pareto_k": found.pareto_k[rows],
        "n_starts": found.starts[rows, 0],
        "n_starts_agreeing": found.starts[rows, 1],
        "n_optima": found.starts[rows, 2],
        "model": fitted.models,
        "model_weight": weights[:, 0],
        "best_model": np.array(
            [words[id(one.structures)][slot][0] for one, slot in zip(fitted.entrants, best, strict=True)], dtype=object
        ),
        "best_weight": weights[np.arange(n), best],
    }


def draws(fitted: Fitted) -> dict[str, Any]:
    found, rows, records = fitted.chunk.found, fitted.rows, fitted.chunk.records
    kept = min(kept_draws(fitted.options.draws, fitted.cohort.n_patients), fitted.chunk.how.n_points)
    theta = found.point_theta[rows, :kept].reshape(-1, len(PARAMETERS))
    states = found.point_states[rows, :kept].reshape(-1, 2)
    last = records.day[records.sample_at[rows + 1] - 1]
    return {
        "patient_id": Words(fitted.ids, np.repeat(np.arange(rows.size), kept)),
        "draw": np.tile(np.arange(kept), rows.size),
        **{name: theta[:, place] for place, name in enumerate(PARAMETERS)},
        "additive_g_per_l": fitted.chunk.priors.a,
        "proportional": fitted.chunk.priors.b,
        "residual": Words(list(RESIDUALS), found.point_kind[rows, :kept].reshape(-1).astype(np.int64)),
        "drift_sd": found.point_sd[rows, :kept].reshape(-1),
        "drift": states[:, 0],
        "drift_slope": states[:, 1],
        "drift_day": np.repeat(last, kept),
    }
