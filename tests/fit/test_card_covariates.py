"""A fit gives the card what the patients table says: height, sex, disease; and says where a card cannot be used."""

from __future__ import annotations

import pytest

from igkinetics.cards.load import load_card
from igkinetics.cards.patient_covariates import patient_covariates_of
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.errors import InputError
from igkinetics.fit.cohort import fit_cohort
from igkinetics.fit.options import FitOptions

PATIENTS = """patient_id,weight_kg,height_cm,sex,age_y,deficiency
tall,70,170,male,40,secondary
short,70,150,F,15,primary
unknown,70,,,,
"""


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("ward")
    samples = [f"{name},{day},{12 - day / 10}" for name in ("tall", "short", "unknown") for day in (1, 5, 12, 20, 27)]
    (folder / "samples.csv").write_text("patient_id,day,igg\n" + "\n".join(samples) + "\n", encoding="utf-8")
    doses = "\n".join(f"{name},0,28" for name in ("tall", "short", "unknown"))
    (folder / "doses.csv").write_text(f"patient_id,day,amount_g\n{doses}\n", encoding="utf-8")
    (folder / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    return read_cohort(folder, igg_unit="g/L")


def test_covariates_are_those_the_card_uses(ward: Cohort) -> None:
    li, tortorici = load_card("li_2022"), load_card("tortorici_2019")
    assert patient_covariates_of(ward, "short", li) == {"height_cm": 150.0, "sex": "F", "age_y": 15.0}
    assert patient_covariates_of(ward, "tall", tortorici) == {"deficiency": "secondary"}
    assert patient_covariates_of(ward, "unknown", li) == {}
    assert patient_covariates_of(ward, "nobody", li) == {}


def test_lean_mass_reaches_the_fit_and_a_patient_without_it_is_set_aside_with_the_reason(ward: Cohort) -> None:
    options = FitOptions(card="li_2022", structure="two_compartment/constant", draws=200)
    fits = fit_cohort(ward, options)
    status = fits.patients.set_index("patient_id")
    assert status.loc["unknown", "status"] == "set_aside"
    assert "height_cm: found ''; must be a number: needed by li_2022" in status.loc["unknown", "reason"]
    values = fits.parameters[fits.parameters["model"].str.endswith("constant")].set_index(["patient_id", "parameter"])
    ratio = values.loc[("tall", "V2"), "value"] / values.loc[("short", "V2"), "value"]  # fixed for each patient
    lean = (0.407 * 70 + 0.267 * 170 - 19.2) / (0.252 * 70 + 0.473 * 150 - 48.3)
    assert ratio == pytest.approx(lean, rel=1e-6)


def test_a_card_without_endogenous_igg_says_what_it_takes_the_levels_for(ward: Cohort) -> None:
    fits = fit_cohort(ward, FitOptions(card="davda_2014", draws=100))
    assert any("holds no endogenous IgG: every level is taken to be infused" in note for note in fits.notes)


def test_a_limited_card_is_no_prior(ward: Cohort) -> None:
    with pytest.raises(InputError, match="must have use = full: this card has typical values only"):
        fit_cohort(ward, FitOptions(card="landersdorfer_2013"))
