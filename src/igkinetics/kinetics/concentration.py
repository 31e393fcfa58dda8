"""`igk.concentration`: IgG at given days for given parameters, doses and therapy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.errors import InputError, Problem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import (
    DISPOSITIONS,
    PARAMETERS,
    PRODUCTIONS,
    Floats,
    needed_parameters,
    parameter_vector,
)
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.units import HOURS_PER_DAY

ROUTES = ("iv", "sc")


def concentration(
    day: npt.ArrayLike,
    parameters: Mapping[str, float],
    doses: pd.DataFrame | None = None,
    therapy: pd.DataFrame | None = None,
    disposition: str = "one_compartment",
    production: str = "constant",
    start_day: float = 0.0,
) -> pd.DataFrame:
    """Serum IgG at `day`, split into endogenous and infused; g, L, g/L, day.

    parameters: CL, V1, Q, V2, ka, F, C_base, S, k_loss, k_rec as the structure needs them; C_init defaults to
    C_base. doses: columns day, amount_g, and optionally duration_h (absent or 0: bolus) and route (iv, sc).
    therapy: columns start, stop (empty: ongoing); overlapping rows are joined; None: never on therapy.
    Returns day, total, endogenous, infused in the order given; at a dose the level before it.
    Raises InputError naming every fault: a day, dose or therapy before start_day, a missing or impossible value.
    The state is carried exactly from event to event (docs/model.md 1).

    >>> import igkinetics as igk, pandas as pd
    >>> dose = pd.DataFrame({"day": [0.0], "amount_g": [30.0]})
    >>> igk.concentration([0, 1, 21], {"CL": 0.165, "V1": 5.0, "C_base": 6.0}, dose).round(2).values.tolist()
    [[0.0, 6.0, 6.0, 0.0], [1.0, 11.81, 6.0, 5.81], [21.0, 9.0, 6.0, 3.0]]
    """
    days = np.atleast_1d(np.asarray(day, dtype=float))
    unreadable_doses = _table_problems("doses", doses, needed=("day", "amount_g"), optional=("duration_h",))
    unreadable_therapy = _table_problems("therapy", therapy, needed=("start",), optional=("stop",))
    dose_table = _dose_table(None if unreadable_doses else doses)
    therapy_table = _therapy_table(None if unreadable_therapy else therapy)
    problems = [
        *_structure_problems(parameters, disposition, production, bool(np.any(dose_table[:, 3] > 0))),
        *unreadable_doses,
        *unreadable_therapy,
        *_time_problems(days, dose_table, therapy_table, start_day),
    ]
    if problems:
        raise InputError(problems)
    therapy_table = merge_intervals(therapy_table)
    schedule = build_schedule(
        start_day=start_day,
        dose_day=dose_table[:, 0],
        dose_g=dose_table[:, 1],
        dose_duration_day=dose_table[:, 2],
        dose_is_sc=dose_table[:, 3],
        therapy_start=therapy_table[:, 0],
        therapy_stop=therapy_table[:, 1],
    )
    return _curve_table(days, parameter_vector(parameters, disposition, production), schedule)


def _curve_table(days: Floats, vector: Floats, schedule: Schedule) -> pd.DataFrame:
    order = np.argsort(days, kind="stable")
    endogenous = np.empty(days.size)
    infused = np.empty(days.size)
    endogenous[order], infused[order] = igg_curve(vector, schedule, days[order])
    return pd.DataFrame({"day": days, "total": endogenous + infused, "endogenous": endogenous, "infused": infused})


def _table_problems(
    file: str, table: pd.DataFrame | None, *, needed: tuple[str, ...], optional: tuple[str, ...]
) -> list[Problem]:
    """Missing columns, text where numbers belong, unknown routes: what keeps a table from being read."""
    if table is None or table.empty:
        return []
    problems = [
        Problem(file=file, column=name, found="no such column", expected=f"needs {name}")
        for name in needed
        if name not in table
    ]
    for name in (*needed, *optional):
        if name in table:
            text = table[name][pd.to_numeric(table[name], errors="coerce").isna() & table[name].notna()]
            problems += [
                Problem(file=file, column=name, found=str(value), expected="must be a number") for value in text
            ]
    if "route" in table:
        problems += [
            Problem(file=file, column="route", found=str(route), expected="must be iv or sc")
            for route in table["route"]
            if route not in ROUTES
        ]
    return problems


def _numbers(table: pd.DataFrame, column: str, absent: float) -> Floats:
    """A column as float; `absent` where it is empty or there is none."""
    if column not in table:
        return np.full(len(table), absent)
    return pd.to_numeric(table[column]).fillna(absent).to_numpy(dtype=float)


def _dose_table(doses: pd.DataFrame | None) -> Floats:
    """(n, 4): day, g, duration in days, 1 for subcutaneous."""
    if doses is None or doses.empty:
        return np.empty((0, 4))
    subcutaneous = (doses["route"] == "sc").to_numpy(dtype=float) if "route" in doses else np.zeros(len(doses))
    duration_day = _numbers(doses, "duration_h", absent=0.0) / HOURS_PER_DAY
    day, amount_g = (_numbers(doses, name, absent=np.nan) for name in ("day", "amount_g"))
    return np.column_stack([day, amount_g, duration_day, subcutaneous])


def _therapy_table(therapy: pd.DataFrame | None) -> Floats:
    """(n, 2): start, stop (inf: ongoing)."""
    if therapy is None or therapy.empty:
        return np.empty((0, 2))
    return np.column_stack([_numbers(therapy, "start", absent=np.nan), _numbers(therapy, "stop", absent=np.inf)])


def merge_intervals(intervals: Floats) -> Floats:
    """Touching or overlapping intervals joined; (n, 2) start, stop; ascending."""
    merged: list[list[float]] = []
    for start, stop in intervals[np.argsort(intervals[:, 0], kind="stable")]:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return np.array(merged, dtype=float).reshape(-1, 2)


def _structure_problems(
    parameters: Mapping[str, float], disposition: str, production: str, subcutaneous: bool
) -> list[Problem]:
    problems = []
    for name, chosen, allowed in (("disposition", disposition, DISPOSITIONS), ("production", production, PRODUCTIONS)):
        if chosen not in allowed:
            problems.append(Problem(file="call", column=name, found=chosen, expected=f"one of {', '.join(allowed)}"))
    if problems:
        return problems
    needed = (*needed_parameters(disposition, production), *(("ka", "F") if subcutaneous else ()))
    problems += [
        Problem(file="parameters", column=name, found="missing", expected=f"{disposition}/{production} needs it")
        for name in needed
        if name not in parameters
    ]
    for name, value in parameters.items():
        positive = name in ("V1", "V2")
        if name not in PARAMETERS:
            problems.append(
                Problem(
                    file="parameters",
                    column=name,
                    found=str(value),
                    expected=f"no such parameter; known are {', '.join(PARAMETERS)}",
                )
            )
        elif not (value > 0 if positive else value >= 0) or (name in ("S", "F") and value > 1):
            limit = "above 0" if positive else "within [0, 1]" if name in ("S", "F") else "0 or more"
            problems.append(Problem(file="parameters", column=name, found=str(value), expected=f"must be {limit}"))
        elif value == np.inf and name != "k_loss":
            problems.append(Problem(file="parameters", column=name, found=str(value), expected="must be finite"))
    return problems


def _time_problems(days: Floats, doses: Floats, therapy: Floats, start_day: float) -> list[Problem]:
    expected = f"must be finite, and start_day ({start_day:g}) or later"
    problems = []
    for file, column, values in (
        ("call", "day", days),
        ("doses", "day", doses[:, 0]),
        ("therapy", "start", therapy[:, 0]),
    ):
        problems += [
            Problem(file=file, column=column, found=f"{value:g}", expected=expected)
            for value in values
            if not start_day <= value < np.inf
        ]
    for column, values in (("amount_g", doses[:, 1]), ("duration_h", doses[:, 2] * HOURS_PER_DAY)):
        problems += [
            Problem(file="doses", column=column, found=f"{value:g}", expected="must be 0 or more and finite")
            for value in values
            if not 0 <= value < np.inf
        ]
    problems += [
        Problem(file="therapy", column="stop", found=f"{stop:g}", expected=f"must be after its start, {start:g}")
        for start, stop in therapy
        if not stop > start
    ]
    return problems
