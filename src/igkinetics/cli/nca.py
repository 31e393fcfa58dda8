"""`nca`: non-compartmental analysis of a cohort."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, OnProblem, Out, Overwrite
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import NOBODY_FITTED, answering
from igkinetics.cli.writing import write_and_tell


@answering
def nca(
    cohort: CohortPath,
    out: Out,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="total|zero|predose|before_first_dose",
            help="The patient's own IgG: left in, taken to be 0, or which level to subtract.",
        ),
    ] = "total",
    area: Annotated[
        str, typer.Option(metavar="linear_up_log_down|linear", help="How levels run between two samples.")
    ] = "linear_up_log_down",
    half_life: Annotated[
        str, typer.Option(metavar="least_squares|tobit", help="Terminal line; tobit: with values below the limit.")
    ] = "least_squares",
    first: Annotated[
        str, typer.Option(metavar="keep|drop", help="Below the limit before any level (0, or out).")
    ] = "keep",
    middle: Annotated[str, typer.Option(metavar="keep|drop", help="Below the limit between two levels.")] = "drop",
    last: Annotated[str, typer.Option(metavar="keep|drop", help="Below the limit after the last level.")] = "keep",
    join_doses_day: Annotated[
        float, typer.Option(metavar="DAYS", help="Doses no further apart than this count as one.")
    ] = 0.0,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Areas, half-lives and clearance without a model, by PKNCA's rules."""
    from igkinetics.choices import chosen
    from igkinetics.noncompartmental.run import NCA_OUTPUT, NcaOptions
    from igkinetics.noncompartmental.run import nca as analyse
    from igkinetics.output.folder import refuse_existing
    from igkinetics.report.nca_page import nca_sentences

    choices = {
        "baseline": baseline,
        "area": area,
        "half_life": half_life,
        "first": first,
        "middle": middle,
        "last": last,
        "join_doses_day": join_doses_day,
    }
    options = chosen(NcaOptions, None, choices)
    refuse_existing(out, NCA_OUTPUT, overwrite=overwrite)
    found = read_and_tell(cohort, igg_unit, file_format, on_problem)
    result = analyse(found, options)
    write_and_tell(result, nca_sentences(result), out, overwrite=overwrite)
    if not result.profiles:
        raise typer.Exit(NOBODY_FITTED)
