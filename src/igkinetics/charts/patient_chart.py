"""The chart of one patient: samples, doses, therapy, the fitted curve with its band, and the nadirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.svg import Spec
from igkinetics.cohort.model import Patient
from igkinetics.text import known
from igkinetics.units import IggUnit, from_g_per_l

Row = dict[str, Any]
DOSE_TICK_PIXELS: Final = 14
HEADROOM: Final = 1.06
"""The IgG axis ends this much above the highest mark."""
DIFFERS: Final = 0.05
"""Relative distance from which the median of all draws, drift included, is drawn beside the kinetic curve."""
PAPER: Final = "#FFFFFF"
LOOKS: Final[dict[str, Row]] = {
    "measured": {"shape": "circle", "stroke": style.SAMPLE, "fill": style.SAMPLE, "size": 40},
    "below": {"shape": "triangle-down", "stroke": style.SAMPLE, "fill": PAPER, "size": 90},
    "above": {"shape": "triangle-up", "stroke": style.SAMPLE, "fill": PAPER, "size": 90},
    "raw_nadir": {"shape": "circle", "stroke": style.SAMPLE, "fill": None, "size": 230},
    "fitted_nadir": {"shape": "diamond", "stroke": style.TOTAL, "fill": PAPER, "size": 160},
}
LIMIT_NAMES: Final = {0: "measured", -1: "below", 1: "above"}


def patient_chart(
    patient: Patient,
    curve: pd.DataFrame,
    nadir: Mapping[Any, Any],
    thresholds: Sequence[float],
    unit: IggUnit,
) -> Spec:
    """One Vega-Lite specification; the day axis covers all samples, doses and the curve.

    curve: this patient's rows of CURVE_COLUMNS, possibly none. nadir: the row of NADIR_COLUMNS.
    thresholds: IgG in `unit`.
    """
    first, last = day_range(patient, curve)
    points = [*sample_points(patient, unit), *nadir_points(nadir)]
    layers = [
        therapy_layer(patient, first, last),
        threshold_layer(thresholds),
        curve_layer(curve),
        dose_layer(patient),
        point_layer(points),
    ]
    days = {"type": "quantitative", "scale": {"domain": [first, last], "nice": False}, "title": "Time (day)"}
    levels = {
        "type": "quantitative",
        "scale": {"domain": [0, highest(points, curve, thresholds)], "nice": True},
        "title": f"Serum IgG ({unit})",
    }
    shared = {"x": days | {"axis": {"tickCount": 5}}, "y": levels | {"axis": {"tickCount": 4}}}
    shown = [_on_axes(layer, shared) for layer in layers if layer["data"]["values"]]
    return {
        "width": style.CHART_WIDTH,
        "height": style.CHART_HEIGHT,
        "config": style.CONFIG,
        "layer": shown or [_layer([{}], {"type": "point", "opacity": 0}, {})],
    }


def _on_axes(layer: Spec, shared: Mapping[str, Spec]) -> Spec:
    """The layer with the common scale and axis on each field; positions in pixels stay as they are."""
    if "layer" in layer:
        return {**layer, "layer": [_on_axes(part, shared) for part in layer["layer"]]}
    encoding = {
        channel: {**shared.get(channel, {}), **place} if "field" in place else place
        for channel, place in layer["encoding"].items()
    }
    return {**layer, "encoding": encoding}


def day_range(patient: Patient, curve: pd.DataFrame) -> tuple[float, float]:
    """First and last day that has anything to show, at least a day apart."""
    starts = (patient.sample_day, patient.dose_day, patient.therapy_start, curve["day"].to_numpy(dtype=float))
    days = np.concatenate(starts)
    if days.size == 0:
        return 0.0, 1.0
    return float(days.min()), max(float(days.max()), float(days.min()) + 1.0)


def highest(points: Sequence[Row], curve: pd.DataFrame, thresholds: Sequence[float]) -> float:
    """Where the IgG axis ends: a little above the highest point, band or threshold."""
    levels = [row["igg"] for row in points] + list(thresholds)
    levels += [float(curve[name].max()) for name in ("total", "upper") if curve[name].notna().any()]
    return HEADROOM * max(levels, default=1.0)


def sample_points(patient: Patient, unit: IggUnit) -> list[Row]:
    """Measured values as dots; values known only to lie below (above) a limit as open triangles."""
    return [
        {"day": float(day), "igg": from_g_per_l(float(igg), unit), **LOOKS[LIMIT_NAMES[int(limit)]]}
        for day, igg, limit in zip(patient.sample_day, patient.sample_igg, patient.sample_limit, strict=True)
    ]


def nadir_points(nadir: Mapping[Any, Any]) -> list[Row]:
    """A ring around the raw nadir, a diamond on the fitted one."""
    return [
        {"day": float(nadir[f"{name}_day"]), "igg": float(nadir[name]), **LOOKS[name]}
        for name in ("raw_nadir", "fitted_nadir")
        if known(nadir[name]) and known(nadir[f"{name}_day"])
    ]


def point_layer(points: Sequence[Row]) -> Spec:
    """All points, each with its own look."""
    looks: Spec = {channel: {"field": channel, "scale": None} for channel in ("shape", "stroke", "fill", "size")}
    mark = {"type": "point", "opacity": 1, "strokeWidth": 2}
    return _layer(points, mark, {"x": {"field": "day"}, "y": {"field": "igg"}, **looks})


def therapy_layer(patient: Patient, first: float, last: float) -> Spec:
    """Shaded time on B-cell-depleting therapy, cut to the axis."""
    rows = [
        {"day": max(float(start), first), "stop": min(float(stop), last)}
        for start, stop in zip(patient.therapy_start, patient.therapy_stop, strict=True)
        if start < last and stop > first
    ]
    encoding = {"x": {"field": "day"}, "x2": {"field": "stop"}}
    return _layer(rows, {"type": "rect", "color": style.THERAPY, "opacity": 0.3}, encoding)


def threshold_layer(thresholds: Sequence[float]) -> Spec:
    mark = {"type": "rule", "color": style.THRESHOLD, "strokeDash": [2, 3], "strokeWidth": 1.5}
    return _layer([{"igg": float(value)} for value in thresholds], mark, {"y": {"field": "igg"}})


def curve_layer(curve: pd.DataFrame) -> Spec:
    """Band, endogenous part and total, on one copy of the data (three copies cost a third of the drawing time)."""
    days = {"field": "day"}
    band = {"type": "area", "color": style.TOTAL, "opacity": 0.2}
    endogenous = {"type": "line", "color": style.ENDOGENOUS, "strokeDash": [6, 3], "strokeWidth": 2}
    total = {"type": "line", "color": style.TOTAL, "strokeWidth": 2.5}
    drifting = {"type": "line", "color": style.TOTAL, "strokeWidth": 1.8, "strokeDash": [2, 2]}
    layers = [
        {"mark": band, "encoding": {"x": days, "y": {"field": "lower"}, "y2": {"field": "upper"}}},
        {"mark": endogenous, "encoding": {"x": days, "y": {"field": "endogenous"}}},
        {"mark": total, "encoding": {"x": days, "y": {"field": "total"}}},
    ]
    if differs(curve):
        layers.append({"mark": drifting, "encoding": {"x": days, "y": {"field": "median"}}})
    banded = curve["lower"].notna().all() and curve["upper"].notna().all()
    return {"data": {"values": curve_rows(curve)}, "layer": layers if banded else layers[1:]}


def differs(curve: pd.DataFrame) -> bool:
    """Whether the median of all draws leaves the best kinetic curve by more than DIFFERS anywhere."""
    gap = (curve["median"] - curve["total"]).abs() / curve["total"]
    return bool((gap > DIFFERS).any())


def curve_rows(curve: pd.DataFrame) -> list[Row]:
    """Rows for drawing: levels to four digits, days to a thousandth; an unknown number becomes None."""
    columns = {
        name: [float(f"{value:.4g}") if known(value) else None for value in curve[name]]
        for name in ("total", "lower", "upper", "endogenous", *(["median"] if differs(curve) else []))
    }
    days = [round(float(day), 3) for day in curve["day"]]
    return [{"day": day} | {name: values[i] for name, values in columns.items()} for i, day in enumerate(days)]


def dose_layer(patient: Patient) -> Spec:
    """A tick at the foot of the chart for every dose."""
    foot = {"y": {"value": style.CHART_HEIGHT}, "y2": {"value": style.CHART_HEIGHT - DOSE_TICK_PIXELS}}
    mark = {"type": "rule", "color": style.DOSE, "strokeWidth": 3}
    return _layer([{"day": float(day)} for day in patient.dose_day], mark, {"x": {"field": "day"}, **foot})


def _layer(rows: Sequence[Row], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}
