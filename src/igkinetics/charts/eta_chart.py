"""Small multiples of one quantity per parameter: etas against a covariate, likelihood profiles of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.svg import Spec

PANEL_WIDTH: Final = 165
PANEL_HEIGHT: Final = 120
COLUMNS: Final = 2
MOST_PATIENTS: Final = 400
"""Points of one panel; beyond, so many patients evenly spaced over the table."""


def eta_chart(etas: pd.DataFrame, covariate: str, values: dict[str, Any]) -> Spec:
    """etas: rows of ETA_COLUMNS. values: patient -> number or text of the covariate; others are left out."""
    numeric = all(isinstance(value, int | float) for value in values.values())
    shown = etas[etas["patient_id"].isin(list(values)[:: max(1, -(-len(values) // MOST_PATIENTS))])]
    rows = [
        {
            "parameter": row["parameter"],
            "eta": float(f"{row['eta']:.4g}"),
            "value": values[row["patient_id"]] if numeric else text.visible(values[row["patient_id"]], 18),
        }
        for row in shown.to_dict("records")
    ]
    x: Spec = {"field": "value", "title": text.visible(covariate)}
    x |= (
        {"type": "quantitative", "scale": {"zero": False}, "axis": {"tickCount": 3}}
        if numeric
        else {"type": "nominal", "axis": {"labelAngle": 0, "labelLimit": 70}}
    )
    y = {"field": "eta", "type": "quantitative", "title": "eta", "axis": {"tickCount": 4}}
    zero = {"mark": {"type": "rule", "color": "#666666"}, "encoding": {"y": {"datum": 0}}}
    points = {
        "mark": {"type": "point", "filled": True, "color": style.TOTAL, "opacity": 0.7, "size": 32},
        "encoding": {"x": x, "y": y},
    }
    middle = {
        "mark": {"type": "tick", "color": style.ENDOGENOUS, "thickness": 3, "width": 24},
        "encoding": {"x": x, "y": {**y, "aggregate": "mean"}},
    }
    line = {
        "transform": [{"regression": "eta", "on": "value"}],
        "mark": {"type": "line", "color": style.ENDOGENOUS, "strokeWidth": 2},
        "encoding": {"x": x, "y": y},
    }
    return panels(rows, [zero, points, line if numeric else middle], {"x": "shared", "y": "independent"})


def profile_chart(profiles: pd.DataFrame, rise: float) -> Spec:
    """profiles: one patient's rows of PROFILE_COLUMNS; rise: at which an interval ends, drawn as a line."""
    units = {str(row["parameter"]): str(row["unit"]) for row in profiles.to_dict("records")}
    highest = 1.6 * rise
    rows = [
        {
            "parameter": f"{row['parameter']} ({units[row['parameter']]})".removesuffix(" (1)"),
            "value": float(f"{row['value']:.5g}"),
            "rise": min(float(row["rise"]), 2 * highest),
            "normal": min(float(row["normal_rise"]), 2 * highest),
        }
        for row in profiles.to_dict("records")
    ]
    x: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "nice": False},
        "axis": {"tickCount": 3},
    }
    y: Spec = {
        "type": "quantitative",
        "title": "rise of -2 log",
        "scale": {"domain": [0, highest], "clamp": True},
        "axis": {"tickCount": 3},
    }
    level = {
        "mark": {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5},
        "encoding": {"y": {"datum": rise}},
    }
    drawn = {"type": "line", "color": style.TOTAL, "strokeWidth": 2.5, "clip": True}
    normal = {"type": "line", "color": style.ENDOGENOUS, "strokeDash": [6, 3], "strokeWidth": 1.5, "clip": True}
    layers = [
        level,
        {"mark": normal, "encoding": {"x": x, "y": {**y, "field": "normal"}}},
        {"mark": drawn, "encoding": {"x": x, "y": {**y, "field": "rise"}}},
    ]
    return panels(rows, layers, {"x": "independent"})


def panels(rows: Sequence[dict[str, Any]], layers: list[Spec], resolve: dict[str, str]) -> Spec:
    """One panel per parameter, two side by side, in the order of the rows."""
    order = list(dict.fromkeys(row["parameter"] for row in rows))
    header = {"labelFontSize": 14, "labelFontWeight": "bold", "labelColor": "#222222", "title": None}
    return {
        "data": {"values": list(rows)},
        "config": style.CONFIG,
        "columns": COLUMNS,
        "spacing": 18,
        "facet": {"field": "parameter", "type": "nominal", "sort": order, "header": header},
        "spec": {"width": PANEL_WIDTH, "height": PANEL_HEIGHT, "layer": layers},
        "resolve": {"scale": resolve},
    }
