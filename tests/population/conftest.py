from __future__ import annotations

import pytest

import igkinetics as igk
from igkinetics.cohort.model import Cohort
from igkinetics.population.run import PopulationFit
from igkinetics.verification.comparison import cases_folder
from igkinetics.verification.populations import decay_cohort, pheno_cohort
from made_once import made_once


@pytest.fixture(scope="session")
def pheno() -> Cohort:
    return pheno_cohort()


@pytest.fixture(scope="session")
def decay() -> Cohort:
    return decay_cohort()


@pytest.fixture(scope="session")
def pheno_fit(pheno: Cohort) -> PopulationFit:
    card = str(cases_folder() / "pheno.toml")
    return made_once("pheno_fit", lambda: igk.fit_population(pheno, card=card, simulations=200))


@pytest.fixture(scope="session")
def decay_fit(decay: Cohort) -> PopulationFit:
    return made_once(
        "decay_fit",
        lambda: igk.fit_population(
            decay,
            card=str(cases_folder() / "decay.toml"),
            structure="one_compartment/step_loss",
            residual="lognormal",
            simulations=1000,
        ),
    )
