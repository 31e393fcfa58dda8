"""Forecasts of a cohort: the draws' own levels, the record up to a day, doses to come, the worklist and its reasons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.charts.forecast_chart import forecast_chart
from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError
from igkinetics.fit.likelihood import STUDENT_T
from igkinetics.fit.weights import FIT, FORECAST
from igkinetics.forecast.columns import TABLES
from igkinetics.forecast.outlook import Outlook, forecast_draws
from igkinetics.forecast.regimen import carried_on
from igkinetics.forecast.result import CohortForecast
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.report.forecast_page import facts as page_facts
from igkinetics.report.forecast_page import forecast_sentences, measure_sentence, work_rows

UNTIL = 60.0
CHOICES = {"thresholds": [500], "draws": 400, "seed": 3}
CONTRACT = {
    "forecast": "patient_id, day, date, policy, median, lower, upper, level, unit",
    "worklist": "patient_id, threshold, below_now, p_below_horizon, first_day_below, first_day_below_lower, "
    "first_day_below_upper, next_sample_day, reason",
}


def tables(last_day: float = np.inf, *, dated: bool = False) -> dict[str, pd.DataFrame]:
    """Five patients of 70 kg: two infused every 28 days, one sampled once, one dead on day 50, one sampled late."""
    days = [0.0, 14.0, 28.0, 42.0, 58.0, 84.0]
    levels = {"infused": [700, 620, 560, 600, 540, 520], "also": [500, 450, 480, 470, 430, 420], "once": [650]}
    levels |= {"dead": [600, 500, 400], "late": [0, 0, 0, 0, 0, 610]}
    rows = [(who, day, igg) for who, own in levels.items() for day, igg in zip(days, own, strict=False) if igg]
    samples = pd.DataFrame(rows, columns=["patient_id", "day", "igg"])
    doses = pd.DataFrame(
        [(who, day, 25.0, 3.0) for who in ("infused", "also") for day in (1.0, 29.0, 57.0, 85.0)],
        columns=["patient_id", "day", "amount_g", "duration_h"],
    )
    therapy = pd.DataFrame(
        [
            (who, start, start + 28)
            for who in ("infused", "also", "dead")
            for start in (0, 42, 84)
            if (who, start) != ("dead", 84)
        ],
        columns=["patient_id", "start", "stop"],
    )
    patients = pd.DataFrame({"patient_id": list(levels), "weight_kg": 70.0, "death": [None, None, None, 50, None]})
    therapy = therapy[therapy["start"] <= last_day]
    therapy = therapy.assign(stop=therapy["stop"].where(therapy["stop"] <= last_day), agent="blinatumomab")
    found = {
        "samples": samples[samples["day"] <= last_day],
        "doses": doses[doses["day"] <= last_day],
        "therapy": therapy,
        "patients": patients,
    }
    if not dated:
        return found
    first = pd.Timestamp("2024-03-04")
    for name, columns in {"samples": ["day"], "doses": ["day"], "therapy": ["start", "stop"]}.items():
        for column in columns:
            dates = first + pd.to_timedelta(found[name][column], unit="D")
            found[name] = found[name].assign(**{column: dates.dt.strftime("%Y-%m-%d")})
        found[name] = found[name].rename(columns={"day": "datetime"})
    found["patients"] = patients.assign(death=["", "", "", "2024-04-23", ""])
    return found


def read(**kinds: object) -> Cohort:
    return igk.read_cohort(**tables(**kinds), igg_unit="mg/dL")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole() -> Cohort:
    return read()


@pytest.fixture(scope="module")
def result(whole: Cohort) -> CohortForecast:
    return igk.forecast_cohort(whole, until=UNTIL, **CHOICES)  # type: ignore[no-any-return]


def outlook(result: CohortForecast, name: str) -> Outlook:
    found = result.patients[name].outlook
    assert found is not None
    return found


def test_the_tables_have_the_columns_of_the_contract(result: CohortForecast) -> None:
    for name, columns in CONTRACT.items():
        wanted = columns.split(", ")
        assert list(TABLES[name])[: len(wanted)] == wanted
    for name, table in result.tables.items():
        assert list(table.columns) == list(TABLES[name])
    assert list(TABLES["forecast"]) == CONTRACT["forecast"].split(", ")


def test_levels_are_those_of_the_draws_under_the_doses_to_come(result: CohortForecast) -> None:
    """Each draw's curve from `concentration`, an independent way to the equations, times the draw's own drift."""
    found = outlook(result, "infused")
    days = np.array([61.0, 70.0, 84.0, 87.0])
    to_come = np.array([[85.0, 25.0, 3.0 / 24.0, 0.0]])
    levels = found.paths(to_come, days).total
    doses = pd.DataFrame({"day": [1.0, 29.0, 57.0, 85.0], "amount_g": 25.0, "duration_h": 3.0, "route": "iv"})
    therapy = pd.DataFrame({"start": [0.0, 42.0], "stop": [28.0, None]})
    for place in (0, 7, 101):
        given = dict(zip(PARAMETERS, found.thetas[place], strict=True))
        disposition = "two_compartment" if given["Q"] else "one_compartment"
        curve = igk.concentration(
            days,
            {name: value for name, value in given.items() if not name.endswith("ratio")},
            doses=doses,
            therapy=therapy,
            disposition=disposition,
            production="loss_and_recovery",
        )
        drift = np.ones(4) if found.drift is None else found.drift.at(days)[place]
        assert_allclose(levels[place], curve["total"] * drift, rtol=1e-9)
    planned = result.forecast[(result.forecast["patient_id"] == "infused") & (result.forecast["policy"] == "planned")]
    row = planned[planned["day"] == 70.0].iloc[0]
    assert row["median"] == pytest.approx(100 * np.median(levels[:, 1]), rel=1e-9)
    assert row["lower"] < row["median"] < row["upper"]


def test_a_forecast_weighs_drift_and_heavy_tails_anew(whole: Cohort) -> None:
    """Its draws are those of a fit with the weights of a forecast: less drift, more heavy tails."""
    of_fit, of_forecast = (
        igk.fit_cohort(whole.only("infused"), draws=4000, average_weights=weights.by_name).fits[0]
        for weights in (FIT, FORECAST)
    )
    weights = [row.prior_weight for row in of_forecast.alternatives]
    assert_allclose(weights[:3], FORECAST.drift)
    assert sum(weights) == pytest.approx(1.0)
    drawn = [forecast_draws(fit, 4000, 3) for fit in (of_fit, of_forecast)]
    assert np.mean(drawn[1][1].sd > 0) < 0.6 * np.mean(drawn[0][1].sd > 0)
    assert np.mean(drawn[1][2] == STUDENT_T) > 1.5 * np.mean(drawn[0][2] == STUDENT_T) > 0
    assert_allclose(np.mean(of_forecast.all_draws().kind == STUDENT_T), np.mean(drawn[1][2] == STUDENT_T))


def test_until_gives_the_forecast_of_a_cohort_cut_that_day(result: CohortForecast) -> None:
    """But for what is planned: a cohort that was cut holds no plan."""
    cut = igk.forecast_cohort(read(last_day=UNTIL), until=UNTIL, **CHOICES)
    assert (cut.forecast["policy"] != "planned").all()
    for name in ("forecast", "p_below"):
        columns = [column for column in TABLES[name] if column != "date"]
        own = result.tables[name][columns]
        keys = [column for column in ("patient_id", "day", "policy", "threshold") if column in own]
        both = own.merge(cut.tables[name][columns], on=keys, suffixes=("", "_cut"))
        assert len(both) > 140
        for column in set(columns) - set(keys) - {"unit"}:
            by_passage = column == "p_below_by"  # between the days of the grid, which planned infusions make finer
            assert_allclose(both[column], both[f"{column}_cut"], rtol=1e-9, atol=0.02 if by_passage else 1e-12)


def test_everybody_has_a_row_with_a_reason(result: CohortForecast) -> None:
    work = result.worklist.set_index("patient_id")
    assert set(work.index) == {"infused", "also", "once", "dead", "late"}
    assert (work["reason"] != "").all()
    assert "death on day 50" in work.loc["dead", "reason"]
    assert work.loc["late", "status"] == "no_samples"
    assert work.loc["once", "status"] == "prior_only"
    assert work.loc[["dead", "late"], "p_below_horizon"].isna().all()
    assert work.index[0] == "also"
    assert set(list(work.index)[-2:]) == {"dead", "late"}
    assert work.loc["also", "policy"] == "planned"
    assert work.loc["once", "policy"] == "none"


def test_whom_the_last_reading_names_without_a_forecast_is_told() -> None:
    """A record that fits no curve has no forecast; a low reading in it is not passed over as "none"."""
    low = pd.DataFrame({"patient_id": "odd", "day": [0.0, 10, 20, 30, 40, 50], "igg": [900, 100, 950, 120, 900, 110]})
    alone = igk.forecast_cohort(igk.read_cohort(samples=low, igg_unit="mg/dL"), **CHOICES)  # type: ignore[arg-type]
    assert alone.n_forecast == 0
    said = forecast_sentences(alone)
    assert said[:2] == [
        "No forecast for any of 1 patient: nothing is said of what comes.",
        "Last measured below 500 mg/dL: 1 of 1 patient; without a forecast, and so to be looked at: odd.",
    ]
    samples = pd.concat([tables()["samples"], low])
    beside = igk.forecast_cohort(igk.read_cohort(samples=samples, igg_unit="mg/dL"), **CHOICES)  # type: ignore[arg-type]
    (sentence,) = (one for one in forecast_sentences(beside) if one.startswith("Last measured"))
    assert "without a forecast, and so to be looked at: " in sentence
    assert "odd" in sentence


def test_probabilities_agree_with_each_other(result: CohortForecast) -> None:
    for _, rows in result.p_below.groupby(["patient_id", "policy"]):
        assert (np.diff(rows["p_below_by"]) >= 0).all()
        assert (rows["p_below_by"] >= rows["p_below"] - 1e-12).all()
    for row in result.worklist.dropna(subset=["p_below_horizon"]).to_dict("records"):
        rows = result.p_below[result.p_below["patient_id"] == row["patient_id"]]
        rows = rows[rows["policy"] == row["policy"]]
        assert row["p_below_horizon"] == rows["p_below_by"].iloc[-1]
        assert row["below_now"] == (rows["p_below"].iloc[0] >= 0.5)
        due = rows.loc[rows["p_below"] >= result.options.act_at, "day"]
        assert np.isnan(row["next_sample_day"]) == due.empty
        if not due.empty:
            assert row["from_day"] <= row["next_sample_day"] <= due.iloc[0]


@pytest.mark.parametrize("threshold", [450, 500, 560])
def test_sentence_table_and_page_name_the_same_next_step(whole: Cohort, threshold: float) -> None:
    """Whoever needs no sample before a decision has none in the page's table either, and only they."""
    found = igk.forecast_cohort(whole, thresholds=[threshold], draws=400, seed=3)
    decided = measure_sentence(found).lower().partition("decide without another sample: ")[2]
    cells = {row["id"]: row["sample"] for row in work_rows(found, threshold)}
    for row in found.worklist.to_dict("records"):
        step, cell = row["next_step"], cells[row["patient_id"]]
        decide = row["patient_id"] in decided.replace(" and ", ", ").rstrip(".").split(", ")
        assert (step == "decide") == decide == (cell == "none: decide now") == ("decide now" in row["reason"])
        assert (step == "measure") == cell.startswith("day ")


def test_a_chart_shows_the_whole_record_or_says_what_it_leaves_out(result: CohortForecast, whole: Cohort) -> None:
    assert "Not drawn" not in dict(page_facts(result, "infused"))
    near = igk.forecast_cohort(whole, patients=["infused"], horizon_day=7, **CHOICES)
    said = dict(page_facts(near, "infused"))["Not drawn"]
    assert said == "2 samples and 1 dose before day 28, where the chart begins, are not drawn; the model knows them."
    patient, rows = near.patients["infused"].patient, near.forecast[near.forecast["policy"] == "none"]
    layers = forecast_chart(patient, rows, 84.0, [], [500], "mg/dL")["layer"]
    assert [row["day"] for row in layers[-1]["data"]["values"]] == [28.0, 42.0, 58.0, 84.0]


def test_dates_stand_beside_days_and_may_be_given(whole: Cohort) -> None:
    dated = read(dated=True)
    by_date = igk.forecast_cohort(dated, until="2024-05-03", patients=["infused"], **CHOICES)
    by_day = igk.forecast_cohort(whole, until=UNTIL, patients=["infused"], **CHOICES)
    assert by_date.worklist["from_date"].tolist() == ["2024-05-03"]
    assert set(by_date.forecast["date"]) >= {"2024-05-03", "2024-05-31"}
    assert by_date.worklist["from_day"].item() == by_day.worklist["from_day"].item() == UNTIL
    assert (by_day.forecast["date"] == "").all()


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"until": -5.0}, "on or after the first sample: day 0"),
        ({"until": "2024-05-03"}, "this cohort holds no dates"),
        ({"until": "soon"}, "a day number, or a date such as"),
        ({"thresholds": []}, "at least one IgG level"),
        ({"thresholds": [5]}, "for 5 g/L write 500"),
        ({"patients": ["nobody"]}, "a patient of the cohort"),
        ({"card": "stack"}, "the weights of `evaluate`"),
        ({"policy": "weekly"}, "one of auto, none, planned, as_so_far"),
        ({"act_at": 1.0}, "a probability between 0 and 1"),
        ({"horizon": 28}, "did you mean horizon_day"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_refused(whole: Cohort, choices: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        igk.forecast_cohort(whole, **{**CHOICES, **choices})


def test_the_regimen_so_far_is_told_by_the_last_infusions() -> None:
    given = np.array([[0.0, 20.0, 0.1, 0.0], [30.0, 20.0, 0.1, 0.0], [58.0, 25.0, 0.1, 0.0], [86.0, 25.0, 0.1, 0.0]])
    found = carried_on(given, 90.0, 180.0)
    assert found.doses[:, 0].tolist() == [114.0, 142.0, 170.0]
    assert set(found.doses[:, 1]) == {22.5}
    assert carried_on(given, 120.0, 180.0).doses[0, 0] == 120.0
    assert "has stopped" in carried_on(given, 150.0, 180.0).why_not
    assert "one infusion" in carried_on(given[:1], 5.0, 30.0).why_not
    uneven = given.copy()
    uneven[3, 0] = 150.0
    assert "no regimen to carry on" in carried_on(uneven, 151.0, 180.0).why_not


def test_an_infusion_on_the_day_of_the_last_sample_has_been_given() -> None:
    """A trough is low; what counts is the level after the infusion that follows it."""
    frames = tables()
    frames["doses"].loc[len(frames["doses"])] = ["once", 0.4, 30.0, 4.0]
    cohort = igk.read_cohort(**frames, igg_unit="mg/dL")
    found = igk.forecast_cohort(cohort, patients=["once"], **CHOICES)
    assert found.patients["once"].from_day == 0.4
    assert found.forecast["day"].iloc[0] == pytest.approx(0.4 + 4 / 24, abs=1e-4)
    assert found.forecast["median"].iloc[0] > 1000
    assert "then 30 g" in found.worklist["reason"].item()


def test_units_change_nothing(whole: Cohort, result: CohortForecast) -> None:
    other = replace(whole, igg_unit="g/L")
    found = igk.forecast_cohort(other, until=UNTIL, **{**CHOICES, "thresholds": [5]})
    assert_allclose(found.forecast["median"] * 100, result.forecast["median"], rtol=1e-9)
    assert_allclose(found.p_below["p_below"], result.p_below["p_below"], atol=1e-12)
    assert set(found.worklist["unit"]) == {"g/L"}


def test_the_command_writes_what_python_gives(tmp_path: Path, result: CohortForecast) -> None:
    folder = tmp_path / "cohort"
    folder.mkdir()
    for name, table in tables().items():
        table.to_csv(folder / f"{name}.csv", index=False)
    arguments = ["forecast", str(folder), "--igg-unit", "mg/dL", "--threshold", "500", "--until", "60"]
    arguments += ["--draws", "400", "--seed", "3", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    written = pd.read_csv(tmp_path / "out" / "forecast.csv")
    assert_allclose(written["median"], result.forecast["median"], rtol=1e-9)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.index("Worklist</h2>") < page.index("Patients</h2>")
    assert "Without a forecast: 2" in done.stdout
    early = CliRunner().invoke(app, [*arguments[:-2], "--until", "-3", "--out", str(tmp_path / "early")])
    assert early.exit_code == 2
    assert "--until: found '-3.0'" in early.stderr
