"""Observed against predicted, and residuals against time, prediction and the residual before."""

from __future__ import annotations

from collections.abc import Mapping
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
