"""What sampling gives: draws of every patient's parameters and of the population, without any sampler's types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.parameters import N_PARAMETERS, Floats

Extension = Literal["base", "clearance_ratio", "production_ratio", "dose_recovery", "joint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a sampler drew, whitened: u (chain, draw, k), z (chain, draw, patient, p), statistics (chain, draw) each."""

    u: Floats
    z: Floats
    statistics: dict[str, np.ndarray]
    interrupted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPosterior:
    """Draws (chain, draw, ...) of a hierarchical fit; patients in the order of `patient_ids`. g, L, g/L, day.

    theta (chain, draw, patient, 13): natural parameters in the kinetics' order, ratios under IVIG included; with a free
    dose recovery CL, V1, Q and V2 are those per recorded gram.
    error (chain, draw, 2): a in g/L, b. population: typical values, between-patient SDs, coefficients, by name,
    each (chain, draw). problems: the data and schedule of each patient, as fitted (problem.mu, .sd: the card's).
    modified: the days in which a patient's ratios act, None when never infused. drifting: whether courses leave their
    curves by a drift of the SDs in problem.drift_sds. suspected: patient -> (m, 2) day and grams of infusions taken as
    given that the record does not have. pausing: ratios act for some days after each infusion, not between as well.
    """

    patient_ids: tuple[str, ...]
    theta: Floats
    error: Floats
    population: dict[str, Floats]
    problems: tuple[FitProblem, ...]
    modified: tuple[tuple[float, float] | None, ...]
    extension: Extension
    interrupted: bool
    drifting: bool = False
    suspected: Mapping[str, Floats] = field(default_factory=dict)
    pausing: bool = False

    def __post_init__(self) -> None:
        chains, draws = self.error.shape[:2]
        expected = (chains, draws, len(self.patient_ids), N_PARAMETERS)
        if self.theta.shape != expected or {len(self.problems), len(self.modified)} != {len(self.patient_ids)}:
            raise AssertionError(f"theta has the shape {self.theta.shape}, not {expected}")

    def of_patient(self, index: int) -> Floats:
        """Natural parameters (chain * draw, 13) of the patient at this place, chains one after the other."""
        return self.theta[:, :, index, :].reshape(-1, N_PARAMETERS)
