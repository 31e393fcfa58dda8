"""`dose`: which regimen keeps one patient's IgG at a target, for the fewest grams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, Level, OnProblem, OutOrNone, Overwrite
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import answering, progress_bar
from igkinetics.dose.options import USUAL_HORIZON_DAY, USUAL_PROBABILITY
from igkinetics.errors import InputError, Problem
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort
    from igkinetics.dose.options import DoseOptions
    from igkinetics.dose.result import DoseResult

Numbers = list[str] | None
"""Numbers behind commas; the option may be repeated."""


def tell_guidelines(asked: bool) -> None:
    """The guidelines on stdout, and the end."""
    if asked:
        from igkinetics.dose.guidelines import guidelines_text

        print(guidelines_text())
        raise typer.Exit


Patient = Annotated[str, typer.Argument(metavar="PATIENT", help="The patient_id of the patient to dose.")]
Target = Annotated[
    float | None, typer.Option(metavar="IGG", help="Level to reach; needed unless a guideline names one.")
]
Upper = Annotated[float | None, typer.Option(metavar="IGG", help="Upper limit of the target.")]
Unit = Annotated[
    str | None, typer.Option(metavar="UNIT", help="Unit of the target and the results; default the cohort's.")
]
Quantity = Annotated[str, typer.Option(metavar="trough|nadir|trough_last", help="What has to reach the target.")]
Probability = Annotated[float, typer.Option(metavar="SHARE", help="Share of the draws that must reach it.")]
Route = Annotated[
    str | None, typer.Option(metavar="iv|sc|both", help="Routes to try; default the guideline's, else iv.")
]
Vial = Annotated[Numbers, typer.Option(metavar="G,G", help="Vial sizes in g, mixed; without it no rounding.")]
Interval = Annotated[Numbers, typer.Option(metavar="DAYS,DAYS", help="Days between doses; default iv 21,28, sc 7,14.")]
Grams = Annotated[Numbers, typer.Option(metavar="G,G", help="Doses to try, g; default 0.1 to 1 g/kg in 28 days.")]
GramsPerKg = Annotated[Numbers, typer.Option(metavar="G,G", help="Doses to try, g/kg.")]
Weight = Annotated[
    str | None,
    typer.Option(metavar="actual|ideal|adjusted|lean", help="What g/kg refers to; default actual or the guideline's."),
]
Price = Annotated[float | None, typer.Option(metavar="PRICE", help="Price of a gram, for the costs.")]
Horizon = Annotated[float, typer.Option(metavar="DAYS", help="How far to look, from the last sample on.")]
Start = Annotated[
    str | None,
    typer.Option(metavar="DAY|DATE", help="First dose; default one interval after the last one, or at once."),
]
GuidelineId = Annotated[str | None, typer.Option(metavar="ID|FILE", help="Take doses and target from this guideline.")]
ListGuidelines = Annotated[
    bool,
    typer.Option("--list-guidelines", callback=tell_guidelines, is_eager=True, help="Show the guidelines and exit."),
]


@answering
def dose(
    cohort: CohortPath,
    patient: Patient,
    out: OutOrNone = None,
    target: Target = None,
    target_upper: Upper = None,
    unit: Unit = None,
    quantity: Quantity = "trough",
    probability: Probability = USUAL_PROBABILITY,
    route: Route = None,
    vial: Vial = None,
    interval: Interval = None,
    dose_g: Grams = None,
    dose_g_per_kg: GramsPerKg = None,
    weight: Weight = None,
    price: Price = None,
    horizon: Horizon = USUAL_HORIZON_DAY,
    start: Start = None,
    guideline: GuidelineId = None,
    list_guidelines: ListGuidelines = False,
    card: Annotated[str, typer.Option(metavar="ID|FILE", help="Model card that gives the prior.")] = DEFAULT_CARD,
    draws: Annotated[int, typer.Option(metavar="N", help="Draws behind every probability.")] = 2000,
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the draws.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Threads that simulate at a time.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Dose one patient: fewest grams for a target."""
    from igkinetics.dose.options import DoseOptions
    from igkinetics.dose.output import DOSE_OUTPUT
    from igkinetics.output.folder import refuse_existing

    options = DoseOptions(
        target=target,
        target_upper=target_upper,
        unit=unit,
        quantity=quantity,
        probability=probability,
        route=route,
        **numbers_of(vial=vial, interval=interval, dose_g=dose_g, dose_g_per_kg=dose_g_per_kg),
        weight=weight,
        price=price,
        horizon=horizon,
        start=start,
        guideline=guideline,
        card=card,
        draws=draws,
        level=level,
        seed=seed,
        jobs=jobs,
    )
    if out is not None:
        refuse_existing(out, DOSE_OUTPUT, overwrite=overwrite)
    records = read_and_tell(cohort, igg_unit, file_format, on_problem)
    dose_and_tell(records, patient, options, out, overwrite=overwrite)


def dose_and_tell(records: Cohort, patient: str, options: DoseOptions, out: Path | None, *, overwrite: bool) -> None:
    """The answer on stdout, and in a folder where one is named."""
    from igkinetics.dose.run import dose_patient
    from igkinetics.report.dose_page import dose_sentences

    with progress_bar("Trying regimens") as progress:
        result = dose_patient(records, patient, options, progress)
    told = write(result, out, overwrite=overwrite) if out is not None else []
    print("\n".join([*dose_sentences(result), *told]))


def write(result: DoseResult, out: Path, *, overwrite: bool) -> list[str]:
    """Tables and pages, whole or not at all; returns where they are, in words."""
    from igkinetics.dose.output import DOSE_OUTPUT, SHEET_NAME, write_dose
    from igkinetics.output.folder import new_folder
    from igkinetics.report.dose_page import write_dose_report
    from igkinetics.report.dosing_sheet import write_dose_sheet
    from igkinetics.report.fit_page import REPORT_NAME

    with new_folder(out, DOSE_OUTPUT, overwrite=overwrite) as folder:
        write_dose(result, folder)
        write_dose_report(result, folder / REPORT_NAME)
        write_dose_sheet(result, folder / SHEET_NAME)
    return [f"Report: {out / REPORT_NAME}."]


def numbers_of(**given: Sequence[str] | None) -> dict[str, tuple[float, ...]]:
    """Each option's numbers. InputError for what is no number, all at once."""
    numbers: dict[str, tuple[float, ...]] = {}
    problems = []
    for name, parts in given.items():
        found = []
        for part in ",".join(parts or ()).split(",") if parts else ():
            try:
                found.append(float(part))
            except ValueError:
                expected = "must be numbers behind commas, such as 2.5,5,10"
                problems.append(Problem(file="call", column=name, found=part, expected=expected))
        numbers[name] = tuple(found)
    if problems:
        raise InputError(problems)
    return numbers
