"""The population level as data: offsets, classes of agents, covariates, priors, and who takes part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Patient
from igkinetics.errors import InputError
from igkinetics.hierarchical import members as members_module
from igkinetics.hierarchical.covariates import cohort_covariates
from igkinetics.hierarchical.fit import HierarchicalOptions, exchanged, prepare_cohort, without_covariates
from igkinetics.hierarchical.members import cohort_members, modified_days
from igkinetics.kinetics.parameters import INDEX
from made_records import cohort_of, drawn, planned, record

CARD = load_card("adult_b_cell_depletion")


def patients(n: int = 4) -> list:
    generator = np.random.default_rng(21)
    doses: list[list[tuple[float, float]]] = [[], [(30.0, 28.0)], [], []]
    found = [drawn(planned(patient_id=f"P{k}", doses=doses[k]), generator).patient for k in range(n)]
    found[2] = replace(found[2], agents=("teclistamab",) * 3)
    found[3] = replace(found[3], weight_kg=100.0)
    return found


def test_weight_enters_by_the_cards_form_and_s_by_class_of_agent() -> None:
    prepared = prepare_cohort(cohort_of(patients()), CARD, HierarchicalOptions())
    population = prepared.population("base")
    cl = population.names.index("CL")
    assert population.offset[3, cl] - population.offset[0, cl] == pytest.approx(0.75 * np.log(100.0 / 70.0))
    assert [label for label in population.labels if label.startswith("S_")] == ["S_cd19", "S_bcma"]
    moved = population.prior_mean.copy()
    moved[population.labels.index("S_bcma")] += 0.3
    mu, *_ = population.parts(moved)
    s = population.names.index("S")
    np.testing.assert_allclose((mu - population.offset)[:, s], [0.0, 0.0, 0.3, 0.0])


def test_priors_are_the_cards_and_say_where_they_come_from() -> None:
    population = prepare_cohort(cohort_of(patients()), CARD, HierarchicalOptions()).population("joint")
    sd = dict(zip(population.labels, population.prior_sd, strict=True))
    assert sd["CL"] == 0.15
    assert sd["k_rec"] == 0.5
    assert sd["S_cd19"] == 0.85
    assert sd["omega_S"] == 0.4
    assert (sd["a"], sd["b"]) == (0.5, 0.25)
    assert (sd["clearance_ratio"], sd["production_ratio"]) == (0.15, 0.15)
    assert set(population.sources) >= {label for label, value in sd.items() if value > 0}
    base = prepare_cohort(cohort_of(patients()), CARD, HierarchicalOptions()).population("base")
    assert base.prior_sd[-2:].tolist() == [0.0, 0.0]


def with_covariates() -> object:
    cohort = cohort_of(patients())
    table = cohort.patients.assign(group=["A", "A", "B", "B"], age_y=[40.0, 60.0, np.nan, 50.0], same=1.0)
    return replace(cohort, patients=table)


def test_covariates_are_standardised_and_missing_ones_have_a_column_of_their_own() -> None:
    found = cohort_covariates(with_covariates(), ["P0", "P1", "P2", "P3"], ["age_y", "group"])
    assert found.labels == ("age_y", "age_y=missing", "group=B")
    known = found.values[[0, 1, 3], 0]
    assert known.mean() == pytest.approx(0.0)
    assert known.std() == pytest.approx(1.0)
    assert found.values[2, 0] == 0.0
    np.testing.assert_allclose(found.values[:, 2], [-0.5, -0.5, 0.5, 0.5])
    assert "missing for 1 of 4" in found.notes[0]


def test_unknown_and_constant_covariates_are_named_together() -> None:
    with pytest.raises(InputError) as refused:
        cohort_covariates(with_covariates(), ["P0", "P1", "P2", "P3"], ["ages_y", "same"])
    said = str(refused.value)
    assert "did you mean age_y?" in said
    assert "must differ between patients" in said


def test_no_group_effect_on_s_beside_a_production_ratio() -> None:
    prepared = prepare_cohort(with_covariates(), CARD, HierarchicalOptions(covariates=("group",)))
    free = dict(zip(prepared.population("base").labels, prepared.population("base").prior_sd, strict=True))
    held = dict(zip(prepared.population("base").labels, prepared.population("production_ratio").prior_sd, strict=True))
    assert free["S:group=B"] == pytest.approx(0.25)
    assert held["S:group=B"] == 0.0
    assert held["CL:group=B"] == free["CL:group=B"] == pytest.approx(0.175)


def test_who_is_left_out_and_why() -> None:
    people = patients()
    people.append(record("empty", samples=[]))
    people.append(record("odd", samples=[(0.0, 6.0), (10.0, 5.5), (20.0, 5.2), (30.0, 50.0), (40.0, 4.9), (60.0, 4.5)]))
    found = cohort_members(cohort_of(people), CARD)
    members, left_out = found.members, found.left_out
    assert [member.patient.patient_id for member in members] == ["P0", "P1", "P2", "P3", "odd"]
    assert left_out == {"empty": "no IgG sample within follow-up"}
    with pytest.raises(InputError, match="at least 2 patients"):
        prepare_cohort(cohort_of(people[:1]), CARD, HierarchicalOptions())


ODD = [(0.0, 6.0), (10.0, 5.5), (20.0, 5.2), (30.0, 50.0), (40.0, 4.9), (60.0, 4.5)]


def test_one_odd_sample_is_set_aside_and_its_patient_stays() -> None:
    found = cohort_members(cohort_of([*patients(), record("odd", samples=ODD)]), CARD)
    (member,) = (one for one in found.members if one.patient.patient_id == "odd")
    assert member.problem.day.tolist() == [0.0, 10.0, 20.0, 40.0, 60.0]
    assert "day 30: 5000 mg/dL fits no curve" in found.set_aside["odd"]
    whole = cohort_members(cohort_of([*patients(), record("odd", samples=ODD)]), CARD, keep_all=True)
    assert whole.members[-1].problem.day.size == 6
    heavy = cohort_members(cohort_of([record("odd", samples=ODD)]), CARD, residual="student_t")
    assert heavy.members[0].problem.day.size == 6  # heavy tails take it as it is


def test_a_course_that_nothing_explains_is_left_out_and_can_be_asked_back() -> None:
    jump = [(day, 6.0 if day < 45 else 14.0) for day in (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)]
    cohort = cohort_of([*patients(), record("jump", samples=jump)])
    found = cohort_members(cohort, CARD)
    assert found.unexplained == ("jump",)
    assert "than recorded doses" in found.left_out["jump"]
    assert cohort_members(cohort, CARD, keep_all=True).unexplained == ()


def test_an_unexpected_error_is_that_patients_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(cohort: object, patient: Patient, *rest: object) -> str:
        if patient.patient_id == "P1":
            raise np.linalg.LinAlgError("Singular matrix")
        return ""

    monkeypatch.setattr(members_module, "why_refused", broken)
    found = cohort_members(cohort_of(patients()), CARD)
    assert found.failed == ("P1",)
    assert found.left_out["P1"] == "failed unexpectedly (LinAlgError: Singular matrix)"
    assert len(found.members) == 3


def test_a_second_disposition_takes_q_and_v2_of_another_card() -> None:
    prepared = prepare_cohort(cohort_of(patients()), CARD, HierarchicalOptions())
    other = exchanged(prepared, load_card("zhang_2020"))
    q, v2 = INDEX["Q"], INDEX["V2"]
    assert prepared.arrays.fixed[0, [q, v2]].tolist() == pytest.approx([0.55, 2.0])
    assert other.arrays.fixed[0, [q, v2]].tolist() == pytest.approx([0.26, 4.44])
    rest = [np.delete(one.arrays.fixed, [q, v2], 1) for one in (other, prepared)]
    np.testing.assert_array_equal(*rest)


def test_covariates_are_held_at_nothing() -> None:
    population = prepare_cohort(with_covariates(), CARD, HierarchicalOptions(covariates=("group",))).population("base")
    sd = dict(zip(population.labels, without_covariates(population).prior_sd, strict=True))
    assert sd["CL"] == 0.15
    assert all(value == 0.0 for label, value in sd.items() if ":" in label)


def test_height_and_sex_reach_a_card_that_needs_them() -> None:
    card = load_card("li_2022")
    cohort = cohort_of(patients())
    table = cohort.patients.assign(height_cm=[170.0, 160.0, 180.0, np.nan], sex=["male", "female", "male", "male"])
    found = cohort_members(replace(cohort, patients=table), card)
    members, left_out = found.members, found.left_out
    assert [member.patient.patient_id for member in members] == ["P1"]
    refused = {name for name, why in left_out.items() if "height" in why}
    assert refused == {"P3"}  # the others fell under therapy, which this card's constant own IgG does not explain
    lean = 0.252 * 70.0 + 0.473 * 160.0 - 48.3  # Boer, women
    assert members[0].prior.typical["CL"] == pytest.approx(0.183 * (lean / 47.0) ** 0.75, rel=1e-6)


def test_ratios_act_from_the_first_infusion_to_35_days_after_the_last() -> None:
    assert modified_days(record("P", samples=[(0.0, 5.0)], doses=[(10.0, 30.0), (40.0, 30.0)]).dose_day) == (10.0, 75.0)
    assert modified_days(record("P", samples=[(0.0, 5.0)]).dose_day) is None
