from __future__ import annotations

import pytest
from cohorts import HERE, decay_cohort, pheno_cohort

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.population.run import PopulationFit


@pytest.fixture(scope="session")
def pheno(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return pheno_cohort(tmp_path_factory.mktemp("pheno") / "cohort")


@pytest.fixture(scope="session")
def decay(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return decay_cohort(tmp_path_factory.mktemp("decay") / "cohort")


@pytest.fixture(scope="session")
def pheno_fit(pheno: Cohort) -> PopulationFit:
    return igk.fit_population(pheno, card=str(HERE / "pheno.toml"), simulations=200)


@pytest.fixture(scope="session")
def decay_fit(decay: Cohort) -> PopulationFit:
    return igk.fit_population(
        decay,
        card=str(HERE / "decay.toml"),
        structure="one_compartment/step_loss",
        residual="lognormal",
        simulations=1000,
    )
