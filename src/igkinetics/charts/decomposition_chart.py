"""From one group's mean to the other's: what lies between them, as steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from igkinetics.charts import style
from igkinetics.charts.svg import Spec

ROW_PIXELS: Final = 40
STEP_COLOURS: Final = {"selection": style.ENDOGENOUS, "effect": style.DOSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A group's mean with its interval. label: as read; shown: the number as written beside."""

    label: str
    median: float
    lower: float
    upper: float
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one mean to the next. kind: of STEP_COLOURS."""

    label: str
    kind: str
    start: float
    end: float
    shown: str


def decomposition_chart(rows: Sequence[Level | Step], title: str, *, width: int = style.CHART_WIDTH) -> Spec:
    """Means as points with intervals, steps between them as bars, in the order given."""
    x: Spec = {
        "type": "quantitative",
        "title": title,
        "axis": {"tickCount": 5},
        "scale": {"nice": True, "zero": False, "padding": 40},
    }
    y = style.rows_axis([row.label for row in rows])
    layers = [
        step_layer([row for row in rows if isinstance(row, Step)], x, y),
        level_layer([row for row in rows if isinstance(row, Level)], x, y),
    ]
    return {"width": width, "height": ROW_PIXELS * len(rows), "config": style.CONFIG, "layer": layers}


def step_layer(steps: Sequence[Step], x: Spec, y: Spec) -> Spec:
    """A bar for each step, the number at its right end."""
    values = [
        {
            "row": step.label,
            "start": step.start,
            "end": step.end,
            "shown": step.shown,
            "right": max(step.start, step.end),
            "color": STEP_COLOURS[step.kind],
        }
        for step in steps
    ]
    colour = {"color": {"field": "color", "type": "nominal", "scale": None}}
    return {
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 14, "opacity": 0.75},
                "encoding": {"x": {"field": "start", **x}, "x2": {"field": "end"}, **colour},
            },
            {"mark": style.VALUE_TEXT, "encoding": {"x": {"field": "right", **x}, "text": {"field": "shown"}}},
        ],
    }


def level_layer(levels: Sequence[Level], x: Spec, y: Spec) -> Spec:
    """A point with its interval for each mean, the number at the interval's right end."""
    values = [
        {"row": level.label, "at": level.median, "lower": level.lower, "upper": level.upper, "shown": level.shown}
        for level in levels
    ]
    return {
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.6, "color": style.TOTAL},
                "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}},
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80, "color": style.TOTAL},
                "encoding": {"x": {"field": "at", **x}},
            },
            {"mark": style.VALUE_TEXT, "encoding": {"x": {"field": "upper", **x}, "text": {"field": "shown"}}},
        ],
    }
