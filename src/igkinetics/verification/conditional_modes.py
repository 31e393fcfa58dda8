"""Conditional modes (MAP) of single patients: NONMEM's as mapbayr ships them, mapbayr's, and two of Monolix.

Where residual error and random effects are of the kinds that a fit here has, the fit's own optimiser finds the mode.
Monolix' two have others (standard deviations that add; micro-constants), so that their definition is minimised here,
over this package's curves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import minimize as minimise_by_definition

from igkinetics.fit.likelihood import NORMAL
from igkinetics.fit.minimise import minimise
from igkinetics.fit.problem import FitProblem
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import INDEX, Floats, parameter_vector
from igkinetics.kinetics.schedule import Schedule, build_schedule
from igkinetics.verification.comparison import Comparison, Point, cases_folder, compared, json_cases, named

ETA: Final = 1e-6
"""Absolute: NONMEM and mapbayr print nine digits and stop within some 1e-7 of the mode."""
MAPBAYR: Final = "mapbayr (FelicienLL/mapbayr): 100 simulated patients each"
MAPBAYR_ETA: Final = 1e-4
"""Absolute: mapbayr's optimiser stops at a change of the objective of about 1e-8."""
TYPICAL: Final = {
    1: {"CL": 0.13, "V1": 4.5},
    2: {"CL": 0.13, "V1": 3.0, "Q": 0.45, "V2": 2.3},
}


def comparisons() -> Iterator[Comparison]:
    for case in json_cases("map_cases.json"):
        points = absorption_points(case) if case["id"].startswith("mapbayr") else MONOLIX[case["id"]](case)
        note = "" if case["id"].startswith("mapbayr") else "the definition minimised here, over this package's curves"
        yield compared(case["source"], case["id"], case["model"], points, note)
    yield from simulated_patients()


def schedule_of(doses: list[dict[str, Any]]) -> Schedule:
    return build_schedule(
        start_day=0.0,
        dose_day=[dose["time"] for dose in doses],
        dose_g=[dose["amount"] for dose in doses],
        dose_duration_day=[dose.get("duration", 0.0) for dose in doses],
        dose_is_sc=[dose["route"] == "absorption" for dose in doses],
    )


def mode_of(
    typical: dict[str, float], variances: dict[str, float], schedule: Schedule, day: Floats, level: Floats, b: float
) -> Floats:
    """etas at the optimum, by the fit's optimiser: log-normal parameters, proportional error b."""
    names = tuple(variances)
    disposition = "two_compartment" if "Q" in typical else "one_compartment"
    mu = np.log([typical[name] for name in names])
    sd = np.sqrt(list(variances.values()))
    problem = FitProblem(
        model=f"{disposition}/constant",
        names=names,
        free=np.array([INDEX[name] for name in names]),
        fixed=parameter_vector({"C_base": 0.0, "F": 1.0, **typical}, disposition, "constant"),
        mu=mu,
        sd=sd,
        prior_sd=sd,
        schedule=schedule,
        day=day,
        igg=level,
        limit=np.zeros(day.size, dtype=np.int8),
        kind=NORMAL,
        a=0.0,
        b=b,
    )
    return minimise(problem, [mu]).x - mu


def absorption_points(case: dict[str, Any]) -> Iterator[Point]:
    """NONMEM's run001: one compartment with absorption, omega^2 0.2 each, proportional variance 0.05."""
    variances = {"CL": 0.2, "V1": 0.2, "ka": 0.2}
    day, level = (np.array([sample[key] for sample in case["samples"]]) for key in ("time", "value"))
    schedule = schedule_of(case["doses"])
    etas = mode_of({"CL": 4.0, "V1": 70.0, "ka": 1.0}, variances, schedule, day, level, np.sqrt(0.05))
    for name, eta in zip(("eta_CL", "eta_V1", "eta_KA"), etas, strict=True):
        yield Point(name, case["expected"][name], float(eta), ETA)


def simulated_patients() -> Iterator[Comparison]:
    """Three infusions and three samples each, one and two compartments; etas on CL and V1."""
    printed = pd.read_csv(cases_folder() / "map_reference_100.csv")
    for compartments, typical in TYPICAL.items():
        rows = pd.read_csv(cases_folder() / f"map_{compartments}cmt_100.csv")
        answers = printed[printed["n_cmt"] == compartments].set_index("ID").to_dict("index")
        points = [
            Point(f"patient {patient} eta_{name}", answers[patient][column], float(eta), MAPBAYR_ETA)
            for patient, own in rows.groupby("ID")
            for name, column, eta in zip(("CL", "V1"), ("ETA1", "ETA2"), mode_of_rows(typical, own), strict=True)
        ]
        inputs = f"{named(typical)}; omega^2 0.09 and 0.04, proportional variance 0.01"
        case = "one compartment" if compartments == 1 else "two compartments"
        yield compared(MAPBAYR, case, inputs, points)


def mode_of_rows(typical: dict[str, float], rows: pd.DataFrame) -> Floats:
    doses, samples = rows[rows["EVID"] == 1], rows[rows["EVID"] == 0]
    schedule = build_schedule(
        start_day=0.0,
        dose_day=doses["TIME"],
        dose_g=doses["AMT"],
        dose_duration_day=doses["AMT"] / doses["RATE"],
        dose_is_sc=np.zeros(len(doses)),
    )
    day, level = samples["TIME"].to_numpy(float), samples["DV"].to_numpy(float)
    return mode_of(typical, {"CL": 0.09, "V1": 0.04}, schedule, day, level, 0.1)


def definition_minimised(
    case: dict[str, Any],
    parameters: Callable[[Floats], dict[str, float]],
    variances: Floats,
    sd: Callable[[Floats], Floats],
) -> dict[str, float]:
    """Individual parameters at the mode of sum ((y - f)^2 / sd^2 + log sd^2) + sum eta^2 / omega^2."""
    day, level = (np.array([sample[key] for sample in case["samples"]], dtype=float) for key in ("time", "value"))
    schedule = schedule_of(case["doses"])

    def objective(eta: Floats) -> float:
        theta = parameter_vector({"C_base": 0.0, **parameters(eta)}, "two_compartment", "constant")
        curve = igg_curve(theta, schedule, day)[1]
        spread = sd(curve)
        return float(np.sum(((level - curve) / spread) ** 2 + 2.0 * np.log(spread)) + np.sum(eta**2 / variances))

    best = minimise_by_definition(
        objective, np.zeros(variances.size), method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12}
    )
    return parameters(best.x)


def tobramycin(case: dict[str, Any]) -> Iterator[Point]:
    """Micro-constants: Q and V2 follow V."""

    def parameters(eta: Floats) -> dict[str, float]:
        ke = 0.21 * (80 / 67.8) ** 0.89 * (65 / 66.4) ** -1.09 * np.exp(eta[0])
        volume = 19.8 * (65 / 66.4) ** 0.80 * np.exp(eta[1])
        return {"CL": ke * volume, "V1": volume, "Q": 0.041 * volume, "V2": 0.041 / 0.12 * volume}

    found = definition_minimised(case, parameters, np.array([0.08075, 0.01203]), lambda curve: 0.198 * curve)
    expected, tolerance = case["expected"], case["tolerance"]
    yield Point("ke", expected["ke"], found["CL"] / found["V1"], tolerance["ke"])
    yield Point("V", expected["V"], found["V1"], tolerance["V"])


def vancomycin(case: dict[str, Any]) -> Iterator[Point]:
    """Standard deviations add: 3.4 + 0.227 f."""

    def parameters(eta: Floats) -> dict[str, float]:
        clearance, volume, peripheral = np.array([4.5 * (34 / 120) ** 0.8, 58.4 * 62 / 70, 38.4]) * np.exp(eta)
        return {"CL": clearance, "V1": volume, "V2": peripheral, "Q": 6.5}

    variances = np.array([0.147, 0.510, 0.282])
    found = definition_minimised(case, parameters, variances, lambda curve: 3.4 + 0.227 * curve)
    for name, tolerance in (("CL", 0.005), ("V1", 0.05), ("V2", 0.05)):
        yield Point(name, case["expected"][name], found[name], tolerance)


MONOLIX: Final = {"posologyr_tobramycin": tobramycin, "posologyr_vancomycin_goti": vancomycin}
