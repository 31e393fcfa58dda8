"""The window in which a nadir is looked for (docs/model.md 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from igkinetics.cohort.model import Patient

END_WORDS = {"death": "death", "hsct": "transplant"}


def end_words(patient: Patient) -> str:
    """What ended follow-up, in words."""
    return reason_words(patient.end_reason)


def reason_words(end_reason: str) -> str:
    return END_WORDS.get(end_reason, end_reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Both days belong to the window; both are nan when there is none, and `reason` says why."""

    start: float
    end: float
    reason: str

    @property
    def exists(self) -> bool:
        return not math.isnan(self.start)


def nadir_window(patient: Patient, asked: tuple[float, float] | None = None) -> Window:
    """First therapy start (else first sample) to the last sample, cut at death, transplant or the start of
    another B-cell-depleting therapy; or the days asked for, which may lie beyond the data but not before
    them, nor beyond death or transplant. ValueError when the days asked for are not in order.
    """
    if asked is not None:
        return _asked_window(patient, asked)
    if patient.sample_day.size == 0:
        return _no_window("no samples")
    treated = patient.agent_start.size > 0
    start = float(patient.agent_start[0]) if treated else float(patient.sample_day[0])
    words = "first therapy start to last sample" if treated else "first to last sample, no therapy recorded"
    end = float(patient.sample_day[-1])
    cuts = [
        (patient.follow_up_end, end_words(patient)),
        _other_therapy(patient),
    ]
    cut, why = min(cuts)
    if cut < end:
        end, words = cut, f"{words}, cut at {why}"
    if end < start:
        return _no_window("no sample on or after the first therapy start" if treated else f"no sample before {why}")
    return Window(start=start, end=end, reason=words)


def _asked_window(patient: Patient, asked: tuple[float, float]) -> Window:
    start, end = asked
    if not start < end:
        raise ValueError(f"a window runs from an earlier to a later day, not from {start:g} to {end:g}")
    words = "as asked"
    if patient.sample_day.size and end < patient.sample_day[0]:
        return _no_window("the window asked for ends before the first sample")
    if patient.follow_up_end < end:
        why = end_words(patient)
        end, words = patient.follow_up_end, f"as asked, cut at {why}"
        if end < start:
            return _no_window(f"{why} before the window asked for")
    return Window(start=start, end=end, reason=words)


def _other_therapy(patient: Patient) -> tuple[float, str]:
    """The first later start of an agent other than those the patient started with; (inf, "") without one.

    Courses without a named agent do not count as another one.
    """
    if patient.agent_start.size == 0:
        return math.inf, ""
    first_day = patient.agent_start[0]
    starters = {
        name.casefold() for name, day in zip(patient.agents, patient.agent_start, strict=True) if day == first_day
    }
    for name, day in zip(patient.agents, patient.agent_start, strict=True):
        if name and "" not in starters and name.casefold() not in starters:
            return float(day), f"start of {name}"
    return math.inf, ""


def _no_window(reason: str) -> Window:
    return Window(start=math.nan, end=math.nan, reason=reason)
