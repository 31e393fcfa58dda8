"""The whole cohort in one picture: every patient's fitted nadir with its interval, lowest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts import style
from igkinetics.charts.svg import Spec
from igkinetics.units import IggUnit

MOST_ROWS: Final = 60
"""Patients that a row each can be given; beyond, the chart shows cumulative shares."""
ROW_PIXELS: Final = 20
NO_GROUP: Final = "no group"


def cohort_chart(nadirs: pd.DataFrame, thresholds: Sequence[float], unit: IggUnit) -> Spec:
    """nadirs: rows of NADIR_COLUMNS with a fitted nadir, lowest first; thresholds in `unit`."""
    each = len(nadirs) <= MOST_ROWS
    title = f"Nadir of serum IgG ({unit})"
    x = {"type": "quantitative", "title": title, "scale": {"zero": True}, "axis": {"tickCount": 6}}
    layers = threshold_layers(thresholds, x)
    layers += interval_layers(nadirs, x) if each else share_layers(nadirs, x)
    height = max(ROW_PIXELS * len(nadirs), 60) if each else style.CHART_HEIGHT
    return {"width": style.CHART_WIDTH - 40, "height": height, "config": style.CONFIG, "layer": layers}


def threshold_layers(thresholds: Sequence[float], x: Spec) -> list[Spec]:
    if not thresholds:
        return []
    mark = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    rows = [{"igg": float(value)} for value in thresholds]
    return [{"data": {"values": rows}, "mark": mark, "encoding": {"x": {"field": "igg", **x}}}]


def interval_layers(nadirs: pd.DataFrame, x: Spec) -> list[Spec]:
    """Fitted nadir with interval; the raw nadir as an open circle, a triangle when below the limit."""
    y = {
        "field": "patient",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 110, "ticks": False, "domain": False},
    }
    looks = group_looks(nadirs)
    raw_shape = {"condition": {"test": "datum.below", "value": "triangle-down"}, "value": "circle"}
    raw_mark = {"type": "point", "color": style.SAMPLE, "opacity": 1, "filled": False, "size": 60}
    layers = [
        {
            "transform": [{"filter": "datum.lower !== null && datum.upper !== null"}],
            "mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.5},
            "encoding": {"x": {"field": "lower", **x}, "x2": {"field": "upper"}, "color": looks["color"]},
        },
        {
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
            "encoding": {"x": {"field": "nadir", **x}, **looks},
        },
        {
            "transform": [{"filter": "datum.raw !== null"}],
            "mark": raw_mark,
            "encoding": {"x": {"field": "raw", **x}, "shape": raw_shape},
        },
    ]
    return [{"data": {"values": interval_rows(nadirs)}, "encoding": {"y": y}, "layer": layers}]


def interval_rows(nadirs: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per patient; unknown numbers become None, equal-looking names are told apart by a number."""
    names = [text.visible(name) for name in nadirs["patient_id"]]
    return [
        {
            "patient": name if names.count(name) == 1 else f"{name} ({index + 1})",
            "nadir": row["fitted_nadir"],
            "lower": _number_or_none(row["fitted_nadir_lower"]),
            "upper": _number_or_none(row["fitted_nadir_upper"]),
            "raw": _number_or_none(row["raw_nadir"]),
            "below": text.is_true(row["raw_nadir_below_limit"]),
            "group": text.visible(row["group"]) or NO_GROUP,
        }
        for index, (name, row) in enumerate(zip(names, nadirs.to_dict("records"), strict=True))
    ]


def share_layers(nadirs: pd.DataFrame, x: Spec) -> list[Spec]:
    """Share of patients of each group whose fitted nadir lies at or below a level."""
    rows = [
        {"group": text.visible(group) or NO_GROUP, "nadir": float(nadir), "share": (rank + 1) / len(members)}
        for group, members in nadirs.groupby("group")
        for rank, nadir in enumerate(sorted(members["fitted_nadir"]))
    ]
    y = {"field": "share", "type": "quantitative", "title": "Share of patients", "axis": {"format": "%"}}
    encoding = {"x": {"field": "nadir", **x}, "y": y, "color": group_looks(nadirs)["color"]}
    mark = {"type": "line", "interpolate": "step-after", "strokeWidth": 2.5}
    return [{"data": {"values": rows}, "mark": mark, "encoding": encoding}]


def group_looks(nadirs: pd.DataFrame) -> dict[str, Spec]:
    """Colour and shape of each group, with one legend at the top; more than six groups share looks."""
    groups = sorted({text.visible(group) or NO_GROUP for group in nadirs["group"]})
    legend = {"orient": "top", "title": None, "labelFontSize": 13, "symbolOpacity": 1} if len(groups) > 1 else None
    ranges = {"color": style.GROUPS, "shape": style.GROUP_SHAPES}
    return {
        channel: {
            "field": "group",
            "type": "nominal",
            "legend": legend,
            "scale": {"domain": groups, "range": [looks[i % len(looks)] for i in range(len(groups))]},
        }
        for channel, looks in ranges.items()
    }


def _number_or_none(value: Any) -> float | None:
    return float(value) if text.known(value) else None
