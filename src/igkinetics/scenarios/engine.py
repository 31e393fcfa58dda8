"""Every regimen for every case, batch by batch: threads over slices of a batch, memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.dosing.assay import Assay
from igkinetics.dosing.case_kernel import Answers, Asked, CaseArrays, DosePlan, simulate_cases
from igkinetics.dosing.cases import Cases
from igkinetics.dosing.doses import calendar_days
from igkinetics.dosing.many import USUAL_ASSAY, Dosed, dosed
from igkinetics.dosing.outcome_kernel import N_FOUND
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats
from igkinetics.parallel import Workers
from igkinetics.random_streams import generator_of
from igkinetics.scenarios.outcomes import Columns
from igkinetics.scenarios.windows import Span, Windows, windows_of

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
    assay: Assay = USUAL_ASSAY
    """How the checks of a rule are measured."""
    covered: Span | None = None
    """Days within which nadir and troughs are taken; None: all."""

    def windows(self, regimen: Dosing) -> Windows:
        """The days of a regimen's outcomes, see windows_of."""
        calendar = regimen.rule is None and not regimen.gives_nothing
        day = calendar_days(regimen, self.from_day, self.horizon_day) if calendar else np.empty(0)
        return windows_of(regimen, day, (self.from_day, self.horizon_day), self.covered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One regimen for n cases. values (n, n_outcomes); endogenous, infused (n, n_day), g/L."""

    values: Floats
    endogenous: Floats
    infused: Floats


def assay_noise(cases: Cases, regimens: Sequence[Dosing], setting: Setting, batch: int) -> Floats:
    """One standard normal number per case and check: the same for every regimen, so that differences are their own."""
    most = most_checks(cases, regimens, setting)
    rows = int(cases.noise.max(initial=-1)) + 1
    drawn = generator_of(setting.seed, "checks", batch).standard_normal((most, rows))
    return np.ascontiguousarray(drawn.T)[cases.noise]


def most_checks(cases: Cases, regimens: Sequence[Dosing], setting: Setting) -> int:
    """Checks of the regimen that has most."""
    return max((dosed(each, cases, setting.from_day, setting.horizon_day).n_checks for each in regimens), default=0)


def simulate(regimen: Dosing, cases: Cases, noise: Floats, setting: Setting, crew: Workers) -> Simulated:
    """All outcomes and curves of one regimen. noise (n, at least the checks of the regimen)."""
    given = dosed(regimen, cases, setting.from_day, setting.horizon_day, setting.assay)
    windows, n, thresholds = setting.windows(regimen), len(cases), setting.columns.thresholds_g_per_l
    asked = Asked(windows.marks, windows.trough_day, thresholds, setting.day)
    curves = n, setting.day.size
    answers = Answers(np.empty((n, N_FOUND)), np.empty((n, thresholds.size)), np.empty(curves), np.empty(curves))

    def work(part: slice) -> None:
        simulate_cases(
            cases_of(cases, part),
            plan_of(given, regimen, noise, part),
            asked,
            Answers(*(each[part] for each in answers)),
        )

    crew.over(n, SLICE, work)
    return Simulated(
        values=setting.columns.values(answers.outcomes, answers.below),
        endogenous=answers.endogenous,
        infused=answers.infused,
    )


def cases_of(cases: Cases, part: slice) -> CaseArrays:
    return CaseArrays(
        cases.thetas[part],
        cases.start_day[part],
        cases.therapy[part],
        cases.history[part],
        cases.error[part],
        cases.drift_day[part],
        cases.factor[part],
    )


def plan_of(given: Dosed, regimen: Dosing, noise: Floats, part: slice) -> DosePlan:
    """One slice of the doses and checks, in C order as the compiled code expects it."""
    return DosePlan(
        given.day,
        np.ascontiguousarray(given.amount[part]),
        regimen.duration_day,
        float(regimen.route == "sc"),
        given.rule,
        given.check_day,
        np.ascontiguousarray(noise[part, : given.n_checks]),
    )
