"""Every regimen for every case, batch by batch: threads over slices of a batch, memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.dosing.cases import Cases
from igkinetics.dosing.many import Dosed, dosed
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Workers
from igkinetics.random_streams import generator_of
from igkinetics.scenarios.case_kernel import simulate_cases
from igkinetics.scenarios.outcome_kernel import N_FOUND
from igkinetics.scenarios.outcomes import Columns

SLICE: Final = 250
"""Cases that one thread simulates at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all regimens share: window, outcomes, days of the curves (ascending, may be empty), seed."""

    from_day: float
    horizon_day: float
    columns: Columns
    day: Floats
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One regimen for n cases. values (n, n_outcomes); endogenous, infused (n, n_day), g/L."""

    values: Floats
    endogenous: Floats
    infused: Floats


def assay_noise(cases: Cases, regimens: Sequence[Dosing], setting: Setting, batch: int) -> Floats:
    """One standard normal number per case and check: the same for every regimen, so that differences are their own."""
    most = max((dosed(one, cases, setting.from_day, setting.horizon_day).n_checks for one in regimens), default=0)
    rows = int(cases.noise.max(initial=-1)) + 1
    drawn = generator_of(setting.seed, "checks", batch).standard_normal((most, rows))
    return np.ascontiguousarray(drawn.T)[cases.noise]


def simulate(regimen: Dosing, cases: Cases, noise: Floats, setting: Setting, crew: Workers) -> Simulated:
    """All outcomes and curves of one regimen. noise (n, at least the checks of the regimen)."""
    plan = dosed(regimen, cases, setting.from_day, setting.horizon_day)
    n, thresholds = len(cases), setting.columns.thresholds_g_per_l
    found, below = np.empty((n, N_FOUND)), np.empty((n, thresholds.size))
    endogenous = np.empty((n, setting.day.size))
    infused = np.empty_like(endogenous)

    def work(part: slice) -> None:
        call_kernel(plan, regimen, cases, noise, part, thresholds, setting.day, found, below, endogenous, infused)

    crew.over(n, SLICE, work)
    return Simulated(values=setting.columns.values(found, below), endogenous=endogenous, infused=infused)


def call_kernel(
    plan: Dosed, regimen: Dosing, cases: Cases, noise: Floats, part: slice, thresholds: Floats, day: Floats,
    found: Floats, below: Floats, endogenous: Floats, infused: Floats,
) -> None:  # fmt: skip
    """One slice of the cases, in C order as the compiled code expects it."""
    simulate_cases(
        cases.thetas[part], cases.start_day[part], cases.therapy[part], cases.history[part],
        plan.day, np.ascontiguousarray(plan.amount[part]), regimen.duration_day, regimen.route == "sc",
        plan.rule, cases.error[part], np.ascontiguousarray(noise[part, : plan.n_checks]), plan.marks, thresholds, day,
        found[part], below[part], endogenous[part], infused[part],
    )  # fmt: skip
