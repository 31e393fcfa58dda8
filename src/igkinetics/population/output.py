"""The files of a population fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json, write_parquet
from igkinetics.output.folder import Kind
from igkinetics.population.card import card_text
from igkinetics.population.tables import COLUMNS
from igkinetics.population.vpc import COLUMNS as VPC_COLUMNS

if TYPE_CHECKING:
    from igkinetics.population.run import PopulationFit

CARD_NAME: Final = "population.toml"
POPULATION_OUTPUT: Final = Kind(
    marker="population.csv",
    names=frozenset(
        {f"{name}.csv" for name in COLUMNS if name != "residuals"}
        | {"residuals.parquet", "vpc.csv", CARD_NAME, "problems.csv", RUN_RECORD, "report.html"}
    ),
)


def write_population(fit: PopulationFit, folder: Path) -> None:
    """A table each, the population as a card, problems.csv and run.json."""
    for name, columns in COLUMNS.items():
        if name == "residuals":
            write_parquet(fit.residuals, tuple(columns), folder / "residuals.parquet")
        else:
            write_csv(getattr(fit, name), tuple(columns), folder / f"{name}.csv")
    write_csv(fit.vpc, tuple(VPC_COLUMNS), folder / "vpc.csv")
    (folder / CARD_NAME).write_text(card_text(fit), encoding="utf-8", newline="\n")
    write_csv(fit.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    write_json(population_record(fit, digests(folder, [CARD_NAME])), folder / RUN_RECORD)


def population_record(fit: PopulationFit, written: dict[str, str] | None = None) -> dict[str, Any]:
    return cohort_record("population", fit, fit.options.record(), written)
