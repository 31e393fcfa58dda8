"""A regimen for many cases at once: days, amounts, the rule as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from igkinetics.dosing.assay import Assay
from igkinetics.dosing.cases import Cases
from igkinetics.dosing.doses import calendar_amounts, calendar_days, check_days, rule_amounts, rule_numbers
from igkinetics.dosing.regimen import Dosing
from igkinetics.kinetics.parameters import Floats

USUAL_ASSAY: Final = Assay()
"""The error of each case, whole mg/dL, no limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosed:
    """What the kernel needs of one regimen. amount (n, m) belongs to day (m); of a rule it is (n, 1), day is empty, and
    check_day are the days of its checks."""

    day: Floats
    amount: Floats
    rule: Floats
    check_day: Floats

    @property
    def n_checks(self) -> int:
        return self.check_day.size


def dosed(regimen: Dosing, cases: Cases, from_day: float, horizon_day: float, assay: Assay = USUAL_ASSAY) -> Dosed:
    """The regimen of these cases, from from_day on; doses lie before horizon_day. assay: how checks are measured."""
    none = np.empty(0)
    if regimen.gives_nothing:
        return Dosed(day=none, amount=np.empty((len(cases), 0)), rule=none, check_day=none)
    if regimen.rule is not None:
        return Dosed(
            day=none,
            amount=rule_amounts(regimen, cases)[:, None],
            rule=rule_numbers(regimen, assay, horizon_day),
            check_day=check_days(regimen.rule, from_day, horizon_day),
        )
    day = calendar_days(regimen, from_day, horizon_day)
    return Dosed(day=day, amount=calendar_amounts(regimen, cases, day.size), rule=none, check_day=none)
