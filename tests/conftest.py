"""Fixtures that several folders of tests share, and how tests are dealt out to processes."""

from __future__ import annotations

import pytest

import made_once
from fabricated import fabricated_fit
from igkinetics.fit.cohort_result import CohortFit

ORDER = (
    "tests/browser/test_every_page.py",
    "tests/cohort/",
    "tests/hierarchical/test_model.py",
    "tests/scenarios/test_scenario_runs.py",
    "tests/fit/test_batch.py",
    "",
    "tests/app/",
)
"""Files dealt out first, "" for all others. On a cold cache the first compiles most kernels, while the readers
of cohorts, which need none, keep the other process busy; PyMC's model, scenarios and fits in chunks are compiled once,
before other files ask for the same. A server beside the tests comes last: it would compile kernels of its own."""


@pytest.fixture(scope="session")
def fit() -> CohortFit:
    """A fabricated fit of eight patients, with hostile names and patients who could not be fitted."""
    return fabricated_fit()


@pytest.fixture(scope="session", autouse=True)
def one_folder_for_all_processes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where what is made once lies; a process of pytest-xdist has its own folder in that of the run."""
    if hasattr(request.config, "workerinput"):
        made_once.shared_folder = tmp_path_factory.getbasetemp().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are dealt out (`--no-loadscope-reorder`)."""
    items.sort(key=lambda item: place_of(item.nodeid))


def place_of(nodeid: str) -> int:
    named = (place for place, start in enumerate(ORDER) if start and nodeid.startswith(start))
    return next(named, ORDER.index(""))
