"""The chart of one patient's forecast: measured values, today, infusions given and to come, therapy, and the band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.patient_chart import DOSE_TICK_PIXELS, HEADROOM, point_layer, sample_points, therapy_layer
from igkinetics.charts.svg import Spec
from igkinetics.cohort.model import Patient
from igkinetics.units import IggUnit

Rows = list[dict[str, Any]]
SHOWN_BEFORE: Final = 8.0
"""So many horizons of the record are shown before today at most, else the band would be a sliver."""
TODAY: Final = "#666666"
MILLISECONDS: Final = 86_400_000.0


def forecast_chart(
    patient: Patient,
    forecast: pd.DataFrame,
    from_day: float,
    to_come: Sequence[float],
    thresholds: Sequence[float],
    unit: IggUnit,
    day_zero: pd.Timestamp | None = None,
) -> Spec:
    """One Vega-Lite specification. forecast: this patient's rows of forecast.csv under one policy, in `unit`.

    to_come: days of infusions in it. day_zero: what days count from, for an axis of dates.
    """
    last = float(forecast["day"].max())
    first = first_drawn(patient, from_day, last)
    at = place_of(day_zero)
    points = [row for row in sample_points(patient, unit) if row["day"] >= first]
    levels = [*(row["igg"] for row in points), *thresholds, float(forecast["upper"].max())]
    days: Spec = {"type": "quantitative", "title": "Time (day)", "axis": {"tickCount": 5}}
    if day_zero is not None:
        days = {"type": "temporal", "title": "", "axis": {"format": "%-d %b %y", "tickCount": 4}}
        days["scale"] = {"type": "utc"}
    days["scale"] = {**days.get("scale", {}), "domain": [at(first), at(last)], "nice": False}
    height: Spec = {"domain": [0, HEADROOM * max(levels)], "nice": True}
    axes = {
        "x": days,
        "y": {
            "type": "quantitative",
            "title": f"Serum IgG ({unit})",
            "axis": {"tickCount": 4},
            "scale": height,
        },
    }
    given = [float(day) for day in patient.dose_day if day >= first]
    layers = [
        therapy_layer(patient, first, last),
        rule_layer([{"igg": float(value)} for value in thresholds], "y", "igg", style.THRESHOLD, [2, 3]),
        rule_layer([{"day": from_day}], "x", "day", TODAY, [4, 3]),
        band_layer(forecast),
        tick_layer(given, 1.0),
        tick_layer(to_come, 0.45),
        point_layer(points),
    ]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "layer": [on_axes(layer, axes, at) for layer in layers if layer["data"]["values"]],
    }


def earliest(patient: Patient, from_day: float) -> float:
    return float(min([from_day - 1.0, *patient.sample_day[:1], *patient.dose_day[:1]]))


def first_drawn(patient: Patient, from_day: float, last: float) -> float:
    """The day on which the chart begins."""
    return max(earliest(patient, from_day), from_day - SHOWN_BEFORE * (last - from_day))


def place_of(day_zero: pd.Timestamp | None) -> Callable[[float], float]:
    """Where a day lies on the axis: itself, or as milliseconds since 1970."""
    if day_zero is None:
        return lambda day: round(day, 3)
    origin = float((day_zero - pd.Timestamp("1970-01-01")) / pd.Timedelta(milliseconds=1))
    return lambda day: round(origin + MILLISECONDS * day)


def on_axes(layer: Spec, axes: dict[str, Spec], at: Callable[[float], float]) -> Spec:
    """The layer with the common axes on each field, and its days where they lie on the axis."""
    rows = [
        {name: at(value) if name in ("day", "stop") else value for name, value in row.items()}
        for row in layer["data"]["values"]
    ]
    return placed({**layer, "data": {"values": rows}}, axes)


def placed(layer: Spec, axes: dict[str, Spec]) -> Spec:
    if "layer" in layer:
        return {**layer, "layer": [placed(part, axes) for part in layer["layer"]]}
    encoding = {
        channel: {**axes.get(channel, {}), **place} if "field" in place else place
        for channel, place in layer["encoding"].items()
    }
    return {**layer, "encoding": encoding}


def rule_layer(rows: Rows, channel: str, field: str, color: str, dash: list[int]) -> Spec:
    mark = {"type": "rule", "color": color, "strokeDash": dash, "strokeWidth": 1.5}
    return {"data": {"values": rows}, "mark": mark, "encoding": {channel: {"field": field}}}


def band_layer(forecast: pd.DataFrame) -> Spec:
    """The interval and the median of the true level."""
    names = ("median", "lower", "upper")
    rows = [
        {"day": float(day), **{name: float(f"{value:.4g}") for name, value in zip(names, values, strict=True)}}
        for day, *values in zip(forecast["day"], *(forecast[name] for name in names), strict=True)
    ]
    day = {"field": "day"}
    band = {"type": "area", "color": style.TOTAL, "opacity": 0.2}
    line = {"type": "line", "color": style.TOTAL, "strokeWidth": 2.5}
    return {
        "data": {"values": rows},
        "layer": [
            {"mark": band, "encoding": {"x": day, "y": {"field": "lower"}, "y2": {"field": "upper"}}},
            {"mark": line, "encoding": {"x": day, "y": {"field": "median"}}},
        ],
    }


def tick_layer(days: Sequence[float] | np.ndarray, opacity: float) -> Spec:  # type: ignore[type-arg]
    """A tick at the foot of the chart for every infusion."""
    foot = {"y": {"value": style.CHART_HEIGHT}, "y2": {"value": style.CHART_HEIGHT - DOSE_TICK_PIXELS}}
    mark = {"type": "rule", "color": style.DOSE, "strokeWidth": 3, "opacity": opacity}
    rows = [{"day": float(day)} for day in days]
    return {"data": {"values": rows}, "mark": mark, "encoding": {"x": {"field": "day"}, **foot}}
