"""How the fits were found: Pareto k of every patient, and the weights of the model structures."""

from __future__ import annotations

from typing import Final

import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.svg import Spec

BIN: Final = 0.1


def pareto_chart(diagnostics: pd.DataFrame, good: float) -> Spec:
    """Number of patients by Pareto k, with a line at the value beyond which intervals are rough."""
    values = [{"k": float(value)} for value in diagnostics["pareto_k"].dropna()]
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": style.TOTAL},
        "encoding": {
            "x": {"field": "k", "type": "quantitative", "bin": {"step": BIN}, "title": "Pareto k"},
            "y": {"aggregate": "count", "type": "quantitative", "title": "Patients", "axis": {"tickMinStep": 1}},
        },
    }
    line = {
        "data": {"values": [{"k": good}]},
        "mark": {"type": "rule", "color": style.ENDOGENOUS, "strokeDash": [6, 3], "strokeWidth": 2},
        "encoding": {"x": {"field": "k", "type": "quantitative"}},
    }
    return {"width": style.CHART_WIDTH - 40, "height": 160, "config": style.CONFIG, "layer": [bars, line]}


def weights_chart(weights: pd.DataFrame) -> Spec:
    """weights: columns model, mean_weight; one bar each, in their order."""
    rows = [
        {"model": row["model"].replace("_", " "), "weight": float(row["mean_weight"])}
        for row in weights.to_dict("records")
    ]
    x = {"field": "weight", "type": "quantitative", "title": "Mean weight over patients", "axis": {"format": "%"}}
    y = {"field": "model", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 240}}
    return {
        "width": 220,
        "height": 24 * max(len(rows), 1),
        "config": style.CONFIG,
        "data": {"values": rows},
        "mark": {"type": "bar", "color": style.TOTAL},
        "encoding": {"x": x, "y": y},
    }
