"""The tables of an effect analysis, from the draws of single-patient fits: contract, truth recovered, statuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_posteriors import (
    EXAMPLE,
    example_cohort,
    example_effect,
    example_posterior,
    fitted_posterior,
    good_sampling,
    of_truth,
)

from igkinetics.cohort.read import read_cohort
from igkinetics.effect.control_regimen import read_control_regimen
from igkinetics.effect.learnt import population_rows
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.tables import effect_of
from igkinetics.errors import InputError
from igkinetics.kinetics.parameters import CLEARANCE_RATIO
from igkinetics.simulate.run import simulate_cohort, write_simulation
from made_records import CARD, drawn, planned

ESTIMANDS = {
    "nadir_change_att",
    "nadir_day_change_att",
    "days_below_change_att",
    "mean_igg_change_att",
    "nadir_change_atc",
    "nadir_day_change_atc",
    "days_below_change_atc",
    "mean_igg_change_atc",
    "rise_per_0.1_g_per_kg_day_0",
    "rise_per_0.1_g_per_kg_day_7",
    "rise_per_0.1_g_per_kg_day_14",
    "rise_per_0.1_g_per_kg_day_28",
    "infused_half_life",
    "apparent_recovery",
    "clearance_ratio_under_ivig",
    "production_ratio_under_ivig",
    "dose_recovery",
    "naive_raw_nadir_difference",
    "naive_fitted_nadir_difference",
    "adjusted_fitted_nadir_difference",
}


def test_every_estimand_of_the_contract_has_a_row_with_a_status() -> None:
    summary = example_effect().summary
    assert set(summary["estimand"]) == ESTIMANDS
    assert set(summary["status"]) == {"estimated", "not_estimated"}
    missing = summary[summary["status"] == "not_estimated"]
    assert missing["median"].isna().all()
    assert (missing["reason"] != "").all()
    signed = summary[summary["estimand"].str.match("(nadir|mean_igg|days_below)_change_at[tc]")]
    assert signed["p_positive"].isna().all()
    day = summary[summary["estimand"] == "nadir_day_change_att"].iloc[0]
    assert 0.0 <= day["p_positive"] <= 1.0
    assert "end of the window" in day["reason"]


def test_the_true_changes_of_the_example_lie_in_the_intervals() -> None:
    """truth/nadir.csv holds each patient's nadir without the infusions; 95 % intervals of 14, one miss expected."""
    truth = pd.read_csv(EXAMPLE / "truth" / "nadir.csv").set_index("patient_id")
    true_change = truth["nadir"] - truth["nadir_without_ivig"]
    effect = example_effect()
    rows = effect.patients[effect.patients["estimand"] == "nadir_change"].set_index("patient_id")
    treated = rows[rows["treated"]]
    assert len(treated) == (true_change != 0).sum() == 14
    inside = [row.lower - 1e-6 <= true_change[name] <= row.upper + 1e-6 for name, row in treated.iterrows()]
    assert sum(inside) >= 12
    mean = effect.estimand("nadir_change_att")
    assert mean["lower"] <= true_change[treated.index].mean() <= mean["upper"]
    assert mean["upper"] - mean["lower"] < 50.0
    np.testing.assert_array_equal(rows.loc[~rows["treated"], "median"], 0.0)
    naive = effect.estimand("naive_raw_nadir_difference")
    assert naive["median"] < 0.0 < mean["lower"]  # the puzzle: the groups say the opposite


def test_a_cohort_with_known_truth_is_recovered(tmp_path: Path) -> None:
    """40 patients dosed because IgG fell: the mean change of days below and of the nadir against the truth."""
    design = (EXAMPLE / "design.toml").read_text(encoding="utf-8")
    larger = design.split("[outcomes")[0].replace("n = 17", "n = 30").replace("n = 6", "n = 10")
    simulated = simulate_cohort(larger, seed=7)
    write_simulation(simulated, tmp_path)
    cohort = read_cohort(tmp_path)
    effect = effect_of(cohort, good_sampling(fitted_posterior(cohort, 200)), CARD, EffectOptions())
    truth = pd.read_csv(tmp_path / "truth" / "nadir.csv").set_index("patient_id")
    who = effect.in_posterior(treated=True)
    assert len(who) >= 15
    true_mean = (truth["nadir"] - truth["nadir_without_ivig"])[who].mean()
    row = effect.estimand("nadir_change_att")
    assert row["lower"] <= true_mean <= row["upper"]
    assert true_mean > 20.0


def test_the_posterior_table_holds_the_draws_behind_each_row() -> None:
    effect = example_effect()
    assert len(effect.posterior) == 400
    assert effect.posterior["chain"].nunique() == 2
    row = effect.estimand("nadir_change_att")
    values = effect.posterior["nadir_change_att"]
    assert np.median(values) == pytest.approx(row["median"])
    assert np.mean(values > 50.0) == pytest.approx(row["p_above_minimum"])
    assert "days_below_change_att_400" in effect.posterior
    assert {"a", "b"} <= set(effect.posterior)


def test_every_patient_has_a_row_and_a_reason_where_nothing_can_be_given() -> None:
    cohort, posterior = example_cohort(), example_posterior()
    without = replace(
        posterior,
        patient_ids=posterior.patient_ids[1:],
        theta=posterior.theta[:, :, 1:],
        problems=posterior.problems[1:],
        modified=posterior.modified[1:],
    )
    sampling = good_sampling(without, left_out={"IVIG-01": "a change that no dose explains"})
    effect = effect_of(cohort, sampling, CARD, EffectOptions())
    assert list(dict.fromkeys(effect.patients["patient_id"])) == list(cohort.patient_ids)
    (row,) = effect.patients[effect.patients["patient_id"] == "IVIG-01"].to_dict("records")
    assert (row["status"], row["reason"]) == ("not_estimated", "a change that no dose explains")
    assert row["treated"]
    below = effect.summary[effect.summary["estimand"] == "days_below_change_att"].iloc[0]
    assert below["reason"] == "no threshold given"


def test_extensions_give_ratios_with_probabilities_above_one() -> None:
    cohort, base = example_cohort(), example_posterior()
    generator = np.random.default_rng(3)
    theta = base.theta.copy()
    theta[..., CLEARANCE_RATIO] = np.exp(0.2 + 0.1 * generator.standard_normal(theta.shape[:2]))[:, :, None]
    other = replace(base, theta=theta, extension="clearance_ratio")
    verdicts = {"clearance_ratio": "good"}
    sampling = good_sampling(base, extensions={"clearance_ratio": other}, extension_verdicts=verdicts)
    effect = effect_of(cohort, sampling, CARD, EffectOptions())
    ratio = effect.estimand("clearance_ratio_under_ivig")
    assert ratio["median"] == pytest.approx(np.exp(0.2), rel=0.02)
    assert ratio["p_positive"] == pytest.approx(0.977, abs=0.03)
    assert effect.estimand("production_ratio_under_ivig")["status"] == "not_estimated"
    table = effect.extensions.set_index("model")
    assert list(table.index) == ["base", "clearance_ratio"]
    assert table.loc["clearance_ratio", "nadir_change_att"] < table.loc["base", "nadir_change_att"]


def test_covariates_adjust_and_are_named() -> None:
    cohort, posterior = example_cohort(), example_posterior()
    people = cohort.patients.set_index("patient_id").loc[list(posterior.patient_ids)]
    weights = people["weight_kg"].to_numpy(dtype=float)
    sampling = good_sampling(
        posterior, covariates=((weights - weights.mean()) / weights.std())[:, None], labels=("weight_kg",)
    )
    row = effect_of(cohort, sampling, CARD, EffectOptions()).estimand("adjusted_fitted_nadir_difference")
    assert row["status"] == "estimated"
    assert "adjusted for weight_kg" in row["reason"]


def test_the_card_alone_is_told_beside_what_was_learnt() -> None:
    prior = example_effect().prior.set_index("estimand")
    rise = prior.loc["rise_per_0.1_g_per_kg_day_28"]
    assert rise["prior_upper"] - rise["prior_lower"] > 2 * (rise["upper"] - rise["lower"])
    assert rise["contraction"] > 0.7
    assert rise["evidence"] == "strong"


def test_what_patients_share_stands_beside_its_prior_and_the_source_of_it() -> None:
    shared = example_effect().population.set_index("parameter")
    assert list(shared.index) == ["a", "b"]  # all that these draws of single-patient fits hold of the population
    assert shared.loc["a", "unit"] == "mg/dL"
    assert shared.loc["a", "median"] == pytest.approx(20.0)
    assert shared.loc["a", "prior_median"] == pytest.approx(20.0, rel=0.1)
    assert "adult_b_cell_depletion" in shared.loc["b", "prior_source"]
    assert shared.loc["b", "contraction"] == pytest.approx(1.0)


def test_contraction_of_what_cannot_be_negative_is_on_the_log_scale() -> None:
    generator = np.random.default_rng(1)
    wide, narrow = (np.exp(sd * generator.standard_normal((1, 4000))) for sd in (0.4, 0.2))
    before, after = (replace(example_posterior(), population={"omega_CL": one}) for one in (wide, narrow))
    (row,) = population_rows(before, after, {"omega_CL": "card x"}, "g/L", 0.9).to_dict("records")
    assert row["contraction"] == pytest.approx(0.75, abs=0.03)
    assert (row["unit"], row["prior_source"], row["level"]) == ("1", "card x", 0.9)
    assert np.log(row["prior_upper"]) == pytest.approx(0.4 * 1.645, rel=0.06)


def test_replicates_of_a_true_model_lie_where_they_should() -> None:
    """Draws that are the truth, measurements drawn from it: ranks are uniform."""
    generator = np.random.default_rng(11)
    made = [drawn(planned(patient_id=f"P{i:03}"), generator) for i in range(40)]
    cohort, posterior = of_truth([one.patient for one in made], [one.theta for one in made], n=1000)
    checks = effect_of(cohort, good_sampling(posterior), CARD, EffectOptions()).checks
    assert checks["inside_50"].mean() == pytest.approx(0.5, abs=0.06)
    assert checks["inside_90"].mean() == pytest.approx(0.9, abs=0.04)
    assert checks["mean_rank"].mean() == pytest.approx(0.5, abs=0.03)


def test_times_to_first_below_come_earlier_without_the_infusions() -> None:
    below = example_effect().first_below.set_index(["group", "infusions"])
    assert below.loc[("infused", "removed"), "median_day"] < below.loc[("infused", "as recorded"), "median_day"]
    assert below.loc[("infused", "removed"), "n"] == 14


def test_a_seed_gives_the_same_numbers_and_jobs_change_none() -> None:
    cohort, sampling = example_cohort(), good_sampling(example_posterior())
    one, two = (effect_of(cohort, sampling, CARD, EffectOptions(thresholds=(400.0,), jobs=jobs)) for jobs in (1, 2))
    for table in ("summary", "patients", "posterior", "prior", "checks", "first_below"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table), check_exact=True)


def test_a_control_regimen_file_is_read_or_refused_with_every_fault(tmp_path: Path) -> None:
    file = tmp_path / "regimen.toml"
    file.write_text("dose_g_per_kg = 0.4\ninterval_day = 28\n", encoding="utf-8")
    regimen = read_control_regimen(file, example_cohort())
    effect = effect_of(example_cohort(), good_sampling(example_posterior()), CARD, EffectOptions(), regimen=regimen)
    assert effect.estimand("nadir_change_atc")["median"] > 100.0
    file.write_text("dose_g_per_kg = 0.4\nintervall_day = 28\n", encoding="utf-8")
    with pytest.raises(InputError, match="interval_day"):
        read_control_regimen(file, example_cohort())
    file.write_text(
        "rule = { below_mg_dl = 400, check_every_day = 7, minimum_gap_day = 21, dose_g_per_kg = 0.4 }\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="measured under a rule"):
        read_control_regimen(file, example_cohort())


def test_every_choice_that_cannot_be_carried_out_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        EffectOptions(
            thresholds=(-1.0,),
            rope=(5.0, 1.0),
            sampler="gibbs",
            draws=3,
            chains=0,
            level=2.0,
            lkj=0.0,
            residual="cauchy",
        )
    named = {problem.column for problem in caught.value.problems}
    assert named == {"thresholds", "rope", "sampler", "draws", "chains", "level", "lkj", "residual"}
