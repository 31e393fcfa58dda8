"""What a population fit says of itself: tables, checks, card, covariates, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import igkinetics as igk
from igkinetics.cards.check import check_card
from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.population.run import PopulationFit
from igkinetics.population.tables import COLUMNS
from igkinetics.population.vpc import COLUMNS as VPC_COLUMNS
from igkinetics.report.population_page import population_report
from igkinetics.verification.comparison import cases_folder

CASES = cases_folder()


@pytest.fixture(scope="module")
def written(pheno_fit: PopulationFit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "population"
    pheno_fit.write(folder)
    return folder


def test_files_have_the_columns_declared(written: Path) -> None:
    for name, columns in COLUMNS.items():
        path = written / f"{name}.csv"
        table = pd.read_csv(path) if path.exists() else pd.read_parquet(written / f"{name}.parquet")
        assert list(table.columns) == list(columns)
    assert list(pd.read_csv(written / "vpc.csv").columns) == list(VPC_COLUMNS)


def test_the_card_holds_the_fit_and_its_check_agrees(pheno_fit: PopulationFit, written: Path) -> None:
    card = load_card(written / "population.toml")
    found = pheno_fit.population.set_index("parameter")
    given = card.parameters.given()
    assert given["CL"].omega == pytest.approx(found.loc["omega_CL", "estimate"], rel=1e-6)
    assert given["V"].omega == pytest.approx(found.loc["omega_V1", "estimate"], rel=1e-6)
    assert card.residual_error is not None
    assert card.residual_error.proportional_sd == pytest.approx(found.loc["b", "estimate"], rel=1e-6)
    assert all(result.ok for result in check_card(card))
    again = igk.fit_population(pheno_fit.cohort, card=str(written / "population.toml"), simulations=100)
    assert again.maximum.value == pytest.approx(pheno_fit.maximum.value, abs=1e-4)


def test_shrinkage_is_that_of_the_residuals_and_modes(decay_fit: PopulationFit) -> None:
    rows = decay_fit.residuals
    assert len(rows) == 2000
    shrinkage = decay_fit.shrinkage.set_index("quantity")
    assert shrinkage.loc["epsilon", "shrinkage_sd"] == pytest.approx(1 - np.sqrt((rows["iwres"] ** 2).mean()), abs=1e-9)
    assert 0 < shrinkage.loc["S", "shrinkage_sd"] < shrinkage.loc["S", "shrinkage_variance"] < 1


def test_weighted_residuals_scatter_as_those_of_the_true_model(decay_fit: PopulationFit) -> None:
    """These patients were simulated from the model that is fitted: mean 0, SD 1."""
    for name in ("cwres", "npde"):
        assert decay_fit.residuals[name].mean() == pytest.approx(0, abs=0.07)
        assert decay_fit.residuals[name].std() == pytest.approx(1, abs=0.05)


def test_half_of_the_record_lies_in_the_middle_of_its_simulations(decay_fit: PopulationFit) -> None:
    rows = decay_fit.vpc[(decay_fit.vpc["kind"] == "vpc") & (decay_fit.vpc["percentile"] == 50)]
    inside = (rows["observed"] >= rows["lower"]) & (rows["observed"] <= rows["upper"])
    assert inside.mean() > 0.7
    assert rows["n"].sum() == 2000


def test_a_covariate_that_matters_is_found_and_one_that_does_not_is_not(pheno: Cohort) -> None:
    people = pheno.patients.assign(coin=np.resize(["a", "b"], len(pheno.patients)))
    fit = igk.fit_population(
        replace(pheno, patients=people),
        card=str(CASES / "pheno.toml"),
        simulations=100,
        test_covariate=("weight_kg", "coin"),
    )
    tests = fit.covariates.set_index(["parameter", "covariate"])
    assert len(tests) == 4
    assert (tests["p_holm"] >= tests["p"]).all()
    assert abs(tests.loc[("CL", "weight_kg"), "coefficient"]) < 3 * tests.loc[("CL", "weight_kg"), "se"]
    assert (tests["minus_two_log_change"] > -1e-4).all()


def test_full_omega_is_no_worse_and_has_correlations(pheno: Cohort, pheno_fit: PopulationFit) -> None:
    full = igk.fit_population(pheno, card=str(CASES / "pheno.toml"), simulations=100, correlated=True)
    assert full.maximum.value < pheno_fit.maximum.value + 1e-6
    row = full.population.set_index("parameter").loc["corr_V1_CL"]
    assert row["lower"] < row["estimate"] < row["upper"]
    assert row["lower"] > -1


def test_what_cannot_be_done_is_said_at_once(pheno: Cohort) -> None:
    with pytest.raises(igk.InputError) as caught:
        igk.fit_population(pheno, method="foce", simulations=1, fix=("CLL",), jobs=0)
    said = str(caught.value)
    assert all(words in said for words in ("focei", "did you mean CL?", "100 or more", "1 or more"))
    card = str(CASES / "pheno.toml")
    with pytest.raises(igk.InputError, match="did you mean"):
        igk.fit_population(pheno, card=card, covariate=("CL:weigth_kg",))
    with pytest.raises(igk.InputError, match="one of this model's parameters"):
        igk.fit_population(pheno, card=card, covariate=("S:LOW",))
    with pytest.raises(igk.InputError, match="test_covariate"):
        igk.fit_population(pheno, card=card, test_covariate=("sexx",))


def test_the_page_shows_the_tables(pheno_fit: PopulationFit) -> None:
    page = population_report(pheno_fit)
    assert page.count("<svg") >= 9
    assert "FOCEI" in page
    assert f"{pheno_fit.likelihood.set_index('quantity').loc['ofv_focei', 'value']:.8g}" in page


def test_models_stand_beside_each_other_on_one_scale(pheno: Cohort) -> None:
    card = str(CASES / "pheno.toml")
    fit = igk.fit_population(pheno, card=card, simulations=100, beside=("correlated", "no_random=V1", "no_random=Q"))
    models = fit.models.set_index("model")
    of = fit.likelihood.set_index("quantity")["value"]
    assert models.loc["base", "minus_two_log_likelihood"] == pytest.approx(of["minus_two_log_likelihood"], abs=1e-6)
    assert models.loc["base", "aic"] == pytest.approx(of["aic"], abs=1e-6)
    full = igk.fit_population(pheno, card=card, simulations=100, correlated=True)
    alone = full.likelihood.set_index("quantity")["value"]["minus_two_log_likelihood"]
    assert models.loc["correlated", "minus_two_log_likelihood"] == pytest.approx(alone, abs=1e-3)
    assert models.loc["correlated", "df"] == 1
    assert models.loc["no_random=V1", "df"] == -1
    assert models.loc["no_random=V1", "p"] < 1e-6
    assert models.loc["no_random=Q", "note"] == "must be one of this model's parameters: CL, V1"
    assert "Models beside each other" in population_report(fit)
    with pytest.raises(igk.InputError, match="beside: found 'corelated'; must be one of search, correlated"):
        igk.fit_population(pheno, card=card, beside=("corelated",))


def test_a_population_is_a_prior_of_fits(pheno_fit: PopulationFit, written: Path) -> None:
    fits = igk.fit_cohort(pheno_fit.cohort, prior=str(written / "population.toml"), draws=100)
    assert fits.options.card.endswith("population.toml")
    assert fits.card_ids.keys() == {"population"}
    assert (fits.patients["status"] == "fitted").mean() > 0.5
    modes = pheno_fit.etas[pheno_fit.etas["parameter"] == "CL"].set_index("patient_id")["individual"]
    found = fits.parameters[fits.parameters["parameter"] == "CL"].set_index("patient_id")["value"]
    assert np.corrcoef(np.log(modes[found.index]), np.log(found))[0, 1] > 0.9
    with pytest.raises(igk.InputError, match=r"prior: found .* must be left out beside another card"):
        igk.fit_cohort(pheno_fit.cohort, prior="population.toml", card="cheng_2026")
