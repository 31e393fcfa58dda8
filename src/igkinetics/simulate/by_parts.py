"""`simulate` of a cohort in parts: so many patients in memory at a time, written as `samples/part-0001.parquet` ...

Every patient has random streams of his own, so the parts together are the cohort that would be made at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from igkinetics.errors import call_error, counted
from igkinetics.limits import MOST_SIMULATED_PATIENTS
from igkinetics.output.by_parts import ByParts
from igkinetics.output.files import SIMULATION_OUTPUT
from igkinetics.output.parts import Part, key_of
from igkinetics.provenance import package_versions
from igkinetics.simulate.output import as_in_csv, cohort_toml, write_parquet, write_text, written_tables
from igkinetics.simulate.read_design import DesignFile, read_design
from igkinetics.simulate.run import cards_of, draw_cohort, simulated
from igkinetics.simulate.virtual_patient import Cards


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTotals:
    """How much a cohort in parts holds. cards: id -> SHA-256."""

    patients: int
    samples: int
    doses: int
    cards: dict[str, str]


def simulate_part(file: DesignFile, cards: Cards, per_part: int, part: str, folder: Path) -> None:
    """The patients of one part: a Parquet file for each table, and in truth/ what lies behind them."""
    first = (int(part.removeprefix("part-")) - 1) * per_part
    made = simulated(file, cards, draw_cohort(file.design, cards, first, first + per_part))
    for name, table in written_tables(made).items():
        write_parquet(as_in_csv(table), folder / f"{name}.parquet")
    (folder / "truth").mkdir()
    write_parquet(as_in_csv(made.truth_parameters), folder / "truth" / "parameters.parquet")
    write_parquet(as_in_csv(made.truth_nadir), folder / "truth" / "nadir.parquet")
    write_parquet(made.truth_curves, folder / "truth" / "curves.parquet")


def simulate_by_parts(source: Path, *, seed: int | None, per_part: int) -> ByParts[SimulatedTotals]:
    """What a simulation in parts does for each of them. InputError with every problem of the design."""
    if not 1 <= per_part <= MOST_SIMULATED_PATIENTS:
        raise call_error("per_part", per_part, f"must be 1 to {MOST_SIMULATED_PATIENTS:,} patients")
    file = read_design(source, seed=seed, per_part=per_part)
    cards = cards_of(file.design.population, file.folder)
    n_parts = -(-sum(group.n for group in file.design.group) // per_part)
    digests = {card.id: card.sha256 for card in cards.both}
    key = key_of("simulate", file.text, digests, per_part, package_versions())
    ready = replace(file, folder=file.folder.resolve() if file.folder is not None else None)
    return ByParts(
        kind=SIMULATION_OUTPUT,
        parts=tuple(Part(name=f"part-{number:04d}", key=key) for number in range(1, n_parts + 1)),
        do=partial(simulate_part, ready, cards, per_part),
        join=partial(join_simulated, ready, digests),
        place=by_table,
    )


def join_simulated(
    file: DesignFile, digests: dict[str, str], folders: list[Path], whole: Path, _: float
) -> SimulatedTotals:
    """What describes the cohort as a whole: how it is read, and the design."""
    write_text(cohort_toml(file.design, digests), whole / "cohort.toml")
    write_text(file.text, whole / "design.toml")
    rows = {
        name: sum(pq.read_metadata(path).num_rows for folder in folders for path in folder.glob(f"{name}.parquet"))
        for name in ("patients", "samples", "doses")
    }
    return SimulatedTotals(**rows, cards=digests)


def by_table(part: Path, filling: Path) -> None:
    """The files of a part as TABLE/NAME.parquet of the cohort."""
    for path in sorted(part.rglob("*.parquet")):
        table = filling / path.relative_to(part).with_suffix("")
        table.mkdir(parents=True, exist_ok=True)
        path.rename(table / f"{part.name}.parquet")


def simulated_words(totals: SimulatedTotals, n_parts: int) -> str:
    """ "1,000 patients in 10 parts, 12,000 samples and 3,000 infusions" """
    patients = counted(totals.patients, "patient")
    return f"{patients} in {counted(n_parts, 'part')}, {totals.samples} samples, {totals.doses} infusions"
