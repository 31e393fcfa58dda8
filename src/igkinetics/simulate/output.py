"""Writing a simulated cohort as the files of an input cohort, its design and its truth beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from igkinetics.cards.private import private_sentences
from igkinetics.simulate.design import Design
from igkinetics.simulate.simulated import SimulatedCohort

SYNTHETIC = "SYNTHETIC data, written by `igkinetics simulate`; no value here was measured in a patient."
NUMBER_FORMAT = "%.9g"
COHORT_TABLES = ("samples", "patients", "doses", "therapy", "outcomes")
ALWAYS_WRITTEN = ("samples", "patients")


def write_simulation(simulated: SimulatedCohort, folder: str | Path) -> None:
    """Write the cohort's files and its truth into an existing, empty folder. UTF-8.

    Of doses, therapy and outcomes only tables with rows are written: without the file there were none.
    """
    here = Path(folder)
    for name, table in written_tables(simulated).items():
        write_csv(table, here / f"{name}.csv")
    write_text(cohort_toml(simulated.design, simulated.cards), here / "cohort.toml")
    write_text(simulated.design_text, here / "design.toml")
    truth = here / "truth"
    truth.mkdir()
    write_csv(simulated.truth_parameters, truth / "parameters.csv")
    write_csv(simulated.truth_nadir, truth / "nadir.csv")
    write_parquet(simulated.truth_curves, truth / "curves.parquet")


def written_tables(simulated: SimulatedCohort) -> dict[str, pd.DataFrame]:
    """The tables of the cohort that are written, by name."""
    tables: dict[str, pd.DataFrame] = {name: getattr(simulated, name) for name in COHORT_TABLES}
    return {name: table for name, table in tables.items() if name in ALWAYS_WRITTEN or not table.empty}


def cohort_toml(design: Design, cards: Mapping[str, str]) -> str:
    """The `cohort.toml` of a simulated cohort. cards: id -> SHA-256."""
    lines = [f"# {SYNTHETIC}", "# How it was made: design.toml; the truth behind it: truth/."]
    lines += [f"# {' '.join(design.title.split())}"] if design.title else []
    lines += [f"# {sentence}" for sentence in private_sentences(cards)]
    lines += ['format = "tables"', 'igg_unit = "mg/dL"']
    lines += ['time_origin = "as_given"', 'same_day = "sample_first"']
    limits = {"lower_limit": design.assay.lower_limit_mg_dl, "upper_limit": design.assay.upper_limit_mg_dl}
    lines += [f"{key} = {value:g}" for key, value in limits.items() if value is not None]
    return "\n".join(lines) + "\n"


def write_csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8", float_format=NUMBER_FORMAT)


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Without pandas' metadata, whose versions would be the only thing that differs between two runs."""
    content = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(content, path, compression="zstd")


def as_in_csv(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the numbers that write_csv leaves of it."""
    numbers = table.select_dtypes("float").columns
    return table.assign(**{name: [float(NUMBER_FORMAT % value) for value in table[name]] for name in numbers})


def write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
