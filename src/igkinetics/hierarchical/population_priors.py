"""The population level from a card and a cohort: design matrix X, priors of every part of phi (docs/model.md 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from igkinetics.cards.agents import JOINED, agent_class, production_share
from igkinetics.cards.model import Card
from igkinetics.cards.prior import PatientPrior, patient_prior
from igkinetics.errors import call_error
from igkinetics.fit.problem import PRIOR_NAME
from igkinetics.hierarchical.cohort_arrays import CohortArrays
from igkinetics.hierarchical.correlations import lkj_pairs, lkj_sd, lkj_shapes
from igkinetics.hierarchical.covariates import Covariates
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.posterior import Extension
from igkinetics.kinetics.parameters import Floats
from igkinetics.scales import to_scale

OMEGA_LOG_SD: Final = 0.4
"""Prior SD of the log of a between-patient SD for which the card reports none (assumption, docs/model.md 7)."""
RESIDUAL_LOG_SD: Final = (0.5, 0.25)
"""Prior SDs of log a and log b for which the card reports none (assumption, docs/model.md 7)."""
RATIO_LOG_SD: Final = 0.15
"""Prior SD of each log ratio under immunoglobulin: FcRn power 0.17-0.35 on IgG x 1.5-2 (docs/model.md 5 and 7)."""
RECOVERY_LOG_SD: Final = 0.5
"""Prior SD of the log of the dose recovery: half or twice the recorded grams is no surprise (assumption)."""
COVARIATE_SHARE: Final = 0.5
"""Prior SD of a covariate's coefficient, in between-patient SDs per SD of the covariate (assumption)."""
NO_VARIATION: Final = 0.01
"""Between-patient SD given to a parameter that the card lets vary between populations but not patients."""
RATIOS: Final = ("clearance_ratio", "production_ratio")
FREE_RATIOS: Final[dict[Extension, tuple[str, ...]]] = {
    "base": (),
    "clearance_ratio": ("clearance_ratio",),
    "production_ratio": ("production_ratio",),
    "dose_recovery": ("dose_recovery",),
    "joint": RATIOS,
}
FREED_SD: Final = {**dict.fromkeys(RATIOS, RATIO_LOG_SD), "dose_recovery": RECOVERY_LOG_SD}
"""What an extension may free -> prior SD of its log; in the order of `likelihood.patient_theta`."""


class DesignColumn(NamedTuple):
    """A column of X: what a shift of the population moves, values (patient, parameter), and its prior."""

    label: str
    values: Floats
    sd: float
    source: str


def population_of(
    card: Card,
    members: Sequence[Member],
    arrays: CohortArrays,
    covariates: Covariates | None = None,
    extension: Extension = "base",
    lkj: float | None = None,
) -> Population:
    """The population model of these members with the card's priors. InputError when nothing varies.

    lkj: eta of an LKJ prior on correlations between parameters; None: they are independent.
    """
    names = arrays.names
    if not names:
        raise call_error("card", card.id, "must let some parameter vary between patients")
    priors = [member.prior for member in members]
    columns = [*typical_columns(card, members, names), *covariate_columns(names, priors, covariates, extension)]
    labels = [column.label for column in columns]
    shifts = np.array([column.values for column in columns]).reshape(len(columns), len(members) * len(names))
    sources = {column.label: column.source for column in columns}
    omegas, omega_sds = between_patients(card, names, members, sources)
    a, b = priors[0].additive_g_per_l, priors[0].proportional
    error_sd = residual_sds(card, priors[0], sources)
    ratio_sd = [sd if name in FREE_RATIOS[extension] else 0.0 for name, sd in FREED_SD.items()]
    sources |= {name: f"assumption: log-normal around 1, SD {sd:g}" for name, sd in FREED_SD.items()}
    varying = [] if lkj is None else [index for index, omega in enumerate(omegas) if omega > NO_VARIATION]
    shapes = lkj_shapes(len(varying), lkj or 1.0)
    pairs = lkj_pairs(varying)
    partial = [f"partial_correlation_{names[column]}_{names[row]}" for row, column in pairs]
    sources |= {name.removeprefix("partial_"): f"LKJ({lkj:g}), as asked for" for name in partial}
    known = [*np.log(omegas), *np.log(np.maximum([a, b], 1e-6))]
    means = [*np.zeros(len(columns)), *known, *np.zeros(len(FREED_SD) + len(pairs))]
    return Population(
        names=names,
        labels=(*labels, *(f"omega_{name}" for name in names), "a", "b", *FREED_SD, *partial),
        offset=np.array([[offset_of(member, name) for name in names] for member in members]),
        design=shifts.T.copy(),
        prior_mean=np.array(means),
        prior_sd=np.array([*(column.sd for column in columns), *omega_sds, *error_sd, *ratio_sd, *lkj_sd(shapes)]),
        reference=reference_values(card, priors[0].disposition, labels),
        sources=sources,
        pairs=pairs,
        lkj=shapes,
    )


def reference_values(card: Card, disposition: str, labels: Sequence[str]) -> dict[str, tuple[float, str]]:
    """Typical value on its estimation scale, and the scale, of each shift, at the card's reference covariates."""
    typical = patient_prior(card, weight_kg=math.nan, agents=(), disposition=disposition)
    values = {}
    for label in labels:
        if label.startswith("S_"):
            key = label.removeprefix("S_")
            share = card.agent_unknown if key == "unknown" else card.agent_classes[key].S
            value, scale = getattr(share, "natural", math.nan), "logit"
        elif PRIOR_NAME.get(label, label) in typical.typical:
            value, scale = typical.typical[PRIOR_NAME.get(label, label)], typical.scale[PRIOR_NAME.get(label, label)]
        else:
            continue
        values[label] = (to_scale(value, scale), scale)
    return values


def offset_of(member: Member, name: str) -> float:
    """The card's typical value for this patient on the estimation scale; 0 where the patient has no such parameter."""
    problem = member.problem
    return float(problem.mu[problem.names.index(name)]) if name in problem.names else 0.0


def typical_columns(card: Card, members: Sequence[Member], names: Sequence[str]) -> list[DesignColumn]:
    """A shift of each typical value of which the card is not certain; for S one per class of agent."""
    columns = []
    for parameter, name in enumerate(names):
        card_name = PRIOR_NAME.get(name, name)
        for label, patients in typical_values(card, members, name).items():
            sd = members[patients[0]].prior.uncertainty[card_name]
            if sd > 0:
                values = np.zeros((len(members), len(names)))
                values[patients, parameter] = 1.0
                source = f"card {card.id}, uncertainty of typical {card_name}"
                columns.append(DesignColumn(label, values, sd, source))
    return columns


def typical_values(card: Card, members: Sequence[Member], name: str) -> dict[str, list[int]]:
    """Label of each typical value of a parameter, and the patients concerned."""
    users = [i for i, member in enumerate(members) if name in member.problem.names]
    if name != "S":
        return {name: users}
    classes: dict[str, list[int]] = {}
    for i in users:
        classes.setdefault(f"S_{share_class(card, members[i].patient.agents)}", []).append(i)
    return classes


def share_class(card: Card, agents: tuple[str, ...]) -> str:
    """The agent class whose S a patient has; "unknown" for the wide one."""
    chosen, _ = production_share(card, agents)
    if chosen is card.agent_unknown:
        return "unknown"
    named = [part for agent in agents for part in JOINED.split(agent.strip()) if part]
    return agent_class(card, named[0])


def residual_sds(card: Card, prior: PatientPrior, sources: dict[str, str]) -> list[float]:
    """SDs of log a and log b, 0 for a term that the card does not have; says in `sources` where they come from."""
    sds = []
    terms = zip(
        "ab", (prior.additive_g_per_l, prior.proportional), prior.error_uncertainty, RESIDUAL_LOG_SD, strict=True
    )
    for name, value, stated, assumed in terms:
        sds.append((assumed if stated is None else stated) if value > 0 else 0.0)
        sources[name] = source_of(f"card {card.id}, residual error", stated, assumed)
    return sds


def between_patients(
    card: Card, names: Sequence[str], members: Sequence[Member], sources: dict[str, str]
) -> tuple[list[float], list[float]]:
    """Typical omega of each parameter and the SD of its log; says in `sources` where they come from."""
    omegas, sds = [], []
    for name in names:
        card_name = PRIOR_NAME.get(name, name)
        users = [member for member in members if name in member.problem.names]
        # of several agents' S the first one that varies speaks for all: they share one omega
        prior = next((member.prior for member in users if member.prior.omega[card_name] > 0), users[0].prior)
        omega, stated = prior.omega[card_name], prior.omega_uncertainty[card_name]
        omegas.append(omega if omega > 0 else NO_VARIATION)
        sds.append((OMEGA_LOG_SD if stated is None else stated) if omega > 0 else 0.0)
        sources[f"omega_{name}"] = source_of(f"card {card.id}, between patients", stated, OMEGA_LOG_SD)
    return omegas, sds


def source_of(where: str, stated: float | None, assumed: float) -> str:
    """Where the prior of an SD comes from, and how sure the card is of it."""
    if stated is None:
        return f"{where}; its log SD of {assumed:g} an assumption"
    return where if stated else f"{where}; taken as known"


def covariate_columns(
    names: Sequence[str], priors: Sequence[PatientPrior], covariates: Covariates | None, extension: Extension
) -> list[DesignColumn]:
    """A coefficient for each covariate and parameter with spread between patients, C_init apart.

    A production ratio is never free together with an effect of the group on S (docs/model.md 5): that one is held at 0.
    """
    if covariates is None:
        return []
    source = f"assumption: {COVARIATE_SHARE:g} between-patient SDs per SD of the covariate"
    columns = []
    for parameter, name in enumerate(names):
        omega = max(prior.omega[PRIOR_NAME.get(name, name)] for prior in priors)
        if name == "C_init" or omega == 0:
            continue
        for label, values in zip(covariates.labels, covariates.values.T, strict=True):
            both = name == "S" and label.startswith("group=") and "production_ratio" in FREE_RATIOS[extension]
            shifts = np.zeros((values.size, len(names)))
            shifts[:, parameter] = values
            columns.append(DesignColumn(f"{name}:{label}", shifts, 0.0 if both else COVARIATE_SHARE * omega, source))
    return columns
