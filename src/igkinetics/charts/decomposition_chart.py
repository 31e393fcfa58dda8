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
    names = [row.label for row in rows]
    x: Spec = {"type": "quantitative", "title": title, "axis": {"tickCount": 5},
               "scale": {"nice": True, "zero": False, "padding": 40}}  # fmt: skip
    y: Spec = {"field": "row", "type": "nominal", "sort": None, "title": None, "scale": {"domain": names},
               "axis": {"labelLimit": 300, "ticks": False, "domain": False}}  # fmt: skip
    levels = [{"row": row.label, "at": row.median, "lower": row.lower, "upper": row.upper, "shown": row.shown}
              for row in rows if isinstance(row, Level)]  # fmt: skip
    steps = [{"row": row.label, "start": row.start, "end": row.end, "shown": row.shown,
              "right": max(row.start, row.end), "color": STEP_COLOURS[row.kind]}
             for row in rows if isinstance(row, Step)]  # fmt: skip
    text: Spec = {"type": "text", "align": "left", "dx": 8, "fontSize": 14, "color": "#222222"}
    colour = {"color": {"field": "color", "type": "nominal", "scale": None}}
    layers: list[Spec] = [
        {"data": {"values": steps}, "encoding": {"y": y}, "layer": [
            {"mark": {"type": "bar", "height": 14, "opacity": 0.75},
             "encoding": {"x": {"field": "start", **x}, "x2": {"field": "end"}, **colour}},
            {"mark": text, "encoding": {"x": {"field": "right", **x}, "text": {"field": "shown"}}},
        ]},
        {"data": {"values": levels}, "encoding": {"y": y}, "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.6, "color": style.TOTAL},
             "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}}},
            {"mark": {"type": "point", "filled": True, "opacity": 1, "size": 80, "color": style.TOTAL},
             "encoding": {"x": {"field": "at", **x}}},
            {"mark": text, "encoding": {"x": {"field": "upper", **x}, "text": {"field": "shown"}}},
        ]},
    ]  # fmt: skip
    return {"width": width, "height": ROW_PIXELS * len(rows), "config": style.CONFIG, "layer": layers}
