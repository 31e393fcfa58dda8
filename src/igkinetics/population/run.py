"""`population`: a cohort's population by maximum likelihood, from the record to every table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import chi2

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.choices import chosen
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, Problem, call_error
from igkinetics.kinetics.parameters import Floats
from igkinetics.output.answer import Answer
from igkinetics.population.beside import SEARCH, in_cohort_unit, models_table, proposals, varied
from igkinetics.population.covariance import Uncertainty, quantities, uncertainty_of
from igkinetics.population.covariates import covariate_names
from igkinetics.population.exact import Exact, exact_log_likelihood
from igkinetics.population.maximise import Maximum, maximise, refined, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, on_top, prepare
from igkinetics.population.residuals import Residuals, residuals_of, simulated
from igkinetics.population.tables import (
    COLUMNS,
    eta_table,
    likelihood_table,
    population_table,
    residual_table,
    shrinkage_table,
)
from igkinetics.population.vpc import vpc_table
from igkinetics.units import from_g_per_l

ODD: Final = 5.0
"""CWRES beyond which a sample is named."""
MOST_NAMED: Final = 8
LARGE_RSE: Final = 50.0
CORRELATION_LEFT_OUT: Final = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationFit(Answer):
    """The population of a cohort by maximum likelihood. Tables: columns of tables.COLUMNS and vpc.COLUMNS."""

    TABLES_OF = ("population", "likelihood", "etas", "shrinkage", "residuals", "vpc", "covariates", "models")
    FOLDER = "igkinetics.population.output:POPULATION_OUTPUT"
    FILES = "igkinetics.population.output:write_population"
    PAGE = "igkinetics.report.population_page:write_population_report"

    cohort: Cohort
    options: PopulationOptions
    prepared: Prepared
    maximum: Maximum
    exact: Exact
    uncertainty: Uncertainty
    population: pd.DataFrame
    likelihood: pd.DataFrame
    etas: pd.DataFrame
    shrinkage: pd.DataFrame
    residuals: pd.DataFrame
    vpc: pd.DataFrame
    covariates: pd.DataFrame
    models: pd.DataFrame
    notes: tuple[str, ...]
    started: datetime
    seconds: float

    @property
    def card_ids(self) -> dict[str, str]:
        return {self.prepared.card.id: self.prepared.card.sha256}

    @property
    def interrupted(self) -> bool:
        return False

    @property
    def omega(self) -> Floats:
        """Covariance (q, q) of the random effects."""
        return self.prepared.model.parts(self.maximum.phi).omega

    @property
    def verdict(self) -> str:
        """`converged`, or what is wrong with the maximum."""
        said = []
        if not self.maximum.converged:
            more = "the likelihood does not curve in every direction"
            if np.isfinite(self.maximum.gain):
                more = f"one more step foresees {self.maximum.gain:.2g} of log likelihood"
            said.append(f"not converged ({more})")
        if self.maximum.at_bound:
            said.append(f"at a bound: {', '.join(self.maximum.at_bound)}")
        return "; ".join(said) or "converged"


def fit_population(cohort: Cohort, options: PopulationOptions | None = None, **choices: Any) -> PopulationFit:
    """The population by maximum likelihood: `fit_population(cohort, card=..., correlated=True)`.

    choices: those of PopulationOptions, which see. InputError for choices that cannot be carried out,
    NobodyFittedError when fewer than two patients can take part. See docs/model.md 10.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": [*"AAAABBBBCCCC"], "day": [0, 20, 45, 80] * 3}
    >>> samples["igg"] = [620, 480, 390, 410, 540, 460, 410, 400, 710, 520, 500, 480]
    >>> therapy = {"patient_id": [*"ABC"], "start": [0] * 3, "stop": [40] * 3, "agent": ["blinatumomab"] * 3}
    >>> cohort = igk.read_cohort(samples=samples, therapy=therapy, igg_unit="mg/dL")
    >>> population = igk.fit_population(cohort, no_random=["CL", "V1", "S", "k_loss", "k_rec"], estimate=["C_base"])
    >>> "C_base" in set(population.tables["population"]["parameter"])
    True
    """
    options = chosen(PopulationOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    began, started = time.perf_counter(), datetime.now(UTC)
    card = load_card(options.card)
    refuse_unknown_tests(cohort, options)
    for text in options.beside:
        if text != SEARCH:
            varied(options, text)
    prepared = prepare(cohort, card, options)
    start = start_of(prepared.model, prepared.omega)
    focei = maximise(prepared.model, prepared.arrays, start, options.jobs)
    maximum = focei
    if options.method == "exact":
        maximum = refined(prepared.model, prepared.arrays, focei, seed=options.seed, jobs=options.jobs)
    return described_fit(cohort, options, prepared, maximum, focei, (began, started))


def described_fit(
    cohort: Cohort,
    options: PopulationOptions,
    prepared: Prepared,
    maximum: Maximum,
    focei: Maximum,
    clock: tuple[float, datetime],
) -> PopulationFit:
    """Every table of a maximum."""
    model, arrays, unit = prepared.model, prepared.arrays, cohort.igg_unit
    level = model.level(maximum.phi)
    exact = exact_log_likelihood(level, arrays, maximum.found, seed=options.seed, jobs=options.jobs)
    uncertainty = uncertainty_of(model, maximum)
    table, found = population_table(prepared, maximum, uncertainty, options.level, unit)
    omega = model.parts(maximum.phi).omega
    replicates = simulated(level, arrays, omega, options.simulations, options.seed)
    residuals = residuals_of(level, arrays, omega, maximum.found.eta, replicates)
    etas = eta_table(prepared, level.mu, maximum, unit)
    factor = from_g_per_l(1.0, unit)
    rows = residual_table(prepared, residuals, unit)
    tested = covariate_tests(cohort, prepared.card, options, prepared, focei)
    pairs = [(row["parameter"], row["covariate"].partition("=")[0]) for row in tested.to_dict("records")]
    tested_on_top = on_top(prepared.card, pairs)
    likelihood = likelihood_table(cohort, prepared, maximum, exact, uncertainty, "FOCEI")
    at_focei = exact
    if maximum is not focei and options.beside:
        at = model.level(focei.phi)
        at_focei = exact_log_likelihood(at, arrays, focei.found, seed=options.seed, jobs=options.jobs)
    others = models_table(cohort, prepared.card, options, prepared, focei, at_focei.total)
    of = likelihood.set_index("quantity")["value"]
    models = in_cohort_unit(others, float(of["minus_two_log_likelihood"]) + 2.0 * exact.total)
    return PopulationFit(
        cohort=cohort,
        options=options,
        prepared=prepared,
        maximum=maximum,
        exact=exact,
        uncertainty=uncertainty,
        population=table,
        likelihood=likelihood,
        etas=etas,
        shrinkage=shrinkage_table(etas, found, residuals),
        residuals=rows,
        vpc=vpc_table(arrays, residuals.pred, replicates, level=options.level, unit=unit, factor=factor),
        covariates=tested,
        models=models,
        notes=(
            *prepared.notes,
            *tested_on_top,
            *warnings(prepared, maximum, table, rows, etas, residuals),
            *proposals(models),
        ),
        started=clock[1],
        seconds=time.perf_counter() - clock[0],
    )


def refuse_unknown_tests(cohort: Cohort, options: PopulationOptions) -> None:
    known = covariate_names(cohort)
    problems = [
        Problem(file="call", column="test_covariate", found=name, expected=f"must be one of {', '.join(known)}")
        for name in options.test_covariate
        if name not in known
    ]
    if problems:
        raise InputError(problems)


def covariate_tests(
    cohort: Cohort, card: Card, options: PopulationOptions, base: Prepared, maximum: Maximum
) -> pd.DataFrame:
    """Each covariate on each parameter with an estimated typical value and spread, added alone: FOCEI's ratio test."""
    names = [
        name for name in base.model.random_names if any(label.startswith(name) for label in base.model.coefficients)
    ]
    rows = []
    for covariate in options.test_covariate:
        for name in names:
            rows += tested_rows(cohort, card, options, base, maximum, f"{name}:{covariate}")
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS["covariates"] if name != "p_holm"])
    table.insert(list(COLUMNS["covariates"]).index("p_holm"), "p_holm", holm(table))
    return table


def tested_rows(
    cohort: Cohort, card: Card, options: PopulationOptions, base: Prepared, maximum: Maximum, text: str
) -> list[dict[str, Any]]:
    """One row per coefficient that the covariate adds; the test is of all of them together."""
    parameter, _, covariate = text.partition(":")
    blank = {"parameter": parameter, "covariate": covariate}
    try:
        wider = prepare(cohort, card, options, (*options.covariate, text))
    except InputError as error:
        return [blank | {"form": "", "reference": "", "reason": error.problems[0].expected}]
    start = widened(base, wider, maximum.phi)
    fit = maximise(wider.model, wider.arrays, start, options.jobs)
    added = wider.effects[len(base.effects) :]
    change = 2.0 * (maximum.value - fit.value)
    of_name = {one.name: one for one in quantities(wider, fit.phi, uncertainty_of(wider.model, fit), options.level)}
    return [
        blank
        | {
            "covariate": covariate + (f"={effect.level}" if effect.level else ""),
            "form": effect.form,
            "reference": str(effect.reference),
            "coefficient": of_name[effect.label].estimate,
            "se": of_name[effect.label].se,
            "minus_two_log_change": change,
            "df": len(added),
            "p": float(chi2.sf(max(change, 0.0), len(added))),
            "reason": "" if fit.converged else "not converged",
        }
        for effect in added
    ]


def widened(base: Prepared, wider: Prepared, phi: Floats) -> Floats:
    """phi of the base model as a start of the wider one: new coefficients 0."""
    beta, *rest = base.model.split(phi)
    of_label = dict(zip(base.model.coefficients, beta, strict=True))
    return np.concatenate([[of_label.get(label, 0.0) for label in wider.model.coefficients], *rest])


def holm(table: pd.DataFrame) -> list[float]:
    """P of each test times the number of tests left, made to rise; rows of one test share it."""
    tests = table.dropna(subset=["p"]).drop_duplicates(["parameter", "p", "df", "minus_two_log_change"])
    order = tests.sort_values("p", kind="stable")
    corrected: dict[tuple[str, float], float] = {}
    highest = 0.0
    for place, row in enumerate(order.to_dict("records")):
        highest = max(highest, min(1.0, row["p"] * (len(order) - place)))
        corrected[row["parameter"], row["p"]] = highest
    return [corrected.get((row["parameter"], row["p"]), np.nan) for row in table.to_dict("records")]


def warnings(
    prepared: Prepared,
    maximum: Maximum,
    table: pd.DataFrame,
    rows: pd.DataFrame,
    etas: pd.DataFrame,
    residuals: Residuals,
) -> list[str]:
    """What a reader has to know before believing the table."""
    said = []
    for reason in dict.fromkeys(prepared.left_out.values()):
        who = [name for name, why in prepared.left_out.items() if why == reason]
        said.append(f"left out, {len(who)}: {', '.join(who[:MOST_NAMED])}: {reason}")
    vague = table.loc[table["rse_percent"] > LARGE_RSE, "parameter"]
    if len(vague):
        said.append(f"known to no better than {LARGE_RSE:g} % (relative standard error): {', '.join(vague)}")
    odd = rows[np.abs(residuals.cwres) > ODD]
    if len(odd):
        named = ", ".join(f"{row['patient_id']} day {row['day']:g}" for row in odd.head(MOST_NAMED).to_dict("records"))
        said.append(f"samples with a CWRES beyond {ODD:g}: {len(odd)} ({named})")
    said += correlated_etas(prepared, maximum, etas)
    if any(member.patient.dose_day.size for member in prepared.members):
        said.append(
            "VPC and NPDE give simulated patients the recorded doses: where a dose was given because IgG had fallen, "
            "simulated levels were not low then, and the check misleads"
        )
    return said


def correlated_etas(prepared: Prepared, maximum: Maximum, etas: pd.DataFrame) -> Sequence[str]:
    """Pairs of parameters that a diagonal Omega takes as independent and whose conditional modes are not."""
    if prepared.model.full:
        return []
    wide = etas[etas["occasion"] == ""].pivot_table(index="patient_id", columns="parameter", values="eta", sort=False)
    n, found = len(wide), []
    names = [name for name in prepared.model.random_names if name in wide]
    for place, one in enumerate(names):
        for other in names[:place]:
            both = wide[[one, other]].dropna()
            if len(both) < 10 or both.std().min() < 1e-8:
                continue
            r = float(np.corrcoef(both[one], both[other])[0, 1])
            if abs(np.arctanh(r)) * np.sqrt(len(both) - 3) > 3.3:
                found.append(f"{other} and {one} ({r:.2f})")
    if not found:
        return []
    return [f"etas that go together though Omega is diagonal (of {n} patients): {', '.join(found)}; try --correlated"]
