"""Rise per dose and half-life against closed forms; contrasts of groups against their textbook intervals."""

from __future__ import annotations

import numpy as np
import pytest
from made_posteriors import of_truth
from scipy import stats
from treatments import vector

from igkinetics.effect.averages import rises
from igkinetics.effect.contrasts import adjusted_difference, mean_difference, measured_difference, shrinkage
from igkinetics.effect.estimand_row import Criteria, Estimand, effect_row, rope_verdict
from igkinetics.effect.exposure import exposures
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.schedule import build_schedule
from made_records import planned

DAYS = (-3.0, 40.0, 168.0)


def rises_of(
    *thetas: np.ndarray, weights: tuple[float, ...] = (70.0, 70.0), extension: str = "base"
) -> dict[str, Estimand]:
    from dataclasses import replace

    plans = [
        replace(planned(DAYS, doses=((10.0, 28.0),), patient_id=f"P{i}"), weight_kg=weight)
        for i, weight in zip(range(len(thetas)), weights, strict=False)
    ]
    cohort, posterior = of_truth(plans, list(thetas), extension=extension)
    return {one.name: one for one in rises(posterior, exposures(cohort, posterior, 70.0))}


def test_one_compartment_rise_is_dose_over_volume_decaying() -> None:
    found = rises_of(vector(Q=0.0, V1=5.0))
    for day in (7.0, 14.0, 28.0):
        truth = 0.1 * 70.0 / 5.0 * np.exp(-0.155 / 5.0 * day)
        np.testing.assert_allclose(found[f"rise_per_0.1_g_per_kg_day_{day:g}"].draws, truth, rtol=1e-13)
    assert not found["rise_per_0.1_g_per_kg_day_0"].estimated
    assert "one compartment" in found["rise_per_0.1_g_per_kg_day_0"].reason
    np.testing.assert_allclose(found["infused_half_life"].draws, np.log(2) * 5.0 / 0.155, rtol=1e-13)


def test_two_compartment_rise_is_the_curve_after_a_bolus_averaged_over_patients() -> None:
    thetas = [vector(), vector(CL=0.25, V1=2.4)]
    found = rises_of(*thetas, weights=(70.0, 50.0))
    each = []
    for theta, weight in zip(thetas, (70.0, 50.0), strict=True):
        schedule = build_schedule(
            start_day=0.0, dose_day=[0.0], dose_g=[0.1 * weight], dose_duration_day=[0.0], dose_is_sc=[False]
        )
        each.append(igg_curve(theta, schedule, np.array([1e-12, 7.0, 14.0, 28.0]))[1])
    for place, day in enumerate((0, 7, 14, 28)):
        draws = found[f"rise_per_0.1_g_per_kg_day_{day}"].draws
        np.testing.assert_allclose(draws, np.mean(each, axis=0)[place], rtol=1e-9)


def test_the_clearance_that_holds_under_ivig_is_the_one_that_counts() -> None:
    ratio = rises_of(vector(clearance_ratio=1.4), extension="clearance_ratio")
    plain = rises_of(vector(CL=0.155 * 1.4))
    for name in ("rise_per_0.1_g_per_kg_day_28", "infused_half_life"):
        np.testing.assert_allclose(ratio[name].draws, plain[name].draws, rtol=1e-13)


def test_apparent_recovery_is_the_cards_volume_over_the_patients() -> None:
    np.testing.assert_allclose(rises_of(vector(V1=3.2))["apparent_recovery"].draws, 1.0, rtol=1e-12)
    found = rises_of(vector(V1=1.6), vector(V1=6.4))["apparent_recovery"].draws
    np.testing.assert_allclose(found, 1.0, rtol=1e-12)  # geometric mean of 2 and 1/2
    np.testing.assert_allclose(rises_of(vector(V1=1.6))["apparent_recovery"].draws, 2.0, rtol=1e-12)


def test_a_difference_of_means_has_the_interval_of_two_unequal_groups() -> None:
    generator = np.random.default_rng(5)
    values = np.concatenate([generator.normal(3.0, 0.5, 14), generator.normal(3.6, 1.0, 9)])
    ever = np.arange(23) < 14
    draws = mean_difference(np.broadcast_to(values, (200_000, 23)), ever, generator)
    welch = stats.ttest_ind(values[ever], values[~ever], equal_var=False).confidence_interval(0.95)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    assert np.mean(draws) == pytest.approx(values[ever].mean() - values[~ever].mean(), abs=0.003)
    assert lower == pytest.approx(welch.low, abs=0.03)  # Behrens-Fisher is a little wider than Welch
    assert upper == pytest.approx(welch.high, abs=0.03)


@pytest.mark.parametrize(("n_ever", "n_never"), [(14, 9), (2, 2), (2, 4)])
def test_known_values_give_their_own_difference_whatever_the_seed(n_ever: int, n_never: int) -> None:
    """The median is the difference of the data; the ends are those of Behrens-Fisher, by chance in mean_difference."""
    generator = np.random.default_rng(9)
    values, ever = generator.normal(3.0, 1.0, n_ever + n_never), np.arange(n_ever + n_never) < n_ever
    for n_draws in (400, 401):
        spread = measured_difference(values, ever, n_draws)
        assert spread.shape == (n_draws,)
        assert np.median(spread) == pytest.approx(values[ever].mean() - values[~ever].mean(), abs=1e-12)
    drawn = mean_difference(np.broadcast_to(values, (400_000, values.size)), ever, generator)
    np.testing.assert_allclose(
        np.quantile(spread, [0.1, 0.25, 0.75, 0.9]), np.quantile(drawn, [0.1, 0.25, 0.75, 0.9]), rtol=0.03, atol=0.02
    )


def test_uncertain_nadirs_widen_the_interval_as_their_variance_says() -> None:
    generator = np.random.default_rng(6)
    centre = generator.normal(3.0, 0.5, 40)
    values = centre + 0.8 * generator.standard_normal((100_000, 40))
    ever = np.arange(40) < 20
    draws = mean_difference(values, ever, generator)
    within = 0.8**2 * (1 / 20 + 1 / 20)
    between = np.mean(values[:, ever].var(axis=1, ddof=1) + values[:, ~ever].var(axis=1, ddof=1)) / 20 * 19 / 17
    assert draws.var() == pytest.approx(within + between, rel=0.03)


def test_regression_gives_the_textbook_coefficient_and_interval() -> None:
    generator = np.random.default_rng(7)
    covariate = generator.standard_normal(30)
    ever = (covariate + generator.standard_normal(30)) > 0
    y = 4.0 - 0.7 * covariate + 0.5 * ever + 0.3 * generator.standard_normal(30)
    design = np.column_stack([ever.astype(float), np.ones(30), covariate])
    draws = adjusted_difference(np.broadcast_to(y, (200_000, 30)), design, generator)
    fitted, residual, *_ = np.linalg.lstsq(design, y)
    error = np.sqrt(residual[0] / 27 * np.linalg.inv(design.T @ design)[0, 0])
    truth = stats.t(27, loc=fitted[0], scale=error).ppf([0.025, 0.5, 0.975])
    np.testing.assert_allclose(np.quantile(draws, [0.025, 0.5, 0.975]), truth, atol=0.01)
    naive = mean_difference(np.broadcast_to(y, (1000, 30)), ever, generator).mean()
    assert naive < truth[0] < 0.5 < truth[2]  # who has a high covariate is more often in the group


def test_shrinkage_is_the_share_of_variance_within_patients() -> None:
    generator = np.random.default_rng(8)
    centre = 2.0 * generator.standard_normal(4000)
    assert shrinkage(centre + generator.standard_normal((2000, 4000))) == pytest.approx(1 / 5, rel=0.05)
    assert shrinkage(np.ones((3, 4))) == 0.0


def test_units_verdicts_and_probabilities_of_a_row() -> None:
    draws = np.linspace(0.0, 2.0, 2001)  # g/L
    level = Estimand(name="x", group="g", kind="level", draws=draws, judged=True)
    row = effect_row(level, Criteria(level=0.9, unit="mg/dL", minimum_effect=150.0, rope=(-10.0, 5.0)))
    assert (row["median"], row["lower"], row["upper"]) == pytest.approx((100.0, 10.0, 190.0))
    assert row["p_positive"] == pytest.approx(2000 / 2001)
    assert row["p_above_minimum"] == pytest.approx(0.25, abs=1e-3)
    assert (row["rope_verdict"], row["unit"], row["status"]) == ("outside", "mg/dL", "estimated")
    bare = effect_row(level, Criteria(level=0.9, unit="g/L"))
    assert bare["rope_verdict"] == ""
    assert np.isnan(bare["p_above_minimum"])
    ratio = effect_row(Estimand(name="x", group="g", kind="ratio", draws=draws), Criteria(level=0.9, unit="mg/dL"))
    assert ratio["p_positive"] == pytest.approx(0.5, abs=1e-3)
    assert ratio["unit"] == "1"
    signed = effect_row(
        Estimand(name="x", group="g", kind="days", draws=draws, sign_given=True),
        Criteria(level=0.9, unit="mg/dL", minimum_effect=1.0, rope=(-1.0, 1.0)),
    )
    assert np.isnan(signed["p_positive"])
    assert np.isnan(signed["p_above_minimum"])


@pytest.mark.parametrize(
    "ends, expected", [((-5, 5), "inside"), ((11, 20), "outside"), ((-30, -11), "outside"), ((5, 15), "undecided")]
)
def test_rope_verdicts(ends: tuple[float, float], expected: str) -> None:
    assert rope_verdict(*ends, (-10.0, 10.0)) == expected
    assert rope_verdict(*ends, None) == ""
