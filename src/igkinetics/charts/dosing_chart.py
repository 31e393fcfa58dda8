"""The chart of one patient to be dosed: what was measured and given, today, and where IgG goes under a regimen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.patient_chart import DOSE_TICK_PIXELS, HEADROOM, LIMIT_NAMES, LOOKS
from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit, from_g_per_l

Floats = npt.NDArray[np.float64]
MOST_BEFORE: Final = 2.0
"""Of the length of the forecast: how much of the record is shown at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DosingCourse:
    """One patient, days as in `forecast`, levels in `unit` but for samples.

    samples (k, 3: day, g/L, limit), doses (h, 2: day, g), therapy (c, 2). planned (m, 2: day, g). forecast and past:
    day, median, lower, upper; past may be empty. limits: the target, ascending. today: the day from which on nothing is
    known. day_zero: the moment of day 0; None where no date is known.
    """

    samples: Floats
    doses: Floats
    therapy: Floats
    planned: Floats
    forecast: pd.DataFrame
    past: pd.DataFrame
    limits: tuple[float, ...]
    today: float
    unit: IggUnit
    day_zero: datetime | None = None

    def at(self, day: float) -> float:
        """A place on the time axis: the day, or milliseconds of its date."""
        if self.day_zero is None:
            return round(float(day), 3)
        moment = self.day_zero + timedelta(days=float(day))
        return round((moment - datetime(1970, 1, 1)) / timedelta(milliseconds=1))


def dosing_chart(course: DosingCourse) -> Spec:
    """Shaded time is therapy, ticks at the foot are doses (given: full, planned: pale), the band is the forecast. The
    scale ends a little above the highest median, sample or limit; a band is cut there."""
    first, last = span(course)
    points = [
        {"t": course.at(day), "igg": from_g_per_l(float(igg), course.unit), **LOOKS[LIMIT_NAMES[int(limit)]]}
        for day, igg, limit in course.samples
        if day >= first
    ]
    shown = course.past[course.past["day"] >= first]
    tables = (course.forecast, shown)
    levels = [*(row["igg"] for row in points), *course.limits, *(float(t["median"].max()) for t in tables if len(t))]
    time: Spec = {"field": "t", "title": "Date" if course.day_zero is not None else "Time (day)"}
    scale = {"domain": [course.at(first), course.at(last)], "nice": False}
    if course.day_zero is None:
        time |= {"type": "quantitative", "scale": scale, "axis": {"tickCount": 6}}
    else:
        axis = {"tickCount": 6, "format": "%-d %b %y", "labelOverlap": True}
        time |= {"type": "temporal", "scale": scale | {"type": "utc"}, "axis": axis}
    level: Spec = {
        "type": "quantitative",
        "title": f"Serum IgG ({course.unit})",
        "scale": {"domain": [0, HEADROOM * max(levels)], "nice": False},
        "axis": {"tickCount": 5},
    }
    layers = [
        *therapy_layer(course, time, first, last),
        *limit_layer(course, level),
        *curve_layers(shown, course, time, level, dashed=True),
        *curve_layers(course.forecast, course, time, level, dashed=False),
        *dose_layers(course, time, first),
        *today_layers(course, time),
        *point_layer(points, time, level),
    ]
    size = {"width": style.CHART_WIDTH, "height": style.CHART_HEIGHT + 40}
    return {**size, "config": style.CONFIG, "layer": layers}


def span(course: DosingCourse) -> tuple[float, float]:
    """First and last day drawn: the whole forecast, and as much of the record as stands beside it."""
    last = float(course.forecast["day"].max())
    ahead = last - course.today
    days = np.concatenate([course.samples[:, 0], course.doses[:, 0], course.therapy[:, 0]])
    earliest = float(days.min(initial=course.today))
    first = max(earliest, course.today - MOST_BEFORE * ahead)
    return min(first, course.today - 0.02 * ahead), last


def not_drawn(course: DosingCourse) -> tuple[float, int, int]:
    """The day on which the chart begins, and how many samples and doses of the record lie before it."""
    first = span(course)[0]
    return first, int(np.sum(course.samples[:, 0] < first)), int(np.sum(course.doses[:, 0] < first))


def therapy_layer(course: DosingCourse, time: Spec, first: float, last: float) -> list[Spec]:
    rows = [
        {"t": course.at(max(start, first)), "stop": course.at(min(stop, last))}
        for start, stop in course.therapy
        if start < last and stop > first
    ]
    mark = {"type": "rect", "color": style.THERAPY, "opacity": 0.3}
    return drawn(rows, mark, {"x": time, "x2": {"field": "stop"}})


def limit_layer(course: DosingCourse, level: Spec) -> list[Spec]:
    mark = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    return drawn([{"igg": float(value)} for value in course.limits], mark, {"y": {"field": "igg", **level}})


def curve_layers(table: pd.DataFrame, course: DosingCourse, time: Spec, level: Spec, *, dashed: bool) -> list[Spec]:
    """Median and band; of the record paler than of the forecast."""
    names = ("median", "lower", "upper")
    rows = [
        {"t": course.at(row["day"]), **{name: float(f"{row[name]:.4g}") for name in names}}
        for row in table.to_dict("records")
    ]
    band = {"type": "area", "clip": True, "color": style.TOTAL, "opacity": 0.1 if dashed else 0.22}
    line = {"type": "line", "color": style.TOTAL, "strokeWidth": 1.6 if dashed else 2.4}
    return [
        *drawn(rows, band, {"x": time, "y": {"field": "lower", **level}, "y2": {"field": "upper"}}),
        *drawn(rows, line, {"x": time, "y": {"field": "median", **level}}),
    ]


def dose_layers(course: DosingCourse, time: Spec, first: float) -> list[Spec]:
    """Ticks at the foot: doses given, and those planned, the first with its grams."""
    height = style.CHART_HEIGHT + 40
    foot = {"y": {"value": height}, "y2": {"value": height - DOSE_TICK_PIXELS}}
    given = [{"t": course.at(day)} for day, _ in course.doses if day >= first]
    planned = [{"t": course.at(day), "words": f"{grams:g} g"} for day, grams in course.planned]
    mark = {"type": "rule", "color": style.DOSE, "strokeWidth": 3}
    words = {"type": "text", "fontSize": 12, "dx": 4, "color": style.DOSE, "align": "left"}
    at_tick = {"y": {"value": height - DOSE_TICK_PIXELS - 7}, "text": {"field": "words"}}
    return [
        *drawn(given, mark, {"x": time, **foot}),
        *drawn(planned, mark | {"opacity": 0.45}, {"x": time, **foot}),
        *drawn(planned[:1], words, {"x": time, **at_tick}),
    ]


def today_layers(course: DosingCourse, time: Spec) -> list[Spec]:
    """A line where the record ends and the forecast begins."""
    rows = [{"t": course.at(course.today), "words": "forecast →"}]
    mark = {"type": "rule", "color": style.SAMPLE, "strokeWidth": 1.2}
    words = {"type": "text", "align": "left", "dx": 5, "fontSize": 12, "color": style.SAMPLE}
    return [
        *drawn(rows, mark, {"x": time, "y": {"value": 0}, "y2": {"value": style.CHART_HEIGHT + 40}}),
        *drawn(rows, words, {"x": time, "y": {"value": 8}, "text": {"field": "words"}}),
    ]


def point_layer(points: Sequence[dict[str, Any]], time: Spec, level: Spec) -> list[Spec]:
    looks: Spec = {channel: {"field": channel, "scale": None} for channel in ("shape", "stroke", "fill", "size")}
    mark = {"type": "point", "opacity": 1, "strokeWidth": 2}
    return drawn(points, mark, {"x": time, "y": {"field": "igg", **level}, **looks})


def drawn(rows: Sequence[dict[str, Any]], mark: Spec, encoding: Spec) -> list[Spec]:
    """The layer of these rows; none without rows."""
    return [{"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}] if rows else []
