"""What the page computes is what the command line computes: a fit, a scenario, a record that was typed anew."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from igkinetics.app.asked import levels_of, plan_of, regimen_of
from igkinetics.app.desk import Desk
from igkinetics.app.records import Record, cohort_of, merged, record_from, record_of
from igkinetics.app.views import curve_view, number_rows, outlook_view, patient_view
from igkinetics.app.whatif import QUICK_DRAWS, Patient, Plan, end_of_record, scenario_tables
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.forecast import forecast_paths
from igkinetics.fit.options import FitOptions
from igkinetics.fit.output import Extras, write_fit
from igkinetics.fit.records import drift_of
from igkinetics.kinetics.parameters import PARAMETERS
from igkinetics.kinetics.schedule import build_schedule
from igkinetics.resources import resource_folder
from igkinetics.scenarios.read_scenario import parse_scenario
from igkinetics.scenarios.run import run_scenario
from igkinetics.units import from_g_per_l

WHO = "IVIG-02"
FEWER = FitOptions(draws=500, jobs=1)
PLAN = Plan(thresholds=(400.0, 500.0), horizon_day=56.0)
REGIMENS: tuple[dict[str, Any], ...] = (
    {"name": "A", "dose_g": 25.0, "interval_day": 28.0, "start_day": 0.0, "route": "iv"},
    {"name": "B", "dose_g": 12.0, "interval_day": 7.0, "start_day": 3.0, "route": "sc", "vial_g": [5.0]},
    {"name": "none"},
)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return read_cohort(resource_folder("data") / "blina23")


@pytest.fixture(scope="module")
def desk(cohort: Cohort) -> Desk:
    opened = Desk(options=replace(Desk().options, draws=FEWER.draws))
    opened.open(cohort)
    return opened


@pytest.fixture(scope="module")
def two(cohort: Cohort) -> CohortFit:
    """The patient beside another one, as the command fits a cohort."""
    people = cohort.patients[cohort.patients["patient_id"].isin(["IVIG-01", WHO])].reset_index(drop=True)
    return fit_cohort(replace(cohort, patients=people), FEWER)


@pytest.fixture(scope="module")
def scenario(two: CohortFit, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """What `igkinetics scenario` makes of the folder that `igkinetics fit` wrote."""
    folder = tmp_path_factory.mktemp("results") / "fit"
    folder.mkdir()
    write_fit(two, folder, Extras(dates=True))
    raw = scenario_tables(two, WHO, PLAN, list(REGIMENS))
    raw["population"]["fit"] = str(folder)
    result = run_scenario(parse_scenario(raw, "scenario.toml", "", None))
    return {"outcomes": result.patient_outcomes, "trajectories": result.trajectories, "whole": result.outcomes}


def test_a_patient_alone_has_the_fit_that_the_cohort_gives(desk: Desk, two: CohortFit) -> None:
    """The page fits without lmfit's cross-check, the command with it: to the last digit the same."""
    alone = desk.fit(WHO)
    for table in ("nadir", "curves", "draws", "parameters"):
        whole: pd.DataFrame = getattr(two, table)
        own = whole[whole["patient_id"] == WHO].reset_index(drop=True)
        on_page = getattr(alone, table).reset_index(drop=True)
        pd.testing.assert_frame_equal(on_page, own, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("regimen", REGIMENS, ids=lambda each: each["name"])
def test_a_regimen_has_the_numbers_of_the_scenario_command(
    desk: Desk, scenario: dict[str, pd.DataFrame], regimen: dict[str, Any]
) -> None:
    patient = desk.plan(WHO, PLAN)
    outlook = patient.under(regimen)
    rows = scenario["outcomes"][scenario["outcomes"]["regimen"] == regimen["name"]]
    assert len(rows) == len(outlook.setting.columns.all)
    for row in rows.to_dict("records"):
        found = outlook.three(row["outcome"], row["threshold"])
        np.testing.assert_array_equal(list(found.values()), [row["median"], row["lower"], row["upper"]])
    tracks = scenario["trajectories"]
    track = tracks[(tracks["regimen"] == regimen["name"]) & (tracks["patient_id"] == WHO)]
    np.testing.assert_array_equal(outlook.curve, track[["median", "lower", "upper", "endogenous", "infused"]].T)
    assert outlook.p_below(400.0) == np.mean(outlook.values[:, outlook.place("days_below", 400.0)] > 0)


def test_next_trough_grams_and_chances_are_those_of_the_tables(desk: Desk, scenario: dict[str, pd.DataFrame]) -> None:
    patient = desk.plan(WHO, PLAN)
    outlook = patient.under(REGIMENS[0])
    tracks = scenario["trajectories"]
    trough = tracks[(tracks["regimen"] == "A") & (tracks["patient_id"] == WHO) & (tracks["day"] == 28.0)]
    assert outlook.next_trough == {name: float(trough[name].iloc[0]) for name in ("median", "lower", "upper")}
    whole = scenario["whole"].set_index(["regimen", "outcome", "threshold"])["mean"]
    # dosed at once: the lowest level from the first dose on is the lowest of all
    assert outlook.p_below(500.0) == pytest.approx(1.0 - whole["A", "p_nadir_at_least", 500.0], abs=1e-12)
    assert outlook.grams_per_28_days == 25.0
    assert patient.under(REGIMENS[1]).grams_per_28_days == 40.0  # 12 g are two vials of 5 g, every week
    words = {row["key"]: row["value"] for row in number_rows(patient, outlook)}
    assert words["p_below_500"] == outlook.p_below(500.0)
    assert words["next_trough"] == outlook.next_trough["median"]


def test_the_levels_ahead_are_those_of_the_draws_carried_on_by_hand(desk: Desk) -> None:
    """Independent of the scenario engine: the kinetic curve of every draw that does not drift, day by day."""
    fit, outlook = desk.fit(WHO), desk.plan(WHO, PLAN).under(REGIMENS[0])
    own = fit.cohort.patient(WHO)
    draws = fit.draws[fit.draws["drift_sd"] == 0.0]
    start = float(own.sample_day[-1])
    schedule = build_schedule(
        start_day=own.start_day,
        dose_day=[*own.dose_day, start, start + 28.0],
        dose_g=[*own.dose_g, 25.0, 25.0],
        dose_duration_day=[*own.dose_duration_day, 0.0, 0.0],
        dose_is_sc=[*own.dose_is_sc, False, False],
        therapy_start=own.therapy_start,
        therapy_stop=own.therapy_stop,
    )
    days = start + np.array([7.0, 28.0, 50.0])
    thetas = np.ascontiguousarray(draws[list(PARAMETERS)].to_numpy(dtype=float))
    paths = forecast_paths(thetas, None, schedule, days, np.random.default_rng(1))
    steady = np.flatnonzero(drift_of(fit.draws, as_log=False).sd == 0.0)
    troughs = outlook.values[steady, outlook.place("trough")]  # the only one within 56 days that comes before a dose
    expected = from_g_per_l(paths.total[:, 1], "mg/dL")
    both_ends = np.minimum(
        expected,
        from_g_per_l(
            forecast_paths(thetas, None, schedule, start + np.array([56.0]), np.random.default_rng(1)).total[:, 0],
            "mg/dL",
        ),
    )
    np.testing.assert_allclose(troughs, both_ends, rtol=1e-9)


def test_a_quick_look_takes_the_first_draws_and_comes_near(desk: Desk) -> None:
    patient = desk.plan(WHO, PLAN)
    quick, full = patient.under(REGIMENS[0], quick=True), patient.under(REGIMENS[0])
    assert len(quick.values) == QUICK_DRAWS
    np.testing.assert_array_equal(quick.values, full.values[:QUICK_DRAWS])
    np.testing.assert_allclose(quick.curve[0], full.curve[0], rtol=0.08)


def test_a_change_of_regimen_refits_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.plan(WHO, PLAN).under(REGIMENS[0])
    monkeypatch.setattr("igkinetics.app.desk.fit_cohort", lambda *_: pytest.fail("fitted again"))
    for dose in (10.0, 20.0):
        desk.plan(WHO, PLAN).under({**REGIMENS[0], "dose_g": dose})


def test_no_dose_of_the_record_is_left_out_unless_asked(cohort: Cohort) -> None:
    """A dose given on the day of the last sample still acts: days count from the day after it."""
    desk = Desk(options=FEWER)
    desk.open(cohort)
    record = desk.record(WHO)
    last = record.samples[-1][0]
    desk.edit(replace(record, doses=(*record.doses, (last, "30", "0", "iv"))), "mg/dL")
    fit = desk.fit(WHO)
    assert end_of_record(fit, WHO) == np.floor(float(last)) + 1.0
    after = desk.plan(WHO, PLAN).under({"name": "none"})
    before = Desk(options=FEWER)
    before.open(cohort)
    assert after.curve[0, 0] > 1.5 * before.plan(WHO, PLAN).under({"name": "none"}).curve[0, 0]
    asked = desk.plan(WHO, replace(PLAN, from_day=float(last)))
    assert "recorded doses from day 0 on are left out, for the regimens take their place: 30 g on " in " ".join(
        asked.notes
    )


def test_every_record_reads_back_as_the_same_numbers(cohort: Cohort) -> None:
    for patient_id in cohort.patient_ids[::6]:
        own, again = (
            each.patient(patient_id)
            for each in (cohort, cohort_of(record_of(cohort, patient_id), cohort, cohort.igg_unit))
        )
        assert own == again
    edited = {name: cohort_of(record_of(cohort, name), cohort, "mg/dL") for name in cohort.patient_ids[3:5]}
    whole = merged(cohort, edited)
    assert whole.patient_ids == cohort.patient_ids
    assert all(whole.patient(name) == cohort.patient(name) for name in cohort.patient_ids)


def test_four_typed_values_are_a_cohort_and_fit_as_its_file_would(tmp_path: Path) -> None:
    rows = [["0", "620"], ["30", "480"], ["60", "<400"], ["90", "350"]]
    desk = Desk(options=FEWER)
    desk.edit(record_from({"patient_id": "New", "weight_kg": "70", "samples": [*rows, ["", ""]]}), "mg/dL")
    (tmp_path / "samples.csv").write_text("patient_id,day,igg\n" + "".join(f"New,{d},{v}\n" for d, v in rows))
    (tmp_path / "patients.csv").write_text("patient_id,weight_kg\nNew,70\n")
    filed = fit_cohort(read_cohort(tmp_path, igg_unit="mg/dL"), FEWER)
    typed = desk.fit("New")
    pd.testing.assert_frame_equal(typed.nadir, filed.nadir)
    pd.testing.assert_frame_equal(typed.draws, filed.draws)


def test_typed_dates_are_days_of_the_patients_own_time_line() -> None:
    dates = {"patient_id": ["D"] * 3, "datetime": ["2024-03-01", "2024-03-21", "2024-04-10"], "igg": [600, 450, 380]}
    therapy = {"patient_id": ["D"], "start": ["2024-03-11"], "stop": ["2024-04-01"]}
    cohort = read_cohort(samples=dates, therapy=therapy, igg_unit="mg/dL")
    record = record_of(cohort, "D")
    assert [day for day, _ in record.samples] == ["-10", "10", "30"]
    more = replace(record, samples=(*record.samples, ("2024-05-10", "360")))
    own = cohort_of(more, cohort, "mg/dL")
    assert own.patient("D").sample_day.tolist() == [-10.0, 10.0, 30.0, 60.0]
    assert own.day_zero == cohort.day_zero
    assert outlook_date(own) == "2024-05-10"


def outlook_date(cohort: Cohort) -> str:
    patient = Patient(fit_cohort(cohort, FEWER), "D", replace(PLAN, thresholds=(300.0,)))
    return str(outlook_view(patient, patient.under({"name": "none"}), "none")["from_date"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"samples": (("0", "620"), ("x", "480"))}, "day"),
        ({"samples": (("0", "620"), ("10", "-4"))}, "igg"),
        ({"doses": (("5", "many", "", "iv"),)}, "amount_g"),
        ({"doses": (("5", "30", "", "oral"),)}, "route"),
        ({"therapy": (("10", "5", ""),)}, "stop"),
        ({"weight_kg": "heavy"}, "weight_kg"),
        ({"patient_id": ""}, "patient"),
    ],
)
def test_what_is_typed_wrongly_is_refused_by_its_column(change: dict[str, Any], told: str) -> None:
    record = Record(patient_id="N", weight_kg="70", samples=(("0", "620"), ("30", "480")))
    with pytest.raises(InputError, match=told):
        cohort_of(replace(record, **change), None, "mg/dL")


def test_a_typed_cohort_needs_its_unit() -> None:
    with pytest.raises(InputError, match="igg_unit"):
        cohort_of(Record(patient_id="N", weight_kg="", samples=(("0", "620"),)), None, "")


@pytest.mark.parametrize(
    ("typed", "levels"),
    [("400", (400.0,)), ("500; 400", (400.0, 500.0)), ("4 5", (4.0, 5.0)), ("400, 500", (400.0, 500.0)), ("", ())],
)
def test_levels_are_read_as_they_are_written(typed: str, levels: tuple[float, ...]) -> None:
    assert levels_of(typed) == levels


@pytest.mark.parametrize("typed", ["4,5", "-4", "four", "0", "1e9999", "nan", "1;2;3;4;5;6;7"])
def test_what_may_mean_two_things_is_no_level(typed: str) -> None:
    with pytest.raises(InputError, match="Keep IgG above"):
        levels_of(typed)


def test_a_regimen_that_cannot_be_is_refused_by_its_key(desk: Desk) -> None:
    assert regimen_of({"dose_g": 0}, "A") == {"name": "A"}
    patient = desk.plan(WHO, PLAN)
    good = {"dose_g": 20, "interval_day": 28, "start_day": 0, "route": "iv", "vial_g": ""}
    for change, word in (
        ({"dose_g": None}, "dose"),
        ({"dose_g": -3}, "dose_g"),
        ({"interval_day": 0}, "interval_day"),
        ({"interval_day": 0.0001}, "interval_day"),
        ({"route": "oral"}, "route"),
    ):
        with pytest.raises(InputError, match=word):
            patient.under(regimen_of({**good, **change}, "A"))
    with pytest.raises(InputError, match="must not lie before"):
        _ = desk.plan(WHO, replace(PLAN, from_day=-400.0)).prepared
    with pytest.raises(InputError, match="for so many days"):
        plan_of("400", 10_000, None)


def test_what_is_sent_is_plain_json(desk: Desk) -> None:
    import json

    patient = desk.plan(WHO, PLAN)
    sent = [
        patient_view(desk, WHO, desk.fit(WHO)),
        curve_view(desk.fit(WHO).curves),
        *(outlook_view(patient, patient.under(each), "a") for each in REGIMENS),
    ]
    assert all(json.dumps(each, allow_nan=False) for each in sent)


def test_a_card_is_a_fit_of_its_own(desk: Desk) -> None:
    first = desk.fit(WHO)
    other = Desk(cohort=desk.cohort, options=FEWER, card="tortorici_2019")
    assert list(other.fit(WHO).card_ids) == ["tortorici_2019"]
    assert other.fit(WHO).nadir["fitted_nadir"].iloc[0] != first.nadir["fitted_nadir"].iloc[0]


def test_the_scenario_that_is_saved_is_a_file(two: CohortFit) -> None:
    raw = scenario_tables(two, WHO, PLAN, list(REGIMENS))
    assert tomllib.loads("from_day = 1\n")["from_day"] == 1
    assert parse_scenario(raw, "plan", "", None).scenario.population.patient == WHO


def test_whom_dose_and_forecast_answer_for_the_page_answers_for_too() -> None:
    """One sample, or values that are all limits: draws of the card's prior, with a warning, as on the command line."""
    rows = [("one", "2024-05-03", "520"), *(("low", f"2024-0{month}-05", "<40") for month in (1, 2, 3))]
    rows += [("dead", f"2024-0{month}-10", str(level)) for month, level in ((1, 700), (2, 480), (3, 390))]
    samples = pd.DataFrame(rows, columns=["patient_id", "datetime", "igg"])
    patients = {"patient_id": ["dead"], "death": ["2024-03-20"]}
    opened = Desk(options=replace(Desk().options, draws=200))
    opened.open(
        read_cohort(samples=samples, patients=patients, igg_unit="mg/dL", mapping={"unusual_levels": "as_given"})
    )
    for name in ("one", "low"):
        view = patient_view(opened, name, opened.fit(name))
        assert (view["fitted"], view["doubtful"]) == (True, True)
        assert view["said"].startswith("Beware: too little data, so the curve is the prior's (")
        assert 0.0 <= opened.plan(name, PLAN).under({"name": "none"}).p_below(400.0) <= 1.0
    dead = patient_view(opened, "dead", opened.fit("dead"))
    assert (dead["fitted"], dead["doubtful"]) == (True, False)
    assert "on day 60 (2024-03-10)" in dead["said"]
    with pytest.raises(InputError, match=r"death on 2024-03-20, day 70: there is no next dose"):
        assert opened.plan("dead", PLAN).prepared
