"""The charts of a comparison: nadirs as dots, and times to first below each threshold."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import stats

from igkinetics import text
from igkinetics.charts.compare_charts import DotRow, Survival, dot_chart, survival_chart
from igkinetics.charts.svg import Captioned
from igkinetics.compare.run import GroupComparison
from igkinetics.compare.tables import Times, first_below
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.units import g_per_l

AT_RISK_TICKS: Final = 8
STEPS: Final = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365, 730)
MEASURE_WORDS: Final = {"fitted_nadir": "fitted", "raw_nadir": "measured"}


def compare_charts(comparison: GroupComparison) -> list[Captioned]:
    """Those that there is something to draw in."""
    charts = [nadir_dots(comparison)]
    charts += [time_curves(comparison, threshold) for threshold in comparison.fit.options.thresholds]
    return [chart for chart in charts if chart is not None]


def nadir_dots(comparison: GroupComparison) -> Captioned | None:
    fit, unit = comparison.fit, comparison.fit.cohort.igg_unit
    own = {
        str(row["variable"]): row for row in comparison.table.to_dict("records")[::-1]
    }  # of a common window later ones
    rows = []
    for measure, words in MEASURE_WORDS.items():
        nadir = fit.nadir[fit.nadir["status"].isin(WITH_ESTIMATES)] if measure == "fitted_nadir" else fit.nadir
        for place, (group, side) in enumerate(((comparison.group_a, "a"), (comparison.group_b, "b"))):
            members = nadir[(nadir["group"] == group) & nadir[measure].notna()]
            row = own[measure]
            rows.append(
                DotRow(
                    label=f"{text.visible(group, 20)}, {words}",
                    group=place,
                    dots=tuple(
                        (text.visible(name), float(value))
                        for name, value in zip(members["patient_id"], members[measure], strict=True)
                    ),
                    median=float(row[f"value_{side}"]),
                    lower=float(row[f"lower_{side}"]),
                    upper=float(row[f"upper_{side}"]),
                )
            )
    if not any(row.dots for row in rows):
        return None
    return Captioned(
        section="nadirs",
        title=f"Nadirs of the patients of both groups, {unit}",
        caption="A dot is a patient; upright bars are medians, lines their intervals. "
        + ("Dotted: the thresholds asked for." if fit.options.thresholds else ""),
        spec=dot_chart(rows, f"Nadir of serum IgG ({unit})", fit.options.thresholds),
    )


def time_curves(comparison: GroupComparison, threshold: float) -> Captioned | None:
    """Kaplan-Meier curves of the time to the first measured value below."""
    fit, unit = comparison.fit, comparison.fit.cohort.igg_unit
    level = f"{text.number(threshold, 5)} {unit}"
    groups = (comparison.group_a, comparison.group_b)
    times = [first_below(fit, group, g_per_l(threshold, unit)) for group in groups]
    if not all(each.day.size for each in times):
        return None
    last = max(float(each.day.max()) for each in times)
    ticks = nice_ticks(last)
    return Captioned(
        section="times",
        title=f"Share of each group not yet measured below {level}, by day",
        caption=f"Share of patients with no measured value below {level} so far (Kaplan-Meier); upright ticks: end of "
        "follow-up; below the axis: patients still at risk.",
        spec=survival_chart(
            [
                survival(text.visible(group, 20), place, each, ticks)
                for place, (group, each) in enumerate(zip(groups, times, strict=True))
            ],
            f"Not yet below {level}",
        ),
    )


def nice_ticks(last: float) -> list[float]:
    """Some round days from 0 on."""
    step = next((size for size in STEPS if last / size <= AT_RISK_TICKS), last)
    return [float(day) for day in np.arange(0.0, last + 1e-9, step)]


def survival(label: str, group: int, times: Times, ticks: list[float]) -> Survival:
    found = stats.ecdf(stats.CensoredData.right_censored(times.day, ~times.happened)).sf
    days, shares = found.quantiles, found.probabilities
    steps = [(0.0, 1.0), *zip(days.tolist(), shares.tolist(), strict=True)]
    ends = np.sort(times.day[~times.happened])
    return Survival(
        label=label,
        group=group,
        steps=tuple(steps),
        censored=tuple((float(day), float(found.evaluate(day))) for day in ends),
        at_risk=tuple((day, int((times.day >= day).sum())) for day in ticks),
    )
