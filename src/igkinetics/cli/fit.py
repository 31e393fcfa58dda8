"""`fit`: every patient of a cohort, with nadirs, tables and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import (
    Average,
    CardOrStack,
    CohortPath,
    FileFormat,
    Fix,
    IggUnit,
    Level,
    OnProblem,
    Out,
    Overwrite,
    Residual,
    Weights,
    days_of,
    fixed_of,
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
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL

if TYPE_CHECKING:
    from igkinetics.charts.svg import Draw
    from igkinetics.cohort.model import Cohort
    from igkinetics.cohort.parts import Reading
    from igkinetics.fit.by_parts import Totals
    from igkinetics.fit.cohort_result import CohortFit
    from igkinetics.fit.options import FitOptions
    from igkinetics.fit.output import Extras
    from igkinetics.output.parts import Done

Structure = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="This structure alone, such as one_compartment/step_loss; default average."),
]
Prior = Annotated[
    str, typer.Option(metavar="card|none|FILE", help="The card's prior, none, or that of a population.toml.")
]
Drift = Annotated[bool, typer.Option("--drift/--no-drift", help="Allow courses that drift around the curve.")]
Engine = Annotated[
    str, typer.Option(metavar="auto|lmfit|batch", help="batch: compiled optimiser alone; auto: beyond 300 patients.")
]
Intervals = Annotated[
    str, typer.Option(metavar="draws|laplace", help="laplace: few weighted points, for registries; see the guide.")
]
Dates = Annotated[bool, typer.Option("--dates", help="Calendar dates where known; without it the output tells none.")]


AskedWindow = Annotated[str | None, typer.Option(metavar="A:B", help="Look for nadirs between these days instead.")]
Thresholds = Annotated[
    list[float] | None,
    typer.Option(metavar="IGG", help="Report the time below this level, in the cohort's unit; repeatable."),
]


@answering
def fit(
    cohort: CohortPath,
    out: Out,
    card: CardOrStack = DEFAULT_CARD,
    weights: Weights = None,
    prior: Prior = "card",
    structure: Structure = None,
    fix: Fix = None,
    drift: Drift = True,
    average: Average = "cohort",
    residual: Residual = "normal",
    window: AskedWindow = None,
    threshold: Thresholds = None,
    draws: Annotated[int, typer.Option(metavar="N", help="Draws behind each interval (400 behind bands).")] = 2000,
    profile: Annotated[bool, typer.Option("--profile", help="Profile-likelihood intervals of parameters.")] = False,
    figures: Annotated[bool, typer.Option("--figures", help="Every chart as SVG and PNG of publication size.")] = False,
    excel: Annotated[bool, typer.Option("--excel", help="All tables as one workbook, tables.xlsx.")] = False,
    dates: Dates = False,
    engine: Engine = "auto",
    intervals: Intervals = "draws",
    cluster: Cluster = None,
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Patients fitted at a time.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Fit every patient, find every nadir."""
    from igkinetics.cohort.parts import Reading
    from igkinetics.fit.options import FitOptions
    from igkinetics.fit.output import Extras
    from igkinetics.forecast.weights import weights_from

    extras = Extras(figures=figures, excel=excel, dates=dates)
    options = FitOptions(
        card=card,
        weights=weights_from(weights) if weights is not None else {},
        prior=prior,
        structure=structure,
        drift=drift,
        average=average,
        residual=residual,
        window=days_of(window),
        thresholds=tuple(threshold or ()),
        draws=draws,
        profile=profile,
        fix=fixed_of(fix or ()),
        engine=engine,
        intervals=intervals,
        level=level,
        seed=seed,
        jobs=jobs,
    )
    reading = Reading(path=cohort, igg_unit=igg_unit, file_format=file_format, on_problem=on_problem)
    if in_parts(cohort, cluster, figures=figures):
        fit_in_parts(reading, options, out, extras, cluster=cluster, overwrite=overwrite)
    else:
        fit_whole(reading, options, out, extras, overwrite=overwrite)


def fit_whole(reading: Reading, options: FitOptions, out: Path, extras: Extras, *, overwrite: bool) -> None:
    """A cohort that is read at once, with its pages."""
    from igkinetics.charts.svg import converter_process
    from igkinetics.fit.output import FIT_OUTPUT
    from igkinetics.output.folder import refuse_existing

    refuse_existing(out, FIT_OUTPUT, overwrite=overwrite)
    with converter_process() as draw:
        records = read_and_tell(reading.path, reading.igg_unit, reading.file_format, reading.on_problem)
        fitted = fit_with_progress(records, options)
        write(fitted, out, draw, extras, overwrite=overwrite)
    tell_result(fitted, out)


def fit_in_parts(
    reading: Reading, options: FitOptions, out: Path, extras: Extras, *, cluster: str | None, overwrite: bool
) -> None:
    from igkinetics.fit.by_parts import fit_by_parts
    from igkinetics.report.parts_page import fit_parts_sentences, write_parts_report
    from igkinetics.text import visible

    title = f"IgG nadirs of {visible(reading.folder.resolve().name)}, in parts"

    def says(totals: Totals, done: Done) -> list[str]:
        return fit_parts_sentences(totals, done, options.level)

    totals = do_in_parts(
        fit_by_parts(reading, options, extras),
        out,
        lambda totals, done: [*says(totals, done), where(out)],
        page=lambda totals, done, folder: write_parts_report(title, says(totals, done), folder),
        doing="Fitting parts",
        jobs=options.jobs,
        cluster=cluster,
        overwrite=overwrite,
    )
    if totals.n_failed:
        raise typer.Exit(DEFECT_OF_OURS)
    if totals.n_fitted == 0:
        raise typer.Exit(NOBODY_FITTED)


def fit_with_progress(cohort: Cohort, options: FitOptions) -> CohortFit:
    from igkinetics.fit.cohort import fit_cohort

    with progress_bar("Fitting patients") as progress:
        return fit_cohort(cohort, options, progress)


def write(fitted: CohortFit, out: Path, draw: Draw, extras: Extras, *, overwrite: bool) -> None:
    """Tables and report, whole or not at all."""
    from igkinetics.charts.svg import converter_process
    from igkinetics.fit.output import FIT_OUTPUT, write_fit
    from igkinetics.output.folder import new_folder
    from igkinetics.report.diagnostics_page import DIAGNOSTICS_NAME, write_diagnostics
    from igkinetics.report.figure_files import FIGURES, write_figures
    from igkinetics.report.fit_page import REPORT_NAME, write_fit_report

    with new_folder(out, FIT_OUTPUT, overwrite=overwrite) as folder:
        write_fit(fitted, folder, extras)
        write_fit_report(fitted, folder / REPORT_NAME, draw, extras)
        write_diagnostics(fitted, folder / DIAGNOSTICS_NAME, draw)
        if extras.figures:
            with converter_process(png=True) as draw_files:
                write_figures(fitted, folder / FIGURES, draw_files)


def tell_result(fitted: CohortFit, out: Path) -> None:
    """Five sentences on stdout, and the exit status."""
    from igkinetics.report.fit_page import REPORT_NAME
    from igkinetics.report.sentences import five_sentences, laboratory_sentence

    print("\n".join(filter(None, [*five_sentences(fitted, str(out / REPORT_NAME)), laboratory_sentence(fitted)])))
    if fitted.interrupted:
        raise typer.Exit(INTERRUPTED)
    if fitted.n_failed:
        tell(failures_told(fitted.patients))
        raise typer.Exit(DEFECT_OF_OURS)
    if fitted.n_fitted == 0:
        raise typer.Exit(NOBODY_FITTED)
