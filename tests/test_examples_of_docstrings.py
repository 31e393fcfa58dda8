"""Every public name explains itself by an example that runs (`help(igk.fit_cohort)`)."""

from __future__ import annotations

import doctest
import inspect

import pytest

import igkinetics as igk

SAMPLES_FOR_A_MINUTE = ("fit_effect",)
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SAMPLES_FOR_A_MINUTE else [])
    for name in igk.__all__
    if name != "__version__"
]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_runs_and_prints_what_it_says(name: str) -> None:
    examples = doctest.DocTestFinder(recurse=False).find(getattr(igk, name), name, globs={})
    assert examples, f"no docstring of {name}"
    assert examples[0].examples, f"no example in the docstring of {name}"
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples[0])
    assert result.failed == 0


@pytest.mark.parametrize("name", [name for name in igk.__all__ if name != "__version__"])
def test_the_docstring_of_a_public_function_names_its_errors(name: str) -> None:
    public = getattr(igk, name)
    if inspect.isfunction(public) and inspect.signature(public).parameters:
        assert "Error" in (inspect.getdoc(public) or "")
