"""From a cohort and a card to the population model: who takes part, what is estimated, where the search starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from igkinetics.cards.model import Card
from igkinetics.cards.prior import PatientPrior, prior_of_record, residual_error_of
from igkinetics.cards.scaling import default_structure
from igkinetics.choices import nearest
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError, NobodyFittedError, Problem, call_error, counted
from igkinetics.fit.allowed_structures import possible_production
from igkinetics.fit.problem import PRIOR_NAME, build_problem
from igkinetics.fit.refusal import why_refused
from igkinetics.hierarchical.cohort_arrays import CohortArrays, cohort_arrays
from igkinetics.hierarchical.members import Member
from igkinetics.hierarchical.population_priors import offset_of, typical_values
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import PARAMETERS, Floats, needed_parameters
from igkinetics.population.covariates import Effect, effect_columns
from igkinetics.population.model import Integers, PopulationModel
from igkinetics.population.occasions import (
    LEAST_WITHIN,
    NO_OCCASIONS,
    PatientOccasions,
    laid_out,
    occasion_columns,
    with_occasions,
)
from igkinetics.population.options import PopulationOptions

LEAST_OMEGA: Final = 0.05
FEWEST: Final = 2
MOST_NAMED: Final = 8
NO_PRIOR: Final = "taken as known"
"""How notes end that are about the card's uncertainty, which has no part here."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """model: of the members; omega (q + r,): the card's, and where the search for those between occasions starts;
    occasions: of each member, where there are any; effects: of covariates, in the model's order of coefficients.

    left_out: patient -> why; notes: in words.
    """

    card: Card
    structure: str
    members: tuple[Member, ...]
    arrays: CohortArrays
    model: PopulationModel
    omega: Floats
    occasions: tuple[PatientOccasions, ...]
    effects: tuple[Effect, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    @property
    def patient_ids(self) -> tuple[str, ...]:
        return tuple(member.patient.patient_id for member in self.members)


def prepare(cohort: Cohort, card: Card, options: PopulationOptions, effects: Sequence[str] | None = None) -> Prepared:
    """The model of a cohort. effects: of covariates, in place of `options.covariate`.

    NobodyFittedError when fewer than two patients can take part; InputError for a card or choice that does not fit.
    """
    residual_error_of(card)
    structure = options.structure or default_structure(card)
    members: list[Member] = []
    left_out: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    for patient in cohort.each_patient():
        found = member_of(cohort, patient, card, structure, options)
        if isinstance(found, str):
            left_out[patient.patient_id] = found
            continue
        members.append(found)
        _, said = possible_production(patient, found.prior, structure.split("/")[1])
        for note in (*(note for note in found.prior.notes if not note.endswith(NO_PRIOR)), *said):
            notes.setdefault(note, []).append(patient.patient_id)
    if len(members) < FEWEST:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:MOST_NAMED])
        expected = f"must have at least {FEWEST} patients with samples for a population ({why})"
        raise NobodyFittedError(
            [Problem(file="call", column="cohort", found=f"{len(members)} such", expected=expected)]
        )
    told = [f"{note} ({len(who)} of {len(members)} patients)" for note, who in notes.items()]
    return assembled(cohort, card, options, structure, tuple(members), left_out, told, effects)


def member_of(cohort: Cohort, patient: Patient, card: Card, structure: str, options: PopulationOptions) -> Member | str:
    """The member with samples and typical values, or why this patient cannot be one."""
    if reason := why_refused(cohort, patient, card, options.residual):
        return reason
    disposition, production = structure.split("/")
    try:
        prior = prior_of_record(card, cohort, patient, disposition)
    except InputError as error:
        if any(problem.column == "structure" for problem in error.problems):
            raise
        return "; ".join(map(str, error.problems))
    production, _ = possible_production(patient, prior, production)
    problem = build_problem(patient, varying(prior, options), production, residual=options.residual)
    if problem.day.size == 0:
        return "no IgG sample within follow-up"
    level = np.add(*igg_curve(problem.theta(problem.mu), problem.schedule, problem.day))
    if problem.a == 0 and np.any(level <= 0):
        return "a sample before the first infusion, where IgG is 0 under this card, measured without additive error"
    return Member(patient=patient, prior=prior, problem=problem, modified=None, x=problem.mu)


def varying(prior: PatientPrior, options: PopulationOptions) -> PatientPrior:
    """The prior in which exactly the parameters that are estimated or vary have a spread."""
    omega, uncertainty = dict(prior.omega), dict.fromkeys(prior.uncertainty, 0.0)
    for name in options.no_random:
        omega[_card_name(name)] = 0.0
    for name in (*options.estimate, *(name for name in options.no_random if name not in options.fix)):
        if np.isfinite(prior.typical[_card_name(name)]) and prior.typical[_card_name(name)] > 0:
            uncertainty[_card_name(name)] = 1.0
    return replace(prior, omega=omega, uncertainty=uncertainty, clearance_follows_volume=False)


def _card_name(name: str) -> str:
    """The name of the prior for one of the options."""
    return {"k": "CL", "C_init": "C_init_ratio"}.get(name, name)


def assembled(
    cohort: Cohort,
    card: Card,
    options: PopulationOptions,
    structure: str,
    members: tuple[Member, ...],
    left_out: dict[str, str],
    notes: list[str],
    effects: Sequence[str] | None,
) -> Prepared:
    """Arrays, design and start of these members."""
    occasions, met = NO_OCCASIONS, tuple[PatientOccasions, ...]()
    if options.iov:
        members, met = with_occasions(cohort, members, options.occasion, len(options.iov))
    arrays = cohort_arrays([member.problem for member in members])
    names = arrays.names
    if not names:
        raise call_error("card", card.id, "must let some parameter vary between patients")
    rate = (options.rate or members[0].prior.clearance_follows_volume) and {"CL", "V1"} <= set(names)
    if options.rate and not rate:
        notes.append("CL and k = CL/V are the same here, for V is held: --rate changes nothing")
    shown = tuple("k" if rate and name == "CL" else name for name in names)
    refuse_unneeded(card, options, members, shown)
    offset, transform = on_scales(members, names, rate=rate)
    omegas, random = spreads(members, names, options)
    labels, columns = typical_columns(card, options, members, names, shown)
    asked = options.covariate if effects is None else effects
    parsed = effect_columns(cohort, [member.patient.patient_id for member in members], asked, shown, notes)
    notes += [*further_records(cohort, members), *on_top(card, [(one.parameter, one.covariate) for one in parsed])]
    labels += [effect.label for effect in parsed]
    columns += [placed_effect(effect, shown) for effect in parsed]
    if not labels:
        raise call_error("fix", ", ".join(options.fix), "leaves nothing to be estimated but spread")
    if met:
        arrays, occasions = laid_out(arrays, met, occasion_columns(options.iov, shown))
    error = cards_error(members)
    models = {member.problem.model for member in members}
    return Prepared(
        card=card,
        structure=models.pop() if len(models) == 1 else structure,
        members=members,
        arrays=arrays,
        model=PopulationModel(
            names=shown,
            offset=offset,
            design=np.ascontiguousarray(np.stack(columns, axis=-1)),
            coefficients=tuple(labels),
            random=random,
            full=options.correlated,
            error=error,
            error_free=error > 0,
            transform=transform,
            occasions=occasions,
        ),
        omega=start_spreads([omegas[place] for place in random], occasions.columns.size),
        occasions=met,
        effects=tuple(parsed),
        left_out=left_out,
        notes=(*cohort.notes, *notes),
    )


def further_records(cohort: Cohort, members: Sequence[Member]) -> Iterator[str]:
    """Records after a reset (EVID 3 or 4) have random effects of their own, unlike in NONMEM."""
    n = sum(member.patient.patient_id in cohort.records for member in members)
    if n:
        yield (
            f"{counted(n, 'record')} of {len(members)} follow a reset (EVID 3 or 4) and have random effects of their "
            "own, as if of other patients: an engine with one set of etas for each ID gives other omegas and another "
            "likelihood"
        )


def on_top(card: Card, effects: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Effects, by parameter and covariate, that come on top of one that the card has already."""
    for parameter, covariate in dict.fromkeys(effects):
        names = {parameter, *({"V"} if parameter == "V1" else {"CL", "k_deg"} if parameter == "k" else set())}
        if any(one.covariate == covariate and names & set(one.parameters) for one in card.covariate_effects):
            yield (
                f"{parameter}:{covariate} comes on top of the card's own effect of {covariate} on {parameter}: "
                "its coefficient is what is left beyond that"
            )


def cards_error(members: Sequence[Member]) -> Floats:
    """The card's a and b (2,), the same for everybody, from which the search starts."""
    first = members[0].prior
    return np.array([first.additive_g_per_l, first.proportional])


def on_scales(members: Sequence[Member], names: Sequence[str], *, rate: bool) -> tuple[Floats, Floats]:
    """The card's typical values (n, p) and the transform (p, p) from x to the kinetics' logs; rate: k for CL."""
    offset = np.array([[offset_of(member, name) for name in names] for member in members])
    transform = np.eye(len(names))
    if rate:
        clearance, volume = names.index("CL"), names.index("V1")
        offset[:, clearance] -= offset[:, volume]
        transform[clearance, volume] = 1.0
    return offset, transform


def placed_effect(effect: Effect, shown: Sequence[str]) -> Floats:
    """The effect's values in the column of its parameter (n, p)."""
    column = np.zeros((effect.values.size, len(shown)))
    column[:, shown.index(effect.parameter)] = effect.values
    return column


def start_spreads(between: Sequence[float], n_within: int) -> Floats:
    """SDs from which the search starts: between patients as in the card, then between occasions."""
    return np.concatenate([np.maximum(between, LEAST_OMEGA), np.full(n_within, LEAST_WITHIN)])


def refuse_unneeded(card: Card, options: PopulationOptions, members: Sequence[Member], shown: Sequence[str]) -> None:
    """InputError for a parameter to be held, freed or kept from varying that no patient's model has."""
    needed = {
        name for one in {member.problem.model for member in members} for name in needed_parameters(*one.split("/"))
    }
    if any(member.patient.dose_is_sc.any() for member in members):
        needed |= {"ka", "F"}
    if card.structure.endogenous == "none":
        needed -= {"C_base", "S", "k_loss", "k_rec"}
    else:
        needed.add("C_init")
    needed |= {"k"} & set(shown)
    ordered = [name for name in ("k", *PARAMETERS) if name in needed]
    problems = []
    for option in ("fix", "estimate", "no_random"):
        for name in getattr(options, option):
            expected = ""
            if name not in needed:
                expected = f"must be one of this model's parameters: {', '.join(ordered)}{nearest(name, ordered)}"
            elif option == "estimate" and name not in (*shown, *(("CL",) if "k" in shown else ())):
                expected = "must have a typical value above 0 in the card, from which the search starts"
            if expected:
                problems.append(Problem(file="call", column=option, found=name, expected=expected))
    if problems:
        raise InputError(problems)


def spreads(
    members: Sequence[Member], names: Sequence[str], options: PopulationOptions
) -> tuple[list[float], Integers]:
    """Spread of each parameter where the search starts, and the columns that vary. InputError when none does."""
    omegas = [max(member_omega(members, name, options), 0.0) for name in names]
    random = np.array([place for place, omega in enumerate(omegas) if omega > 0], dtype=np.int64)
    if random.size == 0:
        raise call_error("no_random", ", ".join(options.no_random), "leaves nothing that varies between patients")
    return omegas, random


def member_omega(members: Sequence[Member], name: str, options: PopulationOptions) -> float:
    """Spread between patients from which the search starts; 0: does not vary. Of several agents' S the largest."""
    if name in options.no_random or (name == "CL" and "k" in options.no_random):
        return 0.0
    users = [member for member in members if name in member.problem.names]
    return max(member.prior.omega[PRIOR_NAME.get(name, name)] for member in users)


def typical_columns(
    card: Card, options: PopulationOptions, members: Sequence[Member], names: Sequence[str], shown: Sequence[str]
) -> tuple[list[str], list[Floats]]:
    """Label and column (n, p) of each typical value that is estimated; of S one for each class of agents."""
    labels, columns = [], []
    for place, name in enumerate(names):
        if not typical_is_free(card, options, name, shown[place]):
            continue
        for label, who in typical_values(card, members, name).items():
            column = np.zeros((len(members), len(names)))
            column[who, place] = 1.0
            labels.append(shown[place] if label == name else label)
            columns.append(column)
    return labels, columns


def typical_is_free(card: Card, options: PopulationOptions, name: str, shown: str) -> bool:
    """Whether the typical value is estimated: what varies, unless the card calls its typical value fixed."""
    if {name, shown} & set(options.fix):
        return False
    if {name, shown} & {*options.estimate, *options.no_random}:
        return True
    given = card.parameters.given()
    key = PRIOR_NAME.get(name, name)
    for candidate in (key, {"V1": "V", "CL": "k_deg"}.get(key, key)):
        if candidate in given:
            return given[candidate].uncertainty != "fixed"
    return True


def reference_offset(prepared: Prepared, name: str) -> float:
    """The card's typical value on its scale for the median patient: that of a parameter without classes."""
    column = prepared.model.offset[:, prepared.model.names.index(name)]
    used = [
        place
        for place, member in enumerate(prepared.members)
        if ("CL" if name == "k" else name) in member.problem.names
    ]
    return float(np.median(column[used])) if used else math.nan
