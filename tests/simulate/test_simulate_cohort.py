"""Simulated cohorts: seeds and streams, weights, visits, the assay, the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.simulate.run import simulate_cohort, write_simulation

MANY = ("n = 4", "n = 1000")
MANY_VISITS = ("every_day = 14", "every_day = 2")
REGIMEN = "regimen = { dose_g_per_kg = 0.4, interval_day = 28, start_day = 7, stop_day = 100 }"
QUIET = ("cv_percent = 8", "cv_percent = 0")
OUTCOME = "[outcomes.infection]\ncounts = { treated = 2, plain = 1 }\n"
ALL_FILES = {
    "samples.csv",
    "doses.csv",
    "therapy.csv",
    "patients.csv",
    "outcomes.csv",
    "cohort.toml",
    "design.toml",
    "truth/parameters.csv",
    "truth/nadir.csv",
    "truth/curves.parquet",
}


def written(text: str, folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a simulation."""
    folder.mkdir()
    write_simulation(simulate_cohort(text), folder)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_one_seed_gives_one_cohort_to_the_byte(design: Callable[..., str], tmp_path: Path) -> None:
    first = written(design(more=OUTCOME), tmp_path / "a")
    assert first == written(design(more=OUTCOME), tmp_path / "b")
    assert set(first) == ALL_FILES
    other = written(design(("seed = 7", "seed = 8"), more=OUTCOME), tmp_path / "c")
    assert all(first[file] != other[file] for file in ("samples.csv", "patients.csv", "truth/nadir.csv"))


def test_another_group_leaves_a_patient_untouched(design: Callable[..., str]) -> None:
    """Neither its size nor its regimen nor its place in the file matters; more of the own group only adds."""
    base = simulate_cohort(design())
    regimen = ("dose_g_per_kg = 0.4, interval_day = 28", "dose_g = 60, interval_day = 9")
    more = simulate_cohort(design(("n = 6", "n = 9"), regimen))
    plain = base.samples[base.samples["patient_id"].str.startswith("plain")].reset_index(drop=True)
    assert plain.equals(more.samples[more.samples["patient_id"].str.startswith("plain")].reset_index(drop=True))
    weights = more.patients.set_index("patient_id")["weight_kg"]
    assert_array_equal(weights[base.patients["patient_id"]], base.patients["weight_kg"])
    parameters = more.truth_parameters.merge(base.truth_parameters, on=["patient_id", "parameter"])
    assert len(parameters) == len(base.truth_parameters)
    assert_array_equal(parameters["value_x"], parameters["value_y"])


def test_a_regimen_changes_no_noise(design: Callable[..., str]) -> None:
    """Before the first dose, and in relative error after it, both worlds are measured alike."""
    treated = simulate_cohort(design()).samples
    untreated = simulate_cohort(design((REGIMEN, ""))).samples
    assert_array_equal(treated["day"], untreated["day"])
    early = treated["day"] <= 7
    assert early.any()
    assert_array_equal(treated["igg"][early], untreated["igg"][early])
    late = treated["patient_id"].str.startswith("treated") & ~early
    assert (treated["igg"][late].astype(float) > untreated["igg"][late].astype(float)).all()


def test_weights_are_log_normal_with_the_mean_and_sd_asked_for(design: Callable[..., str]) -> None:
    weight = simulate_cohort(design(MANY, ("every_day = 14", "every_day = 140"))).patients["weight_kg"]
    standard_error = 14 / np.sqrt(len(weight))
    assert abs(weight.mean() - 70) < 4 * standard_error
    assert abs(weight.std() - 14) < 4 * 14 * np.sqrt(0.5 / len(weight)) * 1.2
    logs = np.log(weight)
    skewness = ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3
    assert abs(skewness) < 4 * np.sqrt(6 / len(weight))


def test_visits_are_moved_evenly_within_the_jitter(design: Callable[..., str]) -> None:
    text = design(("n = 4", "n = 300"), ("until_day = 140", "until_day = 140\njitter_day = 3"))
    days = simulate_cohort(text).samples["day"].to_numpy()
    moved = days - 14 * np.round(days / 14)
    assert np.abs(moved).max() <= 3
    assert len(days) == 306 * 11
    assert abs(moved.mean()) < 4 * 3 / np.sqrt(3 * len(days))
    assert_allclose(moved.std(), 3 / np.sqrt(3), rtol=0.04)


def test_visits_are_missed_at_the_rate_asked_for(design: Callable[..., str]) -> None:
    full = simulate_cohort(design(("n = 4", "n = 300"))).samples
    seldom = ("until_day = 140", "until_day = 140\nmissed = 0.25")
    missed = simulate_cohort(design(("n = 4", "n = 300"), seldom)).samples
    standard_error = np.sqrt(0.25 * 0.75 / len(full))
    assert abs(1 - len(missed) / len(full) - 0.25) < 4 * standard_error
    both = missed.merge(full, on=["patient_id", "day"])
    assert len(both) == len(missed)
    assert_array_equal(both["igg_x"], both["igg_y"])


def test_the_assay_has_the_cv_asked_for(design: Callable[..., str]) -> None:
    noisy = simulate_cohort(design(MANY_VISITS, ("lower_limit_mg_dl = 40", ""))).samples["igg"].astype(float)
    exact = simulate_cohort(design(MANY_VISITS, ("lower_limit_mg_dl = 40", ""), QUIET)).samples["igg"].astype(float)
    error = noisy / exact - 1
    assert_allclose(error.std(), 0.08, rtol=4 * np.sqrt(0.5 / len(error)))


def test_without_a_cv_the_residual_error_of_the_card_is_used(design: Callable[..., str]) -> None:
    """0.20 g/L and 9 %: the card's own."""
    noisy = simulate_cohort(design(MANY_VISITS, ("cv_percent = 8", ""))).samples["igg"].str.lstrip("<").astype(float)
    exact = simulate_cohort(design(MANY_VISITS, QUIET)).samples["igg"].astype(float)
    z = (noisy - exact) / np.hypot(20, 0.09 * exact)
    assert_allclose(z.std(), 1, rtol=4 * np.sqrt(0.5 / len(z)))


def test_values_beyond_a_limit_are_written_as_such(design: Callable[..., str]) -> None:
    exact = simulate_cohort(design(QUIET, ("lower_limit_mg_dl = 40", ""))).samples["igg"].astype(int)
    limits = ("lower_limit_mg_dl = 40", "lower_limit_mg_dl = 350.5\nupper_limit_mg_dl = 700")
    cut = simulate_cohort(design(QUIET, limits)).samples["igg"]
    expected = np.where(exact <= 350, "<350.5", np.where(exact > 700, ">700", exact.astype(str)))
    assert {"<350.5", ">700"} < set(expected)
    assert_array_equal(cut, expected)


def test_a_reading_of_nothing_needs_a_lower_limit(design: Callable[..., str]) -> None:
    with pytest.raises(InputError, match=r"assay\.lower_limit_mg_dl.*a measurement came out at"):
        simulate_cohort(design(("cv_percent = 8\nlower_limit_mg_dl = 40", "cv_percent = 90")))


def test_the_cohort_reads_back_without_a_problem(design: Callable[..., str], tmp_path: Path) -> None:
    simulated = simulate_cohort(design(more=OUTCOME))
    write_simulation(simulated, tmp_path)
    cohort = read_cohort(tmp_path)
    assert cohort.problems.empty
    assert cohort.igg_unit == "mg/dL"
    assert_allclose(cohort.samples["igg"] * 100, simulated.samples["igg"].str.lstrip("<").astype(float))
    assert_array_equal(cohort.doses["amount_g"], simulated.doses["amount_g"])
    assert list(cohort.patient_ids) == [f"treated-0{i}" for i in range(1, 7)] + [f"plain-0{i}" for i in range(1, 5)]
    assert "SYNTHETIC" in (tmp_path / "cohort.toml").read_text()


def test_what_never_happens_has_no_file(design: Callable[..., str], tmp_path: Path) -> None:
    files = written(design((REGIMEN, ""), ("cycles = 3", "cycles = 0")), tmp_path / "a")
    assert ALL_FILES - set(files) == {"doses.csv", "therapy.csv", "outcomes.csv"}
    assert read_cohort(tmp_path / "a").problems.empty


def test_covariates_are_drawn_as_asked(design: Callable[..., str]) -> None:
    covariates = (
        "[population.covariates]\nage_y = { mean = 60, sd = 12 }\nsex = { shares = { female = 0.3, male = 0.7 } }\n"
    )
    patients = simulate_cohort(design(("n = 4", "n = 1000"), ("[therapy]", covariates + "[therapy]"))).patients
    assert abs(patients["age_y"].mean() - 60) < 4 * 12 / np.sqrt(len(patients))
    assert abs((patients["sex"] == "female").mean() - 0.3) < 4 * np.sqrt(0.21 / len(patients))


def test_therapy_going_on_at_the_end_of_the_record_has_no_stop(design: Callable[..., str]) -> None:
    therapy = simulate_cohort(design(("until_day = 140", "until_day = 56"))).therapy
    assert_array_equal(therapy["start"], [0, 42] * 10)
    assert_array_equal(therapy["stop"].fillna(-1), [28, -1] * 10)


def test_cycles_vary_between_patients_when_asked(design: Callable[..., str]) -> None:
    text = design(("cycles = 3", "cycles = 3\nfewest_cycles = 1"), ("n = 4", "n = 300"))
    cycles = simulate_cohort(text).therapy.groupby("patient_id").size().value_counts()
    assert set(cycles.index) == {1, 2, 3}
    assert cycles.min() > 306 / 3 - 4 * np.sqrt(306 * 2 / 9)


def test_typical_values_drawn_for_the_cohort_move_all_patients_together(design: Callable[..., str]) -> None:
    def log_cl(typical: str) -> pd.Series:
        text = design(("sd = 14 }", f'sd = 14 }}\ntypical = "{typical}"'))
        truth = simulate_cohort(text).truth_parameters
        return np.log(truth[truth["parameter"] == "CL"].set_index("patient_id")["value"])

    shift = log_cl("drawn") - log_cl("fixed")
    assert_allclose(shift, shift.iloc[0], rtol=1e-9)
    assert abs(shift.iloc[0]) > 1e-3
    own = log_cl("drawn_per_patient") - log_cl("fixed")
    assert own.std() > 1e-3


def test_a_constant_card_under_therapy_needs_another_for_endogenous_igg(design: Callable[..., str]) -> None:
    card = ("adult_b_cell_depletion", "tortorici_2019")
    with pytest.raises(InputError, match=r"population\.endogenous_card"):
        simulate_cohort(design(card))
    both = design(card, ("weight_kg", 'endogenous_card = "adult_b_cell_depletion"\nweight_kg'))
    truth = simulate_cohort(both).truth_parameters.pivot(index="patient_id", columns="parameter", values="value")
    assert (truth["S"] > 0).all()
