"""Infections expected from the patients' troughs, as evidence between studies (optional, labelled as such)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from igkinetics.dosing.cases import About
from igkinetics.dosing.regimen import Dosing
from igkinetics.scenarios.exposure_response import (
    ANY_INFECTION,
    EVIDENCE_LABEL,
    PNEUMONIA,
    Relation,
)
from igkinetics.scenarios.follow import Followed
from igkinetics.scenarios.outcomes import INFECTION_VALUES, Columns
from igkinetics.scenarios.scenario import ExposureResponse

INFECTION_COLUMNS: Final = (
    "regimen",
    "infection",
    "quantity",
    "reference",
    "reference_unit",
    "value",
    "lower",
    "upper",
    "share_outside_studied",
    "unit",
    "evidence",
    "source",
)
"""quantity: events a patient and year, or the rate over that at the reference trough; means over patients, from the
trough of the last complete dosing interval, else the lowest level of the last 28 days. lower, upper: of the slope
alone, nan where it was not reported."""


def relations_of(asked: ExposureResponse | None) -> tuple[Relation, ...]:
    if asked is None:
        return ()
    return (*((PNEUMONIA,) if asked.pneumonia else ()), *((ANY_INFECTION,) if asked.any_infection else ()))


def infection_rows(
    regimens: Sequence[Dosing], followed: Followed, about: About, columns: Columns
) -> Iterator[dict[str, Any]]:
    """A row per regimen and relation."""
    weights = np.array(about.model_weights) / sum(about.model_weights)
    first = len(columns.all)
    for regimen, kept in zip(regimens, followed.regimens, strict=True):
        means = weights @ kept.tally.means
        for index, relation in enumerate(columns.relations):
            value, lower, upper, outside = means[first + INFECTION_VALUES * index :][:INFECTION_VALUES]
            is_rate = relation.rate_at is not None
            yield {
                "regimen": regimen.name,
                "infection": relation.outcome,
                "quantity": "events_per_patient_year" if is_rate else "rate_ratio_to_reference",
                "reference": np.nan if is_rate else columns.thresholds[0],
                "reference_unit": "" if is_rate else columns.unit,
                "value": value,
                "lower": lower,
                "upper": upper,
                "share_outside_studied": outside,
                "unit": "1/year" if is_rate else "1",
                "evidence": EVIDENCE_LABEL,
                "source": relation.source,
            }
