"""Curves with the infusions and without them: all infused patients in one picture, and each patient alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.axes import day_axis, level_axis, squeeze_layer
from igkinetics.charts.curves_chart import evenly_spaced
from igkinetics.charts.patient_chart import MOST_BEYOND, Event, dose_layer, event_layers, sample_points, therapy_layer
from igkinetics.charts.svg import Spec
from igkinetics.cohort.model import Patient
from igkinetics.text import known
from igkinetics.units import IggUnit

MOST_COURSES: Final = 60
"""Patients in the picture of all curves; beyond, evenly spaced ones are drawn."""
MOST_POINTS: Final = 12_000
ARMS: Final = {"with_ivig": style.TOTAL, "without_ivig": style.ENDOGENOUS}
ARM_WORDS: Final = {"with_ivig": "as it was", "without_ivig": "without IVIG"}
ARM_DASH: Final[dict[str, list[int]]] = {"with_ivig": [1, 0], "without_ivig": [6, 3]}


def courses_chart(courses: pd.DataFrame, thresholds: Sequence[float], unit: IggUnit) -> Spec:
    """courses: rows of COURSE_COLUMNS of the infused patients."""
    shown = evenly_spaced(courses.drop_duplicates("patient_id"), MOST_COURSES)["patient_id"]
    most = MOST_POINTS // (2 * max(len(shown), 1))
    rows: list[dict[str, Any]] = []
    for number, patient_id in enumerate(shown):
        curve = courses[courses["patient_id"] == patient_id]
        kept = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), most)).round().astype(int))
        for arm in ARMS:
            rows += [
                {
                    "day": round(float(day), 2),
                    "igg": float(f"{level:.4g}"),
                    "curve": f"{number}{arm}",
                    "arm": arm,
                    "name": f"{text.visible(patient_id)}, {ARM_WORDS[arm]}",
                }
                for day, level in zip(curve["day"].iloc[kept], curve[arm].iloc[kept], strict=True)
            ]
    height = style.CHART_HEIGHT + 70
    seen = np.array([row["igg"] for row in rows], dtype=float)
    days = [row["day"] for row in rows]
    top = 1.03 * max([*seen, *thresholds], default=1.0)
    place = {
        "x": {"field": "day", **day_axis(min(days, default=0.0), max(days, default=1.0))},
        "y": level_axis(seen, top, thresholds, unit, height),
    }
    colour: Spec = {
        "field": "arm",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(ARMS), "range": list(ARMS.values())},
    }
    line: Spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 1.3, "opacity": 0.6, "aria": True},
        "encoding": {
            "x": place["x"],
            "y": {"field": "igg", **place["y"]},
            "detail": {"field": "curve"},
            "color": colour,
            "description": {"field": "name"},
        },
    }
    layers = [*threshold_rules(thresholds, place["y"]), *squeeze_layer(place["y"]), line]
    return {"width": style.CHART_WIDTH, "height": height, "config": style.CONFIG, "layer": layers}


def threshold_rules(thresholds: Sequence[float], y: Spec) -> list[Spec]:
    if not thresholds:
        return []
    mark: Spec = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    rows = [{"igg": float(value)} for value in thresholds]
    return [{"data": {"values": rows}, "mark": mark, "encoding": {"y": {"field": "igg", **y}}}]


def course_chart(
    patient: Patient, course: pd.DataFrame, thresholds: Sequence[float], unit: IggUnit, events: Sequence[Event] = ()
) -> Spec:
    """One patient: samples, infusions, therapy, events, both curves with their bands, over window and samples."""
    points = sample_points(patient, unit)
    first = min(float(course["day"].min()), *patient.sample_day, *patient.dose_day)
    last = max(float(course["day"].max()), *patient.sample_day)
    top = 1.06 * max(float(course["with_ivig_upper"].max()), *thresholds, *(row["igg"] for row in points))
    drawn = [event for event in events if first <= event.day <= last + MOST_BEYOND * (last - first)]
    last = max([last, *(event.day for event in drawn)])
    seen = course[list(ARMS)].to_numpy(dtype=float).ravel()
    place = {
        "x": {"field": "day", **day_axis(first, last)},
        "y": level_axis(seen, top, thresholds, unit, style.CHART_HEIGHT),
    }
    data = {"values": curve_rows(course)}
    layers: list[Spec] = []
    for arm, colour in ARMS.items():
        y = {"field": f"{arm}_lower", **place["y"]}
        band = {
            "mark": {"type": "area", "color": colour, "opacity": 0.18},
            "encoding": {"x": place["x"], "y": y, "y2": {"field": f"{arm}_upper"}},
        }
        line = {
            "mark": {"type": "line", "color": colour, "strokeWidth": 2.2, "strokeDash": ARM_DASH[arm]},
            "encoding": {"x": place["x"], "y": {"field": arm, **place["y"]}},
        }
        layers += [band, line]
    looks: Spec = {channel: {"field": channel, "scale": None} for channel in ("shape", "stroke", "fill", "size")}
    dots = {
        "data": {"values": points},
        "mark": {"type": "point", "opacity": 1, "strokeWidth": 2},
        "encoding": {"x": place["x"], "y": {"field": "igg", **place["y"]}, **looks},
    }
    known_days = (therapy_layer(patient, first, last), dose_layer(patient), *event_layers(drawn, first, last))
    shown = [on_days(layer, place["x"]) for layer in known_days if layer["data"]["values"]]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "layer": [
            *shown,
            *threshold_rules(thresholds, place["y"]),
            *squeeze_layer(place["y"]),
            {"data": data, "layer": layers},
            dots,
        ],
    }


def on_days(layer: Spec, days: Spec) -> Spec:
    """The layer with the common axis of days."""
    encoding = {**layer["encoding"], "x": {**days, **layer["encoding"]["x"]}}
    return {**layer, "encoding": encoding}


def curve_rows(course: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for drawing: levels to four digits, days to a thousandth."""
    names = [f"{arm}{end}" for arm in ARMS for end in ("", "_lower", "_upper")]
    columns = {name: [float(f"{value:.4g}") if known(value) else None for value in course[name]] for name in names}
    return [
        {"day": round(float(day), 3)} | {name: columns[name][i] for name in names}
        for i, day in enumerate(course["day"])
    ]


def ranks_chart(replicates: pd.DataFrame) -> Spec:
    """Where each measured value lies among its replicates: evenly spread from 0 to 1 when the model holds."""
    found = replicates.loc[replicates["rank"].notna(), ["day", "rank"]].to_numpy(dtype=float)
    rows = [{"day": round(day, 2), "rank": round(rank, 4)} for day, rank in found.tolist()]
    x: Spec = {"field": "day", "type": "quantitative", "title": "Time (day)", "scale": {"nice": False}}
    y: Spec = {
        "type": "quantitative",
        "title": "Share of replicates below",
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "tickCount": 5},
    }
    rules = [{"rank": 0.05}, {"rank": 0.95}]
    layers: list[Spec] = [
        {
            "data": {"values": rules},
            "mark": {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3]},
            "encoding": {"y": {"field": "rank", **y}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "opacity": 0.6, "size": 30, "color": style.SAMPLE},
            "encoding": {"x": x, "y": {"field": "rank", **y}},
        },
    ]
    return {"width": style.CHART_WIDTH, "height": style.CHART_HEIGHT, "config": style.CONFIG, "layer": layers}
