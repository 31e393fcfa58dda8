"""The rules of CONTRIBUTING that a machine can keep: direction of imports, sizes, exports, what is imported when."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import igkinetics
from scripts import ROOT, script

PACKAGE = Path(igkinetics.__file__).resolve().parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
ARCHITECTURE = script("docs/architecture.py")
RANK = {name: rank for rank, layer in enumerate(ARCHITECTURE.NAMES) for name in layer}
MODULE_LINES = 400
FUNCTION_LINES = 60
EXPORTS = {
    "DoseOptions",
    "EffectOptions",
    "EvaluateOptions",
    "FitOptions",
    "ForecastOptions",
    "InputError",
    "__version__",
    "compare_groups",
    "concentration",
    "dose_patient",
    "evaluate_forecasts",
    "fit_cohort",
    "fit_effect",
    "fit_population",
    "forecast_cohort",
    "list_cards",
    "load_card",
    "nca",
    "read_cohort",
    "search_regimens",
    "simulate_cohort",
    "simulate_regimens",
    "verify",
}
SAMPLERS = ("pymc", "pytensor", "nutpie", "arviz")
HEAVY = (*SAMPLERS, "numpy", "pandas", "numba", "scipy", "lmfit", "altair", "vl_convert", "jinja2", "rich")


def test_no_module_imports_uphill() -> None:
    uphill = [
        f"{path.relative_to(PACKAGE)}:{line} imports {other}"
        for path in SOURCES
        if path != PACKAGE / "__init__.py"
        for other, line in ARCHITECTURE.imported_rooms(path)
        if RANK[other] > RANK[ARCHITECTURE.room_of(path)]
    ]
    assert uphill == []


@pytest.mark.parametrize("path", ARCHITECTURE.generated(), ids=lambda path: path.name)
def test_order_picture_and_rooms_in_the_documents_are_those_of_the_code(path: Path) -> None:
    """After a change of rooms or imports: `python docs/architecture.py`."""
    document = path.read_text(encoding="utf-8")
    assert ARCHITECTURE.filled(document, ARCHITECTURE.generated()[path]) == document


def test_the_code_cites_documents_that_are_here() -> None:
    """docs/model.md holds the equations and decisions; a design file outside the repository helps no reader."""
    sections = set(re.findall(r"^(?:## |\*\*)(\d(?:\.\d)?)", (ROOT / "docs/model.md").read_text("utf-8"), re.MULTILINE))
    cited = [
        (path.name, number)
        for path in SOURCES
        for number in re.findall(r"docs/model\.md (\d(?:\.\d)?)", path.read_text("utf-8"))
    ]
    assert len(cited) > 15
    assert [one for one in cited if one[1] not in sections] == []
    assert [path.name for path in SOURCES if re.search(r"\bDESIGN \d", path.read_text("utf-8"))] == []


def test_no_room_imports_one_that_imports_it() -> None:
    edges = ARCHITECTURE.imports()
    assert [(room, other) for room, others in edges.items() for other in others if room in edges[other]] == []


def test_every_module_belongs_to_a_layer() -> None:
    assert {ARCHITECTURE.room_of(path) for path in SOURCES} - {"__init__"} <= set(RANK)


def test_subpackages_have_no_logic_in_their_init() -> None:
    assert [path for path in PACKAGE.glob("*/__init__.py") if path.read_text(encoding="utf-8").strip()] == []


def test_modules_and_functions_can_be_held_in_the_head() -> None:
    too_long = []
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        if source.count("\n") > MODULE_LINES:
            too_long.append(f"{path.relative_to(PACKAGE)}: {source.count(chr(10))} lines")
        too_long += [
            f"{path.relative_to(PACKAGE)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno is not None
            and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
        ]
    assert too_long == []


def test_a_file_that_a_newcomer_is_sent_to_is_there() -> None:
    named = [
        PACKAGE / room.name / name
        for layer in ARCHITECTURE.LAYERS
        for room in layer
        for name in re.findall(r"`([a-z_/]+\.py)`", room.add)
    ]
    assert named
    assert [path for path in named if not path.is_file()] == []


def test_the_exports_are_these_and_each_is_what_its_module_defines() -> None:
    assert set(igkinetics.__all__) == EXPORTS
    assert set(dir(igkinetics)) == EXPORTS
    for name, module in igkinetics._EXPORTS.items():
        assert getattr(igkinetics, name) is getattr(import_module(module), name)
    with pytest.raises(AttributeError, match="no attribute 'fit_nobody'"):
        _ = igkinetics.fit_nobody


def imported_by(code: str) -> set[str]:
    """Top-level modules that a fresh process asked for, whether installed or not."""
    watch = (
        "import sys, json\n"
        "asked = set()\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        asked.add(name.split('.')[0])\n"
        "sys.meta_path.insert(0, Watch())\n"
        f"try:\n    {code}\nexcept SystemExit as end:\n    status = end.code\n"
        "print()\nprint(json.dumps([status or 0, sorted(asked)]))\n"
    )
    path = str(PACKAGE.parent)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r})\n{watch}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    status, asked = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done.stderr
    return set(asked)


def command(*arguments: str) -> str:
    run = "runpy.run_module('igkinetics', run_name='__main__')"
    return f"import runpy; sys.argv = {['igkinetics', *arguments]!r}; {run}"


@pytest.mark.parametrize("arguments", [("--help",), ("fit", "--help"), ("effect", "--help"), ("models", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    asked = imported_by(command(*arguments))
    assert "typer" in asked
    assert asked & set(HEAVY) == set()


def test_check_and_fit_never_import_a_sampler(tmp_path: Path) -> None:
    days = range(-5, 100, 15)
    rows = "\n".join(f"A,{day},{600 - 3 * day}" for day in days)
    samples = tmp_path / "samples.csv"
    samples.write_text(f"patient_id,day,igg\n{rows}\n", encoding="utf-8")
    asked = imported_by(command("check", str(samples), "--igg-unit", "mg/dL"))
    assert "pandas" in asked
    assert asked & set(SAMPLERS) == set()
    out = tmp_path / "out"
    asked = imported_by(command("fit", str(samples), "--igg-unit", "mg/dL", "--out", str(out), "--draws", "200"))
    assert {"numba", "lmfit", "jinja2"} <= asked
    assert asked & set(SAMPLERS) == set()
