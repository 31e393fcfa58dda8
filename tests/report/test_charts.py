"""Specifications of the charts: what they hold, and that the schema of Vega-Lite and the converter accept them."""

from __future__ import annotations

import dataclasses
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import altair
import numpy as np
import pandas as pd
import pytest

from fabricated import HOSTILE, LIMIT_MG_DL
from igkinetics.charts.axes import day_axis, level_axis, squeeze_layer
from igkinetics.charts.cohort_chart import MOST_ROWS, cohort_chart, interval_rows
from igkinetics.charts.compare_charts import offsets
from igkinetics.charts.curves_chart import curves_chart, evenly_spaced
from igkinetics.charts.dosing_chart import DosingCourse, dosing_chart, not_drawn
from igkinetics.charts.patient_chart import LOOKS, Event, event_words, patient_chart
from igkinetics.charts.svg import Spec, converter_process, draw
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.plots import fitted_nadirs, patient_events
from igkinetics.report.sentences import not_drawn_words

MG_PER_DL_IN_G_PER_L = 100.0


def chart_of(fit: CohortFit, name: str, thresholds: tuple[float, ...] = (400.0,)) -> Spec:
    nadir = fit.nadir[fit.nadir["patient_id"] == name].to_dict("records")[0]
    curve = fit.curves[fit.curves["patient_id"] == name]
    return patient_chart(fit.cohort.patient(name), curve, nadir, thresholds, "mg/dL")


def rows_with(spec: Spec, look: str) -> list[dict[str, Any]]:
    """Points of one look, from the last layer."""
    points = spec["layer"][-1]["data"]["values"]
    return [row for row in points if all(row[key] == value for key, value in LOOKS[look].items())]


def rendered(spec: Spec) -> str:
    figure = draw([("a chart", spec)])[0]
    assert figure.failure == ""
    ElementTree.fromstring(figure.svg)
    return figure.svg


def test_a_patient_chart_holds_samples_doses_therapy_curve_and_nadirs(fit: CohortFit) -> None:
    spec = chart_of(fit, "P01")
    patient = fit.cohort.patient("P01")
    drawn = rows_with(spec, "measured")
    np.testing.assert_allclose([row["day"] for row in drawn], patient.sample_day)
    np.testing.assert_allclose([row["igg"] for row in drawn], MG_PER_DL_IN_G_PER_L * patient.sample_igg)
    data = [layer["data"]["values"] for layer in spec["layer"]]
    assert [(row["day"], row["stop"]) for row in data[0]] == [(0.0, 28.0), (42.0, 70.0), (84.0, 112.0)]
    assert data[1] == [{"igg": 400.0}]
    assert [row["day"] for row in data[-2]] == [30.0, 58.0, 86.0]
    nadir = fit.nadir.iloc[0]
    (diamond,) = rows_with(spec, "fitted_nadir")
    assert (diamond["day"], diamond["igg"]) == (nadir["fitted_nadir_day"], nadir["fitted_nadir"])
    assert spec["layer"][-1]["encoding"]["y"]["title"] == "Serum IgG (mg/dL)"
    assert spec["layer"][-1]["encoding"]["x"]["title"] == "Time (day)"


def test_values_below_the_limit_are_open_triangles_at_the_limit(fit: CohortFit) -> None:
    below = rows_with(chart_of(fit, "P02"), "below")
    n_below = int((fit.cohort.patient("P02").sample_limit < 0).sum())
    assert n_below > 0
    assert [row["igg"] for row in below] == pytest.approx([LIMIT_MG_DL] * n_below)


def test_the_axes_hold_every_mark(fit: CohortFit) -> None:
    for name in fit.cohort.patient_ids:
        spec = chart_of(fit, name, thresholds=(5000.0,))
        encodings = [part["encoding"] for layer in spec["layer"] for part in layer.get("layer", [layer])]
        ((first, last),) = {tuple(found["x"]["scale"]["domain"]) for found in encodings if "x" in found}
        ((_, top),) = {tuple(found["y"]["scale"]["domain"]) for found in encodings if "scale" in found.get("y", {})}
        assert top > 5000.0
        for layer in spec["layer"]:
            days = [row["day"] for row in layer["data"]["values"] if "day" in row]
            assert all(first <= day <= last for day in days)


def test_every_specification_is_valid_vega_lite(fit: CohortFit) -> None:
    specs = [chart_of(fit, name) for name in ("P01", "P02", HOSTILE)]
    for spec in [*specs, cohort_chart(fitted_nadirs(fit), (400.0,), "mg/dL")]:
        altair.Chart.from_dict(spec, validate=True)


def test_hostile_names_stay_text_in_the_picture(fit: CohortFit) -> None:
    nadirs = fitted_nadirs(fit).assign(patient_id='"><script>x</script>', group=["<b>'&g", "a", "b", "c"])
    svg = rendered(cohort_chart(nadirs, (), "mg/dL"))
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg


def test_equal_looking_names_keep_a_row_each(fit: CohortFit) -> None:
    rows = interval_rows(fitted_nadirs(fit).assign(patient_id=["x" * 80 + str(i) for i in range(4)]))
    assert len({row["patient"] for row in rows}) == 4


def test_missing_intervals_and_one_sample_can_be_drawn(fit: CohortFit) -> None:
    nadirs = fitted_nadirs(fit).assign(fitted_nadir_lower=np.nan, raw_nadir=np.nan)
    rendered(cohort_chart(nadirs, (), "mg/dL"))
    curve = fit.curves[fit.curves["patient_id"] == "P01"].assign(lower=np.nan, upper=np.nan)
    rendered(patient_chart(fit.cohort.patient("P01"), curve, fit.nadir.iloc[0].to_dict(), (), "mg/dL"))
    rendered(chart_of(fit, "P06"))


def test_a_patient_without_anything_gets_empty_axes(fit: CohortFit) -> None:
    bare = dataclasses.replace(
        fit.cohort.patient('P04 & "co"'), therapy_start=np.empty(0), therapy_stop=np.empty(0), agents=()
    )
    nadir = fit.nadir[fit.nadir["patient_id"] == 'P04 & "co"'].to_dict("records")[0]
    rendered(patient_chart(bare, fit.curves.iloc[:0], nadir, (), "mg/dL"))


def test_a_large_cohort_is_drawn_as_shares(fit: CohortFit) -> None:
    nadirs = pd.concat([fitted_nadirs(fit)] * MOST_ROWS, ignore_index=True)
    spec = cohort_chart(nadirs, (), "mg/dL")
    (layer,) = spec["layer"]
    for group, rows in pd.DataFrame(layer["data"]["values"]).groupby("group"):
        members = nadirs[nadirs["group"] == group]
        assert rows["share"].max() == 1.0
        at = rows["share"].searchsorted(0.5)
        assert rows["nadir"].iloc[at] == pytest.approx(members["fitted_nadir"].quantile(0.5, interpolation="lower"))
    assert spec["height"] < MOST_ROWS * 20
    rendered(spec)


def test_a_chart_that_cannot_be_drawn_says_why() -> None:
    good, bad = draw([("good", {"data": {"values": []}, "mark": "point"}), ("bad", {"mark": "no such mark"})])
    assert good.failure == ""
    assert "<svg" in good.svg
    assert bad.svg == ""
    assert bad.failure != ""


def test_the_converter_process_draws_the_same_and_is_replaced_when_it_fails(
    fit: CohortFit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    charts = [("first", chart_of(fit, "P01")), ("bad", {"mark": "no such mark"}), ("last", chart_of(fit, HOSTILE))]
    here = draw(charts)
    with converter_process() as draw_elsewhere:
        assert draw_elsewhere(charts) == here
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    failing.chmod(0o700)
    for program in (failing, tmp_path / "missing"):
        monkeypatch.setattr(sys, "executable", str(program))
        with converter_process() as draw_elsewhere:
            assert draw_elsewhere(charts) == here


def test_altair_charts_of_a_fit_hold_the_same_as_the_report(fit: CohortFit) -> None:
    drawn = fit.plot_patient("P01")
    assert isinstance(drawn, altair.LayerChart)
    assert drawn.to_dict()["layer"][-1]["encoding"]["y"]["title"] == "Serum IgG (mg/dL)"
    assert isinstance(fit.plot_nadirs(), altair.LayerChart)
    assert isinstance(fit.plot_curves(), altair.LayerChart)
    with pytest.raises(KeyError):
        fit.plot_patient("nobody")


def test_a_notebook_shows_the_nadir_table_with_names_as_text(fit: CohortFit) -> None:
    shown = fit._repr_html_()
    assert "<script>" not in shown
    assert f"{fit.nadir.iloc[0]['fitted_nadir']:.4g}" in shown


def test_the_curves_of_a_cohort_keep_their_ends_and_lowest_points(fit: CohortFit) -> None:
    nadirs = fitted_nadirs(fit)
    spec = curves_chart(fit.curves, nadirs, (400.0,), "mg/dL")
    rule, lines, points = (pd.DataFrame(layer["data"]["values"]) for layer in spec["layer"])
    assert list(rule["igg"]) == [400.0]
    assert list(points["igg"]) == list(nadirs["fitted_nadir"])
    for number, name in enumerate(nadirs["patient_id"]):
        curve = fit.curves[fit.curves["patient_id"] == name]
        line = lines[lines["curve"] == number]
        assert line["igg"].min() == pytest.approx(curve["median"].min(), rel=1e-3)
        assert (line["day"].min(), line["day"].max()) == (curve["day"].min(), round(curve["day"].max(), 2))
    rendered(spec)
    altair.Chart.from_dict(spec, validate=True)


def test_more_curves_than_can_be_told_apart_are_spread_over_the_nadirs() -> None:
    rows = pd.DataFrame({"nadir": range(1000)})
    assert list(evenly_spaced(rows, 4)["nadir"]) == [0, 333, 666, 999]
    assert evenly_spaced(rows.head(4), 4).equals(rows.head(4))


def test_peaks_are_squeezed_only_where_the_middle_of_the_levels_lies_low() -> None:
    low, high = np.array([300.0, 400.0, 500.0, 1800.0]), np.array([900.0, 1000.0, 1100.0, 1800.0])
    squeezed = level_axis(low, 1900.0, (400.0,), "mg/dL", 230.0)
    assert squeezed["scale"]["domain"] == [0, 600.0, 1900.0]
    assert squeezed["axis"]["values"][:4] == [0.0, 200.0, 400.0, 600.0]
    assert all(600.0 < tick <= 1900.0 for tick in squeezed["axis"]["values"][4:])
    assert len(squeeze_layer(squeezed)) == 1
    for levels, top in ((high, 1900.0), (low, 900.0)):
        plain = level_axis(levels, top, (400.0,), "mg/dL", 230.0)
        assert plain["scale"]["domain"] == [0, top]
        assert squeeze_layer(plain) == []
    assert level_axis(low / 100, 19.0, (5.0,), "g/L", 230.0)["scale"]["domain"] == [0, 7.5, 19.0]


def test_a_squeezed_chart_is_drawn_where_its_scale_says(fit: CohortFit) -> None:
    """600 mg/dL lies at SHARE_OF_PEAKS of the height, and the level below it on a straight line to 0."""
    levels = level_axis(np.array([300.0, 400.0]), 1900.0, (400.0,), "mg/dL", 200.0)
    data = {"values": [{"igg": value} for value in (0.0, 300.0, 600.0, 1900.0)]}
    y = {"field": "igg", **levels}
    spec = {"height": 200, "width": 50, "layer": [{"data": data, "mark": "point", "encoding": {"y": y}}]}
    places = re.findall(
        r"<path aria-label=\"[^\"]*\" role=\"graphics-symbol\"[^>]*translate\([\d.]+,([\d.]+)\)", rendered(spec)
    )
    assert [float(place) for place in places] == pytest.approx([200.0, 128.0, 56.0, 0.0])


def test_dates_stand_below_days_where_they_are_told() -> None:
    axis = day_axis(0.0, 100.0, pd.Timestamp("2021-03-04 08:00"))
    point = {"data": {"values": [{"day": 0.0}, {"day": 100.0}]}, "mark": "point"}
    svg = rendered(point | {"width": 430, "encoding": {"x": {"field": "day", **axis}}})
    assert "4 Mar 2021" in svg
    assert "24 Mar 2021" in svg  # day 20
    assert "labelExpr" not in day_axis(0.0, 100.0)["axis"]


def test_events_stand_on_the_chart_and_their_words_do_not_overlap(fit: CohortFit) -> None:
    events = [
        Event(day=100.0, label="infection", kind="infection"),
        *(Event(day=150.0 + place, label=name, kind="end") for place, name in enumerate(("transplant", "death"))),
        Event(day=151.0, label="relapse", kind="other"),
        Event(day=30.0, label="Octagam <10 %>", kind="product"),
        Event(day=900.0, label="long after", kind="other"),
    ]
    nadir = fit.nadir.iloc[0].to_dict()
    spec = patient_chart(
        fit.cohort.patient("P01"), fit.curves[fit.curves["patient_id"] == "P01"], nadir, (), "mg/dL", events
    )
    svg = rendered(spec)
    for words in ("transplant", "death", "relapse", "Octagam &lt;10 %&gt;"):
        assert words in svg
    assert "long after" not in svg
    words = event_words(events[:-1], 0.0, 200.0)
    lanes = [
        top for (_, top), rows in words.items() for row in rows if row["label"] in ("transplant", "death", "relapse")
    ]
    assert len(set(lanes)) == 3
    altair.Chart.from_dict(spec, validate=True)


def test_the_events_of_a_patient_are_outcomes_deaths_and_products(fit: CohortFit) -> None:
    outcomes = pd.DataFrame(
        [("P01", 20.0, "pneumonia"), ("P01", 60.0, "hsct"), ("P02", 50.0, "relapse")],
        columns=["patient_id", "day", "outcome"],
    )
    deaths = [170.0 if name == "P02" else np.nan for name in fit.cohort.patients["patient_id"]]
    doses = fit.cohort.doses.assign(product=["A", "A", "B"] * (len(fit.cohort.doses) // 3))
    found = patient_events(
        dataclasses.replace(
            fit.cohort, outcomes=outcomes, doses=doses, patients=fit.cohort.patients.assign(death=deaths)
        )
    )
    assert [(event.day, event.label, event.kind) for event in found["P01"]] == [
        (20.0, "pneumonia", "infection"),
        (30.0, "A", "product"),
        (60.0, "transplant", "end"),
        (86.0, "B", "product"),
    ]
    assert [event.label for event in found["P02"]] == ["relapse", "death"]


def test_dots_of_a_row_do_not_meet() -> None:
    values = [300.0, 301.0, 302.0, 500.0, 501.0]
    lanes = offsets(values, 1000.0)
    assert len({round(lane, 6) for lane in lanes[:3]}) == 3
    assert lanes[3] != lanes[4]
    assert max(abs(lane) for lane in lanes) < 0.5


def test_a_dosing_chart_that_begins_late_says_what_it_leaves_out() -> None:
    forecast = pd.DataFrame({"day": [400.0, 410.0], "median": [5.0, 4.0], "lower": [4.0, 3.0], "upper": [6.0, 5.0]})
    samples = np.array([[0.0, 7.0, 0], [300.0, 6.0, 0], [385.0, 5.5, 0], [400.0, 5.0, 0]])
    course = DosingCourse(
        samples=samples,
        doses=np.array([[360.0, 30.0], [390.0, 30.0]]),
        therapy=np.empty((0, 2)),
        planned=np.empty((0, 2)),
        forecast=forecast,
        past=forecast.iloc[:0],
        limits=(5.0,),
        today=400.0,
        unit="g/L",
    )
    assert not_drawn(course) == (380.0, 2, 1)
    dots = dosing_chart(course)["layer"][-1]["data"]["values"]
    assert [row["t"] for row in dots] == [385.0, 400.0]
    assert not_drawn_words("day 380", 1, 0) == (
        "1 sample before day 380, where the chart begins, is not drawn; the model knows it."
    )
    assert not_drawn_words("day 380", 0, 0) == ""
