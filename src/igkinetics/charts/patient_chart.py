"""The chart of one patient: samples, doses, therapy, events, the fitted curve with its band, and the nadirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from igkinetics.charts import style
from igkinetics.charts.axes import day_axis, level_axis, squeeze_layer
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
MOST_BEYOND: Final = 0.1
"""Events so much of the axis beyond its end are drawn; later ones are told in words alone."""
EVENT_FONT: Final = 11
LETTER_PIXELS: Final = 6.2
LANE_PIXELS: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a patient. label: as read; kind: an end of follow-up gets a line, an infection a cross."""

    day: float
    label: str
    kind: Literal["end", "infection", "other", "product"]


def patient_chart(
    patient: Patient,
    curve: pd.DataFrame,
    nadir: Mapping[Any, Any],
    thresholds: Sequence[float],
    unit: IggUnit,
    events: Sequence[Event] = (),
    origin: pd.Timestamp | None = None,
) -> Spec:
    """One Vega-Lite specification; the day axis covers all samples, doses and the curve.

    curve: this patient's rows of CURVE_COLUMNS, possibly none. nadir: the row of NADIR_COLUMNS.
    thresholds: IgG in `unit`. origin: the moment of day 0, where dates are to be told.
    """
    first, last = day_range(patient, curve)
    drawn = [event for event in events if first <= event.day <= last + MOST_BEYOND * (last - first)]
    last = max([last, *(event.day for event in drawn)])
    points = [*sample_points(patient, unit), *nadir_points(nadir)]
    layers = [
        therapy_layer(patient, first, last),
        threshold_layer(thresholds),
        curve_layer(curve),
        dose_layer(patient),
        *event_layers(drawn, first, last),
        point_layer(points),
    ]
    seen = np.array([*curve["total"].to_numpy(dtype=float), *(float(row["igg"]) for row in points)])
    levels = level_axis(seen, highest(points, curve, thresholds), thresholds, unit, style.CHART_HEIGHT)
    shared = {"x": day_axis(first, last, origin), "y": levels}
    shown = [_on_axes(layer, shared) for layer in layers if layer["data"]["values"]]
    shown[2:2] = squeeze_layer(levels) if shown else []
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


def event_layers(events: Sequence[Event], first: float, last: float) -> list[Spec]:
    """Ends of follow-up as lines, infections as crosses at the top, all but infections in words that do not overlap."""
    ends = [{"day": event.day} for event in events if event.kind == "end"]
    infections = [{"day": event.day, "name": event.label} for event in events if event.kind == "infection"]
    line = {"type": "rule", "color": "#666666", "strokeWidth": 1.5}
    cross = {
        "type": "point",
        "shape": "cross",
        "filled": True,
        "size": 90,
        "color": style.SAMPLE,
        "opacity": 1,
        "aria": True,
    }
    days = {"x": {"field": "day"}}
    layers = [
        _layer(ends, line, days),
        _layer(infections, cross, {**days, "y": {"value": 7}, "description": {"field": "name"}}),
    ]
    for (side, top), rows in event_words(events, first, last).items():
        aside = {"align": side, "dx": 3 if side == "left" else -3}
        words = {"type": "text", "fontSize": EVENT_FONT, "color": "#222222", **aside}
        layers.append(_layer(rows, words, {**days, "y": {"value": top}, "text": {"field": "label"}}))
    return layers


def event_words(events: Sequence[Event], first: float, last: float) -> dict[tuple[str, int], list[Row]]:
    """Alignment and pixels from the top -> words there: each in the first lane in which it meets no other."""
    rows: dict[tuple[str, int], list[Row]] = {}
    lanes: dict[bool, list[list[tuple[float, float]]]] = {True: [], False: []}
    for event in sorted(events, key=lambda event: event.day):
        if event.kind == "infection":
            continue
        at = style.CHART_WIDTH * (event.day - first) / (last - first)
        width = LETTER_PIXELS * len(event.label) + 6
        side = "left" if at + width <= style.CHART_WIDTH else "right"
        taken = (at, at + width) if side == "left" else (at - width, at)
        of_product = event.kind == "product"
        free = [all(taken[1] < a or taken[0] > b for a, b in lane) for lane in lanes[of_product]]
        if True not in free:
            lanes[of_product].append([])
            free.append(True)
        lane = free.index(True)
        lanes[of_product][lane].append(taken)
        top = style.CHART_HEIGHT - DOSE_TICK_PIXELS - 6 - LANE_PIXELS * lane if of_product else 20 + LANE_PIXELS * lane
        rows.setdefault((side, top), []).append({"day": event.day, "label": event.label})
    return rows


def _layer(rows: Sequence[Row], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": list(rows)}, "mark": mark, "encoding": encoding}
