"""`app`: a local page to work on a patient: record, fit, regimens, worklist."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import FileFormat, IggUnit, OnProblem
from igkinetics.cli.status import answering, tell
from igkinetics.fit.options import DEFAULT_CARD


@answering
def app(
    cohort: Annotated[
        Path | None,
        typer.Argument(metavar="COHORT", help="What to open at first; a cohort can be opened in the page too."),
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(metavar="IGG", help="Level that IgG shall not fall below, in the cohort's unit; repeatable."),
    ] = None,
    card: Annotated[str, typer.Option(metavar="ID", help="Model card chosen at first.")] = DEFAULT_CARD,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port of this machine; default the first free.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
) -> None:
    """Work on one patient in a page of this machine."""
    from igkinetics.extras import require

    require("app")
    from igkinetics.app.opening import Opening, refuse_missing
    from igkinetics.app.serve import run_page

    opening = Opening(
        path=cohort,
        card=card,
        thresholds=tuple(sorted(set(threshold or ()))),
        igg_unit=igg_unit,
        file_format=file_format,
        on_problem=on_problem,
    )
    refuse_missing(opening)
    run_page(opening, port, open_browser=browser, tell=say)
    tell("Stopped.")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # at once: a thread that compiles a kernel cannot be interrupted, and nothing is left to be written


def say(address: str) -> None:
    """Where the page is, at once even where stdout is a pipe."""
    print(f"The page: {address}", "It is open to this machine alone, until Ctrl-C.", sep="\n", flush=True)
