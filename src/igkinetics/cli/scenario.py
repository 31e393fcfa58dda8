"""`scenario`: dosing regimens for a population, and the cheapest that meets a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import Out, Overwrite
from igkinetics.cli.parts import Cluster, do_in_parts
from igkinetics.cli.status import INTERRUPTED, answering, progress_bar, tell
from igkinetics.units import INTERVAL_LEVEL

if TYPE_CHECKING:
    from igkinetics.scenarios.read_scenario import ScenarioFile


@answering
def scenario(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario, a TOML file.")],
    out: Out,
    level: Annotated[float, typer.Option(metavar="SHARE", help="Level of every interval.")] = INTERVAL_LEVEL,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the file's own seed.")] = None,
    cluster: Cluster = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Threads that simulate at a time, or parts.")] = 2,
    overwrite: Overwrite = False,
) -> None:
    """Compare dosing regimens, search for the cheapest."""
    from igkinetics.errors import call_error
    from igkinetics.output.folder import new_folder, refuse_existing
    from igkinetics.report.fit_page import REPORT_NAME
    from igkinetics.report.scenario_page import write_scenario_report
    from igkinetics.report.scenario_patient import write_scenario_sheet
    from igkinetics.report.scenario_sentences import scenario_sentences
    from igkinetics.scenarios.by_parts import asks_for_parts
    from igkinetics.scenarios.output import SCENARIO_OUTPUT, SHEET_NAME, write_scenario
    from igkinetics.scenarios.read_scenario import read_scenario
    from igkinetics.scenarios.run import run_scenario

    asked = read_scenario(file, seed=seed)
    if asks_for_parts(asked):
        scenario_in_parts(asked, out, level, cluster, jobs, overwrite=overwrite)
        return
    if cluster is not None:
        raise call_error("cluster", cluster, "goes with all patients of a fit in parts: fit without patient")
    refuse_existing(out, SCENARIO_OUTPUT, overwrite=overwrite)
    result = run_scenario(asked, level=level, jobs=jobs, progress=progress_bar, say=tell)
    with new_folder(out, SCENARIO_OUTPUT, overwrite=overwrite) as folder:
        write_scenario(result, folder)
        write_scenario_report(result, folder / REPORT_NAME)
        write_scenario_sheet(result, folder / SHEET_NAME)
    print("\n".join(scenario_sentences(result, str(out / REPORT_NAME))))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def scenario_in_parts(
    asked: ScenarioFile, out: Path, level: float, cluster: str | None, jobs: int, *, overwrite: bool
) -> None:
    from igkinetics.report.fit_page import REPORT_NAME
    from igkinetics.report.parts_page import parts_words
    from igkinetics.report.scenario_page import write_scenario_report
    from igkinetics.report.scenario_sentences import scenario_sentences
    from igkinetics.scenarios.by_parts import scenario_by_parts
    from igkinetics.scenarios.run import check_call

    check_call(level, jobs)
    do_in_parts(
        scenario_by_parts(asked, level),
        out,
        lambda result, done: [*scenario_sentences(result, str(out / REPORT_NAME)), f"In {parts_words(done)}."],
        page=lambda result, done, folder: write_scenario_report(result, folder / REPORT_NAME),
        doing="Simulating parts",
        jobs=jobs,
        cluster=cluster,
        overwrite=overwrite,
    )
