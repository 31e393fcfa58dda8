"""The result of a simulation."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from igkinetics.output.answer import Answer
from igkinetics.simulate.design import Design


@dataclass(frozen=True, kw_only=True)
class SimulatedCohort(Answer):
    """A synthetic cohort: the tables of an input cohort (mg/dL, g, day, kg) and the truth behind them."""

    TABLES_OF = (
        "samples",
        "doses",
        "therapy",
        "patients",
        "outcomes",
        "truth_parameters",
        "truth_nadir",
        "truth_curves",
    )
    FOLDER = "igkinetics.output.files:SIMULATION_OUTPUT"
    FILES = "igkinetics.simulate.output:write_simulation"

    name: str
    design: Design
    design_text: str
    cards: dict[str, str]
    """Card id -> SHA-256."""
    samples: pd.DataFrame
    doses: pd.DataFrame
    therapy: pd.DataFrame
    patients: pd.DataFrame
    outcomes: pd.DataFrame
    truth_parameters: pd.DataFrame
    truth_nadir: pd.DataFrame
    truth_curves: pd.DataFrame
    notes: tuple[str, ...]
