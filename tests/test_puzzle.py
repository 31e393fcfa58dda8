"""The committed puzzle is what its script gives, and its table bears out what the page says."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from scripts import script

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def puzzle() -> ModuleType:
    return script("docs/puzzle.py")


@pytest.fixture(scope="module")
def committed(puzzle: ModuleType) -> pd.DataFrame:
    return pd.read_csv(puzzle.TABLE)


def test_the_page_holds_the_numbers_of_the_table(puzzle: ModuleType, committed: pd.DataFrame) -> None:
    assert puzzle.page(committed) == puzzle.PAGE.read_text(encoding="utf-8")
    assert puzzle.PICTURE.stat().st_size < 200_000
    assert "puzzle.png" in (ROOT / "docs" / "guide" / "effect.md").read_text(encoding="utf-8")


def test_the_table_bears_out_what_the_page_says(puzzle: ModuleType, committed: pd.DataFrame) -> None:
    assert committed["cohort"].tolist() == list(range(1, puzzle.COHORTS + 1))
    truth = committed["true_att_measured"]
    assert truth.min() > 40
    assert abs(committed["naive"].mean()) < 0.2 * truth.mean()
    assert (committed["naive"] < 0).mean() > 0.4
    assert (committed["naive_p"] > 0.05).mean() > 0.75
    assert (committed["naive_upper"] < truth).mean() > 0.7
    error = committed["policy"] - committed["true_policy_measured"]
    assert abs(error.mean()) < 2 * error.std() / np.sqrt(len(error))
    assert (committed["policy_p"] <= 0.05).mean() > 0.6
    assert (committed["small_p"] > 0.05).mean() > 0.75
    (one,) = committed[committed["fitted"].notna()].to_dict("records")
    assert one["cohort"] == puzzle.SAMPLED
    assert one["fitted_lower"] < one["true_att"] < one["fitted_upper"]
    assert one["naive_upper"] < one["true_att"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_cohort_comes_out_as_in_the_table(puzzle: ModuleType, committed: pd.DataFrame, number: int) -> None:
    expected = committed.set_index("cohort").loc[number]
    for name, value in puzzle.row(number).items():
        assert name == "cohort" or value == pytest.approx(expected[name], rel=1e-4, abs=1e-3), name


def test_the_second_run_is_the_same_patients_without_infusions(puzzle: ModuleType) -> None:
    real, bare = puzzle.cohort(1), puzzle.cohort(1, infusions=False)
    assert bare.doses.empty
    pd.testing.assert_frame_equal(real.patients, bare.patients)
    pd.testing.assert_frame_equal(real.truth_parameters, bare.truth_parameters)
    first = real.samples["patient_id"].map(real.doses.groupby("patient_id")["day"].min()).fillna(np.inf)
    untouched = real.samples["day"] <= first
    assert 0 < (~untouched).sum() < len(untouched)
    pd.testing.assert_frame_equal(real.samples[untouched], bare.samples[untouched])
    without = bare.truth_nadir.set_index("patient_id")["nadir"]
    pd.testing.assert_series_equal(
        real.truth_nadir.set_index("patient_id")["nadir_without_ivig"], without, check_names=False, rtol=1e-6
    )


def test_the_lowest_value_of_the_infused_led_to_an_infusion(puzzle: ModuleType) -> None:
    simulated = puzzle.cohort(1)
    doses = simulated.doses[["patient_id", "day"]]
    lowest = dict(zip(simulated.patients["patient_id"], puzzle.lowest_measured(simulated), strict=True))
    before = doses.merge(simulated.samples, on=["patient_id", "day"])
    led = before["igg"].str.lstrip("<").astype(float).groupby(before["patient_id"]).min()
    assert len(before) == len(doses)
    assert led.index.map(lowest).to_numpy() == pytest.approx(led.to_numpy())


def test_the_two_policies_meet_the_same_kind_of_patient(puzzle: ModuleType) -> None:
    """Without infusions the arms of 20 cohorts differ by no more than chance; those who would be infused do not."""
    arms = []
    for number in range(1, 21):
        bare, real = puzzle.cohort(number, infusions=False), puzzle.cohort(number)
        lowest = puzzle.lowest_measured(bare)
        ever = bare.patients["patient_id"].isin(real.doses["patient_id"]).to_numpy()
        infuses = (bare.patients["group"] == puzzle.INFUSES).to_numpy()
        arms.append([lowest[who].mean() - lowest[~who].mean() for who in (infuses, ever)])
    mean, error = np.mean(arms, axis=0), np.std(arms, axis=0, ddof=1) / np.sqrt(len(arms))
    assert abs(mean[0]) < 3 * error[0]
    assert mean[1] < -5 * error[1]


@pytest.mark.slow
def test_the_table_is_what_the_script_gives(puzzle: ModuleType, committed: pd.DataFrame) -> None:
    """Simulations to the digits written; the sampled effect to 2 mg/dL, many times its Monte Carlo error."""
    found = puzzle.table()[committed.columns.tolist()]
    sampled = ["fitted", "fitted_lower", "fitted_upper"]
    simulated = found.drop(columns=sampled)
    pd.testing.assert_frame_equal(simulated, committed[simulated.columns], check_dtype=False, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found[sampled], committed[sampled], atol=2.0)
