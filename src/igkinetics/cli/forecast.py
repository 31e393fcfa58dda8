"""`forecast`: where every patient's IgG goes next, and who is to be looked at first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import (
    Average,
    CardOrStack,
    CohortPath,
    FileFormat,
    IggUnit,
    Level,
    OnProblem,
    Out,
    Overwrite,
    Residual,
    Weights,
)
from igkinetics.cli.parts import Cluster, do_in_parts, in_parts, where
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

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort
    from igkinetics.cohort.parts import Reading
    from igkinetics.forecast.by_parts import ForecastTotals
    from igkinetics.forecast.options import ForecastOptions
    from igkinetics.output.parts import Done

Thresholds = Annotated[
    list[float],
    typer.Option("--threshold", metavar="IGG", help="A level to stay above, in the cohort's unit; repeatable."),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="DAY|DATE", help="Only what was known on this day; default: each patient's last sample."),
]
Patients = Annotated[list[str] | None, typer.Option("--patient", metavar="ID", help="This patient alone; repeatable.")]
Therapy = Annotated[
    str,
    typer.Option(metavar="known|recorded", help="With --until: therapy begun by then goes on, or all recorded."),
]
ActAt = Annotated[float, typer.Option(metavar="P", help="P(below) at which the next sample is due.")]
LeadDay = Annotated[
    float, typer.Option(metavar="DAYS", help="The next sample is taken so long before an infusion that it can change.")
]


@answering
def forecast(
    cohort: CohortPath,
    out: Out,
    threshold: Thresholds,
    horizon: Annotated[float, typer.Option("--horizon", metavar="DAYS", help="How far ahead.")] = 28.0,
    until: Until = None,
    patient: Patients = None,
    policy: Annotated[
        str,
        typer.Option(metavar="auto|none|planned|as_so_far", help="Infusions to come that the worklist goes by."),
    ] = "auto",
    therapy: Therapy = "known",
    act_at: ActAt = 0.1,
    lead_day: LeadDay = 1.0,
    card: CardOrStack = DEFAULT_CARD,
    weights: Weights = None,
    residual: Residual = "normal",
    average: Average = "cohort",
    draws: Annotated[int, typer.Option(metavar="N", help="Draws behind each interval.")] = 2000,
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.")] = 1,
    cluster: Cluster = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Patients at a time, or parts.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Forecast every patient's IgG, rank who needs attention."""
    from igkinetics.cohort.parts import Reading
    from igkinetics.forecast.options import ForecastOptions, day_or_date
    from igkinetics.forecast.result import FORECAST_OUTPUT
    from igkinetics.forecast.weights import weights_from
    from igkinetics.output.folder import refuse_existing

    options = ForecastOptions(
        card=card,
        weights=weights_from(weights) if weights is not None else {},
        thresholds=tuple(threshold),
        horizon_day=horizon,
        until=day_or_date(until),
        patients=tuple(patient or ()),
        therapy=therapy,
        policy=policy,
        act_at=act_at,
        lead_day=lead_day,
        residual=residual,
        average=average,
        draws=draws,
        level=level,
        seed=seed,
        jobs=jobs,
    )
    if in_parts(cohort, cluster):
        reading = Reading(path=cohort, igg_unit=igg_unit, file_format=file_format, on_problem=on_problem)
        forecast_in_parts(reading, options, out, cluster=cluster, overwrite=overwrite)
        return
    refuse_existing(out, FORECAST_OUTPUT, overwrite=overwrite)
    forecast_and_write(read_and_tell(cohort, igg_unit, file_format, on_problem), options, out, overwrite=overwrite)


def forecast_and_write(cohort: Cohort, options: ForecastOptions, out: Path, *, overwrite: bool) -> None:
    """Tables and report, whole or not at all; sentences on stdout, and the exit status."""
    from igkinetics.charts.svg import converter_process
    from igkinetics.forecast.run import forecast_cohort
    from igkinetics.report.forecast_page import forecast_sentences

    with converter_process() as draw:
        with progress_bar("Forecasting patients") as progress:
            result = forecast_cohort(cohort, options, progress)
        write_and_tell(result, forecast_sentences(result), out, overwrite=overwrite, draw=draw)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if result.n_failed:
        tell(failures_told(result.worklist.drop_duplicates("patient_id")))
        raise typer.Exit(DEFECT_OF_OURS)
    if result.n_forecast == 0:
        raise typer.Exit(NOBODY_FITTED)


def forecast_in_parts(
    reading: Reading, options: ForecastOptions, out: Path, *, cluster: str | None, overwrite: bool
) -> None:
    import pandas as pd  # here, for help must not wait for it

    from igkinetics.forecast.by_parts import forecast_by_parts
    from igkinetics.report.parts_page import forecast_parts_sentences, write_parts_report
    from igkinetics.text import visible

    title = f"IgG forecast of {visible(reading.folder.resolve().name)}, in parts"

    def says(totals: ForecastTotals, done: Done) -> list[str]:
        return forecast_parts_sentences(totals, done, options.horizon_day)

    totals = do_in_parts(
        forecast_by_parts(reading, options),
        out,
        lambda totals, done: [*says(totals, done), where(out)],
        page=lambda totals, done, folder: write_parts_report(title, says(totals, done), folder),
        doing="Forecasting parts",
        jobs=options.jobs,
        cluster=cluster,
        overwrite=overwrite,
    )
    if totals.n_failed:
        tell(failures_told(pd.DataFrame(totals.failures), totals.n_failed, totals.n_patients))
        raise typer.Exit(DEFECT_OF_OURS)
    if totals.n_forecast == 0:
        raise typer.Exit(NOBODY_FITTED)
