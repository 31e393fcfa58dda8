"""Infections expected at a trough of IgG, from two published meta-regressions. Evidence between studies only.

Studies with higher troughs had fewer infections; they also differed in era, dose, product and patients. The slopes are
therefore no causal effect in a patient, and they come from primary immunodeficiency on immunoglobulin. Whoever shows a
number of this module shows `EVIDENCE_LABEL` and the relation's `source` beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.units import G_PER_L_IN

Floats = npt.NDArray[np.float64]

STEP_G_PER_L: Final = 100 * G_PER_L_IN["mg/dL"]
"""Published ratios are per 100 mg/dL."""
EVIDENCE_LABEL: Final = (
    "Between-study evidence: a regression over studies of primary immunodeficiency, not the effect of a higher trough "
    "in one patient. Trough is confounded with era, dose, product and disease."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A log-linear relation of an event rate to trough IgG.

    ratio: rate ratio per 100 mg/dL more; lower and upper its 95 % interval, nan where not reported. flat_above: trough
    beyond which the publication saw no further gain, inf where none is stated. studied: troughs that the publication
    states results for, both g/L. rate_at: a published trough (g/L) and its events per patient-year, None where not
    reported.
    """

    outcome: str
    ratio: float
    lower: float
    upper: float
    flat_above_g_per_l: float
    studied_g_per_l: tuple[float, float]
    rate_at: tuple[float, float] | None
    source: str


PNEUMONIA: Final = Relation(
    outcome="pneumonia",
    ratio=0.726,
    lower=0.658,
    upper=0.801,
    flat_above_g_per_l=np.inf,
    studied_g_per_l=(5.0, 10.0),
    rate_at=(5.0, 0.113),
    source="Orange 2010, Clin Immunol 137:21-30: 17 studies, 676 patients, 2127 patient-years",
)
"""0.113 pneumonias per patient-year at 500 mg/dL, 0.023 at 1000."""

ANY_INFECTION: Final = Relation(
    outcome="any infection",
    ratio=0.87,
    lower=np.nan,
    upper=np.nan,
    flat_above_g_per_l=9.6,
    studied_g_per_l=(6.6, 12.8),
    rate_at=None,
    source="Lee 2020, J Clin Immunol 40(5):682-698, doi:10.1007/s10875-020-00788-5: 28 studies, 1218 patients",
)
"""-13 % per 100 mg/dL up to 960 mg/dL; the interval is not in the abstract."""
RELATIONS: Final = (PNEUMONIA, ANY_INFECTION)


def rate_ratio(
    relation: Relation, trough_g_per_l: float | Floats, reference_g_per_l: float | Floats
) -> tuple[Floats, Floats, Floats]:
    """Rate at a trough over the rate at a reference: ratio^(difference / 100 mg/dL), with its 95 % interval.

    Shapes broadcast. Both troughs count no further than `flat_above_g_per_l`, as published; nothing else is limited.
    The interval is that of the slope alone: a ratio of 1 is exact at the reference.
    """
    flat = relation.flat_above_g_per_l
    steps = (np.minimum(trough_g_per_l, flat) - np.minimum(reference_g_per_l, flat)) / STEP_G_PER_L
    ends = np.power(relation.lower, steps), np.power(relation.upper, steps)
    return np.power(relation.ratio, steps), np.minimum(*ends), np.maximum(*ends)


def events_per_patient_year(relation: Relation, trough_g_per_l: float | Floats) -> tuple[Floats, Floats, Floats]:
    """Expected events a year at a trough, with the interval that the slope's uncertainty gives.

    The published rate at the anchor is taken as known. AssertionError for a relation without a published rate.
    """
    if relation.rate_at is None:
        raise AssertionError(f"no rate is published for {relation.outcome}: only ratios can be given")
    anchor_g_per_l, rate = relation.rate_at
    ratio, lower, upper = rate_ratio(relation, trough_g_per_l, anchor_g_per_l)
    return rate * ratio, rate * lower, rate * upper


def slope_sd(relation: Relation) -> float:
    """Standard error of the log ratio per 100 mg/dL, from the width of its 95 % interval; nan where not reported."""
    return float((np.log(relation.upper) - np.log(relation.lower)) / (2 * 1.959964))


def drawn_ratio(
    relation: Relation, trough_g_per_l: float | Floats, reference_g_per_l: float | Floats, standard_normal: Floats
) -> Floats:
    """rate_ratio under drawn slopes, one for each standard normal value (n,): (n, ...) with the troughs' shape after.

    For relations with a reported interval; nan otherwise.
    """
    flat = relation.flat_above_g_per_l
    steps = np.asarray((np.minimum(trough_g_per_l, flat) - np.minimum(reference_g_per_l, flat)) / STEP_G_PER_L)
    slopes = np.log(relation.ratio) + slope_sd(relation) * np.asarray(standard_normal)
    return np.asarray(np.exp(np.multiply.outer(slopes, steps)))


def outside_studied(relation: Relation, trough_g_per_l: float | Floats) -> npt.NDArray[np.bool_]:
    """True where a trough lies outside what the publication speaks of: an extrapolation that has to be said."""
    low, high = relation.studied_g_per_l
    trough = np.asarray(trough_g_per_l)
    return (trough < low) | (trough > high)
