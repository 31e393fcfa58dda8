"""How predictions did: PIT histogram, P(below) against what came, predicted against measured."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.svg import Spec

BINS: Final = 10
SIDE: Final = 300
GUIDE: Final = "#666666"


def pit_chart(pit: pd.Series[float]) -> Spec:
    """Share of measurements in each tenth of their predictive distributions; even if predictions are right."""
    values = pit.dropna().to_numpy(dtype=float)
    counts = np.histogram(values, bins=BINS, range=(0.0, 1.0))[0] / max(values.size, 1)
    rows = [
        {"from": place / BINS + 0.005, "to": (place + 1) / BINS - 0.005, "share": round(float(share), 4), "foot": 0}
        for place, share in enumerate(counts)
    ]
    x: Spec = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"tickCount": 5}}
    x["title"] = "Place in the predictive distribution (PIT)"
    y: Spec = {"type": "quantitative", "title": "Share of samples", "axis": {"tickCount": 4, "format": ".2f"}}
    even = {"mark": {"type": "rule", "color": GUIDE, "strokeDash": [3, 3]}, "data": {"values": [{"share": 1 / BINS}]}}
    return {
        "width": SIDE,
        "height": SIDE,
        "config": style.CONFIG,
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "rect", "color": style.TOTAL, "opacity": 0.7},
                "encoding": {
                    "x": {"field": "from", **x},
                    "x2": {"field": "to"},
                    "y": {"field": "share", **y},
                    "y2": {"field": "foot"},
                },
            },
            even | {"encoding": {"y": {"field": "share", **y}}},
        ],
    }


def reliability_chart(rows: pd.DataFrame) -> Spec:
    """rows: of reliability.csv, one card and threshold. Dots on the line if probabilities are right."""
    values = [
        {name: round(float(row[name]), 4) for name in ("p_mean", "share_below", "n")} for row in rows.to_dict("records")
    ]
    scale: Spec = {"type": "quantitative", "scale": {"domain": [0, 1]}, "axis": {"tickCount": 5}}
    x: Spec = {"field": "p_mean", "title": "P(measured below), predicted", **scale}
    y: Spec = {"field": "share_below", "title": "Share measured below", **scale}
    line = [{"p_mean": 0, "share_below": 0}, {"p_mean": 1, "share_below": 1}]
    size = {"field": "n", "type": "quantitative", "scale": {"range": [30, 300], "zero": True}, "legend": None}
    return {
        "width": SIDE,
        "height": SIDE,
        "config": style.CONFIG,
        "layer": [
            {
                "data": {"values": line},
                "mark": {"type": "line", "color": GUIDE, "strokeDash": [3, 3]},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "filled": True, "color": style.TOTAL, "opacity": 0.9},
                "encoding": {"x": x, "y": y, "size": size},
            },
        ],
    }
