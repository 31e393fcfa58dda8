"""A file of policies (`--policies`): what everyone could have been given instead, in the words of scenario files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.cohort.proportion import refuse_out_of_proportion
from igkinetics.cohort.windows import nadir_window
from igkinetics.dosing.assay import Assay, beyond_limits
from igkinetics.dosing.regimen import Dosing, Regimen, one_of, too_many_doses
from igkinetics.dosing.regimen_file import converted, named, with_levels
from igkinetics.effect.control_regimen import unknown_weights
from igkinetics.errors import InputError, Problem
from igkinetics.toml_input import (
    Fault,
    Key,
    NotNegative,
    Positive,
    Table,
    parse_toml,
    problem_of,
    problems_of,
    read_bytes,
    refuse,
)
from igkinetics.units import IggUnit

AS_RECORDED: Final = "as recorded"
"""The name of what was given in truth, which stands beside the policies."""
KEYS: Final = ("policy", "regimen")
"""Either may head the tables of policies: a scenario's regimens serve as they are."""


class Policy(Dosing):
    """A regimen for every patient of a cohort, day 0 at the start of that patient's window.

    With nothing but a name it gives no immunoglobulin. A rule measures every `check_every_day` days, or with
    `check = "visits"` on the days on which the patient was measured.
    """

    def _faults(self) -> Iterator[Fault]:
        if self.gives_nothing:
            return
        if self.rule is not None and not self.rule.recorded:
            expected = "has no meaning here: a policy's measurements stand in no record; leave it out"
            yield Fault(("rule", "recorded"), "false", expected)
        if self.first_day < 0:
            key = ("rule", "start_day") if self.rule is not None else ("start_day",)
            expected = "must be 0 or more: days count from the start of each patient's window"
            yield Fault(key, f"{self.first_day:g}", expected)
        yield from Regimen._faults(self)


Policies = Annotated[list[Policy] | None, BeforeValidator(partial(named, word="policy"))]


class TargetTrial(Table):
    """How records are held against policies by the emulated target trial."""

    grace_day: NotNegative = 7.0
    """So many days later than due an infusion still follows the policy."""
    amount_within_percent: Positive = 25.0
    """So near to the policy's amount an infusion still follows it."""
    fewest_effective: Annotated[float, Field(ge=2)] = 10.0
    """With fewer effective patients no estimate is given."""
    adjust_for_group: bool = True
    """Whether the weights know the group; false where groups are named after who was infused."""


class PolicyFile(Table):
    """A whole file of policies."""

    title: str = ""
    """For the reader of the file."""
    unit: IggUnit | None = None
    """Unit of `below` in rules; by default the cohort's."""
    assay: Assay = Assay()
    """How the checks of rules are measured; by default with the residual error of the posterior."""
    policy: Policies = Field(default=None, min_length=1)
    """The policies, each a [[policy]] table with the keys of a scenario's regimen."""
    regimen: Policies = Field(default=None, min_length=1)
    """The same under the name they have in a scenario file; one of the two is needed."""
    target_trial: TargetTrial = TargetTrial()
    """How the record alone is held against the policies."""

    @model_validator(mode="after")
    def _holds(self) -> PolicyFile:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(KEYS, (self.policy, self.regimen))
        seen = {AS_RECORDED}
        for key, policy in self.each():
            if policy.name in seen:
                yield Fault((*key, "name"), policy.name, f"policies need different names, none {AS_RECORDED!r}")
            seen.add(policy.name)
            if policy.rule is not None:
                yield from beyond_limits(self.assay, policy.rule.below_mg_dl, (*key, "rule", "below_mg_dl"))

    def each(self) -> Iterator[tuple[Key, Policy]]:
        """Every policy with its place in the file."""
        for word, policies in zip(KEYS, (self.policy, self.regimen), strict=True):
            for index, policy in enumerate(policies or ()):
                yield (word, index), policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Policies as read, sound for their cohort. name: of the file."""

    name: str
    policies: tuple[Policy, ...]
    assay: Assay
    trial: TargetTrial


def read_policies(path: str | Path, cohort: Cohort, card: Card) -> Asked:
    """The policies in a file, for this cohort. InputError with every problem."""
    file = Path(path).name
    raw = parse_toml(read_bytes(Path(path)), file)
    for key in KEYS:
        raw = with_levels(raw, key, partial(raw.get, "unit", cohort.igg_unit))
    try:
        policy_file = PolicyFile.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error, raw, PolicyFile, file)) from None
    if problems := list(disagreements(policy_file, raw, cohort, card, file)):
        raise InputError(problems)
    policies = tuple(policy for _, policy in policy_file.each())
    return Asked(name=file, policies=policies, assay=policy_file.assay, trial=policy_file.target_trial)


def disagreements(
    policies: PolicyFile, raw: dict[str, Any], cohort: Cohort, card: Card, file: str
) -> Iterator[Problem]:
    """What these policies cannot be for this cohort and card."""
    patients = list(with_window(cohort))
    longest = max((nadir_window(one).end - nadir_window(one).start for one in patients), default=0.0)
    for key, policy in policies.each():
        faults = [*too_many_doses(policy, longest, key), *odd_level(policy, cohort, (*key, "rule", "below_mg_dl"))]
        if policy.route == "sc" and "sc" not in card.structure.routes:
            faults.append(Fault((*key, "route"), "sc", f"{card.id} has no absorption (ka, F); only 'iv'"))
        if policy.weight in NEEDS_HEIGHT_AND_SEX:
            faults += [
                Fault((*key, "weight"), policy.weight, why)
                for why in unknown_weights(policy, cohort, patients, "patient")
            ]
        yield from (problem_of(fault, raw, file) for fault in faults)


def odd_level(policy: Policy, cohort: Cohort, key: Key) -> Iterator[Fault]:
    """A level of a rule that cannot be meant for these samples: 4 where they are in mg/dL."""
    if policy.rule is None:
        return
    level = converted(policy.rule.below_mg_dl, "mg/dL", cohort.igg_unit)
    try:
        refuse_out_of_proportion(cohort, thresholds=[level])
    except InputError as error:
        yield from (Fault(key, f"{level:g} {cohort.igg_unit}", one.expected) for one in error.problems)


def with_window(cohort: Cohort) -> Iterator[Patient]:
    """Patients who have a window at all."""
    return (patient for patient in cohort.each_patient() if nadir_window(patient).exists)
