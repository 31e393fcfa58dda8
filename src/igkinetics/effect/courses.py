"""Curves to draw: each infused patient's IgG as it was and as it would have been, medians and bands over draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.effect.exposure import Exposure
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import IggUnit, from_g_per_l

COURSE_COLUMNS: Final = (
    "patient_id",
    "group",
    "treated",
    "day",
    "with_ivig",
    "with_ivig_lower",
    "with_ivig_upper",
    "without_ivig",
    "without_ivig_lower",
    "without_ivig_upper",
    "unit",
    "level",
)
COURSE_DRAWS: Final = 400
"""Draws, evenly spaced, behind the median and the band of a curve."""
JUST_AFTER_DAY: Final = 1e-6
"""How long after a bolus the curve shows the level behind it."""


def course_days(one: Exposure) -> Floats:
    """Daily over the window, with both sides of every infusion."""
    start, end = one.window.start, one.window.end
    after = np.where(one.doses.duration_day > 0, one.doses.day + one.doses.duration_day, one.doses.day + JUST_AFTER_DAY)
    days = np.concatenate([np.arange(start, end, 1.0), [start, end], one.doses.day, after])
    return np.unique(days[(days >= start) & (days <= end)])


def course_table(posterior: CohortPosterior, people: Sequence[Exposure], unit: IggUnit, level: float) -> pd.DataFrame:
    """COURSE_COLUMNS for every patient; without infusions in the window both curves are one."""
    parts = [course(posterior, one, unit, level) for one in people]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COURSE_COLUMNS))


def course(posterior: CohortPosterior, one: Exposure, unit: IggUnit, level: float) -> pd.DataFrame:
    thetas = posterior.of_patient(one.place)
    places = np.linspace(0, thetas.shape[0] - 1, min(COURSE_DRAWS, thetas.shape[0])).round().astype(int)
    days = course_days(one)
    tail = 0.5 * (1.0 - level)
    columns: dict[str, object] = {
        "patient_id": one.patient.patient_id,
        "group": one.patient.group,
        "treated": one.treated,
        "day": days,
    }
    for arm, schedule in (("with_ivig", one.with_ivig()), ("without_ivig", one.without_ivig())):
        levels = np.add(*igg_curve(np.ascontiguousarray(thetas[places]), schedule, days))
        lower, median, upper = np.quantile(from_g_per_l(levels, unit), [tail, 0.5, 1.0 - tail], axis=0)
        columns |= {arm: median, f"{arm}_lower": lower, f"{arm}_upper": upper}
    return pd.DataFrame(columns | {"unit": unit, "level": level})[list(COURSE_COLUMNS)]
