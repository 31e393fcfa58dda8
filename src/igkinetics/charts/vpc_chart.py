"""Visual predictive check of one group: percentiles of measured IgG over their intervals among new patients."""

from __future__ import annotations

from typing import Final

import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.svg import Spec
from igkinetics.text import known
from igkinetics.units import IggUnit

OUTER, MIDDLE = style.ENDOGENOUS, style.TOTAL
LEAST_WIDTH: Final = 0.03
"""Of a box, as a share of all days: one whose samples are all of one day would not be seen."""


def vpc_chart(rows: pd.DataFrame, unit: IggUnit) -> Spec:
    """rows: of one group, as in vpc.csv. A box per bin of days and percentile, its median a line, measured a dot."""
    boxes = []
    narrow = LEAST_WIDTH * max(float(rows["last_day"].max() - rows["first_day"].min()), 1.0)
    for row in rows.to_dict("records"):
        middle = 0.5 * (row["first_day"] + row["last_day"])
        half = 0.5 * max(row["last_day"] - row["first_day"], narrow)
        boxes.append(
            {
                "from": round(middle - half, 2),
                "to": round(middle + half, 2),
                "day": round(middle, 2),
                "color": MIDDLE if row["percentile"] == 50 else OUTER,
                **{
                    name: float(f"{row[name]:.4g}") if known(row[name]) else None
                    for name in ("lower", "median", "upper", "observed")
                },
            }
        )
    x: Spec = {"type": "quantitative", "title": "Time (day)", "scale": {"nice": False, "zero": False}}
    y: Spec = {"type": "quantitative", "title": f"IgG ({unit})", "scale": {"zero": True}}
    color: Spec = {"field": "color", "type": "nominal", "scale": None}
    across: Spec = {"x": {"field": "from", **x}, "x2": {"field": "to"}}
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "opacity": 0.25},
            "encoding": {**across, "y": {"field": "lower", **y}, "y2": {"field": "upper"}, "color": color},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {**across, "y": {"field": "median", **y}, "color": color},
        },
        {
            "transform": [{"filter": "isValid(datum.observed)"}],
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 45, "color": style.SAMPLE},
            "encoding": {"x": {"field": "day", **x}, "y": {"field": "observed", **y}},
        },
    ]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "data": {"values": boxes},
        "layer": layers,
    }
