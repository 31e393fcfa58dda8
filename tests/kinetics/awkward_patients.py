"""Patients whose rates coincide, vanish or differ by many powers of ten: where closed forms divide by zero."""

from __future__ import annotations

import numpy as np
from treatments import Dose, Treatment, vector

from igkinetics.kinetics.parameters import CL, V1, V2, Floats, Q


def disposition_rates(parameters: Floats) -> tuple[float, float]:
    """Fast and slow rate, 1/day: eigenvalues of the two-compartment matrix, by numpy."""
    k10, k12, k21 = parameters[CL] / parameters[V1], parameters[Q] / parameters[V1], parameters[Q] / parameters[V2]
    slow, fast = sorted(-np.linalg.eigvals(np.array([[-k10 - k12, k21], [k12, -k21]])).real)
    return float(fast), float(slow)


FAST, SLOW = disposition_rates(vector())
ONE = 0.155 / 3.2  # CL/V1 of the one-compartment adult, 1/day

PATIENTS: dict[str, Floats] = {
    "usual": vector(),
    "one compartment": vector(Q=0.0),
    "ratios": vector(clearance_ratio=1.2, production_ratio=0.8),
    "one compartment, ratios": vector(Q=0.0, clearance_ratio=0.8, production_ratio=1.3),
    "step loss": vector(k_loss=np.inf),
    "k_loss = fast": vector(k_loss=FAST),
    "k_loss = slow": vector(k_loss=SLOW),
    "k_loss = slow (1 + 1e-9)": vector(k_loss=SLOW * (1 + 1e-9)),
    "k_loss = slow (1 - 1e-5)": vector(k_loss=SLOW * (1 - 1e-5)),
    "k_loss = slow (1 + 1e-2)": vector(k_loss=SLOW * (1 + 1e-2)),
    "k_rec = slow": vector(k_rec=SLOW),
    "k_rec = k_loss = ka = slow": vector(k_rec=SLOW, k_loss=SLOW, ka=SLOW),
    "ka = fast": vector(ka=FAST),
    "ka = slow (1 - 1e-7)": vector(ka=SLOW * (1 - 1e-7)),
    "one compartment, all rates equal": vector(Q=0.0, k_rec=ONE, k_loss=ONE, ka=ONE),
    "one compartment, rates 1e-6 apart": vector(Q=0.0, k_rec=ONE * (1 + 1e-6), k_loss=ONE * (1 - 1e-6), ka=ONE),
    "no recovery": vector(k_rec=0.0),
    "no loss": vector(k_loss=0.0),
    "neither": vector(k_loss=0.0, k_rec=0.0),
    "no clearance": vector(CL=0.0),
    "one compartment, no clearance": vector(CL=0.0, Q=0.0),
    "no clearance, no recovery": vector(CL=0.0, k_rec=0.0),
    "tiny rates": vector(CL=1e-9, k_loss=1e-11, k_rec=1e-13, ka=1e-8),
    "huge rates": vector(k_loss=1e4, k_rec=300.0, ka=2e3),
    "tiny exchange": vector(Q=1e-7),
    "huge exchange": vector(Q=1e4),
    "tiny periphery": vector(V2=1e-4),
    "huge periphery": vector(V2=1e4),
    "all production lost": vector(S=1.0, C_base=9.0, C_init=9.0),
    "no endogenous IgG": vector(C_base=0.0, C_init=0.0),
}

TREATMENT = Treatment(
    start_day=-3.0,
    doses=(
        Dose(day=2.0, amount_g=28.0, duration_day=1 / 6),
        Dose(day=20.0, amount_g=30.0),
        Dose(day=20.0, amount_g=10.0, subcutaneous=True),
        Dose(day=41.0, amount_g=20.0, duration_day=1e-9),
        Dose(day=41.5, amount_g=8.0, duration_day=0.1, subcutaneous=True),
        Dose(day=50.0, amount_g=300.0, duration_day=300.0),
    ),
    therapy=((0.0, 28.0), (42.0, 70.0)),
    modified=(2.0, 60.0),
)
"""Bolus, short, very short and very long infusions, both routes, two cycles, a window of changed ratios."""

DAYS = np.array([-3.0, -1.0, 2.05, 12.0, 28.0, 41.0, 41.0 + 1e-9, 55.0, 90.0, 400.0, 1500.0])
