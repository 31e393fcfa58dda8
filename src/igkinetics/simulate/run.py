"""From a simulation file to a synthetic cohort with its truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from igkinetics.cards.load import SUFFIX, load_card
from igkinetics.cards.model import Card
from igkinetics.limits import MOST_VIRTUAL_PATIENTS
from igkinetics.simulate.course import follow
from igkinetics.simulate.design import Design
from igkinetics.simulate.outcomes import fates
from igkinetics.simulate.output import write_simulation
from igkinetics.simulate.plan import plan_course
from igkinetics.simulate.read_design import DesignFile, read_design
from igkinetics.simulate.record import Record, recorded
from igkinetics.simulate.sections import Population
from igkinetics.simulate.simulated import SimulatedCohort
from igkinetics.simulate.tables import (
    doses_table,
    outcomes_table,
    patients_table,
    samples_table,
    therapy_table,
)
from igkinetics.simulate.truth import curve_table, nadir_row, parameter_rows, planned_nadir
from igkinetics.simulate.virtual_patient import Cards, VirtualPatient, draw_patient

__all__ = ["SimulatedCohort", "simulate_cohort", "write_simulation"]

PARAMETER_COLUMNS = ["patient_id", "parameter", "value", "unit"]


def simulate_cohort(source: str | Path, *, seed: int | None = None) -> SimulatedCohort:
    """Simulate the cohort of a design: a path, or its text (a str with line breaks).

    seed: instead of the design's own. The same design, seed and package versions give the same numbers.
    InputError with every problem of the design, or of its card. See docs/model.md 1, 2 and 7.

    >>> import igkinetics as igk
    >>> design = '''
    ... seed = 1
    ... population = { card = "adult_b_cell_depletion", weight_kg = 75 }
    ... therapy = { cycles = 2, on_day = 28, off_day = 14, agent = "blinatumomab" }
    ... visits = { every_day = 14, until_day = 70 }
    ... group = [{ name = "IVIG", n = 2, regimen = { dose_g_per_kg = 0.4, interval_day = 28 } }]
    ... '''
    >>> simulated = igk.simulate_cohort(design)
    >>> len(simulated.samples), simulated.doses["amount_g"].unique().tolist()
    (12, [30.0])
    """
    file = read_design(source, seed=seed)
    cards = cards_of(file.design.population, file.folder)
    return simulated(file, cards, draw_cohort(file.design, cards))


def simulated(file: DesignFile, cards: Cards, patients: Iterable[VirtualPatient]) -> SimulatedCohort:
    """What becomes of these patients of a design."""
    courses = [follow(plan_course(file.design, patient)) for patient in patients]
    cohort = fates(file.design, courses, [planned_nadir(course) for course in courses])
    return assemble(file, cards, [recorded(fate) for fate in cohort])


def cards_of(population: Population, folder: Path | None) -> Cards:
    """The cards a population names. A path to a card starts at the design's folder."""

    def load(name: str) -> Card:
        return load_card(folder / name if name.endswith(SUFFIX) and folder is not None else name)

    other = population.endogenous_card
    return Cards(main=load(population.card), endogenous=None if other is None else load(other))


def draw_cohort(
    design: Design, cards: Cards, first: int = 0, end: int = MOST_VIRTUAL_PATIENTS
) -> Iterator[VirtualPatient]:
    """Every patient of every group in the order of the design, or those from a place (from 0) to before another."""
    before = 0
    for group in design.group:
        therapy = design.therapy_of(group)
        for index in range(max(first - before, 0), min(end - before, group.n)):
            yield draw_patient(design.population, group, therapy, cards, design.seed, index)
        before += group.n


def assemble(file: DesignFile, cards: Cards, records: Sequence[Record]) -> SimulatedCohort:
    """Tables of the records, and the truth behind them."""
    truths = [row for record in records for row in parameter_rows(record.fate.course)]
    notes = [note for record in records for note in record.fate.course.plan.patient.notes]
    return SimulatedCohort(
        name=file.design.title or file.name,
        design=file.design,
        design_text=file.text,
        cards={card.id: card.sha256 for card in cards.both},
        samples=samples_table(records),
        doses=doses_table(records),
        therapy=therapy_table(records),
        patients=patients_table(records),
        outcomes=outcomes_table(records),
        truth_parameters=pd.DataFrame(truths, columns=PARAMETER_COLUMNS),
        truth_nadir=pd.DataFrame([nadir_row(record.fate.course, record.patient) for record in records]),
        truth_curves=curve_table([(record.fate.course, record.fate.end_day) for record in records]),
        notes=tuple(dict.fromkeys(notes)),
    )
