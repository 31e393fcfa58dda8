"""`evaluate`: rolling-origin proof of forecasts on a cohort, per model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import Average, CohortPath, FileFormat, IggUnit, OnProblem, Out, Overwrite, Residual
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import DEFECT_OF_OURS, INTERRUPTED, NOBODY_FITTED, answering, progress_bar, tell
from igkinetics.cli.writing import write_and_tell

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort
    from igkinetics.evaluate.options import EvaluateOptions


@answering
def evaluate(
    cohort: CohortPath,
    out: Out,
    cards: Annotated[
        str | None, typer.Option(metavar="ID,ID,...", help="Cards (ids or files) to check; default: all shipped ones.")
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option("--threshold", metavar="IGG", help="Hold P(measured below) against what came; repeatable."),
    ] = None,
    residual: Residual = "normal",
    average: Average = "cohort",
    draws: Annotated[int, typer.Option(metavar="N", help="Draws of each fit; one for each sample and card.")] = 400,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Patients at a time.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Predict every sample from those before it, rank the cards."""
    from igkinetics.evaluate.options import EvaluateOptions
    from igkinetics.evaluate.result import EVALUATE_OUTPUT
    from igkinetics.output.folder import refuse_existing

    options = EvaluateOptions(
        cards=tuple(name.strip() for name in cards.split(",")) if cards is not None else (),
        thresholds=tuple(threshold or ()),
        residual=residual,
        average=average,
        draws=draws,
        seed=seed,
        jobs=jobs,
    )
    refuse_existing(out, EVALUATE_OUTPUT, overwrite=overwrite)
    evaluate_and_write(read_and_tell(cohort, igg_unit, file_format, on_problem), options, out, overwrite=overwrite)


def evaluate_and_write(cohort: Cohort, options: EvaluateOptions, out: Path, *, overwrite: bool) -> None:
    """Tables and report, whole or not at all; sentences on stdout, and the exit status."""
    from igkinetics.charts.svg import converter_process
    from igkinetics.evaluate.run import evaluate_forecasts
    from igkinetics.report.evaluate_page import evaluate_sentences

    with converter_process() as draw:
        with progress_bar("Predicting samples") as progress:
            result = evaluate_forecasts(cohort, options, progress)
        write_and_tell(result, evaluate_sentences(result), out, overwrite=overwrite, draw=draw)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed := sorted(set(result.points.loc[result.points["status"] == "failed", "reason"])):
        tell("\n".join(["Some samples could not be predicted by a defect of ours, please report it:", *failed[:5]]))
        raise typer.Exit(DEFECT_OF_OURS)
    if result.n_predicted == 0:
        raise typer.Exit(NOBODY_FITTED)
