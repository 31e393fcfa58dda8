"""All fitted curves of a cohort in one picture, with their nadirs and the thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.axes import level_axis, squeeze_layer
from igkinetics.charts.cohort_chart import NO_GROUP, group_looks
from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit

MOST_CURVES: Final = 200
"""Beyond, curves evenly spaced in the order of their nadirs are drawn, which the caption says."""
MOST_POINTS: Final = 15_000
"""Of all curves together: the picture takes about a second and 200 kB."""


def curves_chart(curves: pd.DataFrame, nadirs: pd.DataFrame, thresholds: Sequence[float], unit: IggUnit) -> Spec:
    """curves: rows of CURVE_COLUMNS; nadirs: rows of NADIR_COLUMNS with a fitted nadir, lowest first."""
    shown = evenly_spaced(nadirs, MOST_CURVES)
    place = {str(name): number for number, name in enumerate(shown["patient_id"])}
    groups = {str(row["patient_id"]): text.visible(row["group"]) or NO_GROUP for row in shown.to_dict("records")}
    of_each = curves[curves["patient_id"].isin(list(place))].groupby("patient_id", sort=False)
    most = MOST_POINTS // max(len(place), 1)
    lines = [
        row for name, curve in of_each for row in line_rows(curve, str(name), place[str(name)], groups[str(name)], most)
    ]
    points = [
        {
            "day": float(row["fitted_nadir_day"]),
            "igg": float(row["fitted_nadir"]),
            "group": groups[row["patient_id"]],
            "name": text.visible(row["patient_id"]),
        }
        for row in shown.to_dict("records")
    ]
    seen = np.array([row["igg"] for row in lines])
    height = style.CHART_HEIGHT + 70
    top = 1.03 * max([*seen, *thresholds, *(row["igg"] for row in points)], default=1.0)
    levels = level_axis(seen, top, thresholds, unit, height)
    axes: dict[str, Spec] = {
        "x": {
            "field": "day",
            "type": "quantitative",
            "title": "Time (day)",
            "axis": {"tickCount": 6},
            "scale": {"nice": False},
        },
        "y": {"field": "igg", **levels},
    }
    looks = group_looks(shown)
    rule = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    opacity = 0.55 if len(shown) <= 60 else 0.25
    layers: list[Spec] = [
        {
            "data": {"values": lines},
            "mark": {"type": "line", "strokeWidth": 1.3, "opacity": opacity, "aria": True},
            "encoding": {
                **axes,
                "detail": {"field": "curve"},
                "color": looks["color"],
                "description": {"field": "name"},
            },
        },
        {
            "data": {"values": points},
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 45, "aria": True},
            "encoding": {**axes, **looks, "description": {"field": "name"}},
        },
    ]
    if thresholds:
        rows = [{"igg": float(value)} for value in thresholds]
        layers.insert(0, {"data": {"values": rows}, "mark": rule, "encoding": {"y": axes["y"]}})
    layers = [*layers, *squeeze_layer(levels)]
    return {"width": style.CHART_WIDTH, "height": height, "config": style.CONFIG, "layer": layers}


def evenly_spaced(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """All rows, or `most` of them spread evenly from first to last."""
    if len(rows) <= most:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def line_rows(curve: pd.DataFrame, name: str, number: int, group: str, most: int) -> list[dict[str, Any]]:
    """One curve for drawing, thinned evenly but never without its ends or its lowest point."""
    days, levels = curve["day"].to_numpy(dtype=float), curve["median"].to_numpy(dtype=float)
    kept = np.linspace(0, days.size - 1, min(days.size, most)).round().astype(int)
    kept = np.unique([*kept, int(levels.argmin())])
    return [
        {
            "day": round(float(days[i]), 2),
            "igg": float(f"{levels[i]:.4g}"),
            "curve": number,
            "group": group,
            "name": text.visible(name),
        }
        for i in kept
    ]
