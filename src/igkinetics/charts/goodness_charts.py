"""Goodness of fit of a population: one quantity against another with a smooth, and checks by simulation."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.curves_chart import evenly_spaced
from igkinetics.charts.svg import Spec
from igkinetics.charts.vpc_chart import vpc_chart
from igkinetics.units import IggUnit

MOST_POINTS: Final = 1500
SIDE: Final = 300
RULES: Final = (-2, 0, 2)
FEWEST_FOR_SMOOTH: Final = 10


def goodness_chart(rows: pd.DataFrame, x: str, y: str, titles: tuple[str, str], *, identity: bool = False) -> Spec:
    """Points of columns x and y; identity: the line y = x, else lines at -2, 0 and 2. Unknown values are left out."""
    known = rows[rows[x].notna() & rows[y].notna()]
    values = [
        {name: float(f"{row[name]:.5g}") for name in (x, y)}
        for row in evenly_spaced(known, MOST_POINTS).to_dict("records")
    ]
    axes: dict[str, Any] = {
        channel: {
            "field": name,
            "type": "quantitative",
            "title": title,
            "axis": {"tickCount": 5},
            "scale": {"zero": identity, "nice": False, "padding": 8},
        }
        for channel, name, title in (("x", x, titles[0]), ("y", y, titles[1]))
    }
    points = {
        "mark": {"type": "point", "filled": True, "color": style.TOTAL, "size": 26, "opacity": 0.6},
        "encoding": axes,
    }
    smooth = {
        "transform": [{"loess": y, "on": x, "bandwidth": 0.6}],
        "mark": {"type": "line", "color": style.SAMPLE, "strokeWidth": 2},
        "encoding": axes,
    }
    highest = max((max(row[x], row[y]) for row in values), default=1.0)
    if identity:
        lines: Spec = {
            "data": {"values": [{x: 0.0, y: 0.0}, {x: highest, y: highest}]},
            "mark": {"type": "line", "color": "#666666"},
            "encoding": axes,
        }
    else:
        lines = {
            "data": {"values": [{y: place} for place in RULES]},
            "mark": {"type": "rule", "color": "#666666", "strokeDash": [3, 3]},
            "encoding": {"y": axes["y"]},
        }
    return {
        "width": SIDE,
        "height": SIDE,
        "config": style.CONFIG,
        "data": {"values": values},
        "layer": [lines, points, *([smooth] if len(values) >= FEWEST_FOR_SMOOTH else [])],
    }


def check_chart(rows: pd.DataFrame, kind: str, unit: IggUnit) -> Spec:
    """Rows of one kind of vpc.csv."""
    shown = rows.assign(percentile=rows["percentile"].where(rows["percentile"].notna(), 50.0))
    spec = vpc_chart(shown, unit)
    title = {
        "vpc": f"IgG ({unit})",
        "pcvpc": f"Prediction-corrected IgG ({unit})",
        "share_below": "Share below the limit",
    }
    for layer in spec["layer"]:
        layer["encoding"]["y"] = layer["encoding"]["y"] | {"title": text.visible(title[kind])}
    return spec
