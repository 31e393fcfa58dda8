"""A scenario goes on from a patient's record: the end of follow-up, weights by day, a stated date of day 0, and the
regimen that a search recommends, followed like the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.charts.svg import Figure
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError
from igkinetics.fit.output import write_fit
from igkinetics.report.dose_page import dose_sentences
from igkinetics.report.forecast_page import forecast_sentences
from igkinetics.report.scenario_page import scenario_report
from igkinetics.report.scenario_sentences import scenario_sentences
from igkinetics.report.scenario_tables import calendar_of, outcome_view
from igkinetics.scenarios.output import write_scenario
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.result import ScenarioResult
from igkinetics.scenarios.run import run_scenario

SAMPLES = pd.DataFrame({"patient_id": ["A"] * 4, "day": [0, 20, 45, 80], "igg": [620, 480, 390, 410]})
WEIGHTS = pd.DataFrame({"patient_id": ["A", "A", "A"], "day": [0, 60, 95], "weight_kg": [80.0, 70.0, 60.0]})
REGIMEN = {"name": "monthly", "dose_g_per_kg": 0.5, "interval_day": 28}
SEARCH = {"dose_g": [20.0, 40.0], "interval_day": [28.0], "thresholds": [400], "horizon_day": 84, "seed": 1}


def cohort(*, died: bool = False, weights: pd.DataFrame | None = WEIGHTS) -> Cohort:
    outcomes = pd.DataFrame({"patient_id": ["A"], "day": [100], "outcome": ["death"]}) if died else None
    return igk.read_cohort(samples=SAMPLES, weights=weights, outcomes=outcomes, igg_unit="mg/dL")


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the patient alive and of the same who died on day 100, neither with dates."""
    folders = {}
    for name in ("alive", "died"):
        folders[name] = tmp_path_factory.mktemp(name)
        write_fit(igk.fit_cohort(cohort(died=name == "died"), draws=200), folders[name])
    return folders


def run(folder: Path, regimens: list[dict[str, Any]], **population: Any) -> ScenarioResult:
    who = {"fit": str(folder), "patient": "A", **population}
    return igk.simulate_regimens(who, regimens, horizon_day=84, thresholds=[400], seed=1)


def test_there_is_no_next_dose_after_death(fits: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"follow-up of A ended with death on day 100 .*; give from_day"):
        run(fits["died"], [REGIMEN])
    with pytest.raises(InputError, match="ended with death"):
        run(fits["died"], [REGIMEN], from_day=100)
    with pytest.raises(InputError, match="follow-up ended with death"):  # as `dose` says it
        igk.dose_patient(cohort(died=True), "A", target=400, dose_g=[20], interval=[28])


def test_what_would_have_been_is_asked_with_a_day_and_says_where_it_ended(
    fits: dict[str, Path], tmp_path: Path
) -> None:
    found = run(fits["died"], [REGIMEN], from_day=60)
    assert any("ended with death on day 100 of the record (day 40 here)" in note for note in found.about.notes)
    write_scenario(found, tmp_path)
    assert not (tmp_path / "calendar.ics").exists()


@pytest.mark.parametrize(("from_day", "weight"), [("last_sample", 60.0), (80, 60.0), (70, 70.0), (10, 80.0)])
def test_a_dose_per_kg_takes_the_weight_of_its_day(fits: dict[str, Path], from_day: Any, weight: float) -> None:
    """At the end of the record the last weight, that of after the last sample too; before, the last one known then."""
    found = run(fits["alive"], [REGIMEN], from_day=from_day)
    assert set(found.calendar["amount_g"]) == {0.5 * weight}
    assert any(f"A {weight:g} kg" in note for note in found.about.notes)


def test_dose_takes_the_last_weight_and_says_of_when(fits: dict[str, Path]) -> None:
    found = igk.dose_patient(cohort(), "A", target=400, dose_g_per_kg=[0.5], interval=[28], horizon=84, draws=200)
    assert set(found.dose["amount_g"]) == {30.0}
    assert any("the last weight, 60 kg of day 95" in note for note in found.notes)
    assert float(found.fits.cohort.patient("A").weight_kg) == 80.0  # kinetics go by the weight at the first sample
    one = igk.dose_patient(cohort(weights=None), "A", target=400, dose_g=[30], interval=[28], horizon=84, draws=200)
    assert not any("last weight" in note for note in one.notes)


def test_a_stated_date_of_day_0_gives_dates_to_a_fit_without(fits: dict[str, Path]) -> None:
    dated = {**REGIMEN, "start_day": "2024-05-10"}
    with pytest.raises(InputError, match="write it as day_zero under"):
        run(fits["alive"], [dated])
    found = run(fits["alive"], [dated], day_zero="2024-02-16")
    first = found.calendar.iloc[0]
    assert (first["day"], first["date"]) == (4.0, "2024-05-10")  # day 80 is 2024-05-06
    assert "2024-05-06 (day 0)" in " ".join(scenario_sentences(found, "there"))


def test_what_a_search_recommends_is_followed_like_a_listed_regimen(fits: dict[str, Path]) -> None:
    target = {"quantity": "trough", "at_least": 400, "probability": 0.5}
    who = {"fit": str(fits["alive"]), "patient": "A"}
    found = igk.search_regimens(who, target, **SEARCH)
    best = found.search[found.search["cheapest"]].iloc[0]
    assert found.recommended is not None
    assert found.recommended.dose_g == best["dose_g"]
    grams = found.outcomes.query("regimen == @found.recommended.name and outcome == 'grams'")["mean"].iloc[0]
    assert grams == pytest.approx(best["grams"])
    assert found.calendar.query("regimen == @found.recommended.name")["amount_g"].sum() == pytest.approx(best["grams"])
    assert np.isfinite(found.trajectories.query("regimen == @found.recommended.name")["median"]).all()
    page = scenario_report(found, lambda charts: [Figure(title=title) for title, _ in charts])
    assert 'class="tag">recommended' in page
    assert scenario_sentences(found, "there")[0].startswith(f"Recommended: {best['dose_g']:g} g every 28 days")


def test_the_recommended_regimen_stands_first_and_the_listed_keep_their_numbers(fits: dict[str, Path]) -> None:
    listed = [{"name": "none"}, {"name": "mine", "dose_g": 20.0, "interval_day": 28.0}]
    target = {"quantity": "trough", "at_least": 400, "probability": 0.5}
    alone = run(fits["alive"], listed)
    search = {"target": target, "dose_g": [20.0, 40.0], "interval_day": [28.0]}
    population = {"fit": str(fits["alive"]), "patient": "A"}
    raw = {"horizon_day": 84, "thresholds": [400], "seed": 1, "population": population, "regimen": listed}
    found = run_scenario(parse_scenario({**raw, "search": search}, "x", "", None))
    width = len(alone.outcomes)
    pd.testing.assert_frame_equal(found.outcomes.iloc[:width], alone.outcomes)
    assert found.recommended is not None
    if found.recommended.name == "mine":  # a listed regimen that the search finds again is not told twice
        assert len(found.regimens) == 2
    assert calendar_of(found)[0].name == found.recommended.name
    cells = outcome_view(found)[0]["cells"]
    days = found.outcomes.query("regimen == @found.recommended.name and outcome == 'days_below'")["mean"].iloc[0]
    assert float(cells[0]["mean"].replace(",", "")) == pytest.approx(days, abs=0.5)


def test_an_answer_of_the_prior_alone_is_told_as_that(tmp_path: Path) -> None:
    """One sample: `fit` gives no nadir; whatever builds on such a fit says so beside its numbers."""
    single = igk.read_cohort(samples=SAMPLES.head(1), weights=WEIGHTS, igg_unit="mg/dL")
    write_fit(igk.fit_cohort(single, draws=100), tmp_path)
    told = scenario_sentences(run(tmp_path, [REGIMEN]), "report.html")
    assert "Beware: 1 sample: the curve is the card's prior, moved by it; read nothing else into it." in told
    dosed = igk.dose_patient(single, "A", target=400, dose_g=[20], interval=[28], draws=100)
    assert dose_sentences(dosed)[1].startswith("Beware: too little data, so the curve is the prior's (1 sample")
    forecast = igk.forecast_cohort(single, thresholds=[400], draws=100)
    assert "Too little data, so the forecast is the card's more than their own: A." in forecast_sentences(forecast)


def test_a_fit_with_enough_data_has_nothing_to_beware_of(fits: dict[str, Path]) -> None:
    assert not any("Beware" in one for one in scenario_sentences(run(fits["alive"], [REGIMEN]), "report.html"))
