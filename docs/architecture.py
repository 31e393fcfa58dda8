"""The rooms of the package, their order, and the picture of who imports whom, for ARCHITECTURE.md and CONTRIBUTING.md.

`python docs/architecture.py` writes the generated parts of both; tests/test_architecture.py holds the code to the order
and the two files to the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "igkinetics"


@dataclass(frozen=True)
class Room:
    """A folder or a module of the trunk. add: what a newcomer would add here."""

    name: str
    holds: str
    add: str = ""


LAYERS: tuple[tuple[Room, ...], ...] = (
    (
        Room("errors", "problems with file, line, patient, column, found, expected"),
        Room("units", "conversions, done at the edges only", "a unit"),
        Room("choices", "options given as keywords: misspelt names, wrong types"),
        Room("text", "numbers and names as a reader sees them"),
        Room("random_streams", "named streams of random numbers from one seed"),
        Room("scales", "logs and logits: the scales of estimation"),
        Room("frozen", "records of arrays: compared by value, not to be written"),
        Room("parallel", "one pool of threads, one behaviour on interrupt"),
    ),
    (
        Room("toml_input", "files of settings: nothing unknown, all faults at once"),
        Room("resources", "where models and data lie"),
        Room("provenance", "hashes, versions, the notice"),
        Room("limits", "bounds on numbers that multiply work", "a bound"),
        Room("extras", "what is installed on request only", "an extra"),
    ),
    (
        Room(
            "cohort",
            "records in and out: `source/` files as rows of text, `mapping/` foreign names to ours, `parse/` typed and "
            "checked tables, `nonmem/` event files, the frozen `Cohort`, windows",
            "a kind of defect: `parse/`; a format: a module in `presets/` and a line in `presets/registry.py`",
        ),
    ),
    (Room("kinetics", "the only place that knows the equations: compiled, pure functions on arrays", "a structure"),),
    (
        Room(
            "cards",
            "published models as data (`models/*.toml`), their checks and caveats, the prior of one patient, body size",
            "a model: one TOML file in `models/`",
        ),
    ),
    (
        Room(
            "virtual",
            "virtual patients: bodies, covariates, typical values, one or many",
            "a covariate: `tables.py`",
        ),
        Room(
            "dosing",
            "regimens by calendar or rule, doses, vials",
            "a regimen rule: its keys in `regimen.py`, its decision in `rule_kernel.py`",
        ),
    ),
    (
        Room(
            "charts",
            "one Vega-Lite specification per chart, colours, SVG by a converter process",
            "a chart: one module",
        ),
        Room("output", "what every result can do; folders written whole or not at all, the run record, the workbook"),
    ),
    (Room("simulate", "synthetic cohorts with their truth", "a kind of outcome"),),
    (
        Room(
            "fit",
            "one patient and a cohort of them: likelihood, optimum, draws, unexplained changes, nadirs, tables",
            "a residual error: `likelihood.py`; a table: `columns.py`",
        ),
    ),
    (
        Room(
            "forecast",
            "what comes next for each patient: the record up to a day, doses to come, worklist",
            "a policy of doses to come: `regimen.py`; a column: `columns.py`",
        ),
    ),
    (
        Room(
            "evaluate",
            "forecasts held against what came: each sample predicted from those before it, per card; weights of cards",
            "a measure: `scores.py` and `columns.py`",
        ),
    ),
    (Room("hierarchical", "all patients in one model: one operation with its gradient, sampling", "an extension"),),
    (
        Room(
            "effect",
            "what IVIG did: estimands per draw of a posterior",
            "an estimand: `estimands.py` and `measures.py`",
        ),
        Room("compare", "two groups side by side", "a row of the group table: `tables.py`; a test: `statistics.py`"),
        Room("noncompartmental", "profiles, areas and half-lives without a model", "a parameter of a profile"),
        Room("population", "all patients by maximum likelihood: FOCEI, the exact integral, checks", "a covariate form"),
        Room(
            "scenarios",
            "dosing regimens for a population, search",
            "an outcome: `outcomes.py`; a form of population: `scenario_patients.py`",
        ),
    ),
    (
        Room(
            "dose",
            "one patient to dose: guidelines, regimens in whole vials, ranks; a front of `scenarios`",
            "a guideline: one TOML file in `data/guidelines/`; a choice: `options.py`",
        ),
        Room(
            "verification",
            "agreement with other engines and published figures, computed anew; the cases lie in `data/verify`",
            "a source of cases: one module and a line in `run.py`",
        ),
    ),
    (Room("report", "the pages: `<verb>_page.py`, templates", "a section"),),
    (
        Room(
            "app",
            "the local page: who may talk to its server, one reader's desk, what a regimen would do, the page's files",
            "a number of the page: `whatif.py` and `views.py`; something to save: `saves.py`",
        ),
    ),
    (
        Room("cli", "commands and exit statuses", "a command: one module and a line in `main.py`"),
        Room("__main__", "`python -m igkinetics`"),
    ),
)
NAMES = tuple(tuple(room.name for room in layer) for layer in LAYERS)
TRUNK = frozenset(NAMES[0] + NAMES[1])


def room_of(path: Path) -> str:
    """The room that a source file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[str, int]]:
    """Rooms that a module imports, wherever in the file, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno} has a relative import")
            names = [node.module or ""]
            if node.module == "igkinetics":
                names = [f"igkinetics.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "igkinetics" and len(parts) > 1:
                yield parts[1], node.lineno


def imports() -> dict[str, set[str]]:
    """Room -> other rooms that it imports."""
    found: dict[str, set[str]] = {name: set() for layer in NAMES for name in layer}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != PACKAGE / "__init__.py":
            found[room_of(path)] |= {other for other, _ in imported_rooms(path)} - {room_of(path)}
    return found


def without_detours(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The fewest arrows that still say who depends on whom: an arrow that a longer way implies is left out."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for other in edges[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    return {
        room: {other for other in others if not any(other in reach(third) for third in others - {other})}
        for room, others in edges.items()
    }


def picture() -> str:
    """A Mermaid graph of the folders; every one of them also imports from the trunk."""
    edges = {room: others - TRUNK for room, others in imports().items() if room not in TRUNK}
    lines = ["```mermaid", "flowchart TD"]
    for room, others in without_detours(edges).items():
        lines += [f"    {room.strip('_')} --> {other}" for other in sorted(others)]
    lines += ["```"]
    return "\n".join(lines)


def rooms_table() -> str:
    """Every room in its order: what it holds, what to add there, which folders it imports."""
    edges = imports()
    lines = ["| room | holds | add here | imports, besides the trunk |", "| --- | --- | --- | --- |"]
    for layer in LAYERS:
        for room in layer:
            name = f"`{room.name}/`" if (PACKAGE / room.name).is_dir() else f"`{room.name}.py`"
            order = [other for names in NAMES for other in names if other in edges[room.name] - TRUNK]
            lines.append(f"| {name} | {room.holds} | {room.add} | {', '.join(order)} |")
    return "\n".join(lines)


def order() -> str:
    """The layers in one line: a module imports from its own layer or from one to its left."""
    return " → ".join(", ".join(f"`{name}`" for name in layer) for layer in NAMES)


def generated() -> dict[Path, dict[str, str]]:
    """File -> mark -> the text that belongs between `<!-- mark -->` and `<!-- end -->`."""
    return {
        ROOT / "ARCHITECTURE.md": {"order": order(), "picture": picture(), "rooms": rooms_table()},
        ROOT / "CONTRIBUTING.md": {"order": order()},
    }


def filled(document: str, parts: dict[str, str]) -> str:
    """The document with each generated part in its place. ValueError where a mark is missing."""
    for mark, content in parts.items():
        pattern = re.compile(rf"<!-- {mark} -->.*?<!-- end -->", re.DOTALL)
        if not pattern.search(document):
            raise ValueError(f"no place for {mark!r}")
        text = f"<!-- {mark} -->\n{content}\n<!-- end -->"
        document = pattern.sub(lambda _, text=text: text, document)
    return document


if __name__ == "__main__":
    for file, parts in generated().items():
        file.write_text(filled(file.read_text(encoding="utf-8"), parts), encoding="utf-8")
