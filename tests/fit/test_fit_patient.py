"""Statuses of a patient, changes that nothing recorded explains, and conflict with the prior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.fit.cohort_checks import contraction, learnt_of, prior_conflict
from igkinetics.fit.patient import fit_patient
from igkinetics.fit.result import PatientFit
from made_records import SETTINGS, WELL_SAMPLED, drawn, planned, prior_of, record

QUICK = replace(SETTINGS, draws=200)


def fitted(patient: object, **changes: object) -> PatientFit:
    return fit_patient(patient, prior_of, replace(QUICK, **changes))  # type: ignore[arg-type]


def with_lost_share(share: float, after_day: float) -> PatientFit:
    """An untreated patient at 6 g/L with exact measurements, who loses a share of it; half is back in 25 days."""
    days = np.linspace(-3.0, 200.0, 15)
    levels = np.where(days > after_day, 6.0 * (1.0 - share * 0.5 ** ((days - after_day) / 25.0)), 6.0)
    return fitted(record(samples=list(zip(days, levels, strict=True)), therapy=()))


def test_a_patient_who_follows_the_model_has_no_unexplained_change() -> None:
    for seed in range(8):
        assert fitted(drawn(planned(), np.random.default_rng(seed)).patient).status == "fitted"


@pytest.mark.parametrize("share, side", [(0.7, "lower"), (-1.5, "higher")])
def test_a_sudden_change_is_named_with_its_days_levels_and_side(share: float, side: str) -> None:
    day = 60.0
    fit = with_lost_share(share, day)
    assert fit.status == "unexplained_change"
    gaps = [change for change in fit.changes if change.kind == "sudden change"]
    assert any(change.day_before <= day <= change.day_after for change in gaps)
    assert all((change.z < 0) == (side == "lower") for change in gaps)
    assert f"{side} than recorded doses and therapy explain" in fit.reason
    assert "mg/dL" in fit.reason


def test_a_mixed_up_sample_is_named_alone() -> None:
    true = drawn(planned(), np.random.default_rng(2))
    levels = true.levels.copy()
    levels[7] *= 4.0
    fit = fitted(replace(true.patient, sample_igg=levels))
    assert fit.status == "unexplained_change"
    assert [(change.kind, change.day_before) for change in fit.changes] == [("odd sample", WELL_SAMPLED[7])]


def test_a_recorded_infusion_explains_what_an_unrecorded_one_does_not() -> None:
    true = drawn(planned(doses=[(70.0, 60.0)]), np.random.default_rng(3))
    told = replace(true.patient, sample_igg=true.levels)
    untold = replace(
        told,
        dose_day=told.dose_day[:0],
        dose_g=told.dose_g[:0],
        dose_duration_day=told.dose_duration_day[:0],
        dose_is_sc=told.dose_is_sc[:0],
    )
    assert fitted(told).status == "fitted"
    fit = fitted(untold)
    assert fit.status == "unexplained_change"
    assert any(change.day_before <= 70.0 <= change.day_after and change.z > 0 for change in fit.changes)


@pytest.mark.parametrize(
    "samples, limits, use_prior, status",
    [
        ([], None, True, "no_samples"),
        ([(10.0, 5.0)], None, True, "prior_only"),
        ([(10.0, 0.4), (20.0, 0.4)], [-1, -1], True, "prior_only"),
        ([(0.0, 6.0), (20.0, 5.0)], None, True, "fitted"),
        ([(0.0, 6.0), (20.0, 5.0), (40.0, 4.0)], None, False, "too_few_samples"),
    ],
)
def test_status_of_short_records(
    samples: list[tuple[float, float]], limits: list[int] | None, use_prior: bool, status: str
) -> None:
    fit = fitted(record(samples=samples, limits=limits), use_prior=use_prior)
    assert fit.status == status
    assert (fit.reason == "") == (status == "fitted")
    assert (fit.draws is None) == (status not in ("fitted", "prior_only"))


def test_without_therapy_the_level_is_fitted_with_constant_production_and_this_is_said() -> None:
    fit = fitted(record(samples=[(0.0, 6.0), (20.0, 5.8), (40.0, 6.1)], therapy=()))
    assert fit.fitted()[0].model == "two_compartment/constant"
    assert "no therapy rows: fitted with constant production" in fit.notes


def test_more_samples_teach_more_and_nothing_is_learnt_of_what_no_sample_shows() -> None:
    plan = planned()
    true = drawn(plan, np.random.default_rng(11))
    every = contraction(fitted(replace(plan, sample_igg=true.levels)))
    sparse = plan.sample_day[[0, 1]]
    few = contraction(fitted(record(samples=list(zip(sparse, true.levels[[0, 1]], strict=True)))))
    assert every["S"] > few["S"] + 0.3
    assert every["C_base"] > few["C_base"]
    assert few["k_rec"] < 0.3


def test_patients_from_the_card_do_not_conflict_and_shifted_ones_do() -> None:
    plans = [drawn(planned(patient_id=f"P{seed}"), np.random.default_rng(100 + seed)) for seed in range(12)]
    own = prior_conflict(learnt_of([fitted(one.patient) for one in plans])).set_index("parameter")
    assert not own["flagged"].any()
    raised = [fitted(replace(one.patient, sample_igg=one.patient.sample_igg * 5.0)) for one in plans]
    conflict = prior_conflict(learnt_of(raised)).set_index("parameter")
    assert conflict.loc["C_base", "flagged"]
    assert conflict.loc["C_base", "mean_eta"] > 1.0
