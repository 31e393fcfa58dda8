"""Curves with the infusions and without them: all infused patients in one picture, and each patient alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.curves_chart import evenly_spaced
from igkinetics.charts.patient_chart import dose_layer, sample_points, therapy_layer
from igkinetics.charts.svg import Spec
from igkinetics.cohort.model import Patient
from igkinetics.text import known
from igkinetics.units import IggUnit

MOST_COURSES: Final = 60
"""Patients in the picture of all curves; beyond, evenly spaced ones are drawn."""
MOST_POINTS: Final = 12_000
ARMS: Final = {"with_ivig": style.TOTAL, "without_ivig": style.ENDOGENOUS}
ARM_DASH: Final[dict[str, list[int]]] = {"with_ivig": [1, 0], "without_ivig": [6, 3]}


def axes(unit: IggUnit, height: float | None = None) -> dict[str, Spec]:
    scale: Spec = {"zero": True} if height is None else {"domain": [0, height], "nice": True}
    return {
        "x": {
            "field": "day",
            "type": "quantitative",
            "title": "Time (day)",
            "axis": {"tickCount": 5},
            "scale": {"nice": False},
        },
        "y": {"type": "quantitative", "title": f"Serum IgG ({unit})", "scale": scale, "axis": {"tickCount": 4}},
    }


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
                {"day": round(float(day), 2), "igg": float(f"{level:.4g}"), "curve": f"{number}{arm}", "arm": arm}
                for day, level in zip(curve["day"].iloc[kept], curve[arm].iloc[kept], strict=True)
            ]
    place = axes(unit)
    colour: Spec = {
        "field": "arm",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(ARMS), "range": list(ARMS.values())},
    }
    line: Spec = {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 1.3, "opacity": 0.6},
        "encoding": {
            "x": place["x"],
            "y": {"field": "igg", **place["y"]},
            "detail": {"field": "curve"},
            "color": colour,
        },
    }
    layers = [*threshold_rules(thresholds, place["y"]), line]
    return {"width": style.CHART_WIDTH, "height": style.CHART_HEIGHT + 70, "config": style.CONFIG, "layer": layers}


def threshold_rules(thresholds: Sequence[float], y: Spec) -> list[Spec]:
    if not thresholds:
        return []
    mark: Spec = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    rows = [{"igg": float(value)} for value in thresholds]
    return [{"data": {"values": rows}, "mark": mark, "encoding": {"y": {"field": "igg", **y}}}]


def course_chart(patient: Patient, course: pd.DataFrame, thresholds: Sequence[float], unit: IggUnit) -> Spec:
    """One patient: samples, infusions, therapy, both curves with their bands, over the window and all samples."""
    points = sample_points(patient, unit)
    first = min(float(course["day"].min()), *patient.sample_day, *patient.dose_day)
    last = max(float(course["day"].max()), *patient.sample_day)
    top = 1.06 * max(float(course["with_ivig_upper"].max()), *thresholds, *(row["igg"] for row in points))
    place = axes(unit, top)
    place["x"]["scale"] = {"domain": [first, last], "nice": False}
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
    marks = [on_days(layer, place["x"]) for layer in (therapy_layer(patient, first, last), dose_layer(patient))]
    shown = [layer for layer in marks if layer["data"]["values"]]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "layer": [*shown, *threshold_rules(thresholds, place["y"]), {"data": data, "layer": layers}, dots],
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
