"""The average over structures and drift: equal models once, weights that add up, courses off the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.cohort.model import Patient
from igkinetics.cohort.windows import Window
from igkinetics.fit.common_steps import lasting_step
from igkinetics.fit.nadirs import fitted_nadir
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.result import PatientFit
from igkinetics.fit.structures import HEAVY_TAILED, UNLIKE
from igkinetics.fit.weights import FIT
from made_records import CYCLES, SETTINGS, drawn, prior_of, record

DAYS = (-3.0, 10.0, 25.0, 40.0, 55.0, 75.0, 90.0, 110.0, 130.0, 150.0)


def patient_of(days: tuple[float, ...] = DAYS, *, therapy: tuple[tuple[float, float], ...] = CYCLES) -> Patient:
    plan = record(samples=[(day, 1.0) for day in days], therapy=therapy)
    return drawn(plan, np.random.default_rng(6)).patient


def fit_of(patient: Patient, **choices: object) -> PatientFit:
    return fit_patient(patient, prior_of, replace(SETTINGS, **choices))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fit() -> PatientFit:
    return fit_of(patient_of())


def test_weights_add_up_and_draws_are_as_heavy_as_they_say(fit: PatientFit) -> None:
    weights = np.array([row.weight for row in fit.alternatives])
    assert weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert sum(row.prior_weight for row in fit.alternatives) == pytest.approx(1.0)
    averaged = fit.all_draws()
    assert averaged.theta.shape == (SETTINGS.draws, 13)
    for row in fit.alternatives:
        if row.drift_sd > 0:
            assert np.mean(averaged.drift_sd == row.drift_sd) == pytest.approx(row.weight, abs=0.04)
    one = sum(row.weight for row in fit.alternatives if row.model.startswith("one_"))
    assert np.mean(averaged.theta[:, 2] == 0.0) == pytest.approx(one, abs=0.01)  # Q = 0


def test_weights_are_prior_times_marginal_likelihood_and_the_latter_is_near_that_of_laplace(fit: PatientFit) -> None:
    rows = [row for row in fit.alternatives if row.prior_weight > 0 and row.weight > 0.01]
    scores = np.array([np.log(row.prior_weight) + row.log_marginal - np.log(row.weight) for row in rows])
    assert scores == pytest.approx(scores[0], abs=1e-6)
    for row in rows:
        hessian = row.problem.hessian(row.x) / 2
        laplace = -0.5 * row.objective + 0.5 * row.x.size * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(hessian)[1]
        assert row.log_marginal == pytest.approx(laplace, abs=0.5)


def test_the_likelihood_is_comparable_between_structures(fit: PatientFit) -> None:
    for row in fit.alternatives:
        z = (row.x - row.problem.mu) / row.problem.sd
        prior = np.sum(z**2 + np.log(2 * np.pi * row.problem.sd**2))
        assert row.minus_two_log_likelihood + prior == pytest.approx(row.objective, abs=1e-6)


@pytest.mark.parametrize(
    ("therapy", "names", "distinct"),
    [
        (((0.0, np.inf),), ("gradual_loss",), 3),  # loss and recovery, step loss, in one and two compartments
        (((500.0, np.inf),), ("gradual_loss", "step_loss", "constant"), 1),  # therapy after the last sample
    ],
)
def test_equal_models_are_counted_once(
    therapy: tuple[tuple[float, float], ...], names: tuple[str, ...], distinct: int
) -> None:
    rows = fit_of(patient_of(therapy=therapy)).alternatives
    others = [row for row in rows[3:] if row.prior_weight > 0 and row.note not in (UNLIKE, HEAVY_TAILED)]
    assert len(others) == distinct
    assert sum(row.prior_weight for row in others) == pytest.approx(FIT.others)
    for row in rows[3:]:
        if row.model.split("/")[1] in names:
            assert row.note in (UNLIKE, HEAVY_TAILED) or (row.weight == 0.0 and "counted once" in row.note)


def test_one_structure_without_drift_is_the_single_curve() -> None:
    fit = fit_of(patient_of(), average=False, drift=False)
    assert [row.weight for row in fit.alternatives if row.weight > 0] == pytest.approx([1.0])
    assert not fit.all_draws().drift_sd.any()
    assert (fit.all_draws().theta[:, 2] > 0).all()


def test_an_illness_gives_drift_its_weight_and_its_days_and_a_wider_interval() -> None:
    """-30 % between days 60 and 100, which no dose or therapy explains, too gentle to be called a sudden change."""
    days = tuple(np.linspace(-3.0, 180.0, 20))
    patient = patient_of(days)
    dip = 1.0 - 0.3 * np.exp(-0.5 * ((patient.sample_day - 80.0) / 12.0) ** 2)
    ill = replace(patient, sample_igg=patient.sample_igg * dip)
    window = Window(start=0.0, end=180.0, reason="test")
    well, sick = fit_of(patient), fit_of(ill)
    assert sick.all_draws().drift_weight > 0.5 > well.all_draws().drift_weight
    found = fitted_nadir(sick, window, 3.0, (), 0.95, 1)
    assert 50.0 <= found.off_from <= found.off_until <= 110.0
    single = fitted_nadir(fit_of(ill, average=False, drift=False), window, 3.0, (), 0.95, 1)
    assert found.total.upper - found.total.lower > single.total.upper - single.total.lower
    assert found.total.value < single.total.value


def test_another_unit_or_another_order_of_sample_and_dose_is_asked_about() -> None:
    patient = patient_of()
    slipped = fit_of(replace(patient, sample_igg=patient.sample_igg / 10.0))
    assert any("everything x 10 would fit: is the unit right?" in note for note in slipped.notes)
    assert not any("would fit" in note for note in fit_of(patient).notes)
    dosed = replace(
        patient,
        dose_day=np.array([55.0]),
        dose_g=np.array([60.0]),
        dose_duration_day=np.array([0.1]),
        dose_is_sc=np.zeros(1, dtype=bool),
    )
    after = patient.sample_igg.copy()
    later = patient.sample_day > 55.0
    after[patient.sample_day == 55.0] += 15.0
    after[later] += 8.0 * np.exp(-0.03 * (patient.sample_day[later] - 55.0))
    mixed = fit_of(replace(dosed, sample_igg=after))
    assert mixed.status == "unexplained_change"
    assert "60 g was given that day; was the sample after it?" in mixed.reason


def test_far_off_values_give_weight_to_heavy_tailed_error() -> None:
    """Two values of twenty are 40 % off: neither is odd enough to be set aside, and no drift is so short."""
    patient = patient_of(tuple(np.linspace(-3.0, 180.0, 20)))
    off = patient.sample_igg.copy()
    off[8] *= 1.4
    off[12] *= 0.6
    weights = [
        {row.note: row.weight for row in fit_of(replace(patient, sample_igg=igg)).alternatives}[HEAVY_TAILED]
        for igg in (patient.sample_igg, off)
    ]
    assert weights[1] > 2.0 * weights[0]


def test_another_laboratory_in_one_patient_is_named_where_many_samples_tell_it() -> None:
    plan = record(samples=[(day, 1.0) for day in np.linspace(-6.0, 190.0, 30)], therapy=CYCLES)
    patient = drawn(plan, np.random.default_rng(3)).patient
    later = patient.sample_day >= 95.0
    same, other = (
        lasting_step(fit_of(replace(patient, sample_igg=patient.sample_igg * np.where(later, factor, 1.0))))
        for factor in (1.0, 1.25)
    )
    assert same is None
    assert other is not None
    assert 85.0 <= other.day <= 110.0
    assert other.size == pytest.approx(0.25, abs=0.12)
