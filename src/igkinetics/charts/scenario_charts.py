"""Charts of a scenario: bands over time, protection against grams, target attainment over dose and interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.svg import Spec

HEAT: Final = ("#FFFFFF", "#D6E6F2", "#7FB2D6", "#0072B2", "#003B5C")
"""From no patient to every patient; one hue, so that it reads in grey as well."""
CELL_PIXELS: Final = 64
ROW_PIXELS: Final = 34


def trajectory_chart(rows: pd.DataFrame, thresholds: Sequence[float], highest: float, unit: str) -> Spec:
    """rows: one regimen's population rows of TRAJECTORY_COLUMNS; highest: top of the scale, shared by all regimens."""
    names = ("median", "lower", "upper", "endogenous")
    digits = 1 if unit == "mg/dL" else 3
    values = [
        {"day": float(row["day"]), **{name: round(row[name], digits) for name in names}}
        for row in rows.to_dict("records")
    ]
    x = {
        "field": "day",
        "type": "quantitative",
        "title": "Time (day)",
        "axis": {"tickCount": 6},
        "scale": {"nice": False},
    }
    y = {"type": "quantitative", "title": f"Serum IgG ({unit})", "scale": {"domain": [0, highest], "nice": False}}
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "color": style.TOTAL, "opacity": 0.18},
            "encoding": {"x": x, "y": {"field": "lower", **y}, "y2": {"field": "upper"}},
        },
        {
            "mark": {"type": "line", "color": style.ENDOGENOUS, "strokeDash": [6, 3], "strokeWidth": 2},
            "encoding": {"x": x, "y": {"field": "endogenous", **y}},
        },
        {
            "mark": {"type": "line", "color": style.TOTAL, "strokeWidth": 2.2},
            "encoding": {"x": x, "y": {"field": "median", **y}},
        },
    ]
    rules = [{"igg": float(value)} for value in thresholds]
    mark = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    layers.append({"data": {"values": rules}, "mark": mark, "encoding": {"y": {"field": "igg", **y}}})
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "data": {"values": values},
        "layer": layers,
    }


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Whether no other point (grams, protection) protects at least as well with fewer grams, or better with as many."""
    return [
        not any((grams <= g and share >= s) and (grams < g or share > s) for grams, share in points) for g, s in points
    ]


def efficiency_chart(rows: Sequence[tuple[str, float, float]], threshold: float, unit: str) -> Spec:
    """rows: regimen, mean grams, mean share of days at or above the threshold. Numbers stand for the regimens."""
    on_front = pareto([(grams, share) for _, grams, share in rows])
    values = [
        {"number": str(index), "grams": round(grams, 2), "share": round(100 * share, 3), "front": front}
        for index, ((_, grams, share), front) in enumerate(zip(rows, on_front, strict=True), 1)
    ]
    x = {
        "field": "grams",
        "type": "quantitative",
        "title": "Immunoglobulin (g a patient)",
        "scale": {"zero": True},
        "axis": {"tickCount": 6},
    }
    y = {
        "field": "share",
        "type": "quantitative",
        "title": f"Days at or above {threshold:g} {unit} (%)",
        "scale": {"zero": False, "padding": 14},
    }
    color = {"condition": {"test": "datum.front", "value": style.TOTAL}, "value": "#777777"}
    layers: list[Spec] = [
        {
            "transform": [{"filter": "datum.front"}],
            "mark": {"type": "line", "color": style.TOTAL, "strokeDash": [4, 3]},
            "encoding": {"x": x, "y": y, "order": {"field": "grams"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": color},
        },
        {
            "mark": {"type": "text", "dx": 11, "dy": -9, "fontSize": 14, "align": "left"},
            "encoding": {"x": x, "y": y, "text": {"field": "number"}},
        },
    ]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT + 40,
        "config": style.CONFIG,
        "data": {"values": values},
        "layer": layers,
    }


def attainment_chart(rows: pd.DataFrame) -> Spec:
    """rows: the population's rows of SEARCH_COLUMNS for one vial size and route: share at target, cheapest ringed."""
    by_weight = bool(rows["dose_g_per_kg"].notna().any())
    dose = "dose_g_per_kg" if by_weight else "dose_g"
    values = [
        {
            "dose": f"{row[dose]:g}",
            "interval": f"{row['interval_day']:g}",
            "share": 100 * row["probability"] if text.known(row["probability"]) else None,
            "words": f"{100 * row['probability']:.0f}" if text.known(row["probability"]) else text.UNKNOWN,
            "cheapest": bool(row["cheapest"]),
            "meets": bool(row["meets_target"]),
        }
        for row in rows.to_dict("records")
    ]
    title = "Dose (g/kg)" if by_weight else "Dose (g)"
    intervals, doses = (list(dict.fromkeys(value[name] for value in values)) for name in ("interval", "dose"))
    axes: dict[str, Any] = {
        "x": {
            "field": "interval",
            "type": "nominal",
            "sort": intervals,
            "title": "Days between doses",
            "axis": {"labelAngle": 0},
        },
        "y": {"field": "dose", "type": "nominal", "sort": doses[::-1], "title": title},
    }
    color = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 100], "range": list(HEAT)},
        "legend": None,
    }
    light = {"condition": {"test": "datum.share > 60", "value": "#FFFFFF"}, "value": "#1A1A1A"}
    weight = {"condition": {"test": "datum.meets", "value": "bold"}, "value": "normal"}
    layers: list[Spec] = [
        {"mark": {"type": "rect", "stroke": "#FFFFFF"}, "encoding": {**axes, "color": color}},
        {
            "transform": [{"filter": "datum.cheapest"}],
            "mark": {"type": "rect", "fillOpacity": 0, "stroke": style.ENDOGENOUS, "strokeWidth": 4},
            "encoding": axes,
        },
        {
            "mark": {"type": "text", "fontSize": 14},
            "encoding": {**axes, "text": {"field": "words"}, "color": light, "fontWeight": weight},
        },
    ]
    return {
        "width": CELL_PIXELS * len(intervals),
        "height": ROW_PIXELS * len(doses),
        "config": style.CONFIG,
        "data": {"values": values},
        "layer": layers,
    }
