"""Populations: NONMEM's etas and objective of 59 infants, the example of Wang 2007, and 200 simulated patients."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cards.load import load_card
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.kinetics.parameters import Floats
from igkinetics.population.exact import exact_log_likelihood
from igkinetics.population.maximise import Objective, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare
from igkinetics.verification.comparison import Comparison, Point, cases_folder, compared

NONMEM: Final = "NONMEM FOCEI, phenobarbital example (pheno_sd of nlmixr2data)"
NONMEM_OFV: Final = 586.276056
OFV_TOLERANCE: Final = 0.01
ETA: Final = 2e-5
"""Absolute: NONMEM prints six digits, at estimates that are known to six digits."""
QUADRATURE: Final = "nine-node quadrature, independent of this package: 200 simulated patients"
EXACT: Final = 935.65525
EXACT_TOLERANCE: Final = 0.05
EXACT_AT: Final = {"k": -3.53327, "V1": 1.63262, "C_base": 2.20825, "S_unknown": 0.63024}
EXACT_SD: Final = {"k": 0.23033, "V1": 0.21674, "C_base": 0.28378, "S": 0.67114}
EXACT_SIGMA: Final = 0.100417
INSTANT: Final = 1e-7
"""Days by which a bolus is put before a sample of the same time, which in that simulation sees it."""
WANG: Final = "Wang 2007 (J Pharmacokinet Pharmacodyn 34:575), its Table 1; FOCEI by the tests of nlmixr2/RxODE"
WANG_EXACT: Final = {"proportional": 39.354803, "additive": -1.989614}
"""-2 log likelihood by adaptive quadrature (QUADPACK) of the one-line model, independent of this package."""
WANG_TOLERANCE: Final = 1e-5


def comparisons() -> Iterator[Comparison]:
    yield from infants()
    yield simulated_patients()
    for error in WANG_EXACT:
        yield from one_rate_constant(error)


def one_rate_constant(error: str) -> Iterator[Comparison]:
    """Ten subjects with two levels each: etas, FOCEI's objective of each and of all, and the integral itself."""
    printed = pd.read_csv(cases_folder() / "wang_2007.csv")
    options = PopulationOptions(card=str(cases_folder() / f"wang_{error}.toml"))
    prepared = prepare(wang_cohort(printed), load_card(options.card), options)
    objective = Objective(prepared.model, prepared.arrays, 1)
    phi = start_of(prepared.model, prepared.omega)
    objective(phi)
    constant = np.diff(prepared.arrays.sample_bounds) * np.log(2 * np.pi)  # left out of NONMEM's objective
    own = 2 * objective.found.value - constant
    inputs = f"10 exp(-k t), k = 0.5 exp(eta), omega^2 0.04, {error} variance 0.1"
    rows = printed.to_dict("records")
    etas = [
        Point(f"subject {row['ID']:g}", row[f"eta_{error}"], float(eta), WANG_TOLERANCE)
        for row, eta in zip(rows, objective.found.eta[:, 0], strict=True)
    ]
    yield compared(WANG, f"{error} error, conditional modes", inputs, etas)
    each = [
        Point(f"subject {row['ID']:g}", row[f"objective_{error}"], float(value), WANG_TOLERANCE)
        for row, value in zip(rows, own, strict=True)
    ]
    total = Point("all subjects", float(printed[f"objective_{error}"].sum()), float(own.sum()), WANG_TOLERANCE)
    yield compared(WANG, f"{error} error, FOCEI objective", inputs, [*each, total])
    exact = exact_log_likelihood(prepared.model.level(phi), prepared.arrays, objective.found, seed=1, jobs=1)
    found = -2 * exact.total - float(constant.sum())
    point = Point("", WANG_EXACT[error], found, WANG_TOLERANCE)
    yield compared(WANG, f"{error} error, exact -2 log likelihood", inputs, [point], exact.rule)


def wang_cohort(printed: pd.DataFrame) -> Cohort:
    """A bolus of 10 into a volume of 1, just before the first of two levels."""
    ids = printed["ID"].astype(str)
    samples = pd.DataFrame(
        {
            "patient_id": [*ids, *ids],
            "day": np.repeat([0.0, 1.0], len(ids)),
            "igg": [*printed["level_at_0"], *printed["level_at_1"]],
        }
    )
    doses = pd.DataFrame(
        {"patient_id": ids, "day": -1e-3 * INSTANT, "amount_g": 10.0, "duration_h": 0.0, "route": "iv"}
    )
    mapping = {"igg_unit": "g/L", "unusual_levels": "as_given", "time_origin": "as_given"}
    return read_cohort(samples=samples, doses=doses, mapping=mapping)


def infants() -> Iterator[Comparison]:
    """Etas of every infant, and the objective, at NONMEM's estimates."""
    options = PopulationOptions(card=str(cases_folder() / "pheno.toml"))
    prepared = prepare(pheno_cohort(), load_card(options.card), options)
    objective = Objective(prepared.model, prepared.arrays, 1)
    value, _ = objective(start_of(prepared.model, prepared.omega))
    printed = pd.read_csv(cases_folder() / "pheno_reference.csv")
    for row, etas in zip(printed.to_dict("records"), objective.found.eta, strict=True):
        inputs = f"{row['weight']:g} kg, {row['n_doses']:g} doses, {row['n_samples']:g} samples"
        points = [
            Point(f"eta_{name}", row[f"eta_{name}_nonmem"], float(eta), ETA)
            for name, eta in zip(("CL", "V"), etas, strict=True)
        ]
        yield compared(NONMEM, f"infant {row['ID']:g}", inputs, points)
    n = prepared.arrays.day.size
    found = 2 * value + 2 * n * np.log(1000.0) - n * np.log(2 * np.pi)
    inputs = "59 infants at NONMEM's estimates"
    yield compared(NONMEM, "objective function", inputs, [Point("", NONMEM_OFV, float(found), OFV_TOLERANCE)])


def simulated_patients() -> Comparison:
    """The log likelihood of log levels, where another program found its maximum."""
    options = PopulationOptions(
        card=str(cases_folder() / "decay.toml"), structure="one_compartment/step_loss", residual="lognormal"
    )
    prepared = prepare(decay_cohort(), load_card(options.card), options)
    objective = Objective(prepared.model, prepared.arrays, 1)
    phi = phi_at_the_maximum(prepared)
    objective(phi)
    level = prepared.model.level(phi)
    exact = exact_log_likelihood(level, prepared.arrays, objective.found, seed=1, jobs=1)
    found = exact.total + float(np.log(prepared.arrays.igg).sum())
    inputs = "one compartment, step loss; log C0 2.20825, logit S 0.63024, log k -3.53327, log V 1.63262"
    return compared(QUADRATURE, "log likelihood", inputs, [Point("", EXACT, found, EXACT_TOLERANCE)], exact.rule)


def phi_at_the_maximum(prepared: Prepared) -> Floats:
    """The published estimates as the model's own vector."""
    model = prepared.model
    moved = []
    for label in model.coefficients:
        column = model.names.index(label.partition("_")[0] if label.startswith("S_") else label)
        moved.append(EXACT_AT[label] - model.offset[0, column])
    omegas = [np.log(EXACT_SD[name]) for name in model.random_names]
    return np.array([*moved, *omegas, np.log(EXACT_SIGMA)])


def pheno_cohort() -> Cohort:
    """The 59 infants of NONMEM's phenobarbital example, levels in mg/L."""
    events = pd.read_csv(cases_folder() / "pheno_events.csv").drop(columns=["FA1", "FA2"])
    mapping = (
        'format = "nonmem"\nigg_unit = "mg/L"\namount_unit = "mg"\ntime_unit = "hour"\nunusual_levels = "as_given"\n'
        '[patients.columns]\nweight_kg = "WGT"\n'
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cohort.toml").write_text(mapping, encoding="utf-8")
        events.assign(LOW=(events["APGR"] < 5).astype(int)).to_csv(Path(folder, "events.csv"), index=False)
        return read_cohort(folder)


def decay_cohort() -> Cohort:
    """200 patients simulated from the decay model, with log-normal error; therapy from day 0 on."""
    samples = pd.read_csv(cases_folder() / "population_200_obs.csv")
    doses = pd.read_csv(cases_folder() / "population_200_doses.csv")
    mapping = {"igg_unit": "g/L", "unusual_levels": "as_given", "time_origin": "as_given"}
    return read_cohort(
        samples=pd.DataFrame({"patient_id": samples["ID"], "day": samples["TIME"], "igg": np.exp(samples["LOGC"])}),
        doses=pd.DataFrame(
            {
                "patient_id": doses["ID"],
                "day": doses["TIME"] - INSTANT,
                "amount_g": doses["AMT"],
                "duration_h": 0.0,
                "route": "iv",
            }
        ),
        therapy=pd.DataFrame({"patient_id": samples["ID"].unique(), "start": 0.0, "stop": ""}),
        mapping=mapping,
    )
