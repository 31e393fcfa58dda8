"""Records that cannot be dosed, or only in part, and guidelines: each is told what to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.dose.facts import facts_of
from igkinetics.dose.guidelines import list_guidelines, load_guideline
from igkinetics.dose.options import DoseOptions
from igkinetics.dose.plan import Plan, plan_of

SHORT = {"draws": 150, "horizon": 84}


def plan(ward: Cohort, patient_id: str, **choices: Any) -> Plan:
    options = DoseOptions(**choices)
    return plan_of(ward, facts_of(ward, patient_id), options, load_card(options.card))


@pytest.mark.parametrize(
    ("patient_id", "choices", "told"),
    [
        ("P7", {"target": 5}, "patient: found 'P7'; must be a patient of ward\\w*: .*did you mean P07?"),
        ("P09", {"target": 5}, r"follow-up ended with death on 2024-03-01 \(day 51\): there is no next dose"),
        ("P12", {"target": 5}, "has no sample of IgG"),
        ("P07", {}, "target: found ''; needed: the level that IgG has to reach, in g/L"),
        ("P07", {"target": 500}, "found '500 g/L'; levels of IgG lie between 0.2 and 60 g/L; name the unit"),
        ("P07", {"target": 5, "unit": "mg/dL"}, "levels of IgG lie between 20 and 6000 mg/dL"),
        ("P07", {"target": 5, "unit": "mmol/L"}, "unit: found 'mmol/L'; must be one of"),
        ("P07", {"target": 5, "quantity": "through"}, "did you mean trough?"),
        ("P07", {"target": 5, "target_upper": 4}, "must be above the target, 5"),
        ("P07", {"target": 5, "vials": (5.0,)}, "is no option"),
        ("P07", {"target": 5, "horizon": 20.0}, "must hold one whole interval of a regimen: 21 days or more"),
        ("P07", {"target": 5, "start": "2024-05-29"}, r"must lie after the last sample, 2024-05-30 \(day 140\)"),
        ("P07", {"target": 5, "start": "soon"}, "must be a day of the record, or a date such as 2024-06-07"),
        ("P07", {"target": 5, "dose_g": [30000]}, r"0.25 to 300 g: is it in g, not in mg\?"),
        ("P07", {"target": 5, "dose_g": [0.4]}, "is 0.0053 g/kg at 75 kg"),
        ("P07", {"target": 5, "dose_g_per_kg": [400]}, "is it in g/kg, not in mg/kg"),
        ("P07", {"target": 5, "vial": [250]}, "no vial holds more than 100 g"),
        ("P11", {"target": 5, "start": "2024-02-07"}, r"must lie after the last .*, 2024-02-07"),
        ("P08", {"target": 5, "dose_g_per_kg": (0.4,)}, "P08 has no weight: write weight_kg in patients.csv, or name"),
        ("P08", {"guideline": "ontario_pid"}, "P08 has no weight"),
        ("P08", {"target": 5, "weight": "ideal"}, "weight: found 'ideal'; patient P08 has no weight"),
        ("P11", {"target": 5, "weight": "lean"}, "the lean weight of patient P11 needs height_cm and sex"),
        ("P07", {"target": 5, "dose_g": [30], "weight": "ideal"}, "goes with doses per kg, not with dose_g"),
        ("P07", {"target": 5, "dose_g": [30, 30.0]}, "dose_g: found '30'; must name each value once"),
        (
            "P08",
            {"target": 5, "guideline": "ontario_sid"},
            "the adjusted weight of patient P08 needs height_cm and sex",
        ),
        ("P07", {"guideline": "ontario_sid"}, "needed: ontario_sid aims at the lower limit of normal"),
        ("P07", {"guideline": "aaaai_2022"}, "needed: aaaai_2022 names no target"),
        ("P07", {"guideline": "ontario"}, "must be one of aaaai_2022.*did you mean ontario_"),
        ("P07", {"target": 5, "guideline": "ontario_pid", "route": "sc"}, "ontario_pid names no sc dose"),
        ("P07", {"target": 5, "route": "sc", "card": "tortorici_2019"}, "card tortorici_2019 has no absorption"),
    ],
)
def test_what_stands_in_the_way_is_told(ward: Cohort, patient_id: str, choices: dict[str, Any], told: str) -> None:
    with pytest.raises(igk.InputError, match=re.compile(told, re.DOTALL)):
        igk.dose_patient(ward, patient_id, **choices)


def test_everything_at_fault_is_told_at_once(ward: Cohort) -> None:
    choices = {"target": 500, "dose_g_per_kg": [0.4], "start": "soon", "card": "tortorici_2019", "route": "both"}
    with pytest.raises(igk.InputError) as error:
        igk.dose_patient(ward, "P08", **choices)
    assert {problem.column for problem in error.value.problems} == {"target", "dose_g_per_kg", "start", "route"}


def test_without_a_weight_doses_in_grams_are_found(ward: Cohort) -> None:
    result = igk.dose_patient(ward, "P08", target=4, vial=[5], **SHORT)
    assert "amounts of 5 to 60 g (no weight is known) in 28 days were tried" in " ".join(result.notes)
    assert result.dose["amount_g"].mod(5).eq(0).all()


def test_one_sample_is_enough_and_said_to_be_little(ward: Cohort) -> None:
    result = igk.dose_patient(ward, "P10", target=4, dose_g=[10, 30], route="both", **SHORT)
    assert set(result.dose["route"]) == {"iv", "sc"}
    assert any("sample" in note for note in result.notes)


def test_days_stand_for_dates_where_there_are_none() -> None:
    cohort = igk.read_cohort(Path(__file__).resolve().parents[2] / "data" / "blina23")
    result = igk.dose_patient(
        cohort, "control-02", target=4, unit="g/L", dose_g=[30], interval=[28], start=190, **SHORT
    )
    assert result.dose["start"].tolist() == ["190"]
    assert set(result.calendar["date"]) == {""}
    assert result.calendar["day"].tolist()[:2] == [190.0, 218.0]


def test_a_guideline_gives_doses_and_target_with_its_source(ward: Cohort) -> None:
    found = plan(ward, "P07", guideline="ontario_pid", vial=(2.5, 5.0, 10.0))
    assert found.limits == (5.0,)
    assert {one.interval_day for one in found.regimens} == {21.0, 28.0}
    assert sorted({one.dose_g for one in found.regimens}) == [30.0, 35.0, 37.5, 42.5, 45.0]  # 0.4 to 0.6 g/kg, 75 kg
    assert "Source: Ontario IG utilisation management (IGUM) guideline" in found.notes[0]
    adjusted = plan(ward, "P07", guideline="ontario_sid", target=7.0, route="iv")
    ideal = 50 + 2.3 * (175 / 2.54 - 60)
    assert min(one.dose_g or 0 for one in adjusted.regimens) == pytest.approx(
        0.4 * (ideal + 0.4 * (75 - ideal)), abs=0.01
    )
    trial = plan(ward, "P07", guideline="rational_pt", target=7.0)
    assert {(one.dose_g, one.interval_day, one.route) for one in trial.regimens} == {
        (18.75, 28.0, "iv"),
        (30.0, 28.0, "iv"),
        (7.5, 7.0, "sc"),
    }


def test_usual_doses_go_by_the_weight_that_was_named(ward: Cohort) -> None:
    """P10, 60 kg at 160 cm, has an ideal weight of 52.4 kg: 45.5 + 2.3 kg for each inch above 5 feet."""
    ideal = 45.5 + 2.3 * (160 / 2.54 - 60)
    for weight, kg in (("actual", 60.0), ("ideal", ideal)):
        found = plan(ward, "P10", target=5.0, weight=weight, interval=(28.0,))
        assert max(one.dose_g or 0 for one in found.regimens) == pytest.approx(kg, abs=2.5)
    assert "amounts of 0.1 to 1 g/kg of ideal weight in 28 days were tried" in " ".join(found.notes)


def test_doses_beside_a_guideline_and_beyond_replacement_are_told(ward: Cohort) -> None:
    notes = plan(ward, "P07", guideline="ontario_sid", target=7.0, dose_g=(40.0,), route="sc").notes
    assert any("so the doses of ontario_sid were not tried: 0.4 to 0.6 g/kg" in note for note in notes)
    assert any(note.startswith("40 g sc every 7 days is 2.1 g/kg in 28 days; replacement takes") for note in notes)
    assert not any("g/kg in 28 days;" in note for note in plan(ward, "P07", target=5.0, dose_g=(30.0,)).notes)


def test_levels_for_starting_are_told_beside_the_last_sample(ward: Cohort) -> None:
    notes = plan(ward, "P07", guideline="aaaai_2022", target=5.0).notes
    assert any(
        "below 4 g/L with recurrent infection; the last sample, 4.3 g/L, is not below it" in note for note in notes
    )
    assert any("below 7 g/L with infection" in note and note.endswith("is below it") for note in notes)
    children = plan(ward, "P07", guideline="uk_children_pid", target=5.0).notes
    assert any("is for children; this patient is 54 years old" in note for note in children)


@pytest.mark.parametrize("name", list_guidelines())
def test_every_guideline_can_be_read_and_says_where_it_is_from(name: str) -> None:
    guideline, digest = load_guideline(name)
    assert guideline.source
    assert len(digest) == 64
    for dose in guideline.dose:
        for amount in dose.dose_g_per_kg:
            words = (f"{amount:g}", f"{1000 * amount:g} mg/kg")
            assert any(each in guideline.rule for each in words)  # the numbers are those of the words
    if guideline.target is not None and guideline.target.at_least_mg_dl is not None:
        assert f"{guideline.target.at_least_mg_dl:g} mg/dL" in guideline.rule
    assert all(f"below {start.below_mg_dl:g}" in guideline.rule.lower() or start.when for start in guideline.start)
