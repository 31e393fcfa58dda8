"""A dosing calendar as calendar programs read it (iCalendar, RFC 5545): one event a day, without a time."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from igkinetics.dosing.regimen import Dosing
from igkinetics.provenance import RESEARCH_NOTICE

if TYPE_CHECKING:
    from igkinetics.scenarios.result import ScenarioResult

ICS_NAME: Final = "calendar.ics"
LINE_OCTETS: Final = 75
"""Of a line without its end (RFC 5545, 3.1)."""
ESCAPED: Final = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An all-day event. key: what tells it from every other, whoever makes the file again."""

    day: date
    summary: str
    description: str
    key: str


def entries_of(calendar: pd.DataFrame, next_sample: pd.DataFrame) -> Iterator[Entry]:
    """The doses of one patient's calendar, and the sample that is advised; rows without a date are left out."""
    for row in calendar.to_dict("records"):
        if not row["date"]:
            continue
        vials = f" ({row['vials']})" if row["vials"] else ""
        note = f" {row['note'].capitalize()}." if row["note"] else ""
        yield Entry(
            day=date.fromisoformat(row["date"]),
            summary=f"Immunoglobulin {row['amount_g']:g} g {row['route']}, {row['patient_id']}",
            description=f"{row['regimen']}: {row['amount_g']:g} g{vials}.{note} {RESEARCH_NOTICE}",
            key=f"dose/{row['patient_id']}/{row['regimen']}/{row['day']:g}",
        )
    for row in next_sample[next_sample["best"].astype(bool)].to_dict("records"):
        if row["date"]:
            yield Entry(
                day=date.fromisoformat(row["date"]),
                summary=f"IgG sample, {row['patient_id']}",
                description=f"Before the dose that its result can still change. {RESEARCH_NOTICE}",
                key=f"sample/{row['patient_id']}/{row['regimen']}/{row['day']:g}",
            )


def is_for_one_calendar(result: ScenarioResult) -> Dosing | None:
    """The regimen of a scenario that doses its only patient by the calendar; None where several do: of several plans
    nobody should find the doses in one calendar program; nor of one for a patient whose follow-up ended."""
    dosing = [one for one in result.regimens if not one.gives_nothing]
    if result.record is None or len(dosing) != 1 or dosing[0].rule is not None or np.isfinite(result.record.end_day):
        return None
    return dosing[0]


def calendar_text(name: str, entries: Iterable[Entry], stamp: datetime) -> str:
    """The file's text. stamp: when what it says was known; the same input gives the same text."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//igkinetics//dosing calendar//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escaped(name)}",
    ]
    for entry in entries:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{hashlib.sha256(entry.key.encode()).hexdigest()[:32]}@igkinetics",
            f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
            f"DTSTART;VALUE=DATE:{entry.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{entry.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{escaped(entry.summary)}",
            f"DESCRIPTION:{escaped(entry.description)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{line}\r\n" for long in lines for line in folded(long))


def escaped(text: str) -> str:
    """A text value; control characters, which no calendar may hold, are left out."""
    kept = (letter for letter in text if letter == "\n" or unicodedata.category(letter) != "Cc")
    return "".join(ESCAPED.get(letter, letter) for letter in kept)


def folded(line: str) -> Iterator[str]:
    """A line in parts of LINE_OCTETS at most, all but the first behind a space; no letter is cut in two."""
    part, room = "", LINE_OCTETS
    for letter in line:
        size = len(letter.encode("utf-8"))
        if size > room:
            yield part
            part, room = " ", LINE_OCTETS - 1
        part += letter
        room -= size
    yield part
