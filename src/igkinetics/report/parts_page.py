"""report.html of a command on parts: what all of them give together, and the list of parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from igkinetics import text
from igkinetics.errors import counted
from igkinetics.fit.by_parts import Totals
from igkinetics.fit.columns import WITH_ESTIMATES
from igkinetics.forecast.by_parts import ForecastTotals
from igkinetics.output.by_parts import PARTS_TABLE, record_of_part, rows_of
from igkinetics.output.parts import Done
from igkinetics.report.environment import render_page
from igkinetics.report.sentences import STATUS_WORDS

MOST_PARTS: Final = 500
HEADINGS: Final = {"part": "Part", "patients": "Patients"}


def write_parts_report(title: str, sentences: Sequence[str], folder: Path) -> None:
    """The page of a result in parts, into its folder, from its run record and list of parts."""
    parts = list(rows_of(folder / PARTS_TABLE))
    columns = [name for name in parts[0] if not name.endswith("sha256")]
    page = render_page(
        "parts.html.j2",
        title,
        record_of_part(folder),
        {
            "sentences": sentences,
            "headings": [HEADINGS.get(name, name.capitalize()) for name in columns],
            "rows": [[row[name] for name in columns] for row in parts[:MOST_PARTS]],
            "n_parts": len(parts),
        },
    )
    (folder / "report.html").write_text(page, encoding="utf-8", newline="\n")


def parts_words(done: Done) -> str:
    """ "12 parts (3 parts kept from an earlier run)" """
    kept = f" ({counted(len(done.kept), 'part')} kept from an earlier run)" if done.kept else ""
    return f"{counted(len(done.finished), 'part')}{kept}"


def fit_parts_sentences(totals: Totals, done: Done, level: float) -> list[str]:
    """As `five_sentences` says of a fit."""
    lowest = [
        f"{text.visible(name)} {text.level(nadir, unit)} ({text.level_interval(lower, upper, unit)}) {unit} "
        f"on day {text.day(day)}"
        for name, nadir, lower, upper, day, unit in totals.lowest
    ]
    unfitted = [
        f"{count} {STATUS_WORDS[status]}" for status, count in totals.statuses.items() if status not in WITH_ESTIMATES
    ]
    return [
        f"{counted(totals.n_patients, 'patient')} in {parts_words(done)}: {totals.n_fitted} fitted.",
        f"Lowest fitted nadirs ({text.percent(level)} interval): {'; '.join(lowest)}."
        if lowest
        else "No fitted nadir.",
        *(f"{fell} of {known} fitted patients fell below {level}." for level, (fell, known) in totals.below.items()),
        f"{totals.reached} nadirs were reached; all others are the lowest so far.",
        f"Not fitted: {', '.join(unfitted)}." if unfitted else "Every patient was fitted.",
    ]


def forecast_parts_sentences(totals: ForecastTotals, done: Done, horizon_day: float) -> list[str]:
    """Who is below and will be, whom to measure, who has no forecast: counts, and the most urgent by name."""
    horizon = f"{text.number(horizon_day, 5)} days"
    of, said = counted(totals.n_forecast, "patient"), []
    for threshold, found in sorted(totals.thresholds.items()):
        level = f"{text.number(threshold)} {totals.unit}"
        more = f", {found.below - len(found.first)} more" if found.below > len(found.first) else ""
        who = f" (most urgent: {', '.join(map(text.visible, found.first))}{more})" if found.first else ""
        said.append(
            f"Probably below {level} now: {found.below} of {of}{who}; {found.falling} more will probably fall below it "
            f"within {horizon}. Last measured below it: {found.measured} of those who are followed"
            + (f"; the reading cannot tell of {found.hidden}." if found.hidden else ".")
        )
    steps = totals.steps
    said.append(
        f"Measure now: {counted(steps['measure'], 'patient')}; later within the horizon: {steps['later']}; decide "
        f"without another sample: {steps['decide']}."
    )
    forecast = f"Forecast of {totals.n_forecast} of {counted(totals.n_patients, 'patient')} in {parts_words(done)}"
    said.append(f"{forecast}, {horizon} ahead: true levels, without the error of a measurement.")
    words = STATUS_WORDS | {"followed_up": "death or transplant ends the record"}
    others = [f"{n} {words[status]}" for status, n in sorted(totals.without.items())]
    said.append(f"Without a forecast: {'; '.join(others)}." if others else "Every patient has a forecast.")
    return said
