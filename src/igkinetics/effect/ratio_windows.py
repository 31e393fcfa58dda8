"""The ratios under IVIG when they act for other times after the last infusion (docs/model.md 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.exposure import Exposure
from igkinetics.fit.posterior import weighted_quantiles
from igkinetics.hierarchical.fit import SampledCohort
from igkinetics.hierarchical.members import modified_days
from igkinetics.hierarchical.moved import Moved, method_words, moved, with_members
from igkinetics.hierarchical.posterior import Extension
from igkinetics.units import IggUnit, from_g_per_l

WINDOW_COLUMNS: Final = ("ivig_days", "model", "ratio", "ratio_lower", "ratio_upper", "nadir_change_att",
                         "nadir_change_att_lower", "nadir_change_att_upper", "unit", "level", "pareto_k",
                         "method")  # fmt: skip
OTHER_WINDOWS: Final = (14.0, 35.0, 70.0)
"""Days after the last infusion."""
EXTENDED: Final[tuple[Extension, ...]] = ("clearance_ratio", "production_ratio")
MOST_DRAWS: Final = 400


def window_rows(
    extensions: Mapping[Extension, SampledCohort], people: Sequence[Exposure], unit: IggUnit, level: float, jobs: int
) -> pd.DataFrame:
    """WINDOW_COLUMNS: each ratio as sampled, and with its draws moved to the other windows."""
    tail = 0.5 * (1.0 - level)
    rows = []
    for name in EXTENDED:
        sampled = extensions.get(name)
        if sampled is None or not any(one.treated for one in people):
            continue
        asked = people[0].ivig_days
        for days in sorted({asked, *OTHER_WINDOWS}):
            people_then = [replace(one, ivig_days=days, acts=True) for one in people]
            moved = moved_to(sampled, people_then, MOST_DRAWS)
            changes = within_patient(moved.posterior, [one for one in people_then if one.treated], (), jobs)
            draws = {
                "ratio": moved.posterior.population[name].reshape(-1),
                "nadir_change_att": from_g_per_l(np.mean([one.difference("nadir") for one in changes], axis=0), unit),
            }
            row: dict[str, object] = {"ivig_days": days, "model": name, "unit": unit, "level": level,
                                      "pareto_k": moved.pareto_k,
                                      "method": method_words(moved, as_sampled=days == asked)}  # fmt: skip
            for column, values in draws.items():
                ends = weighted_quantiles(values, np.exp(moved.log_weights), np.array([0.5, tail, 1.0 - tail]))
                row |= dict(zip((column, f"{column}_lower", f"{column}_upper"), map(float, ends), strict=True))
            rows.append(row)
    return pd.DataFrame(rows, columns=list(WINDOW_COLUMNS))


def moved_to(sampled: SampledCohort, people: Sequence[Exposure], most: int) -> Moved:
    """The draws where the ratios act on the days that these patients say."""
    then = {one.place: one for one in people}
    members = []
    for index, member in enumerate(sampled.prepared.members):
        if index in then:
            one = then[index]
            problem = replace(member.problem, schedule=one.with_ivig())
            member = replace(member, problem=problem, modified=modified_days(one.doses.day, one.ivig_days))
        members.append(member)
    prepared = with_members(sampled.prepared, tuple(members))
    return moved(sampled, prepared, sampled.population, most, sampled.posterior.extension)
