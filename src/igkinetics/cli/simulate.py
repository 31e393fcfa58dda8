"""`simulate` and `demo`: cohorts to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from igkinetics.cli.options import Out, Overwrite
from igkinetics.cli.status import answering

EXAMPLE = "blina23"


@answering
def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The design, a TOML file.")],
    out: Out,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Instead of the design's own seed.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a synthetic cohort with its truth."""
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
