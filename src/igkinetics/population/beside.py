"""Other models of the same patients beside the one that was fitted: likelihoods, criteria, ratio tests where nested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import chi2

from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.errors import InputError, call_error
from igkinetics.kinetics.parameters import STRUCTURES, Floats
from igkinetics.population.exact import exact_log_likelihood
from igkinetics.population.maximise import Maximum, maximise, start_of
from igkinetics.population.options import PopulationOptions
from igkinetics.population.prepare import Prepared, prepare

SEARCH: Final = "search"
SWITCHES: Final = ("correlated", "rate")
LISTS: Final = ("no_random", "fix", "estimate", "covariate", "iov")
WITH_VALUE: Final = ("structure", "residual", "occasion", *LISTS)
COLUMNS: Final[dict[str, str]] = {
    "model": "the model fitted (base), or what is changed in it",
    "n_parameters": "estimated, at no bound",
    "minus_two_log_likelihood": "integrated",
    "minus_two_log_likelihood_focei": "by FOCEI",
    "aic": "minus_two_log_likelihood + 2 n_parameters",
    "bic": "the same with log(patients) in place of 2",
    "minus_two_log_change": "fall of minus_two_log_likelihood from the base",
    "df": "parameters added (negative: taken away); empty where the models are not nested",
    "p": "likelihood-ratio test of nested models; of a spread taken away it is too large (0 is a bound)",
    "note": "converged, or what is wrong; why there is no fit",
}
"""Column of models.csv -> meaning."""
CLEAR: Final = 0.01
"""P below which covariances are proposed."""


def models_table(
    cohort: Cohort, card: Card, options: PopulationOptions, base: Prepared, maximum: Maximum, exact: float
) -> pd.DataFrame:
    """COLUMNS: the base, then each of `options.beside`, on the same patients, all at their maxima by FOCEI.

    exact: the base's integrated log likelihood there.
    """
    first = row_of("base", base, maximum, exact, None)
    others = [beside(cohort, card, options, base, maximum, first, text) for text in asked(options, card, base)]
    return pd.DataFrame([first, *others], columns=list(COLUMNS))


def asked(options: PopulationOptions, card: Card, base: Prepared) -> Iterator[str]:
    """Each variation once; `search` stands for those that this card and cohort allow."""
    every: list[str] = []
    for text in options.beside:
        every += [*searched(options, card, base)] if text == SEARCH else [text]
    yield from dict.fromkeys(every)


def searched(options: PopulationOptions, card: Card, base: Prepared) -> Iterator[str]:
    """Covariances, the other residual errors, the other structures of the card, each spread taken away."""
    if not options.correlated and base.model.random.size > 1:
        yield "correlated"
    yield from (f"residual={name}" for name in ("normal", "lognormal") if name != options.residual)
    of_card = [name for name in STRUCTURES if name.split("/")[0] in card.structure.dispositions]
    if card.structure.endogenous == "turnover":
        given = card.parameters.given()
        needed = {"gradual_loss": {"k_loss"}, "loss_and_recovery": {"k_loss", "k_rec"}}
        of_card = [name for name in of_card if needed.get(name.split("/")[1], set()) <= set(given)]
        yield from (f"structure={name}" for name in of_card if name != base.structure)
    yield from (f"no_random={name}" for name in base.model.random_names if name != "k")


def varied(options: PopulationOptions, text: str) -> PopulationOptions:
    """The options with one thing changed. InputError for a text that changes nothing known."""
    name, _, value = text.partition("=")
    if name in SWITCHES and not value:
        switched: dict[str, Any] = {name: True}
        return replace(options, **switched)
    if name in WITH_VALUE and value:
        changed: Any = (*getattr(options, name), value) if name in LISTS else value
        return replace(options, **{name: changed})
    known = ", ".join([SEARCH, *SWITCHES, *(f"{name}=..." for name in WITH_VALUE)])
    raise call_error("beside", text, f"must be one of {known}")


def beside(
    cohort: Cohort,
    card: Card,
    options: PopulationOptions,
    base: Prepared,
    maximum: Maximum,
    first: dict[str, Any],
    text: str,
) -> dict[str, Any]:
    """One row; a model that cannot be fitted says why."""
    changed = varied(options, text)
    try:
        other = prepare(cohort, card, changed)
    except InputError as error:
        return {"model": text, "note": "; ".join(problem.expected for problem in error.problems)}
    if other.patient_ids != base.patient_ids:
        return {"model": text, "note": "other patients take part: not comparable"}
    start = with_covariances(base, other, maximum.phi) if text == "correlated" else start_of(other.model, other.omega)
    fit = maximise(other.model, other.arrays, start, options.jobs)
    level = other.model.level(fit.phi)
    exact = exact_log_likelihood(level, other.arrays, fit.found, seed=options.seed, jobs=options.jobs)
    nested = text.split("=")[0] in ("correlated", *LISTS)
    return row_of(text, other, fit, exact.total, first if nested else None) | {
        "minus_two_log_change": first["minus_two_log_likelihood"] + 2.0 * exact.total
    }


def with_covariances(base: Prepared, other: Prepared, phi: Floats) -> Floats:
    """phi of a diagonal Omega as a start of the full one."""
    beta, log_omega, _, errors = base.model.split(phi)
    return np.concatenate([beta, log_omega, np.zeros(len(other.model.pairs)), errors])


def row_of(
    text: str, prepared: Prepared, fit: Maximum, exact: float, nested_in: dict[str, Any] | None
) -> dict[str, Any]:
    n = len(prepared.model.labels) - len(fit.at_bound)
    row: dict[str, Any] = {
        "model": text,
        "n_parameters": n,
        "minus_two_log_likelihood": -2.0 * exact,
        "minus_two_log_likelihood_focei": 2.0 * float(fit.found.value.sum()),
        "aic": -2.0 * exact + 2 * n,
        "bic": -2.0 * exact + n * np.log(prepared.arrays.n_patients),
        "note": "converged" if fit.converged else "not converged",
    }
    if fit.at_bound:
        row["note"] += f"; at a bound: {', '.join(fit.at_bound)}"
    if nested_in is not None:
        added = n - nested_in["n_parameters"]
        change = nested_in["minus_two_log_likelihood"] - row["minus_two_log_likelihood"]
        gained = change if added > 0 else -change
        row |= {"df": added, "p": float(chi2.sf(max(gained, 0.0), abs(added))) if added else np.nan}
    return row


def in_cohort_unit(table: pd.DataFrame, shift: float) -> pd.DataFrame:
    """The same with densities of levels in the cohort's unit. shift: of -2 log likelihood."""
    moved = table.copy()
    for name in ("minus_two_log_likelihood", "minus_two_log_likelihood_focei", "aic", "bic"):
        moved[name] = moved[name].astype(float) + shift
    return moved


def proposals(table: pd.DataFrame) -> list[str]:
    """What the models beside the base say, in words."""
    said = []
    rows = {row["model"]: row for row in table.to_dict("records")}
    full = rows.get("correlated")
    if full is not None and pd.notna(full.get("p")) and full["p"] < CLEAR:
        said.append(
            f"covariances of the random effects lower -2 log likelihood by {full['minus_two_log_change']:.1f} for "
            f"{full['df']:.0f} parameters (P = {full['p']:.2g}): try --correlated"
        )
    criteria = {str(name): float(row["bic"]) for name, row in rows.items() if pd.notna(row["bic"])}
    best = min(criteria, key=criteria.__getitem__)
    if best != "base":
        lower = criteria["base"] - criteria[best]
        said.append(f"lowest BIC of the models beside each other: {best}, {lower:.1f} below the base")
    return said
