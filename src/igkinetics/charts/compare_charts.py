"""Two groups side by side: every patient's nadir as a dot with the group's median, and times to an event."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from igkinetics.charts import style
from igkinetics.charts.svg import Spec
from igkinetics.text import known

ROW_PIXELS: Final = 58
DOT_PIXELS: Final = 11
AT_RISK_PIXELS: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class DotRow:
    """A group's values under one measure. dots: name and value of each patient; median with its interval, or nan."""

    label: str
    group: int
    dots: tuple[tuple[str, float], ...]
    median: float
    lower: float
    upper: float


def dot_chart(rows: Sequence[DotRow], title: str, thresholds: Sequence[float]) -> Spec:
    """Rows in the order given; dots that would meet stand above each other; bar: median, line: its interval."""
    height = ROW_PIXELS * len(rows)
    top = 1.04 * max([value for row in rows for _, value in row.dots], default=1.0)
    x: Spec = {
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, top], "nice": True},
        "axis": {"tickCount": 6},
    }
    y: Spec = {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [len(rows) - 0.5, -0.5], "nice": False, "zero": False},
        "axis": {
            "values": list(range(len(rows))),
            "labelExpr": f"{json.dumps([row.label for row in rows])}[datum.value]",
            "labelLimit": 220,
            "grid": False,
            "ticks": False,
            "domain": False,
        },
    }
    dots = [
        {"at": value, "row": place + offset, "name": name, **look(row.group)}
        for place, row in enumerate(rows)
        for (name, value), offset in zip(row.dots, offsets([value for _, value in row.dots], top), strict=True)
    ]
    medians = [
        {"row": place, "low": place - 0.33, "high": place + 0.33, "at": row.median, **interval_of(row)}
        for place, row in enumerate(rows)
        if known(row.median)
    ]
    looks: Spec = {channel: {"field": channel, "type": "nominal", "scale": None} for channel in ("color", "shape")}
    across = {"x": {"field": "at", **x}}
    spread = [row for row in medians if "lower" in row]
    rule: Spec = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    layers: list[Spec] = [
        {"data": {"values": [{"at": float(value)} for value in thresholds]}, "mark": rule, "encoding": across},
        {
            "data": {"values": dots},
            "mark": {"type": "point", "filled": True, "opacity": 0.75, "size": 60, "aria": True},
            "encoding": {**across, "y": {"field": "row", **y}, **looks, "description": {"field": "name"}},
        },
        {
            "data": {"values": spread},
            "mark": {"type": "rule", "strokeWidth": 2, "color": style.SAMPLE, "opacity": 0.7},
            "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}, "y": {"field": "row", **y}},
        },
        {
            "data": {"values": medians},
            "mark": {"type": "rule", "strokeWidth": 3, "color": style.SAMPLE},
            "encoding": {**across, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
    ]
    shown = [layer for layer in layers if layer["data"]["values"]]
    return {"width": style.CHART_WIDTH, "height": height, "config": style.CONFIG, "layer": shown}


def interval_of(row: DotRow) -> dict[str, float]:
    """The ends of the median's interval; nothing where one is not known."""
    return {"lower": row.lower, "upper": row.upper} if known(row.lower) and known(row.upper) else {}


def look(group: int) -> dict[str, str]:
    return {"color": style.GROUPS[group], "shape": style.GROUP_SHAPES[group]}


def offsets(values: Sequence[float], top: float) -> list[float]:
    """How far, in rows, each dot stands above or below its line, so that no two of a row meet."""
    near = top * DOT_PIXELS / style.CHART_WIDTH
    placed: list[tuple[float, int]] = []
    lanes = [0] * len(values)
    for index in sorted(range(len(values)), key=lambda place: values[place]):
        lane = 0
        while any(abs(values[index] - value) < near and taken == lane for value, taken in placed):
            lane = -lane if lane > 0 else 1 - lane
        lanes[index] = lane
        placed.append((values[index], lane))
    step = min(DOT_PIXELS / ROW_PIXELS, 0.42 / max([1, *(abs(lane) for lane in lanes)]))
    return [lane * step for lane in lanes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """A group's Kaplan-Meier curve. steps: day and share from there on; at_risk: day and patients still followed."""

    label: str
    group: int
    steps: tuple[tuple[float, float], ...]
    censored: tuple[tuple[float, float], ...]
    at_risk: tuple[tuple[float, int], ...]


def survival_chart(curves: Sequence[Survival], title: str) -> Spec:
    """Share without the event by day, ticks where follow-up ends without it, and the numbers at risk below the axis."""
    last = max([day for curve in curves for day, _ in (*curve.steps, *curve.censored)], default=1.0)
    x: Spec = {
        "type": "quantitative",
        "title": "Days from the window's start",
        "scale": {"domain": [0, max(last, 1.0)], "nice": False},
        "axis": {"values": [day for day, _ in curves[0].at_risk], "labelOverlap": False} if curves else {},
    }
    y: Spec = {
        "type": "quantitative",
        "title": title,
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "tickCount": 5},
    }
    layers: list[Spec] = []
    for place, curve in enumerate(curves):
        colour = style.GROUPS[curve.group]
        dash = [1, 0] if place == 0 else [6, 3]
        layers += [
            _layer(
                curve.steps,
                {"type": "line", "interpolate": "step-after", "strokeWidth": 2.2, "strokeDash": dash},
                colour,
                x,
                y,
            ),
            _layer(curve.censored, {"type": "tick", "orient": "vertical", "size": 10, "thickness": 1.6}, colour, x, y),
        ]
        below = style.CHART_HEIGHT + 66 + AT_RISK_PIXELS * place
        counts: Any = {"values": [{"day": day, "n": str(n)} for day, n in curve.at_risk]}
        name: Any = {"values": [{"label": curve.label}]}
        words: Spec = {"type": "text", "fontSize": 13, "color": colour}
        layers += [
            {
                "data": counts,
                "mark": words,
                "encoding": {"x": {"field": "day", **x}, "y": {"value": below}, "text": {"field": "n"}},
            },
            {
                "data": name,
                "mark": words | {"align": "right", "limit": 130, "dx": -14},
                "encoding": {"x": {"value": 0}, "y": {"value": below}, "text": {"field": "label"}},
            },
        ]
    head: Any = {"values": [{"label": "At risk"}]}
    place_of_head = {"x": {"value": 0}, "y": {"value": style.CHART_HEIGHT + 48}, "text": {"field": "label"}}
    layers.append(
        {
            "data": head,
            "mark": {"type": "text", "align": "right", "dx": -14, "fontSize": 13, "color": "#222222"},
            "encoding": place_of_head,
        }
    )
    shown = [layer for layer in layers if layer["data"]["values"]]
    return {"width": style.CHART_WIDTH, "height": style.CHART_HEIGHT, "config": style.CONFIG, "layer": shown}


def _layer(points: Sequence[tuple[float, float]], mark: Spec, colour: str, x: Spec, y: Spec) -> Spec:
    rows: Any = [{"day": day, "share": share} for day, share in points]
    encoding = {"x": {"field": "day", **x}, "y": {"field": "share", **y}}
    return {"data": {"values": rows}, "mark": mark | {"color": colour}, "encoding": encoding}
