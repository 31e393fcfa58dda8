"""`scenario`: dosing regimens for a population, and the cheapest that meets a target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import Out, Overwrite
from igkinetics.cli.status import INTERRUPTED, answering, progress_bar, tell
from igkinetics.units import INTERVAL_LEVEL


@answering
def scenario(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario, a TOML file.")],
    out: Out,
    level: Annotated[float, typer.Option(metavar="SHARE", help="Level of every interval.")] = INTERVAL_LEVEL,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the file's own seed.")] = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Threads that simulate at a time.")] = 2,
    overwrite: Overwrite = False,
) -> None:
    """Compare dosing regimens, search for the cheapest."""
    from igkinetics.output.folder import new_folder, refuse_existing
    from igkinetics.report.fit_page import REPORT_NAME
    from igkinetics.report.scenario_page import write_scenario_report
    from igkinetics.report.scenario_patient import write_scenario_sheet
    from igkinetics.report.scenario_sentences import scenario_sentences
    from igkinetics.scenarios.output import SCENARIO_OUTPUT, SHEET_NAME, write_scenario
    from igkinetics.scenarios.read_scenario import read_scenario
    from igkinetics.scenarios.run import run_scenario

    refuse_existing(out, SCENARIO_OUTPUT, overwrite=overwrite)
    result = run_scenario(read_scenario(file, seed=seed), level=level, jobs=jobs, progress=progress_bar, say=tell)
    with new_folder(out, SCENARIO_OUTPUT, overwrite=overwrite) as folder:
        write_scenario(result, folder)
        write_scenario_report(result, folder / REPORT_NAME)
        write_scenario_sheet(result, folder / SHEET_NAME)
    print("\n".join(scenario_sentences(result, str(out / REPORT_NAME))))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
