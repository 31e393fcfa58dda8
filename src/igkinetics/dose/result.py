"""What individual dosing gives: frozen tables, and what they were made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.dose.facts import Facts, date_words
from igkinetics.dose.options import DoseOptions
from igkinetics.dose.plan import Plan
from igkinetics.dosing.cases import About
from igkinetics.dosing.regimen import Dosing
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.output.answer import Answer


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class DoseResult(Answer):
    """Every regimen tried for one patient, ranked; forecast, calendar and next sample of the first.

    Days of the tables are those of the record; IgG is in `unit`. best: the regimen of rank 1; meets: whether it reaches
    the target; decided: whether its probability lies beyond two Monte Carlo errors of the one wanted.
    """

    TABLES_OF = ("dose", "calendar", "next_sample", "forecast")
    FOLDER = "igkinetics.dose.output:DOSE_OUTPUT"
    FILES = "igkinetics.dose.output:write_dose"
    PAGE = "igkinetics.report.dose_page:write_dose_report"

    fits: CohortFit
    facts: Facts
    options: DoseOptions
    plan: Plan
    about: About
    dose: pd.DataFrame
    calendar: pd.DataFrame
    next_sample: pd.DataFrame
    forecast: pd.DataFrame
    best: Dosing
    meets: bool
    decided: bool
    notes: tuple[str, ...]
    interrupted: bool = False
    seconds: float
    finished: datetime = field(default_factory=_now)

    @property
    def cohort(self) -> Cohort:
        return self.fits.cohort

    @property
    def patient_id(self) -> str:
        return self.facts.patient.patient_id

    @property
    def unit(self) -> str:
        return self.plan.unit

    @property
    def card_ids(self) -> dict[str, str]:
        return self.fits.card_ids

    @property
    def started(self) -> datetime:
        return self.finished - timedelta(seconds=self.seconds)

    def when(self, day: float) -> str:
        """A day of the record in words, with its date where known."""
        return date_words(self.facts.day_zero, round(float(day), 3))

    @property
    def verdict(self) -> str:
        found = "meets" if self.meets else "comes closest to"
        return f"{self.about.says}; {len(self.dose)} regimens tried; {self.best.name} {found} the target"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the first regimens."""
        table = self.dose.head(10).to_html(index=False, float_format="{:.4g}".format, na_rep="")
        return f"<p>{escape(self.verdict)}.</p>{table}"
