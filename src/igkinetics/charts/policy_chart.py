"""What policies cost and what they give: mean grams against the mean nadir, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igkinetics.charts import style
from igkinetics.charts.svg import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPoint:
    """label: as written beside; recorded: what was given in truth. Values as (median, lower, upper)."""

    label: str
    recorded: bool
    grams: tuple[float, float, float]
    level: tuple[float, float, float]


def policy_chart(points: Sequence[PolicyPoint], title: str, *, width: int = style.CHART_WIDTH) -> Spec:
    """Grams to the right, level upwards; a cross of intervals at each point; a square for what was given in truth."""
    values = [
        {
            "label": one.label,
            "color": style.ENDOGENOUS if one.recorded else style.TOTAL,
            "shape": "square" if one.recorded else "circle",
            **dict(zip(("grams", "fewest", "most"), one.grams, strict=True)),
            **dict(zip(("level", "lower", "upper"), one.level, strict=True)),
        }
        for one in points
    ]
    x: Spec = {
        "type": "quantitative",
        "title": "Immunoglobulin (g a patient)",
        "axis": {"tickCount": 6},
        "scale": {"zero": True, "nice": True},
    }
    y: Spec = {
        "type": "quantitative",
        "title": title,
        "scale": {"zero": False, "padding": 18},
        "axis": {"tickCount": 5},
    }
    colour: Spec = {"color": {"field": "color", "type": "nominal", "scale": None}}
    at: Spec = {"x": {"field": "grams", **x}, "y": {"field": "level", **y}}
    rule: Spec = {"type": "rule", "strokeWidth": 2.5, "opacity": 0.6}
    return {
        "width": width,
        "height": style.CHART_HEIGHT + 40,
        "config": style.CONFIG,
        "data": {"values": values},
        "layer": [
            {
                "mark": rule,
                "encoding": {"x": {"field": "fewest", **x}, "x2": {"field": "most"}, "y": at["y"], **colour},
            },
            {
                "mark": rule,
                "encoding": {"x": at["x"], "y": {"field": "lower", **y}, "y2": {"field": "upper"}, **colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {**at, **colour, "shape": {"field": "shape", "type": "nominal", "scale": None}},
            },
            {
                "mark": {"type": "text", "dx": 11, "dy": -9, "fontSize": 14, "align": "left"},
                "encoding": {**at, "text": {"field": "label", "type": "nominal"}},
            },
        ],
    }
