"""The protocol of the target trial, and of its emulation here, element by element (Hernan and Robins 2016)."""

from __future__ import annotations

from typing import Final

import pandas as pd

from igkinetics.dosing.regimen_file import converted
from igkinetics.effect.policies.policy_file import Asked, Policy
from igkinetics.effect.policies.target_trial import BOOTSTRAPS, EVERY_DAY, Emulated
from igkinetics.errors import counted
from igkinetics.text import number
from igkinetics.units import IggUnit

PROTOCOL_COLUMNS: Final = ("element", "target_trial", "emulation")


def protocol_rows(asked: Asked, trial: Emulated | None, n_patients: int, unit: IggUnit) -> pd.DataFrame:
    """PROTOCOL_COLUMNS."""
    grace, within = f"{asked.trial.grace_day:g} days", f"{asked.trial.amount_within_percent:g} %"
    strategies = "; ".join(policy_words(one, unit) for one in asked.policies)
    n = 0 if trial is None else trial.n
    names = "none" if trial is None else ", ".join(trial.intervals.names[1:]) or "none that varies"
    rows = [
        (
            "Eligibility",
            "Patients at the start of B-cell-depleting therapy (without therapy: at their first sample)",
            f"{n} of {counted(n_patients, 'patient')}: in the model, measured at least once in a window of some length",
        ),
        (
            "Strategies",
            strategies,
            "The same. The recorded measurements are the checks of a rule, whatever days it names; a course of "
            f"infusions counts as given when it begins within {grace} of being due (the grace period) and its amount "
            f"lies within {within} of the policy's; infusions within {grace} of a course's first are part of it",
        ),
        (
            "Assignment",
            "At random, at the start, known to all",
            "Each patient is cloned into every strategy; a clone is censored when the record departs from it. Taken as "
            "random given what the weights see",
        ),
        ("Start of follow-up", "Assignment", "The first day of the patient's window; earlier infusions stay"),
        (
            "End of follow-up",
            "Last sample, death, transplant or another B-cell-depleting therapy",
            "The same days as recorded, whatever the strategy",
        ),
        (
            "Outcome",
            "Lowest, and mean, of the IgG values measured in the window",
            "The same, of clones uncensored to the end, as measured on the recorded days",
        ),
        ("Contrast", "Difference of means between strategies, in all patients", "The same: per protocol"),
        (
            "Analysis",
            "Means of the arms",
            "Inverse-probability-of-censoring weights from a pooled logistic regression of a course begun in the "
            f"interval between two measurements on: {names}; weighted means; percentile intervals of {BOOTSTRAPS} "
            f"bootstrap samples of patients; positivity told every {EVERY_DAY:g} days; no estimate with fewer than "
            f"{asked.trial.fewest_effective:g} effective patients",
        ),
    ]
    return pd.DataFrame(rows, columns=list(PROTOCOL_COLUMNS))


def policy_words(policy: Policy, unit: IggUnit) -> str:
    """A policy by name, with what it gives."""
    if policy.gives_nothing:
        return f"{policy.name}: no immunoglobulin"
    rule = policy.rule
    per_kg, grams = (policy.dose_g_per_kg, policy.dose_g) if rule is None else (rule.dose_g_per_kg, rule.dose_g)
    dose = f"{number(per_kg)} g/kg" if per_kg is not None else f"{number(grams)} g"
    if rule is None:
        return f"{policy.name}: {dose} every {number(policy.interval_day)} days"
    when = "at every visit" if rule.check == "visits" else f"every {number(rule.check_every_day)} days"
    gap = f", {number(rule.minimum_gap_day)} days apart or more" if rule.minimum_gap_day else ""
    below = f"{number(converted(rule.below_mg_dl, 'mg/dL', unit), 5)} {unit}"
    return f"{policy.name}: {dose} when measured below {below}, checked {when}{gap}"
