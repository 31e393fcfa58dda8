"""The same hierarchical model as a modeller would write it in PyMC alone: non-centred, vectorised, a PyTensor graph.

Shares priors and data with igkinetics and none of its equations: superposed infusions, therapy interval by interval.
The peer of the speed comparison (`hierarchical.py`), and in the tests an independent truth for the log density.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from igkinetics.fit.likelihood import LOG_2PI
from igkinetics.hierarchical.fit import PreparedCohort
from igkinetics.kinetics.parameters import INDEX


def plain_model(prepared: PreparedCohort) -> pm.Model:
    """The base model of a cohort in which everybody has therapy, intravenous doses and measured values."""
    population, arrays = prepared.population("base"), prepared.arrays
    n, p = population.offset.shape
    q = population.n_coefficients
    active = population.active
    table = layout(prepared)
    with pm.Model() as model:
        phi_active = pm.Normal("phi", population.prior_mean[active], population.prior_sd[active])
        phi = pt.set_subtensor(pt.as_tensor(population.prior_mean)[np.flatnonzero(active)], phi_active)
        eta = pm.Normal("eta", 0.0, 1.0, shape=(n, p))
        mu = population.offset + pt.dot(population.design, phi[:q]).reshape((n, p))
        x = mu + pt.exp(phi[q : q + p]) * eta
        values = {name: x[:, place] for place, name in enumerate(population.names)}
        natural = {name: pt.sigmoid(value) if name == "S" else pt.exp(value) for name, value in values.items()}
        level = curve(natural, prepared, table)
        a, b = pt.exp(phi[q + p]), pt.exp(phi[q + p + 1])
        variance = a**2 + (b * level) ** 2
        terms = -0.5 * ((arrays.igg - level) ** 2 / variance + pt.log(variance) + LOG_2PI)
        pm.Potential("samples", pt.sum(terms))
    return model


def layout(prepared: PreparedCohort) -> dict[str, Any]:
    """Therapy intervals padded to one length; of every sample its patient, interval and time in it; doses padded."""
    patients = [member.patient for member in prepared.members]
    edges = []
    for member in prepared.members:
        patient = member.patient
        start = patient.start_day
        cuts = sorted({start, *patient.therapy_start, *patient.therapy_stop[np.isfinite(patient.therapy_stop)]})
        edges.append(np.array([cut for cut in cuts if cut >= start]))
    longest = max(edge.size for edge in edges)
    start = np.array([np.pad(edge, (0, longest - edge.size), mode="edge") for edge in edges])
    last = np.array([edge.size - 1 for edge in edges])
    on = np.array(
        [
            [float(any(s <= day < e for s, e in zip(who.therapy_start, who.therapy_stop, strict=True))) for day in row]
            for who, row in zip(patients, start, strict=True)
        ]
    )
    owner = np.repeat(np.arange(len(patients)), [member.problem.day.size for member in prepared.members])
    day = prepared.arrays.day
    segment = np.array(
        [min(np.searchsorted(edges[i], t, side="left") - 1, last[i]) for i, t in zip(owner, day, strict=True)]
    )
    segment = np.maximum(segment, 0)
    most = max(who.dose_day.size for who in patients)

    def padded(name: str, fill: float) -> np.ndarray:
        return np.array(
            [np.pad(getattr(who, name), (0, most - who.dose_day.size), constant_values=fill) for who in patients]
        )

    return {
        "start": start,
        "on": on,
        "owner": owner,
        "segment": segment,
        "into": day - start[owner, segment],
        "dose_day": padded("dose_day", 1e9),
        "dose_g": padded("dose_g", 0.0),
        "duration": padded("dose_duration_day", 1.0),
    }


def curve(natural: dict[str, Any], prepared: PreparedCohort, table: dict[str, Any]) -> Any:
    """Total IgG at every sample, g/L."""
    fixed = np.array([member.problem.fixed for member in prepared.members])
    v1, cl, base = natural["V1"], natural["CL"], natural["C_base"]
    k10, k12, k21 = cl / v1, fixed[:, INDEX["Q"]] / v1, fixed[:, INDEX["Q"]] / fixed[:, INDEX["V2"]]
    total = k10 + k12 + k21
    gap = pt.sqrt(total**2 - 4.0 * k10 * k21)
    rates = [0.5 * (total + gap), 0.5 * (total - gap)]
    shares = [(rates[0] - k21) / gap, (k21 - rates[1]) / gap]
    ratio = fixed[:, INDEX["V2"]] / v1  # both compartments start at C_init
    first = natural["C_init"] * base
    modes = [first * (shares[0] - ratio * k21 / gap), first * (shares[1] + ratio * k21 / gap)]
    made = k10 * base
    supply = pt.ones_like(base)
    at_start, supplies = [[modes[0]], [modes[1]]], [supply]
    start, on = table["start"], table["on"]
    for k in range(start.shape[1] - 1):
        t = start[:, k + 1] - start[:, k]
        modes = [
            mode_after(mode, rate, share * made, natural, supply, on[:, k], t)
            for mode, rate, share in zip(modes, rates, shares, strict=True)
        ]
        supply = pt.switch(
            on[:, k], supply * pt.exp(-natural["k_loss"] * t), 1.0 - (1.0 - supply) * pt.exp(-natural["k_rec"] * t)
        )
        at_start[0].append(modes[0])
        at_start[1].append(modes[1])
        supplies.append(supply)
    owner, segment, into = table["owner"], table["segment"], table["into"]
    mine = {name: value[owner] for name, value in natural.items()}
    b0 = pt.stack(supplies, axis=1)[owner, segment]
    level = pt.zeros_like(b0)
    since = prepared.arrays.day[:, None] - table["dose_day"][owner]
    for mode, rate, share in zip(at_start, rates, shares, strict=True):
        begun = pt.stack(mode, axis=1)[owner, segment]
        level += mode_after(begun, rate[owner], (share * made)[owner], mine, b0, on[owner, segment], into)
        level += pt.sum(infusions(since, rate[owner][:, None], (share / v1)[owner][:, None], table, owner), axis=1)
    return level


def mode_after(mode: Any, rate: Any, inflow: Any, natural: dict[str, Any], supply: Any, on: Any, t: Any) -> Any:
    """One mode of endogenous IgG t days into an interval on or off therapy."""
    constant = pt.switch(on, 1.0 - natural["S"], 1.0)
    decaying = pt.switch(on, natural["S"] * supply, -natural["S"] * (1.0 - supply))
    other = pt.switch(on, natural["k_loss"], natural["k_rec"])
    left = pt.exp(-rate * t)
    return mode * left + inflow * (
        constant * (1.0 - left) / rate + decaying * (pt.exp(-other * t) - left) / (rate - other)
    )


def infusions(since: Any, rate: Any, weight: Any, table: dict[str, Any], owner: Any) -> Any:
    """One mode of infused IgG from each dose, (sample, dose)."""
    duration, grams = table["duration"][owner], table["dose_g"][owner]
    length = np.clip(since, 0.0, duration)
    after = np.maximum(since - duration, 0.0)
    return weight * grams / duration * (1.0 - pt.exp(-rate * length)) / rate * pt.exp(-rate * after)
