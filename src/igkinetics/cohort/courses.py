"""Courses of therapy: touching or overlapping rows joined, for one agent and for depletion as such."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


def merge_courses(therapy: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """(courses, number of rows joined to another): rows of one patient and agent that touch or overlap.

    therapy: patient (position), patient_id, start, stop, agent, line. Rows of different agents stay apart.
    The result keeps the first line of a course and is sorted by patient and start.
    """
    if therapy.empty:
        return therapy, 0
    rows = therapy.sort_values(["patient", "agent", "start"], kind="stable")
    same = [rows["patient"], rows["agent"]]
    reached = rows["stop"].groupby(same).cummax().groupby(same).shift()
    course = (~(rows["start"] <= reached)).cumsum()
    merged = rows.groupby(course, sort=False).agg(
        patient=("patient", "first"),
        patient_id=("patient_id", "first"),
        start=("start", "first"),
        stop=("stop", "max"),
        agent=("agent", "first"),
        line=("line", "min"),
    )
    merged = merged.sort_values(["patient", "start", "agent"], kind="stable").reset_index(drop=True)
    return merged, len(therapy) - len(merged)


def depletion_intervals(start: Floats, stop: Floats) -> tuple[Floats, Floats]:
    """The union of one patient's courses over all agents: disjoint ascending intervals [start, stop), day."""
    order = np.argsort(start, kind="stable")
    start, stop = start[order], stop[order]
    if start.size == 0:
        return start, stop
    reached = np.maximum.accumulate(stop)
    first = np.append(True, start[1:] > reached[:-1])
    last = np.append(first[1:], True)
    return start[first], reached[last]
