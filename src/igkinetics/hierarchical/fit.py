"""A cohort's hierarchical fit from the record to the posterior: who takes part, model, draws, diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from igkinetics.cards.model import Card
from igkinetics.cards.prior import patient_prior
from igkinetics.cohort.model import Cohort
from igkinetics.errors import NobodyFittedError, Problem, call_error
from igkinetics.fit.refusal import why_card_refused
from igkinetics.hierarchical.cohort_arrays import CohortArrays, cohort_arrays
from igkinetics.hierarchical.common_step import log_jacobian
from igkinetics.hierarchical.coordinates import no_coordinates
from igkinetics.hierarchical.covariates import Covariates, cohort_covariates
from igkinetics.hierarchical.diagnostics import diagnostics_table, passes, verdict
from igkinetics.hierarchical.drifting import drift_of, whiten_drifting
from igkinetics.hierarchical.laplace import Whitening, whiten
from igkinetics.hierarchical.members import Member, cohort_members, problems_of
from igkinetics.hierarchical.population import Population
from igkinetics.hierarchical.population_priors import population_of
from igkinetics.hierarchical.posterior import CohortPosterior, Extension, Trace
from igkinetics.hierarchical.reading import read_posterior
from igkinetics.kinetics.parameters import DEFAULT_STRUCTURE, V2, Floats, Q
from igkinetics.units import IVIG_DAYS

if TYPE_CHECKING:
    from igkinetics.hierarchical.sampling import CompiledModel
    from igkinetics.hierarchical.settings import SampleSettings

FEWEST_MEMBERS: Final = 2
MOST_NAMED: Final = 3
MOST_REASONS: Final = 8
"""Patients named for each reason of a refusal, and reasons."""
LAPLACE: Final = "laplace"
NUTS: Final = "nuts"
"""What may have made draws, as tables name it."""
MOST_COMPILED: Final = 4
_COMPILED: dict[tuple[object, ...], CompiledModel] = {}
"""Size of a cohort -> its compiled model, which holds no data that matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchicalOptions:
    """covariates: columns of patients.csv in X. ratios_last_day: how long after the last infusion ratios act.

    lkj: eta of the prior on correlations between patients' parameters; None: independent. keep_all: odd samples and
    courses that nothing explains stay in.
    """

    structure: str = DEFAULT_STRUCTURE
    residual: str = "normal"
    covariates: tuple[str, ...] = ()
    ratios_last_day: float = IVIG_DAYS
    lkj: float | None = None
    keep_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCohort:
    """Everything of a cohort that no draw depends on. left_out: patient -> why; notes: in words.

    set_aside: patient -> odd samples that the model does not see; unexplained, failed: of those left out. suspected:
    patient -> (m, 2) day and grams of infusions that the record does not have and the model takes as given. log_factor
    (n_samples,): logs of what levels were divided by, so that all are of one laboratory; empty where none was. odds:
    prior odds of each of these infusions, and of such a factor. pausing: ratios act for some days after each infusion.
    """

    card: Card
    members: tuple[Member, ...]
    arrays: CohortArrays
    covariates: Covariates | None
    left_out: dict[str, str]
    notes: tuple[str, ...]
    lkj: float | None = None
    set_aside: dict[str, str] = field(default_factory=dict)
    unexplained: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    suspected: Mapping[str, Floats] = field(default_factory=dict)
    log_factor: Floats = field(default_factory=lambda: np.empty(0))
    odds: float = 1.0
    pausing: bool = False

    def population(self, extension: Extension) -> Population:
        return population_of(self.card, self.members, self.arrays, self.covariates, extension, self.lkj)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledCohort:
    """A posterior with what it was made of.

    log_likelihood (chain * draw, n): log p(y_i | phi) of every patient, where sampling has it. handed_over: why
    importance sampling could not be believed, where chains took its place.
    """

    prepared: PreparedCohort
    population: Population
    whitening: Whitening
    trace: Trace
    posterior: CohortPosterior
    diagnostics: pd.DataFrame
    log_likelihood: Floats | None = None
    handed_over: str = ""

    @property
    def sampler(self) -> str:
        """What made the draws, and why where another was asked for."""
        name = LAPLACE if "pareto_k" in self.trace.statistics else NUTS
        return f"{name} ({LAPLACE}: {self.handed_over})" if self.handed_over else name

    @property
    def verdict(self) -> str:
        """`good`, with what should be known all the same, or what is wrong with the chains."""
        return verdict(self.diagnostics)

    @property
    def passed(self) -> bool:
        """Whether what is reported can be relied on."""
        return passes(self.verdict)


def prepare_cohort(cohort: Cohort, card: Card, options: HierarchicalOptions) -> PreparedCohort:
    """Members, their arrays and covariates. InputError for a card that no record can be fitted with.

    NobodyFittedError when fewer than two patients can take part.
    """
    if reason := why_card_refused(card):
        raise call_error("card", card.id, reason)
    taking_part = cohort_members(
        cohort,
        card,
        structure=options.structure,
        residual=options.residual,
        ratios_last_day=options.ratios_last_day,
        keep_all=options.keep_all,
    )
    members, notes = taking_part.members, taking_part.notes
    if len(members) < FEWEST_MEMBERS:
        raise NobodyFittedError([too_few(len(members), taking_part.left_out)])
    covariates = None
    if options.covariates:
        covariates = cohort_covariates(cohort, [member.patient.patient_id for member in members], options.covariates)
        notes = (*notes, *covariates.notes)
    return PreparedCohort(
        card=card,
        members=members,
        arrays=cohort_arrays(problems_of(members)),
        covariates=covariates,
        left_out=taking_part.left_out,
        set_aside=taking_part.set_aside,
        unexplained=taking_part.unexplained,
        failed=taking_part.failed,
        notes=notes,
        lkj=options.lkj,
    )


def too_few(n: int, left_out: dict[str, str]) -> Problem:
    """Why no model can be made of n patients: each reason once, with those it holds for."""
    who: dict[str, list[str]] = {}
    for patient_id, why in left_out.items():
        who.setdefault(why, []).append(patient_id)
    named = []
    for why, ids in list(who.items())[:MOST_REASONS]:
        more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
        named.append(f"{', '.join(ids[:MOST_NAMED])}{more}: {why}")
    further = f"; {len(who) - MOST_REASONS} further reasons" if len(who) > MOST_REASONS else ""
    expected = (
        f"must have at least {FEWEST_MEMBERS} patients with samples for a hierarchical model "
        f"({'; '.join(named)}{further})"
    )
    return Problem(file="call", column="cohort", found=f"{n} such", expected=expected)


def exchanged(prepared: PreparedCohort, card: Card) -> PreparedCohort:
    """The same cohort with Q and V2 of another card: a second published disposition. InputError: the card refuses."""
    members = []
    for member in prepared.members:
        other = patient_prior(card, weight_kg=member.patient.weight_kg, agents=member.patient.agents)
        fixed = member.problem.fixed.copy()
        fixed[[Q, V2]] = other.typical["Q"], other.typical["V2"]
        members.append(replace(member, problem=replace(member.problem, fixed=fixed)))
    return replace(prepared, members=tuple(members), arrays=cohort_arrays(problems_of(members)))


def without_covariates(population: Population) -> Population:
    """The same model with every coefficient of a covariate held at 0."""
    return population.held({label: 0.0 for label in population.labels if ":" in label})


def restructured(prepared: PreparedCohort, other: PreparedCohort) -> PreparedCohort:
    """The patients and samples of `prepared` under the structure of `other`, in which all of them have to be."""
    by_id = {member.patient.patient_id: member for member in other.members}
    members = []
    for member in prepared.members:
        problem, then = member.problem, by_id[member.patient.patient_id]
        problem = replace(then.problem, day=problem.day, igg=problem.igg, limit=problem.limit)
        members.append(replace(then, problem=problem))
    return replace(prepared, members=tuple(members), arrays=cohort_arrays(problems_of(members)))


def compile_prepared(prepared: PreparedCohort) -> CompiledModel:
    """One compiled model for every fit of cohorts with this many patients, parameters and covariates.

    Kept in this process for the next cohort of the same size: compiling takes longer than sampling.
    """
    from igkinetics.hierarchical.model import build_model
    from igkinetics.hierarchical.sampling import compile_model

    population = prepared.population("base")
    n, p = population.offset.shape
    size = (n, p, *population.design.shape, population.pairs, population.lkj.tobytes())
    if size not in _COMPILED:
        root = np.eye(population.prior_mean.size)
        blank = Whitening(centre=population.prior_mean, root=root, coordinates=no_coordinates(n, p))
        while len(_COMPILED) >= MOST_COMPILED:
            _COMPILED.pop(next(iter(_COMPILED)))
        _COMPILED[size] = compile_model(build_model(population, prepared.arrays, blank))
    return _COMPILED[size]


def sample_prepared(
    prepared: PreparedCohort,
    settings: SampleSettings,
    extension: Extension = "base",
    compiled: CompiledModel | None = None,
    population: Population | None = None,
) -> SampledCohort:
    """Draws of one model. compiled: of `compile_prepared`, used again; population: another prior than the card's.

    Importance sampling that cannot be believed hands over to chains, which know of no drift: of courses that drift its
    draws stay, and their Pareto k tells. So do those of levels that were divided by a factor.
    """
    population = population or prepared.population(extension)
    drift = drift_of(prepared.members)
    if drift is None:
        whitening = whiten(prepared.members, population, prepared.arrays)
    else:
        whitening = whiten_drifting(prepared.members, population)
    why_not = ""
    if settings.sampler == LAPLACE:
        from igkinetics.hierarchical.importance import draw_by_importance

        try:
            drawn = draw_by_importance(population, prepared.arrays, whitening, settings, drift)
        except KeyboardInterrupt as error:
            raise call_error(
                "sampling", "interrupted", "ended before the first draw: nothing can be reported"
            ) from error
        divided = prepared.log_factor.size > 0
        if not drawn.why_not or drawn.trace.interrupted or drift is not None or divided:
            sampled = sampled_cohort(prepared, population, whitening, drawn.trace, extension)
            as_measured = log_jacobian(prepared) if divided else 0.0
            return replace(sampled, log_likelihood=drawn.log_likelihood + as_measured)
        why_not = drawn.why_not
    trace = drawn_by_chains(prepared, population, whitening, settings.of_chains, compiled)
    return replace(sampled_cohort(prepared, population, whitening, trace, extension), handed_over=why_not)


def drawn_by_chains(
    prepared: PreparedCohort,
    population: Population,
    whitening: Whitening,
    settings: SampleSettings,
    compiled: CompiledModel | None,
) -> Trace:
    """Draws by NUTS."""
    from igkinetics.hierarchical.model import build_model, model_data
    from igkinetics.hierarchical.sampling import sample_by_pymc, sample_compiled

    if settings.sampler == "pymc":
        return sample_by_pymc(build_model(population, prepared.arrays, whitening), settings)
    compiled = compiled or compile_prepared(prepared)
    return sample_compiled(compiled.with_data(model_data(population, prepared.arrays, whitening)), settings)


def sampled_cohort(
    prepared: PreparedCohort, population: Population, whitening: Whitening, trace: Trace, extension: Extension
) -> SampledCohort:
    """A trace, just drawn or reopened, read and judged."""
    posterior = read_posterior(trace, prepared.members, population, prepared.arrays, whitening, extension)
    posterior = replace(posterior, suspected=prepared.suspected, pausing=prepared.pausing)
    return SampledCohort(
        prepared=prepared,
        population=population,
        whitening=whitening,
        trace=trace,
        posterior=posterior,
        diagnostics=diagnostics_table(
            posterior.population,
            trace.z,
            trace.statistics,
            interrupted=trace.interrupted,
            patients=posterior.patient_ids,
            names=population.names,
        ),
    )
