"""Fits are asked again, over other days and for other thresholds, without fitting again; choices come as keywords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import igkinetics as igk
from igkinetics.dose.options import DoseOptions
from igkinetics.effect.options import EffectOptions
from igkinetics.errors import InputError
from igkinetics.fit import cohort as cohort_fits
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.cohort_result import CohortFit
from igkinetics.fit.columns import TABLES, column_words
from igkinetics.fit.options import FitOptions
from igkinetics.fit.tables import ASKED
from igkinetics.forecast.options import ForecastOptions
from igkinetics.population.options import PopulationOptions
from made_records import cohort_of, drawn, planned, record

DOSES = ((30.0, 30.0), (58.0, 30.0), (86.0, 30.0))


@pytest.fixture(scope="module")
def cohort() -> Any:
    people = [
        drawn(planned(patient_id="one", doses=DOSES), np.random.default_rng(1)).patient,
        drawn(planned(patient_id="two"), np.random.default_rng(2)).patient,
        record("odd", samples=[(0.0, 6.2), (14.0, 5.9), (28.0, 6.0), (30.0, 30.0), (33.0, 6.0)], therapy=()),
        record("empty"),
    ]
    return cohort_of(people)


@pytest.fixture(scope="module")
def fits(cohort: Any) -> CohortFit:
    return fit_cohort(cohort, draws=200, thresholds=[400])


def test_other_questions_get_the_answers_of_another_fit(
    cohort: Any, fits: CohortFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = fit_cohort(cohort, draws=200, thresholds=[300, 350], window=(10, 90))
    monkeypatch.setattr(cohort_fits, "fit_patient", None)  # nobody is fitted from here on
    asked = fits.over(window=(10, 90), thresholds=[300, 350])
    for name in TABLES:
        assert_frame_equal(getattr(asked, name), getattr(again, name))
    assert_frame_equal(asked.draws, again.draws)
    assert asked.options == again.options
    assert fits.options.thresholds == (400,)
    assert_frame_equal(asked.over(thresholds=[400]).nadir, fits.nadir)


@pytest.mark.parametrize(
    ("options", "named", "twice"),
    [
        (FitOptions, {"thresholds": (400, 400.0)}, "thresholds: found '400'"),
        (ForecastOptions, {"thresholds": (400,), "patients": ("A", "B", "A")}, "patients: found 'A'"),
        (EffectOptions, {"covariates": ("age_y", "age_y")}, "covariates: found 'age_y'"),
        (DoseOptions, {"interval": (28.0, 21.0, 28.0)}, "interval: found '28'"),
        (PopulationOptions, {"fix": ("CL", "CL")}, "fix: found 'CL'"),
    ],
)
def test_what_is_named_twice_would_count_twice(options: Any, named: dict[str, Any], twice: str) -> None:
    with pytest.raises(InputError, match=f"{twice}; must name each value once"):
        options(**named)


def test_nadirs_over_other_days_with_times_below(fits: CohortFit) -> None:
    table = fits.nadirs(window=(0, 120), thresholds=[300])
    assert list(table.columns[: len(TABLES["nadir"])]) == list(TABLES["nadir"])
    assert list(table["patient_id"]) == ["one", "two", "odd", "empty"]
    assert (table["window_end"].dropna() == 120.0).all()
    below = fits.days_below([300], window=(0, 120)).set_index("patient_id")
    for name in ("first_day_below", "days_below", "share_of_draws_below"):
        column = table.set_index("patient_id")[f"{name}_300"].astype(float)
        assert_frame_equal(column[["one", "two"]].to_frame("x"), below[name].astype(float).to_frame("x"))
        assert np.isnan(column["odd"])
    assert_frame_equal(fits.nadirs(), fits.nadir)


def test_one_patients_fit_can_be_looked_at(fits: CohortFit) -> None:
    one = fits.patient("one")
    problem, optimum, draws = one.fitted()
    row = fits.parameters[(fits.parameters["patient_id"] == "one") & (fits.parameters["parameter"] == "CL")]
    assert row["value"].item() == pytest.approx(problem.theta(optimum.x)[0])
    assert draws.theta.shape == (200, 13)
    assert fits.patient("odd").status == "unexplained_change"
    assert [fit.patient.patient_id for fit in fits.fits] == list(fits.cohort.patient_ids)
    with pytest.raises(KeyError):
        fits.patient("nobody")


def test_choices_are_keywords_and_options_alike(cohort: Any, fits: CohortFit) -> None:
    with_options = fit_cohort(cohort, FitOptions(draws=200, thresholds=(400.0,)))
    assert_frame_equal(with_options.nadir, fits.nadir)
    both = fit_cohort(cohort, FitOptions(draws=200), thresholds=np.array([400.0]))
    assert_frame_equal(both.thresholds, fits.thresholds)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"treshold": [400], "job": 2}, ["treshold: found '[400]'; is no option (did you mean thresholds?)", "job: "]),
        ({"treshold": [400], "draws": "many"}, ["treshold: found", "draws: found 'many (str)'"]),
        ({"thresholds": 400}, ["thresholds: found '400 (int)'; must be a list of numbers"]),
        ({"thresholds": ["low"]}, ["('low',) (tuple)", "; must be a list of numbers"]),
        ({"draws": "many", "level": None}, ["draws: found 'many (str)'; must be a whole number", "level: found"]),
        ({"draws": 200.5, "profile": "yes"}, ["draws: found '200.5 (float)'", "found 'yes (str)'; must be True"]),
        ({"window": (1, 2, 3)}, ["window: found '(1, 2, 3) (tuple)'; must be two numbers or None"]),
        ({"window": (90, 10)}, ["window: found '90:10'; must be two days A:B"]),
        ({"residual": "normall"}, ["residual: found 'normall'; must be one of", "did you mean normal?"]),
        ({"options": {"draws": 200}}, ["options: found", "must be FitOptions(...), or its choices as keywords"]),
    ],
)
def test_misspelt_and_mistyped_choices_are_all_named(choices: dict[str, Any], said: list[str], cohort: Any) -> None:
    with pytest.raises(InputError) as refused:
        fit_cohort(cohort, **choices)
    for words in said:
        assert words in str(refused.value)


def test_a_cohort_is_asked_for_by_name() -> None:
    with pytest.raises(InputError, match="must be a cohort, as read by"):
        igk.fit_cohort("folder")


def test_every_column_is_explained_where_it_is_declared(fits: CohortFit) -> None:
    for name, columns in TABLES.items():
        assert tuple(getattr(fits, name).columns) == columns
        for column in columns:
            assert column_words(name, column).strip()
    assert set(ASKED) <= set(TABLES)
    assert column_words("nadir", "fitted_nadir_day_lower") == "lower end of the interval of fitted_nadir_day"
    assert column_words("parameters", "upper") == "upper end of the interval"
    with pytest.raises(KeyError):
        column_words("nadir", "nothing")


def test_a_result_without_fits_says_so(fits: CohortFit) -> None:
    values = {name: getattr(fits, name) for name in fits.__dataclass_fields__}
    with pytest.raises(AssertionError, match="without the patients' fits"):
        CohortFit(**(values | {"fits": ()})).nadirs(window=(0, 10))
    assert isinstance(fits.nadir, pd.DataFrame)


def test_a_result_writes_itself_and_its_report(fits: CohortFit, tmp_path: Path) -> None:
    fits.write(tmp_path / "out")
    written = pd.read_csv(tmp_path / "out" / "nadir.csv")
    assert list(written["patient_id"]) == list(fits.tables["nadir"]["patient_id"])
    with pytest.raises(InputError, match="exists already"):
        fits.write(tmp_path / "out")
    fits.write(tmp_path / "out", overwrite=True)
    fits.report(tmp_path / "page.html")
    assert "Fitted nadir" in (tmp_path / "page.html").read_text(encoding="utf-8")
