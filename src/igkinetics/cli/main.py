"""`igkinetics`: the commands. Nothing heavy is imported before a command runs, so that help answers at once."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Annotated, Final

import typer
from typer.main import get_command

from igkinetics.cli.app import app as page
from igkinetics.cli.check import check
from igkinetics.cli.compare import compare
from igkinetics.cli.dose import dose
from igkinetics.cli.effect import effect
from igkinetics.cli.evaluate import evaluate
from igkinetics.cli.export import export
from igkinetics.cli.fit import fit
from igkinetics.cli.forecast import forecast
from igkinetics.cli.models import models
from igkinetics.cli.nca import nca
from igkinetics.cli.population import population
from igkinetics.cli.scenario import scenario
from igkinetics.cli.simulate import demo, simulate
from igkinetics.cli.status import silent_once_closed
from igkinetics.cli.template import template
from igkinetics.cli.verify import verify

DEFECT = "This is a defect of ours, not of your data. Please report it with the lines above."

app = typer.Typer(
    name="igkinetics",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def tell_version(asked: bool) -> None:
    """The version on stdout, and the end."""
    if asked:
        from igkinetics.provenance import package_versions

        print(f"igkinetics {package_versions()['igkinetics']}")
        raise typer.Exit


@app.callback()
def whole(
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Serum IgG under B-cell-depleting therapy and immunoglobulin: nadirs with honest uncertainty."""


COMMANDS: Final = (
    (check, "ward.xlsx --igg-unit mg/dL"),
    (fit, "data/blina23 --out results/fit --threshold 400"),
    (forecast, "data/blina23 --out results/forecast --threshold 400 --until 100"),
    (evaluate, "data/blina23 --out results/evaluate --cards adult_b_cell_depletion,li_2022 --threshold 400"),
    (effect, "data/blina23 --out results/effect --threshold 400"),
    (compare, "data/blina23 --out results/groups --threshold 400 --window 0:120"),
    (nca, "COHORT --out results/nca"),
    (population, "data/blina23 --out results/population --fix k_loss --fix k_rec"),
    (scenario, "data/scenarios/preemptive_ivig.toml --out results/scenario"),
    (dose, "data/blina23 control-02 --target 500 --unit mg/dL --vial 2.5,5,10 --out results/dose"),
    (simulate, "data/blina23.toml --out cohort"),
    (demo, "example"),
    (template, "ward"),
    (page, "data/blina23 --threshold 400"),
    (export, "data/blina23 --format nonmem --out events"),
    (verify, "--out results/verify"),
)
"""Every command, with an example that its help ends with."""
for command, example in COMMANDS:
    app.command(command.__name__, epilog=f"Example: igkinetics {command.__name__} {example}")(command)
app.add_typer(models, name="models")


def main() -> None:
    """Run the command line of this process and exit: 0, 1 a defect of ours, 2 input or call, 3, or 130."""
    sys.excepthook = tell_defect
    silent_once_closed()
    get_command(app)(prog_name="igkinetics")


def tell_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The traceback of an exception that nobody expected, and whose fault it is."""
    sys.__excepthook__(kind, error, trace)
    if issubclass(kind, Exception):
        print(DEFECT, file=sys.stderr)
