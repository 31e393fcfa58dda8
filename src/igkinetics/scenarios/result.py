"""What a scenario gives: frozen tables in long form with unit, and what they were made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

import pandas as pd

from igkinetics.dosing.cases import About
from igkinetics.dosing.regimen import Dosing
from igkinetics.errors import counted
from igkinetics.fit.records import Member
from igkinetics.output.answer import Answer
from igkinetics.scenarios.calendar import CALENDAR_COLUMNS
from igkinetics.scenarios.individual import NEXT_DOSE_COLUMNS, NEXT_SAMPLE_COLUMNS
from igkinetics.scenarios.infections import INFECTION_COLUMNS
from igkinetics.scenarios.outcomes import Columns
from igkinetics.scenarios.read_scenario import ScenarioFile
from igkinetics.scenarios.rows import (
    DIFFERENCE_COLUMNS,
    MODEL_COLUMNS,
    OUTCOME_COLUMNS,
    PATIENT_OUTCOME_COLUMNS,
    TRAJECTORY_COLUMNS,
)
from igkinetics.scenarios.search import SEARCH_COLUMNS

TABLES: Final = {
    "outcomes": OUTCOME_COLUMNS,
    "trajectories": TRAJECTORY_COLUMNS,
    "differences": DIFFERENCE_COLUMNS,
    "models": MODEL_COLUMNS,
    "patient_outcomes": PATIENT_OUTCOME_COLUMNS,
    "infections": INFECTION_COLUMNS,
    "search": SEARCH_COLUMNS,
    "calendar": CALENDAR_COLUMNS,
    "next_dose": NEXT_DOSE_COLUMNS,
    "next_sample": NEXT_SAMPLE_COLUMNS,
}
"""Table -> its columns, in their order."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class ScenarioResult(Answer):
    """Every regimen of a scenario.

    differences: each regimen minus the first; models: of several cards, each alone; patient_outcomes: of patients with
    a name; infections: expected from troughs; search: every candidate tried, the recommended one followed like the
    regimens of the file; calendar: doses by day; next_dose,
    next_sample: of a single patient. Empty where there is nothing to tell.
    """

    TABLES_OF = tuple(TABLES)
    FOLDER = "igkinetics.scenarios.output:SCENARIO_OUTPUT"
    FILES = "igkinetics.scenarios.output:write_scenario"
    PAGE = "igkinetics.report.scenario_page:write_scenario_report"

    file: ScenarioFile
    about: About
    columns: Columns
    level: float
    outcomes: pd.DataFrame
    trajectories: pd.DataFrame
    differences: pd.DataFrame
    models: pd.DataFrame
    patient_outcomes: pd.DataFrame
    infections: pd.DataFrame
    search: pd.DataFrame
    calendar: pd.DataFrame
    next_dose: pd.DataFrame
    next_sample: pd.DataFrame
    regimens: tuple[Dosing, ...]
    """All that were followed: those of the file, and the one that its search recommends."""
    recommended: Dosing | None = None
    """The cheapest regimen of the search that meets the target, one of `regimens`."""
    record: Member | None = None
    """Of a single patient: what was measured and given, days counted as in the tables."""
    notes: tuple[str, ...]
    n_simulated: int
    interrupted: bool
    seconds: float
    finished: datetime = field(default_factory=_now)

    def __post_init__(self) -> None:
        for table, columns in TABLES.items():
            if (found := tuple(getattr(self, table).columns)) != columns:
                raise AssertionError(f"table {table} has the columns {found}, not {columns}")

    @property
    def shown(self) -> tuple[Dosing, ...]:
        """The regimens in the order in which they are shown: the one that is recommended first."""
        if self.recommended is None:
            return self.regimens
        return (self.recommended, *(each for each in self.regimens if each.name != self.recommended.name))

    @property
    def started(self) -> datetime:
        return self.finished - timedelta(seconds=self.seconds)

    @property
    def verdict(self) -> str:
        stopped = f"; interrupted after {self.n_simulated} patients" if self.interrupted else ""
        return f"{self.about.says}, {counted(len(self.regimens), 'regimen')}{stopped}"

    def _repr_html_(self) -> str:
        """What a notebook shows: whose patients, and the outcome table."""
        table = self.outcomes.to_html(index=False, float_format="{:.4g}".format, na_rep="", max_rows=60)
        return f"<p>{escape(self.verdict)}.</p>{table}"
