"""`simulate` and `demo`: cohorts to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import Out, Overwrite
from igkinetics.cli.parts import Cluster, do_in_parts
from igkinetics.cli.status import answering
from igkinetics.errors import call_error

EXAMPLE = "blina23"


@answering
def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The design, a TOML file.")],
    out: Out,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the design's own seed.")] = None,
    per_part: Annotated[
        int | None, typer.Option(metavar="N", help="Write a cohort in parts of so many patients (Parquet), for size.")
    ] = None,
    cluster: Cluster = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Parts made at a time.")] = 2,
    overwrite: Overwrite = False,
) -> None:
    """Make a synthetic cohort with its truth."""
    if per_part is not None:
        simulate_in_parts(file, out, seed, per_part, cluster, jobs, overwrite=overwrite)
        return
    if cluster is not None:
        raise call_error("cluster", cluster, "goes with a cohort in parts: per_part=10000")
    from igkinetics.cards.private import private_sentences
    from igkinetics.output.files import SIMULATION_OUTPUT
    from igkinetics.output.folder import new_folder, refuse_existing
    from igkinetics.simulate.run import simulate_cohort, write_simulation

    refuse_existing(out, SIMULATION_OUTPUT, overwrite=overwrite)
    simulated = simulate_cohort(file, seed=seed)
    with new_folder(out, SIMULATION_OUTPUT, overwrite=overwrite) as folder:
        write_simulation(simulated, folder)
    for sentence in private_sentences(simulated.cards):
        print(sentence)
    print(f"Synthetic cohort written to {out}; the truth behind it lies in {out / 'truth'}.")


def simulate_in_parts(
    file: Path, out: Path, seed: int | None, per_part: int, cluster: str | None, jobs: int, *, overwrite: bool
) -> None:
    from igkinetics.cards.private import private_sentences
    from igkinetics.simulate.by_parts import simulate_by_parts, simulated_words

    do_in_parts(
        simulate_by_parts(file, seed=seed, per_part=per_part),
        out,
        lambda totals, done: [
            *private_sentences(totals.cards),
            f"Synthetic cohort written to {out}: {simulated_words(totals, len(done.finished))}; the truth behind it "
            f"lies in {out / 'truth'}.",
        ],
        doing="Simulating parts",
        jobs=jobs,
        cluster=cluster,
        overwrite=overwrite,
    )


@answering
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; it must not exist.")],
    overwrite: Overwrite = False,
) -> None:
    """Copy the synthetic example cohort."""
    from igkinetics.output.files import SIMULATION_OUTPUT
    from igkinetics.output.folder import copy_folder, new_folder
    from igkinetics.resources import resource_folder

    source = resource_folder("data") / EXAMPLE
    with new_folder(folder, SIMULATION_OUTPUT, overwrite=overwrite) as filling:
        copy_folder(source, filling)
    print(f"Synthetic example cohort written to {folder}.")
    print(f"Next: igkinetics fit {folder} --out {folder}-fit --threshold 400")
