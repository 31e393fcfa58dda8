"""`population`: a cohort's population by maximum likelihood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, Level, OnProblem, Out, Overwrite
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import answering
from igkinetics.cli.writing import write_and_tell
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort
    from igkinetics.population.options import PopulationOptions

Names = list[str] | None
CardName = Annotated[str, typer.Option(metavar="ID|FILE", help="Card of the model, and where it starts.")]
Iov = Annotated[
    Names, typer.Option(metavar="NAME", help="Varies between a patient's occasions too, such as CL; repeatable.")
]
Occasion = Annotated[
    str,
    typer.Option(
        metavar="DAYS|dose|therapy|COLUMN",
        help="What begins an occasion: so many days, a dose, a course of therapy, or a column of covariates.csv.",
    ),
]


@answering
def population(
    cohort: CohortPath,
    out: Out,
    card: CardName = DEFAULT_CARD,
    structure: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as one_compartment/step_loss; default by the card.")
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="focei|exact", help="Laplace's approximation, or the integral itself.")
    ] = "focei",
    residual: Annotated[
        str, typer.Option(metavar="normal|lognormal|student_t", help="How measurements scatter around the curve.")
    ] = "normal",
    correlated: Annotated[bool, typer.Option("--correlated", help="Omega with covariances.")] = False,
    rate: Annotated[bool, typer.Option("--rate", help="k = CL/V as the parameter in place of CL.")] = False,
    estimate: Annotated[
        Names, typer.Option(metavar="NAME", help="Estimate this typical value too; repeatable.")
    ] = None,
    fix: Annotated[
        Names, typer.Option(metavar="NAME", help="Hold this typical value at the card's; repeatable.")
    ] = None,
    no_random: Annotated[
        Names, typer.Option(metavar="NAME", help="This parameter does not vary between patients; repeatable.")
    ] = None,
    covariate: Annotated[
        Names, typer.Option(metavar="PARAMETER:COVARIATE", help="An effect in the model, such as CL:sex; repeatable.")
    ] = None,
    iov: Iov = None,
    occasion: Occasion = "",
    test_covariate: Annotated[
        Names, typer.Option(metavar="COVARIATE", help="Try this column on every parameter; repeatable.")
    ] = None,
    beside: Annotated[
        Names,
        typer.Option(metavar="CHANGE", help="Another model beside it: search, correlated, residual=lognormal, ..."),
    ] = None,
    simulations: Annotated[int, typer.Option(metavar="N", help="Simulations behind NPDE and VPC.")] = 500,
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the simulations.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Threads.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Fit the population by maximum likelihood (FOCEI)."""
    from igkinetics.choices import chosen
    from igkinetics.output.folder import refuse_existing
    from igkinetics.population.options import PopulationOptions
    from igkinetics.population.output import POPULATION_OUTPUT

    model = {"structure": structure, "method": method, "residual": residual, "correlated": correlated, "rate": rate}
    lists = {"estimate": estimate, "fix": fix, "no_random": no_random, "covariate": covariate, "beside": beside}
    lists |= {"iov": iov, "test_covariate": test_covariate}
    names = {name: tuple(values or ()) for name, values in lists.items()}
    numbers = {"occasion": occasion, "simulations": simulations, "level": level, "seed": seed, "jobs": jobs}
    options = chosen(PopulationOptions, None, {"card": card, **model, **names, **numbers})
    refuse_existing(out, POPULATION_OUTPUT, overwrite=overwrite)
    fit_and_write(read_and_tell(cohort, igg_unit, file_format, on_problem), options, out, overwrite=overwrite)


def fit_and_write(cohort: Cohort, options: PopulationOptions, out: Path, *, overwrite: bool) -> None:
    """Tables and report, whole or not at all, and what they say on stdout."""
    from igkinetics.population.run import fit_population
    from igkinetics.report.population_page import population_sentences

    fit = fit_population(cohort, options)
    write_and_tell(fit, population_sentences(fit), out, overwrite=overwrite)
