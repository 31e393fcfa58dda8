"""One running page for all tests of this folder, started as a user starts it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from running import Running, running_app

from igkinetics.resources import resource_folder

needs_shiny = pytest.mark.skipif(find_spec("shiny") is None, reason="needs Shiny: pip install 'igkinetics[app]'")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/app/" in item.nodeid:
            item.add_marker(needs_shiny)


@pytest.fixture(scope="session")
def page() -> Iterator[Running]:
    """The page of the example cohort."""
    cohort = resource_folder("data") / "blina23"
    with running_app(str(cohort), "--threshold", "400", "--threshold", "500") as running:
        yield running
