"""The charts of an effect analysis, one specification each: for the report and for notebooks."""

from __future__ import annotations

from typing import Final

import pandas as pd

from igkinetics import text
from igkinetics.charts.course_chart import course_chart, courses_chart, ranks_chart
from igkinetics.charts.decomposition_chart import Level, Step, decomposition_chart
from igkinetics.charts.interval_chart import IntervalRow, interval_chart
from igkinetics.charts.policy_chart import PolicyPoint, policy_chart
from igkinetics.charts.svg import Chart, Spec
from igkinetics.charts.vpc_chart import vpc_chart
from igkinetics.effect.policies.policy_file import AS_RECORDED
from igkinetics.effect.result import CohortEffect
from igkinetics.fit.plots import patient_events
from igkinetics.fit.selection import selection

CONTRASTS: Final = {
    "naive_raw_nadir_difference": ("Lowest measured, ever − never", "naive"),
    "naive_fitted_nadir_difference": ("Fitted nadir, ever − never", "naive"),
    "adjusted_fitted_nadir_difference": ("Fitted nadir, adjusted", "naive"),
    "nadir_change_att": ("Same patients, infused", "average"),
    "nadir_change_atc": ("Same patients, not infused", "average"),
}
"""Estimand -> label and kind of its row."""


def nadir_changes(effect: CohortEffect) -> pd.DataFrame:
    """Each infused patient's change of the nadir, largest first."""
    rows = effect.patients
    chosen = rows[(rows["estimand"] == "nadir_change") & rows["treated"].astype(bool) & rows["median"].notna()]
    return chosen.sort_values("median", ascending=False, kind="stable")


def forest_chart(effect: CohortEffect) -> Spec:
    """The change of every infused patient's nadir, and their mean last."""
    rows = [
        IntervalRow(
            label=str(row["patient_id"]), kind="patient", median=row["median"], lower=row["lower"], upper=row["upper"]
        )
        for row in nadir_changes(effect).to_dict("records")
    ]
    mean = effect.estimand("nadir_change_att")
    rows.append(
        IntervalRow(
            label="Mean of the infused", kind="average", median=mean["median"], lower=mean["lower"], upper=mean["upper"]
        )
    )
    title = f"Change of the nadir by IVIG ({effect.cohort.igg_unit})"
    return interval_chart(rows, title, rope=effect.options.rope, minimum=effect.options.minimum_effect)


def contrast_rows(effect: CohortEffect) -> list[IntervalRow]:
    """The ways to ask for the effect on the nadir that could be given."""
    rows = []
    for name, (label, kind) in CONTRASTS.items():
        row = effect.estimand(name)
        if row["status"] == "estimated":
            rows.append(
                IntervalRow(label=label, kind=kind, median=row["median"], lower=row["lower"], upper=row["upper"])
            )
    return rows


def contrast_chart(effect: CohortEffect) -> Spec:
    title = f"Difference of nadirs ({effect.cohort.igg_unit})"
    return interval_chart(contrast_rows(effect), title, rope=effect.options.rope, minimum=effect.options.minimum_effect)


def selected_infused(effect: CohortEffect) -> dict[str, str]:
    """Infused patient -> why drawn, "" where all are; chosen like the patients of a fit's report."""
    rows = nadir_changes(effect)
    lowest = rows.sort_values("with_ivig", kind="stable")["patient_id"].astype(str)
    who = effect.in_posterior(treated=True)
    checks = effect.checks[effect.checks["patient_id"].astype(str).isin(who)]
    worst = checks.sort_values("inside_90", kind="stable")["patient_id"].astype(str)
    return selection(who, list(lowest), list(worst), seed=effect.options.seed)


def apart_chart(effect: CohortEffect) -> Spec:
    """From the never infused over the infused without IVIG to the infused with it."""
    unit = effect.cohort.igg_unit
    rows = effect.decomposition[effect.decomposition["measure"] == "nadir"].set_index("quantity").to_dict("index")

    def level(label: str, name: str) -> Level:
        row = rows[name]
        return Level(
            label=label,
            median=row["median"],
            lower=row["lower"],
            upper=row["upper"],
            shown=text.level(row["median"], unit),
        )

    def step(label: str, name: str, first: str, last: str) -> Step:
        shown = text.level(rows[name]["median"], unit).replace("-", "−")
        return Step(
            label=label,
            kind=name,
            start=rows[first]["median"],
            end=rows[last]["median"],
            shown=shown if shown.startswith("−") else f"+{shown}",
        )

    steps: list[Level | Step] = [
        level("Never infused", "never_infused"),
        step("Selection", "selection", "never_infused", "infused_without"),
        level("Infused, without IVIG", "infused_without"),
        step("Effect of IVIG", "effect", "infused_without", "infused_with"),
        level("Infused, with IVIG", "infused_with"),
    ]
    return decomposition_chart(steps, f"Mean fitted nadir ({unit})")


def is_apart(effect: CohortEffect) -> bool:
    rows = effect.decomposition
    return bool(rows.loc[(rows["measure"] == "nadir") & (rows["quantity"] == "selection"), "median"].notna().any())


def grams_chart(effect: CohortEffect) -> Spec:
    """Grams and nadir of every policy, numbered as in the table."""
    rows = [] if effect.policies is None else effect.policies.policies.to_dict("records")
    intervals: dict[str, dict[str, tuple[float, float, float]]] = {}
    for row in rows:
        intervals.setdefault(str(row["policy"]), {})[str(row["estimand"])] = (row["median"], row["lower"], row["upper"])
    points = [
        PolicyPoint(label=str(index), recorded=name == AS_RECORDED, grams=values["grams"], level=values["nadir"])
        for index, (name, values) in enumerate(intervals.items(), start=1)
    ]
    return policy_chart(points, f"Mean nadir ({effect.cohort.igg_unit})")


def effect_charts(effect: CohortEffect) -> dict[str, Chart]:
    """Pictures of the whole cohort by name; those that have something to show."""
    unit, thresholds = effect.cohort.igg_unit, effect.options.thresholds
    charts: dict[str, Chart] = {}
    if is_apart(effect):
        charts["apart"] = (
            f"From the mean nadir of the never infused to that of the infused, {unit}",
            apart_chart(effect),
        )
    if effect.n_treated:
        infused = effect.courses[effect.courses["treated"].astype(bool)]
        if effect.estimand("nadir_change_att")["status"] == "estimated":
            charts["forest"] = (f"Change of each infused patient's nadir by IVIG, {unit}", forest_chart(effect))
        charts["courses"] = (
            f"IgG of the infused patients with and without IVIG, {unit}",
            courses_chart(infused, thresholds, unit),
        )
    if contrast_rows(effect):
        charts["contrast"] = (f"Naive differences and effects in the same patients, {unit}", contrast_chart(effect))
    if effect.policies is not None and effect.policies.policies["median"].notna().any():
        charts["policies"] = (f"Grams and mean nadir under each policy, {unit}", grams_chart(effect))
    if effect.replicates["rank"].notna().any():
        charts["ranks"] = ("Where each measured value lies among its replicates", ranks_chart(effect.replicates))
    return charts


def vpc_charts(effect: CohortEffect) -> list[Chart]:
    """The visual predictive check of every group; none where dosing may have followed IgG."""
    unit = effect.cohort.igg_unit
    return [
        (
            f"Percentiles of measured IgG among those of new patients, group {text.visible(group)}, {unit}",
            vpc_chart(rows, unit),
        )
        for group, rows in effect.vpc.groupby("group", sort=False)
    ]


def patient_effect_charts(effect: CohortEffect, patient_ids: list[str]) -> list[Chart]:
    """Title and specification of each patient's chart."""
    events = patient_events(effect.cohort)
    courses = dict(iter(effect.courses.groupby("patient_id", sort=False)))
    unit, thresholds = effect.cohort.igg_unit, effect.options.thresholds
    return [
        (
            f"IgG of patient {text.visible(name)} with and without IVIG, {unit}",
            course_chart(effect.cohort.patient(name), courses[name], thresholds, unit, events.get(name, ())),
        )
        for name in patient_ids
    ]
