"""`--control-regimen`: every key of a regimen is honoured or refused by name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_posteriors import of_truth

from igkinetics.cards.body_size import ideal_weight_kg, lean_body_mass_kg
from igkinetics.cohort.model import Cohort
from igkinetics.dosing.doses import Doses
from igkinetics.effect.averages import atc
from igkinetics.effect.control_regimen import read_control_regimen, regimen_doses
from igkinetics.effect.counterfactual import in_controls
from igkinetics.effect.exposure import exposures
from igkinetics.errors import InputError
from igkinetics.hierarchical.posterior import CohortPosterior
from made_records import planned

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from treatments import vector

DAYS = (-3.0, 10.0, 40.0, 80.0, 120.0, 168.0)
CALENDAR = "dose_g_per_kg = 0.4\ninterval_day = 28\n"


def cohort(**columns: object) -> tuple[Cohort, CohortPosterior]:
    """A control of 70 kg and a treated patient; both 180 cm tall men unless said."""
    plans = [planned(DAYS, patient_id="C"), planned(DAYS, doses=((12.0, 28.0),), patient_id="A")]
    made, posterior = of_truth(plans, [vector(), vector()])
    return replace(made, patients=made.patients.assign(**{"height_cm": 180.0, "sex": "m", **columns})), posterior


def given(text: str, folder: Path, **columns: object) -> Doses:
    made, posterior = cohort(**columns)
    file = folder / "regimen.toml"
    file.write_text(text, encoding="utf-8")
    regimen = read_control_regimen(file, made)
    control = next(one for one in exposures(made, posterior, 70.0) if not one.treated)
    return regimen_doses(regimen, control)


@pytest.mark.parametrize("basis", ["actual", "ideal", "lean", "adjusted"])
def test_the_weight_asked_for_is_the_weight_dosed_by(basis: str, tmp_path: Path) -> None:
    ideal = ideal_weight_kg(160.0, "male")
    expected = {
        "actual": 70.0,
        "ideal": ideal,
        "adjusted": ideal + 0.4 * (70.0 - ideal),
        "lean": lean_body_mass_kg(70.0, 160.0, "male"),
    }[basis]
    doses = given(f'{CALENDAR}weight = "{basis}"\n', tmp_path, height_cm=160.0)
    np.testing.assert_allclose(doses.amount_g, 0.4 * expected, atol=1e-3)


@pytest.mark.parametrize("basis", ["ideal", "lean", "adjusted"])
@pytest.mark.parametrize(
    ("columns", "named"), [({"height_cm": np.nan}, "height_cm"), ({"sex": ""}, "sex"), ({"height_cm": 120.0}, "152.4")]
)
def test_a_weight_that_cannot_be_computed_is_refused(
    basis: str, columns: dict[str, object], named: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        given(f'{CALENDAR}weight = "{basis}"\n', tmp_path, **columns)
    (problem,) = refused.value.problems
    assert problem.column == "weight"
    assert named in problem.expected
    assert problem.expected.endswith(": C")  # the treated are not dosed by it


def test_a_start_before_the_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start of each control's window"):
        given(f"{CALENDAR}start_day = -7\n", tmp_path)


def test_doses_without_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="doses of one control; at most"):
        given("dose_g_per_kg = 0.4\ninterval_day = 1e-9\n", tmp_path)


def test_every_other_key_is_honoured(tmp_path: Path) -> None:
    text = (
        "dose_g_per_kg = 0.4\ninterval_day = 21\nstart_day = 10\nstop_day = 60\nloading_g_per_kg = 0.8\n"
        'vial_g = 5\nroute = "sc"\nduration_h = 6\nname = "x"\n'
    )
    doses = given(text, tmp_path)
    np.testing.assert_array_equal(doses.day, [10.0, 31.0, 52.0])  # the window starts on day 0
    np.testing.assert_array_equal(doses.amount_g, [55.0, 30.0, 30.0])
    np.testing.assert_array_equal(doses.duration_day, 0.25)
    assert doses.is_sc.all()


def test_grams_need_no_weight(tmp_path: Path) -> None:
    made, posterior = cohort()
    file = tmp_path / "regimen.toml"
    file.write_text("dose_g = 30\ninterval_day = 28\n", encoding="utf-8")
    regimen = read_control_regimen(file, made)
    people = [replace(one, weight_kg=np.nan, weight_known=False) for one in exposures(made, posterior, np.nan)]
    assert in_controls(posterior, people, (), 1, regimen).reason == ""
    per_kg = regimen.model_copy(update={"dose_g": None, "dose_g_per_kg": 0.4})
    assert "no dose per kg" in in_controls(posterior, people, (), 1, per_kg).reason


def test_a_regimen_that_begins_after_the_windows_says_so(tmp_path: Path) -> None:
    made, posterior = cohort()
    file = tmp_path / "regimen.toml"
    file.write_text(f"{CALENDAR}start_day = 400\n", encoding="utf-8")
    regimen = read_control_regimen(file, made)
    found = list(atc(in_controls(posterior, exposures(made, posterior, 70.0), (), 1, regimen), (), sign_given=True))
    assert np.all(found[0].draws == 0.0)
    assert "gives 1 of 1 nothing within their window" in found[0].reason
