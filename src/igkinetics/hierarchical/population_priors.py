"""The population level from a card and a cohort: design matrix X, priors of every part of phi (docs/model.md 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

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
    "base": (), "clearance_ratio": ("clearance_ratio",), "production_ratio": ("production_ratio",),
    "dose_recovery": ("dose_recovery",), "joint": RATIOS,
}  # fmt: skip
FREED_SD: Final = {**dict.fromkeys(RATIOS, RATIO_LOG_SD), "dose_recovery": RECOVERY_LOG_SD}
"""What an extension may free -> prior SD of its log; in the order of `likelihood.patient_theta`."""


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
    names, n = arrays.names, len(members)
    if not names:
        raise call_error("card", card.id, "must let some parameter vary between patients")
    priors = [member.prior for member in members]
    columns, labels, sds, sources = [], [], [], {}
    for place, name in enumerate(names):
        card_name = PRIOR_NAME.get(name, name)
        for label, who, sd in typical_shifts(card, members, name):
            if sd > 0:
                column = np.zeros((n, len(names)))
                column[who, place] = 1.0
                columns.append(column)
                labels.append(label)
                sds.append(sd)
                sources[label] = f"card {card.id}, uncertainty of typical {card_name}"
    for label, column, sd in covariate_columns(names, priors, covariates, extension):
        columns.append(column)
        labels.append(label)
        sds.append(sd)
        sources[label] = f"assumption: {COVARIATE_SHARE:g} between-patient SDs per SD of the covariate"
    omegas, omega_sds = between_patients(card, names, members, sources)
    a, b = priors[0].additive_g_per_l, priors[0].proportional
    error_sd = residual_sds(card, priors[0], sources)
    ratio_sd = [sd if name in FREE_RATIOS[extension] else 0.0 for name, sd in FREED_SD.items()]
    sources |= {name: f"assumption: log-normal around 1, SD {sd:g}" for name, sd in FREED_SD.items()}
    varying = [] if lkj is None else [place for place, omega in enumerate(omegas) if omega > NO_VARIATION]
    shapes = lkj_shapes(len(varying), lkj or 1.0)
    pairs = lkj_pairs(varying)
    partial = [f"partial_correlation_{names[column]}_{names[row]}" for row, column in pairs]
    sources |= {name.removeprefix("partial_"): f"LKJ({lkj:g}), as asked for" for name in partial}
    return Population(
        names=names,
        labels=(*labels, *(f"omega_{name}" for name in names), "a", "b", *FREED_SD, *partial),
        offset=np.array([[offset_of(member, name) for name in names] for member in members]),
        design=np.array(columns).reshape(len(columns), n * len(names)).T.copy(),
        prior_mean=np.array([*np.zeros(len(labels)), *np.log(omegas), *np.log(np.maximum([a, b], 1e-6)),
                             *np.zeros(len(FREED_SD) + len(pairs))]),
        prior_sd=np.array([*sds, *omega_sds, *error_sd, *ratio_sd, *lkj_sd(shapes)]),
        reference=reference_values(card, priors[0].disposition, labels),
        sources=sources,
        pairs=pairs,
        lkj=shapes,
    )  # fmt: skip


def reference_values(card: Card, disposition: str, labels: Sequence[str]) -> dict[str, tuple[float, str]]:
    """Typical value on its estimation scale, and the scale, of each shift, at the card's reference covariates."""
    typical = patient_prior(card, weight_kg=math.nan, agents=(), disposition=disposition)
    found = {}
    for label in labels:
        if label.startswith("S_"):
            key = label.removeprefix("S_")
            share = card.agent_unknown if key == "unknown" else card.agent_classes[key].S
            value, scale = getattr(share, "natural", math.nan), "logit"
        elif PRIOR_NAME.get(label, label) in typical.typical:
            value, scale = typical.typical[PRIOR_NAME.get(label, label)], typical.scale[PRIOR_NAME.get(label, label)]
        else:
            continue
        found[label] = (to_scale(value, scale), scale)
    return found


def offset_of(member: Member, name: str) -> float:
    """The card's typical value for this patient on the estimation scale; 0 where the patient has no such parameter."""
    problem = member.problem
    return float(problem.mu[problem.names.index(name)]) if name in problem.names else 0.0


def typical_shifts(card: Card, members: Sequence[Member], name: str) -> list[tuple[str, list[int], float]]:
    """Label, patients concerned and prior SD of each typical value of a parameter; for S one per class of agent."""
    card_name = PRIOR_NAME.get(name, name)
    users = [i for i, member in enumerate(members) if name in member.problem.names]
    if name != "S":
        return [(name, users, members[users[0]].prior.uncertainty[card_name])]
    classes: dict[str, list[int]] = {}
    for i in users:
        classes.setdefault(share_class(card, members[i].patient.agents), []).append(i)
    return [(f"S_{key}", who, members[who[0]].prior.uncertainty["S"]) for key, who in classes.items()]


def share_class(card: Card, agents: tuple[str, ...]) -> str:
    """The agent class whose S a patient has; "unknown" for the wide one."""
    chosen, _ = production_share(card, agents)
    if chosen is card.agent_unknown:
        return "unknown"
    named = [part for agent in agents for part in JOINED.split(agent.strip()) if part]
    return agent_class(card, named[0])


def residual_sds(card: Card, prior: PatientPrior, sources: dict[str, str]) -> list[float]:
    """SDs of log a and log b, 0 for a term that the card does not have; says in `sources` where they come from."""
    found = []
    terms = zip("ab", (prior.additive_g_per_l, prior.proportional), prior.error_uncertainty, RESIDUAL_LOG_SD,
                strict=True)  # fmt: skip
    for name, value, stated, assumed in terms:
        found.append((assumed if stated is None else stated) if value > 0 else 0.0)
        sources[name] = source_of(f"card {card.id}, residual error", stated, assumed)
    return found


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
) -> list[tuple[str, Floats, float]]:
    """A coefficient for each covariate and parameter with spread between patients, C_init apart.

    A production ratio is never free together with an effect of the group on S (docs/model.md 5): that one is held at 0.
    """
    if covariates is None:
        return []
    found = []
    for place, name in enumerate(names):
        omega = max(prior.omega[PRIOR_NAME.get(name, name)] for prior in priors)
        if name == "C_init" or omega == 0:
            continue
        for label, values in zip(covariates.labels, covariates.values.T, strict=True):
            both = name == "S" and label.startswith("group=") and "production_ratio" in FREE_RATIOS[extension]
            column = np.zeros((values.size, len(names)))
            column[:, place] = values
            found.append((f"{name}:{label}", column, 0.0 if both else COVARIATE_SHARE * omega))
    return found
