"""The dosing calendar of a page: calendar.csv for one patient, a line per regimen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from igkinetics import text
from igkinetics.scenarios.result import ScenarioResult

MOST_DOSES: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """One regimen. lines: what is given when; total: grams within the horizon, or why it is not known."""

    name: str
    lines: tuple[str, ...]
    total: str


def calendar_of(result: ScenarioResult) -> list[CalendarView]:
    """One view per regimen, of the first patient in the table."""
    table = result.calendar
    first = table["patient_id"].iloc[0] if len(table) else ""
    own = table[table["patient_id"] == first]
    return [view(str(name), rows.to_dict("records")) for name, rows in own.groupby("regimen", sort=False)]


def view(regimen: str, rows: list[dict[Any, Any]]) -> CalendarView:
    name = text.visible(regimen, 120)
    if not text.known(rows[0]["day"]):  # a rule, or no immunoglobulin
        row = rows[0]
        dose = f"{row['amount_g']:g} g{vials(row)} " if row["amount_g"] else ""
        return CalendarView(name=name, lines=(dose + row["note"],), total="as measured" if dose else "0 g")
    lines = [dose_words(row) for row in rows[:MOST_DOSES]]
    if len(rows) > MOST_DOSES:
        lines.append(f"and {len(rows) - MOST_DOSES} more, the last on day {rows[-1]['day']:g}")
    return CalendarView(name=name, lines=tuple(lines), total=f"{sum(row['amount_g'] for row in rows):g} g")


def vials(row: dict[Any, Any]) -> str:
    return f" ({row['vials']})" if row["vials"] else ""


def dose_words(row: dict[Any, Any]) -> str:
    """ "day 28 (2024-06-07): 30 g (12 x 2.5 g)" """
    when = f"day {row['day']:g}" + (f" ({row['date']})" if row["date"] else "")
    note = ", loading dose" if row["note"].startswith("loading dose") else ""
    return f"{when}: {row['amount_g']:g} g{vials(row)}{note}"
