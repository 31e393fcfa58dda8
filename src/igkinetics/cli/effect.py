"""`effect`: what IVIG did, in the same patients and between groups, from a model of the whole cohort."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from igkinetics.cli.options import CohortPath, FileFormat, IggUnit, Level, OnProblem, Out, Overwrite, Residual
from igkinetics.cli.reading import read_and_tell
from igkinetics.cli.status import DEFECT_OF_OURS, INTERRUPTED, answering, tell
from igkinetics.errors import call_error
from igkinetics.extras import require
from igkinetics.fit.options import DEFAULT_CARD, INTERVAL_LEVEL
from igkinetics.units import IVIG_DAYS

if TYPE_CHECKING:
    from igkinetics.cohort.model import Cohort
    from igkinetics.effect.options import EffectOptions
    from igkinetics.effect.result import CohortEffect

Threshold = Annotated[
    list[float] | None,
    typer.Option(metavar="IGG", help="Report days below this level, in the cohort's unit; repeatable."),
]
MinimumEffect = Annotated[
    float | None, typer.Option(metavar="IGG", help="Smallest change of IgG that matters; none by default.")
]
Rope = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Changes of IgG to be taken as no effect; none by default.")
]
Covariate = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Column of the patients table to adjust for; repeatable.")
]
IvigDays = Annotated[float, typer.Option(metavar="DAYS", help="Ratios under IVIG act so long after the last infusion.")]
PosteriorFile = Annotated[
    str | None, typer.Option(metavar="FILE.nc", help="Report this saved posterior instead of sampling.")
]
RegimenFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Regimen (TOML) for the controls, instead of others' infusions.")
]
PolicyFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="What if everyone had been on each of these policies (TOML)?")
]

Draws = Annotated[
    int | None,
    typer.Option(metavar="N", help="Draws of each independent batch (500 unless given), or of each chain (1000)."),
]
Tune = Annotated[
    int, typer.Option(metavar="N", help="Draws of each chain before those that count (where chains are run).")
]
Sampler = Annotated[
    str,
    typer.Option(
        metavar="laplace|nuts|pymc",
        help="Importance sampling around the Laplace approximation (chains where it fails), or chains.",
    ),
]
CardName = Annotated[str, typer.Option(metavar="ID|FILE", help="Model card that gives the priors.")]
Structures = Annotated[
    list[str] | None,
    typer.Option(
        "--structure",
        metavar="NAME",
        help="Of the main model, such as one_compartment/step_loss; repeated: further ones beside it.",
    ),
]
Lkj = Annotated[
    float | None,
    typer.Option(metavar="ETA", help="Let parameters be correlated between patients: LKJ(ETA) prior, such as 2."),
]
PriorOnly = Annotated[bool, typer.Option("--prior-only", help="What the card says before any measurement.")]
Joint = Annotated[
    bool, typer.Option("--joint", help="Also free both ratios under IVIG at once; they are nearly collinear.")
]
Checks = Annotated[
    str,
    typer.Option(
        metavar="standard|full",
        help="full: other models drawn as the base model is, and ratios under a second disposition.",
    ),
]
BaseOnly = Annotated[
    bool, typer.Option("--base-only", help="No extensions, no other priors, nobody left out: a third of the time.")
]


@answering
def effect(
    cohort: CohortPath,
    out: Out,
    card: CardName = DEFAULT_CARD,
    structure: Structures = None,
    threshold: Threshold = None,
    minimum_effect: MinimumEffect = None,
    rope: Rope = None,
    covariate: Covariate = None,
    residual: Residual = "normal",
    lkj: Lkj = None,
    draws: Draws = None,
    tune: Tune = 600,
    chains: Annotated[int, typer.Option(metavar="N", help="Independent batches, or chains.")] = 4,
    sampler: Sampler = "laplace",
    posterior: PosteriorFile = None,
    control_regimen: RegimenFile = None,
    policies: PolicyFile = None,
    ivig_days: IvigDays = IVIG_DAYS,
    prior_only: PriorOnly = False,
    base_only: BaseOnly = False,
    joint: Joint = False,
    checks: Checks = "standard",
    level: Level = INTERVAL_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of all draws.")] = 1,
    jobs: Annotated[int, typer.Option(metavar="N", help="Chains and patients worked on at a time.")] = 2,
    igg_unit: IggUnit = None,
    file_format: FileFormat = None,
    on_problem: OnProblem = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Estimate what IVIG did to the nadir, with a model of all patients together."""
    from igkinetics.effect.options import EffectOptions

    options = EffectOptions(
        card=card,
        structure=tuple(structure or ()),
        thresholds=tuple(threshold or ()),
        minimum_effect=minimum_effect,
        rope=changes_of(rope),
        covariates=tuple(covariate or ()),
        residual=residual,
        lkj=lkj,
        draws=draws,
        tune=tune,
        chains=chains,
        sampler=sampler,
        posterior=posterior,
        control_regimen=control_regimen,
        policies=policies,
        ivig_days=ivig_days,
        prior_only=prior_only,
        base_only=base_only,
        joint=joint,
        checks=checks,
        level=level,
        seed=seed,
        jobs=jobs,
    )
    estimate(partial(read_and_tell, cohort, igg_unit, file_format, on_problem), options, out, overwrite=overwrite)


def changes_of(rope: str | None) -> tuple[float, float] | None:
    """The range "LOW:HIGH" as two numbers. InputError when it is not."""
    if rope is None:
        return None
    low, colon, high = rope.partition(":")
    try:
        ends = (float(low), float(high)) if colon else None
    except ValueError:
        ends = None
    if ends is None:
        raise call_error("rope", rope, "must be two changes of IgG LOW:HIGH, such as -20:20")
    return ends


def estimate(reading: Callable[[], Cohort], options: EffectOptions, out: Path, *, overwrite: bool) -> None:
    """Sample, then write tables and report, whole or not at all."""
    require("effect")
    from igkinetics.charts.svg import converter_process
    from igkinetics.effect.fit import fit_effect
    from igkinetics.effect.output import EFFECT_OUTPUT, write_effect
    from igkinetics.output.folder import new_folder, refuse_existing
    from igkinetics.report.effect_page import write_effect_report
    from igkinetics.report.fit_page import REPORT_NAME

    refuse_existing(out, EFFECT_OUTPUT, overwrite=overwrite)
    with converter_process() as draw:
        estimated = fit_effect(reading(), options, tell)
        with new_folder(out, EFFECT_OUTPUT, overwrite=overwrite) as folder:
            write_effect(estimated, folder)
            write_effect_report(estimated, folder / REPORT_NAME, draw)
    tell_result(estimated, out)


def tell_result(estimated: CohortEffect, out: Path) -> None:
    """Five sentences on stdout, and the exit status."""
    from igkinetics.report.effect_sentences import effect_sentences
    from igkinetics.report.fit_page import REPORT_NAME

    print("\n".join(effect_sentences(estimated, str(out / REPORT_NAME))))
    if estimated.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed := estimated.sampling.failed:
        tell(f"A defect of ours: {', '.join(failed)} failed unexpectedly and took no part; everything else is written.")
        raise typer.Exit(DEFECT_OF_OURS)
