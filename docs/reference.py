"""Writes docs/reference/*.md from the code: commands, input tables and keys, files of settings, result tables.

Run: python docs/reference.py. tests/test_documents.py holds the pages to the code.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from igkinetics.cards.dimensions import FACTOR
from igkinetics.cards.model import CardFile
from igkinetics.cards.new_card import new_card_text
from igkinetics.cli.main import app
from igkinetics.cohort.mapping.contract import COLUMN_WORDS, CONTRACT
from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.compare.run import COMPARE_COLUMNS
from igkinetics.dose import columns as dose_columns
from igkinetics.dose.output import CSV_COLUMNS as DOSE_TABLES
from igkinetics.effect import columns as effect_columns
from igkinetics.effect.output import CSV_FILES, POLICY_FILES
from igkinetics.effect.policies.policy_file import PolicyFile
from igkinetics.effect.policies.result import POLICY_TABLES
from igkinetics.effect.result import EFFECT_TABLES
from igkinetics.evaluate import columns as evaluate_columns
from igkinetics.fit import columns as fit_columns
from igkinetics.forecast import columns as forecast_columns
from igkinetics.noncompartmental.parameters import PARAMETERS as NCA_PARAMETERS
from igkinetics.noncompartmental.run import COLUMNS as NCA_COLUMNS
from igkinetics.output.files import RUN_KEYS
from igkinetics.population.tables import COLUMNS as POPULATION_TABLES
from igkinetics.population.vpc import COLUMNS as VPC_COLUMNS
from igkinetics.scenarios import columns as scenario_columns
from igkinetics.scenarios.result import TABLES as SCENARIO_TABLES
from igkinetics.scenarios.scenario import Scenario
from igkinetics.simulate.design import Design
from igkinetics.simulate.truth import NADIR_COLUMNS
from igkinetics.verification.comparison import COLUMNS as VERIFY_COLUMNS

FOLDER: Final = Path(__file__).with_name("reference")
MADE: Final = "<!-- Written by docs/reference.py from the code; edit the code. -->"
WORDS_FOR: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table of Markdown; bars and line breaks within cells are made harmless."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    for row in rows:
        cells = [re.sub(r"\s+", " ", cell).replace("|", "\\|").strip() for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


# Commands


def commands_page() -> str:
    """Every command with its help, arguments and options."""
    lines = ["# Commands and options", "", MADE, "", "`igkinetics COMMAND`, or `python -m igkinetics COMMAND`.", ""]
    for name, command in each_command(get_command(app), ""):
        lines += [f"## {name}", "", *re.sub(r"\n(?!\n)", " ", inspect.cleandoc(command.help or "")).split("\n"), ""]
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
        usage = "".join(f" {argument.metavar or argument.name.upper()}" for argument in arguments)
        lines += ["```sh", f"igkinetics {name}{usage} [options]", "```", ""]
        rows = [
            (f"`{each.metavar or each.name.upper()}`", each.help or "", "needed" if each.required else "")
            for each in arguments
        ]
        rows += [option_row(option) for option in options if not option.hidden]
        lines += table(("argument or option", "meaning", "default"), rows)
    return "\n".join(lines)


def each_command(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Each command below this one with its full name; typer's commands are click's."""
    parts = getattr(command, "commands", None)
    if parts is None:
        yield name, command
        return
    for part_name, part in parts.items():
        yield from each_command(part, f"{name} {part_name}".strip())


def option_row(option: Any) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = "" if option.default in (None, False, ()) else f"`{option.default}`"
    value = f" `{option.metavar.replace('|', ' / ')}`" if option.metavar else ""
    return f"{names}{value}", option.help or "", "needed" if option.required else default


# Keys of files of settings


def type_words(kind: Any) -> str:
    """A type as a writer of the file reads it."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in WORDS_FOR:
        return WORDS_FOR[kind]
    if origin is typing.Annotated:
        return type_words(parts[0])
    if origin is Literal:
        words = (f'`"{part}"`' if isinstance(part, str) else f"`{part}`" for part in parts)
        return ", ".join(sorted(words))  # typing takes two orders of the same words for one type
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_words(part) for part in parts if part is not type(None)))
    if origin in (list, tuple):
        inner = [part for part in parts if part is not Ellipsis]
        return "a list of " + " or ".join(dict.fromkeys(type_words(part) for part in inner))
    if origin is dict:
        return f"a table: name = {type_words(parts[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"table [{kind.__name__}](#{anchor(kind)})"
    return "a date or text" if getattr(kind, "__name__", "") == "date" else "a value"


LIMITS: Final[tuple[tuple[type, str, str], ...]] = (
    (Gt, "gt", "above"),
    (Ge, "ge", "at least"),
    (Lt, "lt", "below"),
    (Le, "le", "at most"),
)


def limits_of(field: FieldInfo) -> str:
    """The bounds on a number, in words."""
    given = [
        f"{words} {getattr(bound, name):g}"
        for bound in field.metadata
        for kind, name, words in LIMITS
        if isinstance(bound, kind)
    ]
    return ", ".join(given)


def default_words(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    if default is None or isinstance(default, BaseModel) or default in ((), {}, [], ""):
        return ""
    if isinstance(default, tuple | list):
        return f"`{list(default)!r}`"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"


def attribute_words(model: type[BaseModel]) -> dict[str, str]:
    """The text under each attribute of a model, and of the models it is made from."""
    words: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if part is BaseModel or not issubclass(part, BaseModel):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
        assert isinstance(body, ast.ClassDef)
        for line, below in pairwise(body.body):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(below, ast.Expr):
                words[line.target.id] = str(ast.literal_eval(below.value))
    return words


def model_lines(roots: Iterable[tuple[type[BaseModel], str]]) -> list[str]:
    """The keys of these models, each under its title, and after each of all models that its keys hold."""
    lines: list[str] = []
    written: set[type[BaseModel]] = set()
    for root, title in roots:
        for model in every_model([root]):
            if model in written:
                continue
            written.add(model)
            words = attribute_words(model)
            lines += [f"## {title if model is root else model.__name__} {{#{anchor(model)}}}", ""]
            lines += [inspect.cleandoc(model.__doc__ or ""), ""]
            rows = (
                (f"`{name}`", value_words(field), default_words(field), words.get(name, ""))
                for name, field in model.model_fields.items()
            )
            lines += table(("key", "value", "default", "meaning"), rows)
    return lines


def value_words(field: FieldInfo) -> str:
    limits = limits_of(field)
    return type_words(field.annotation) + (f", {limits}" if limits else "")


def anchor(model: type[BaseModel]) -> str:
    """Where a page tells of a model; two files have a `Population` each."""
    return f"{model.__module__.split('.')[1]}-{model.__name__}".lower()


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from models_in(part)


def every_model(kinds: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """These models and all that their keys hold."""
    known: list[type[BaseModel]] = []
    waiting = list(kinds)
    while waiting:
        model = waiting.pop(0)
        if model not in known:
            known.append(model)
            waiting += [part for field in model.model_fields.values() for part in models_in(field.annotation)]
    return known


def unexplained() -> list[str]:
    """Keys of files of settings that no text explains."""
    return [
        f"{model.__name__}.{name}"
        for model in every_model((Mapping, Scenario, Design, PolicyFile))
        for name in model.model_fields
        if not attribute_words(model).get(name)
    ]


def input_page() -> str:
    """Tables of a cohort with their columns, and the keys of cohort.toml."""
    lines = ["# Tables of a cohort, and `cohort.toml`", "", MADE, ""]
    lines += ["A cohort is a folder, a `cohort.toml`, a workbook or one samples file. Only samples are needed.", ""]
    for name, contract in CONTRACT.items():
        lines += [f"## Table {name}", "", f"`{name}.csv`, `{name}.parquet` or a sheet `{name}`.", ""]
        rows = [(" or ".join(f"`{column}`" for column in group), "needed") for group in contract.required]
        rows += [(f"`{column}`", COLUMN_WORDS.get((name, column), "")) for column in contract.optional]
        if contract.open:
            rows += [("any other", "kept as it is")]
        lines += table(("column", ""), rows)
    lines += ["# Keys of `cohort.toml`", ""]
    return "\n".join([*lines, *model_lines([(Mapping, "cohort.toml")])])


def files_page() -> str:
    """The keys of scenario, simulation and policy files."""
    lines = ["# Scenario, simulation and policy files", "", MADE, ""]
    scenario, design = "A scenario file (`igkinetics scenario`)", "A simulation file (`igkinetics simulate`)"
    policies = "A file of policies (`igkinetics effect --policies`)"
    return "\n".join([*lines, *model_lines([(Scenario, scenario), (Design, design), (PolicyFile, policies)])])


# Cards


def cards_page() -> str:
    """The format of model cards: a short one, units, and every key."""
    lines = [
        "# Model cards",
        "",
        MADE,
        "",
        CARDS_HEAD,
        "```toml",
        new_card_text("my_model", subcutaneous=True).rstrip(),
    ]
    lines += ["```", "", "## Units", ""]
    lines += table(
        ("of", "units"), ((words, ", ".join(f"`{unit}`" for unit in units)) for words, units in FACTOR.items())
    )
    return "\n".join([*lines, *model_lines([(CardFile, "Every key of a card")])])


CARDS_HEAD: Final = """A card is one TOML file. One outside the package is **private**: it needs values, units, omegas
and the residual error, and may use the short keys below. Wherever it is used (run.json, report, screen) it is called
"private, unchecked".
`igkinetics models check FILE --as-shipped` holds it to the rules of the shipped cards: every number with its
source, and checks.

Short keys of a private card:

- of a parameter: `omega` (SD between patients on the log scale; of S and F on the logit scale), `cv_percent` or
  `variance` in place of
  `between_patients`; `fixed = true`; `uncertainty = 0.1` (an SD on the same scale); `scale` and, of S, F and
ratios, `unit` may be left out;
- `parameters.S` in place of `agent_unknown`: one S for all therapies. Without `k_loss` the share S is lost at once,
  without `k_rec` it does not recover;
- `[structure]` may be left out: one or two compartments, endogenous IgG and routes are those that the parameters
  tell. `compartments = 1` in place of `dispositions`;
- `[residual_error]`: `proportional = 0.1` or `{ cv_percent = 10 }`, `additive = { value = 0.2, unit = "g/L" }`; one
  may be left out. `[error]` is the same;
- of an effect: its form follows from `exponent`, `coefficient` or `factors`. A covariate without a table of its own
  takes the effect's reference where it is not known.

What `igkinetics models new my_model --sc` writes:
"""


# Results


def results_page() -> str:
    """Every table that a command writes, with its columns."""
    lines = ["# Files of results", "", MADE, ""]
    lines += [
        "IgG is in the cohort's unit, named in a column `unit`; days are day numbers; intervals have their `level`."
    ]
    lines += ["", "## igkinetics fit", ""]
    for name, columns in fit_columns.MEANINGS.items():
        lines += column_table(name, {one: fit_columns.column_words(name, one) for one in columns})
    lines += ["## igkinetics forecast", ""]
    for name, columns in forecast_columns.TABLES.items():
        lines += column_table(name, {one: forecast_columns.column_words(name, one) for one in columns})
    lines += ["## igkinetics evaluate", "", *column_table("evaluate", evaluate_columns.SCORES)]
    lines += column_table("evaluate_points.parquet", evaluate_columns.POINTS)
    lines += ["And a column `p_below_T`, P(measured below T), for each `--threshold T`.", ""]
    lines += column_table("reliability", evaluate_columns.RELIABILITY)
    lines += ["## igkinetics effect", ""]
    for file, name in CSV_FILES.items():
        lines += column_table(file, {one: effect_columns.column_words(name, one) for one in EFFECT_TABLES[name]})
    for file, name in POLICY_FILES.items():
        columns = ", ".join(f"`{column}`" for column in POLICY_TABLES[name])
        lines += [f"### {file}", "", f"With `--policies`: {columns}", ""]
    lines += [
        "## igkinetics compare",
        "",
        "### compare.csv",
        "",
        ", ".join(f"`{name}`" for name in COMPARE_COLUMNS),
        "",
    ]
    lines += ["## igkinetics nca", "", *column_table("nca", NCA_COLUMNS)]
    lines += ["Its parameters:", ""]
    lines += table(("parameter", "meaning"), ((f"`{name}`", words) for name, (_, words) in NCA_PARAMETERS.items()))
    lines += ["## igkinetics population", "", "And `population.toml`, the fit as a model card.", ""]
    for name, meanings in {**POPULATION_TABLES, "vpc": VPC_COLUMNS}.items():
        lines += column_table(name, meanings)
    lines += ["## igkinetics verify", "", *column_table("verify", VERIFY_COLUMNS)]
    lines += ["## igkinetics scenario", ""]
    for name, columns in SCENARIO_TABLES.items():
        lines += column_table(name, {one: scenario_columns.column_words(name, one) for one in columns})
    lines += ["## igkinetics dose", "", "Days are those of the record; IgG is in the unit of the target.", ""]
    for name, columns in DOSE_TABLES.items():
        lines += column_table(name, {one: dose_columns.column_words(name, one) for one in columns})
    lines += ["## igkinetics simulate", "", "The files of a cohort, and in `truth/`: `parameters.csv` (`patient_id`, "]
    lines[-1] += "`parameter`, `value`, `unit`), `curves.parquet`, and `nadir.csv`:"
    lines += ["", ", ".join(f"`{name}`" for name in NADIR_COLUMNS), ""]
    lines += [
        "## run.json",
        "",
        "Of every analysis of a cohort: " + ", ".join(f"`{key}`" for key in RUN_KEYS) + ".",
        "",
    ]
    return "\n".join(lines)


def column_table(title: str, meanings: dict[str, str]) -> list[str]:
    """A table's columns with their meanings, under its title."""
    return [f"### {title}", "", *table(("column", "meaning"), ((f"`{name}`", said) for name, said in meanings.items()))]


PAGES: Final[dict[str, Callable[[], str]]] = {
    "commands.md": commands_page,
    "input.md": input_page,
    "files.md": files_page,
    "cards.md": cards_page,
    "results.md": results_page,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page_name, made in PAGES.items():
        (FOLDER / page_name).write_text(made().rstrip("\n") + "\n", encoding="utf-8")
