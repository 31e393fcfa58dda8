"""`compare`: the group table of a cohort study."""

from __future__ import annotations

from typing import Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, Level, OnProblem, Out, Overwrite, days_of
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import (
    DEFECT_OF_OURS,
    INTERRUPTED,
    NOBODY_FITTED,
    answering,
    failures_told,
    progress_bar,
    tell,
)
from igkinetics.cli.writing import write_and_tell
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL


@answering
def compare(
    cohort: CohortPath,
    out: Out,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Given twice: the groups, A then B; default the two there are."),
    ] = None,
    card: Annotated[str, typer.Option(metavar="ID|FILE", help="Model card of the fitted nadirs.")] = DEFAULT_CARD,
    window: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Compare nadirs between these days too, beside each patient's own window."),
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(metavar="IGG", help="Compare the time to first below this level (cohort's unit); repeatable."),
    ] = None,
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws behind fitted nadirs.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Patients fitted at a time.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Compare two groups: nadirs, times, outcomes."""
    from igkinetics.compare.output import COMPARE_OUTPUT
    from igkinetics.compare.run import compare_groups
    from igkinetics.errors import call_error
    from igkinetics.fit.options import FitOptions
    from igkinetics.output.folder import refuse_existing
    from igkinetics.report.compare_page import compare_sentences

    if group and len(group) != 2:
        raise call_error("group", ", ".join(group), "must be given twice, or not at all")
    options = FitOptions(
        card=card, window=days_of(window), thresholds=tuple(threshold or ()), level=level, seed=seed, jobs=jobs
    )
    refuse_existing(out, COMPARE_OUTPUT, overwrite=overwrite)
    records = read_and_tell(cohort, igg_unit, file_format, on_problem)
    with progress_bar("Fitting patients") as progress:
        comparison = compare_groups(records, options, (group[0], group[1]) if group else None, progress)
    write_and_tell(comparison, compare_sentences(comparison), out, overwrite=overwrite)
    if comparison.fit.interrupted or (comparison.common is not None and comparison.common.interrupted):
        raise typer.Exit(INTERRUPTED)
    if comparison.fit.n_failed:
        tell(failures_told(comparison.fit.patients))
        raise typer.Exit(DEFECT_OF_OURS)
    if comparison.fit.n_fitted == 0:
        raise typer.Exit(NOBODY_FITTED)
