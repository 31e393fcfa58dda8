"""Charts of how good the fits are: observed against predicted, residuals, etas, profiles, Pareto k, structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.cohort_chart import NO_GROUP, group_looks
from igkinetics.charts.curves_chart import evenly_spaced
from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit

MOST_POINTS: Final = 1500
"""Beyond, so many samples evenly spaced over the table are drawn, which the caption says."""
SIDE: Final = 300
LIMIT_SHAPES: Final = {"": "measured", "below": "below the limit", "above": "above the limit"}


def point_rows(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of PREDICTION_COLUMNS for drawing, with each measured sample's residual before; unknown becomes None."""
    shown = predictions.assign(previous=previous_residual(predictions))
    names = ("day", "observed", "pred", "ipred", "iwres", "previous")
    return [
        {name: float(f"{row[name]:.5g}") if text.known(row[name]) else None for name in names}
        | {"group": text.visible(row["group"]) or NO_GROUP, "measured": row["limit"] == ""}
        for row in evenly_spaced(shown, MOST_POINTS).to_dict("records")
    ]


def previous_residual(predictions: pd.DataFrame) -> pd.Series[float]:
    """IWRES of the same patient's measured sample before; nan where there is none, or beyond a limit."""
    measured = predictions[predictions["iwres"].notna()]
    before = measured.groupby("patient_id", sort=False)["iwres"].shift(1).astype(float)
    return before.reindex(predictions.index)


def agreement_chart(predictions: pd.DataFrame, against: str, unit: IggUnit) -> Spec:
    """Observed level against `against` ("pred" or "ipred") with the line of identity; values beyond a limit hollow."""
    rows = point_rows(predictions)
    highest = max((max(row["observed"], row[against]) for row in rows), default=1.0)
    words = {"pred": "Predicted at typical values", "ipred": "Fitted"}[against]
    scale = {"domain": [0, highest * 1.04], "nice": False}
    axes = {
        "x": {
            "field": against,
            "type": "quantitative",
            "title": f"{words} ({unit})",
            "scale": scale,
            "axis": {"tickCount": 5},
        },
        "y": {
            "field": "observed",
            "type": "quantitative",
            "title": f"Observed ({unit})",
            "scale": scale,
            "axis": {"tickCount": 5},
        },
    }
    ends = [{against: 0.0, "observed": 0.0}, {against: highest, "observed": highest}]
    line = {"data": {"values": ends}, "mark": {"type": "line", "color": "#666666"}, "encoding": axes}
    return _square([line, _points(rows, axes, predictions)])


def residual_chart(predictions: pd.DataFrame, against: str, unit: IggUnit) -> Spec:
    """IWRES against "day", "ipred" or "previous", with lines at -2, 0 and 2 and a smooth through the points."""
    rows = [row for row in point_rows(predictions) if row["iwres"] is not None and row[against] is not None]
    words = {"day": "Time (day)", "ipred": f"Fitted ({unit})", "previous": "IWRES of the sample before (SD of error)"}
    axes = {
        "x": {
            "field": against,
            "type": "quantitative",
            "title": words[against],
            "axis": {"tickCount": 5},
            "scale": {"zero": against != "day", "nice": against != "day", "padding": 8},
        },
        "y": {"field": "iwres", "type": "quantitative", "title": "IWRES (SD of error)", "axis": {"tickCount": 5}},
    }
    rules = {
        "data": {"values": [{"iwres": -2, "dash": [3, 3]}, {"iwres": 2, "dash": [3, 3]}, {"iwres": 0, "dash": [1, 0]}]},
        "mark": {"type": "rule", "color": "#666666"},
        "encoding": {"y": axes["y"], "strokeDash": {"field": "dash", "type": "nominal", "scale": None}},
    }
    smooth = {
        "data": {"values": [{against: row[against], "iwres": row["iwres"]} for row in rows]},
        "transform": [{"loess": "iwres", "on": against, "bandwidth": 0.6}],
        "mark": {"type": "line", "color": style.SAMPLE, "strokeWidth": 2},
        "encoding": axes,
    }
    return _square([rules, _points(rows, axes, predictions), *([smooth] if len(rows) >= 10 else [])])


def _points(rows: list[dict[str, Any]], axes: Mapping[str, Spec], predictions: pd.DataFrame) -> Spec:
    looks = group_looks(predictions)
    filled = {"fillOpacity": {"condition": {"test": "datum.measured", "value": 0.7}, "value": 0}}
    mark = {"type": "point", "filled": True, "size": 32, "strokeWidth": 1.2, "strokeOpacity": 0.9}
    return {"data": {"values": rows}, "mark": mark, "encoding": {**axes, **looks, **filled, "stroke": looks["color"]}}


def _square(layers: list[Spec]) -> Spec:
    return {"width": SIDE + 90, "height": SIDE, "config": style.CONFIG, "layer": layers}


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
