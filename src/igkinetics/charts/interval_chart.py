"""Estimates with intervals, a row each: the effects of patients, or of several ways to ask the same question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.svg import Spec

ROW_PIXELS: Final = 22
SHAPES: Final = {"patient": "circle", "average": "diamond", "naive": "square"}
COLOURS: Final = {"patient": style.TOTAL, "average": style.DOSE, "naive": style.ENDOGENOUS}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """label: as read; kind: one of SHAPES; values in the chart's unit."""

    label: str
    kind: str
    median: float
    lower: float
    upper: float


def interval_chart(
    rows: Sequence[IntervalRow],
    title: str,
    *,
    rope: tuple[float, float] | None = None,
    minimum: float | None = None,
    width: int = style.CHART_WIDTH,
) -> Spec:
    """Rows in the order given, a line at 0, the ROPE shaded and the minimum effect dotted where they are given."""
    names = distinct([row.label for row in rows])
    x: Spec = {"type": "quantitative", "title": title, "axis": {"tickCount": 6}, "scale": {"nice": True, "zero": False}}
    y = style.rows_axis(names)
    layers: list[Spec] = []
    if rope is not None:
        mark: Any = {"type": "rect", "color": style.THRESHOLD, "opacity": 0.18}
        layers.append(
            {
                "data": {"values": [{"low": rope[0], "high": rope[1]}]},
                "mark": mark,
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            }
        )
    lines = [(0.0, [1, 0])] + ([(minimum, [2, 3])] if minimum is not None else [])
    for value, dash in lines:
        layers.append(
            {
                "data": {"values": [{"at": value}]},
                "mark": {"type": "rule", "color": "#666666", "strokeDash": dash, "strokeWidth": 1.5},
                "encoding": {"x": {"field": "at", **x}},
            }
        )
    layers.append(estimates_layer(names, rows, x, y))
    return {"width": width, "height": max(ROW_PIXELS * len(rows), 60), "config": style.CONFIG, "layer": layers}


def estimates_layer(names: Sequence[str], rows: Sequence[IntervalRow], x: Spec, y: Spec) -> Spec:
    """A point with its interval for each row, its shape and colour by kind."""
    values = [
        {
            "row": name,
            "median": row.median,
            "lower": row.lower,
            "upper": row.upper,
            "shape": SHAPES[row.kind],
            "color": COLOURS[row.kind],
        }
        for name, row in zip(names, rows, strict=True)
    ]
    colour = {"color": {"field": "color", "type": "nominal", "scale": None}}
    shape = {"shape": {"field": "shape", "type": "nominal", "scale": None}}
    return {
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.6},
                "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}, **colour},
            },
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
                "encoding": {"x": {"field": "median", **x}, **colour, **shape},
            },
        ],
    }


def distinct(labels: Sequence[str]) -> list[str]:
    """Labels made visible, and told apart by their place where they look the same."""
    shown = [text.visible(label) for label in labels]
    return [name if shown.count(name) == 1 else f"{name} ({index})" for index, name in enumerate(shown, start=1)]
