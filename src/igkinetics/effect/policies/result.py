"""What `--policies` adds to an effect analysis: every policy for everyone, and the same asked of the record alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.policies.policy_file import Asked
from igkinetics.effect.policies.policy_rows import (
    CONTRAST_COLUMNS,
    PATIENT_COLUMNS,
    POLICY_COLUMNS,
    contrast_rows,
    patient_rows,
    policy_rows,
)
from igkinetics.effect.policies.protocol import PROTOCOL_COLUMNS, policy_words, protocol_rows
from igkinetics.effect.policies.replay import Replayed, per_kg, replay
from igkinetics.effect.policies.target_trial import (
    POSITIVITY_COLUMNS,
    TRIAL_COLUMNS,
    emulated,
    positivity_rows,
    trial_rows,
)
from igkinetics.errors import counted
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.units import g_per_l

POLICY_TABLES: Final = {
    "policies": POLICY_COLUMNS,
    "contrasts": CONTRAST_COLUMNS,
    "patients": PATIENT_COLUMNS,
    "trial": TRIAL_COLUMNS,
    "protocol": PROTOCOL_COLUMNS,
    "positivity": POSITIVITY_COLUMNS,
}
"""Table of PolicyEffects -> its columns, in their order."""


@dataclass(frozen=True, kw_only=True)
class PolicyEffects:
    """policies: means over all patients; contrasts: between every pair; patients: each one's own. trial: the emulated
    target trial, with its protocol and its positivity. words: each policy as it was asked. notes: what to know."""

    asked: Asked
    policies: pd.DataFrame
    contrasts: pd.DataFrame
    patients: pd.DataFrame
    trial: pd.DataFrame
    protocol: pd.DataFrame
    positivity: pd.DataFrame
    words: tuple[str, ...]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        for table, columns in POLICY_TABLES.items():
            present = tuple(getattr(self, table).columns)
            if present != columns:
                raise AssertionError(f"table {table} has the columns {present}, not {columns}")


def policy_effects(
    cohort: Cohort,
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    asked: Asked,
    options: EffectOptions,
    left_out: Mapping[str, str],
) -> PolicyEffects:
    """Everything that the policies say."""
    thresholds = tuple(g_per_l(value, cohort.igg_unit) for value in options.thresholds)
    replayed = replay(
        posterior, people, asked, thresholds, residual=options.residual, seed=options.seed, jobs=options.jobs
    )
    trial = emulated(replayed, asked)
    unit, level = cohort.igg_unit, options.level
    return PolicyEffects(
        asked=asked,
        policies=policy_rows(replayed, asked, thresholds, unit, level),
        contrasts=contrast_rows(replayed, asked, thresholds, unit, level),
        patients=patient_rows(cohort, replayed, left_out, asked, thresholds, level),
        trial=trial_rows(trial, asked, unit, level, options.seed) if trial else pd.DataFrame(columns=TRIAL_COLUMNS),
        protocol=protocol_rows(asked, trial, len(cohort.patient_ids), unit),
        positivity=positivity_rows(trial) if trial else pd.DataFrame(columns=POSITIVITY_COLUMNS),
        words=tuple(policy_words(one, unit) for one in asked.policies),
        notes=tuple(notes_on(replayed, asked)),
    )


def notes_on(replayed: Sequence[Replayed], asked: Asked) -> list[str]:
    """Whose weight is the card's, who could not be given the policies, and what gives nothing to anybody."""
    able = [one for one in replayed if one.outcomes]
    notes = []
    if unable := len(replayed) - len(able):
        notes.append(f"{counted(unable, 'patient')} could not be given every policy: {reasons(replayed)}")
    unknown = sum(not one.exposure.weight_known for one in able)
    if unknown and any(per_kg(policy) for policy in asked.policies):
        notes.append(f"weight unknown in {unknown} of {len(able)}: doses per kg take the card's weight")
    idle = [
        policy.name
        for policy in asked.policies
        if able and not policy.gives_nothing and all(one.outcomes[policy.name].grams.max() == 0 for one in able)
    ]
    return notes + [f"{name} gives nobody anything within the window" for name in idle]


def reasons(replayed: Sequence[Replayed]) -> str:
    return "; ".join(dict.fromkeys(one.reason for one in replayed if one.reason))
