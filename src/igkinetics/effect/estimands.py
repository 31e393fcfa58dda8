"""The estimands by name: what each is about. Names are looked up here, never put together or taken apart."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from igkinetics.hierarchical.posterior import Extension

Kind = Literal["level", "days", "ratio"]
"""level: g/L, shown in the cohort's unit; minimum effect and ROPE are about these. ratio: compared with 1."""
Part = Literal["att", "atc", "dose", "ratio", "groups"]
"""att, atc: with minus without IVIG, in the infused and in the others; dose: what a dose does; ratio: freed by an
extension; groups: ever minus never infused."""
Measure = Literal["nadir", "nadir_day", "days_below", "mean_igg"]


class Named(NamedTuple):
    """One estimand. measure: of which its effects are the change; day: after an infusion; extension: that frees it."""

    name: str
    part: Part
    kind: Kind
    words: str
    measure: Measure | None = None
    day: float | None = None
    extension: Extension | None = None


NAMED: Final = (
    Named("nadir_change_att", "att", "level", "Nadir", "nadir"),
    Named("nadir_day_change_att", "att", "days", "Day of the nadir", "nadir_day"),
    Named("days_below_change_att", "att", "days", "Days below", "days_below"),
    Named("mean_igg_change_att", "att", "level", "Mean IgG over the window", "mean_igg"),
    Named("nadir_change_atc", "atc", "level", "Nadir", "nadir"),
    Named("nadir_day_change_atc", "atc", "days", "Day of the nadir", "nadir_day"),
    Named("days_below_change_atc", "atc", "days", "Days below", "days_below"),
    Named("mean_igg_change_atc", "atc", "level", "Mean IgG over the window", "mean_igg"),
    Named("rise_per_0.1_g_per_kg_day_0", "dose", "level", "Rise per 0.1 g/kg at the end of an infusion", day=0.0),
    Named("rise_per_0.1_g_per_kg_day_7", "dose", "level", "Rise per 0.1 g/kg after 7 days", day=7.0),
    Named("rise_per_0.1_g_per_kg_day_14", "dose", "level", "Rise per 0.1 g/kg after 14 days", day=14.0),
    Named("rise_per_0.1_g_per_kg_day_28", "dose", "level", "Rise per 0.1 g/kg after 28 days", day=28.0),
    Named("infused_half_life", "dose", "days", "Half-life of infused IgG"),
    Named("apparent_recovery", "dose", "ratio", "Apparent recovery"),
    Named(
        "clearance_ratio_under_ivig", "ratio", "ratio", "Clearance under IVIG, relative", extension="clearance_ratio"
    ),
    Named(
        "production_ratio_under_ivig", "ratio", "ratio", "Production under IVIG, relative", extension="production_ratio"
    ),
    Named("dose_recovery", "ratio", "ratio", "Share of the recorded grams that arrives", extension="dose_recovery"),
    Named("naive_raw_nadir_difference", "groups", "level", "Lowest measured IgG"),
    Named("naive_fitted_nadir_difference", "groups", "level", "Fitted nadir"),
    Named("adjusted_fitted_nadir_difference", "groups", "level", "Fitted nadir, adjusted"),
)
"""In the order of effect.csv."""
BY_NAME: Final = {one.name: one for one in NAMED}
PATIENT_CHANGES: Final[dict[Measure, str]] = {
    "nadir": "nadir_change",
    "nadir_day": "nadir_day_change",
    "days_below": "days_below_change",
    "mean_igg": "mean_igg_change",
}
"""Measure -> name of one patient's change in patient_effects.csv."""
MEASURES: Final[tuple[Measure, ...]] = tuple(PATIENT_CHANGES)
RISES: Final = tuple(one for one in NAMED if one.day is not None)
RISE_DAYS: Final = tuple(one.day for one in RISES if one.day is not None)
"""Days after the end of an infusion."""
RATIOS: Final = tuple(one for one in NAMED if one.part == "ratio")
EVIDENCE: Final = "rise_per_0.1_g_per_kg_day_14"
"""The rise on which the data's own evidence is told."""


def of_part(part: Part) -> tuple[Named, ...]:
    return tuple(one for one in NAMED if one.part == part)
