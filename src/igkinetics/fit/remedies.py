"""What would explain a record that the model does not: another unit, or a sample taken after the dose of its day.

Each is tried and said as a question; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from igkinetics.cohort.model import Patient
from igkinetics.fit.minimise import explore, first_guesses
from igkinetics.fit.problem import FitProblem
from igkinetics.fit.unexplained import Change, unexplained_changes
from igkinetics.kinetics.parameters import Floats

FACTORS: Final = (10.0, 0.1, 100.0, 0.01)
"""Of all values: mg/dL for g/L, a slipped decimal point."""
FAR_OFF: Final = 3.5
"""Prior SDs between the fitted and the typical baseline beyond which the unit is in doubt."""
AFTER_DAYS: Final = 1.0 / 24.0
"""How long after the end of an infusion a sample is taken to have been drawn when the other order is tried."""
SAME_DAY: Final = 1.0
"""A dose that starts less than so many days after an odd sample may have been given before it."""
BETTER_BY: Final = 25.0
"""By so much -2 log posterior has to fall for another unit to be asked about."""


def questions(problem: FitProblem, patient: Patient, x: Floats, changes: tuple[Change, ...]) -> list[str]:
    """What would leave no unexplained change, as questions; empty when nothing tried does. x: the fitted parameters."""
    found = [words for factor, words in unit_slips(problem) if explains(scaled(problem, factor), problem, x)]
    if found:
        return found[:1]
    return [words for other, words in other_orders(problem, patient, changes) if not changes_of(other)]


def doubt_about_unit(problem: FitProblem, x: Floats) -> str:
    """A question where the fitted baseline lies far from the card's and another unit fits far better; else empty."""
    if not problem.has_prior or "C_base" not in problem.names:
        return ""
    place = problem.names.index("C_base")
    if abs(x[place] - problem.mu[place]) < FAR_OFF * problem.sd[place]:
        return ""
    found = [words for factor, words in unit_slips(problem) if explains(scaled(problem, factor), problem, x)]
    return f"levels far from what the card expects; {found[0]}" if found else ""


def unit_slips(problem: FitProblem) -> Iterator[tuple[float, str]]:
    for factor in FACTORS:
        yield factor, f"everything x {factor:g} would fit: is the unit right?"


def scaled(problem: FitProblem, factor: float) -> FitProblem:
    return replace(problem, igg=problem.igg * factor)


def explains(other: FitProblem, problem: FitProblem, x: Floats) -> bool:
    """Whether the record in another unit fits without an unexplained change, and much better than it stands."""
    best = explore(other, first_guesses(other))
    jacobian = 2.0 * float(np.sum(np.log(other.igg / problem.igg)[problem.limit == 0]))
    gained = float(problem.values(x[None, :])[0]) - (best.objective - jacobian)
    return gained > BETTER_BY and not best.failed_tests and not unexplained_changes(other, best.x)


def changes_of(problem: FitProblem) -> tuple[Change, ...]:
    """Unexplained changes of a problem fitted afresh; those of a fit that did not converge count as one."""
    best = explore(problem, first_guesses(problem))
    return unexplained_changes(problem, best.x)


def other_orders(
    problem: FitProblem, patient: Patient, changes: tuple[Change, ...]
) -> Iterator[tuple[FitProblem, str]]:
    """The record with one odd sample after, in place of before, a dose of its day."""
    odd = {day for change in changes for day in (change.day_before, change.day_after)}
    for day in sorted(odd):
        near = (patient.dose_day >= day) & (patient.dose_day < day + SAME_DAY)
        place = int(np.argmin(np.abs(problem.day - day)))
        for dose in np.flatnonzero(near):
            moved = problem.day.copy()
            moved[place] = patient.dose_day[dose] + patient.dose_duration_day[dose] + AFTER_DAYS
            order = np.argsort(moved, kind="stable")
            other = replace(problem, day=moved[order], igg=problem.igg[order], limit=problem.limit[order])
            yield (
                other,
                (
                    f"day {day:.4g}: {patient.dose_g[dose]:.4g} g was given that day; was the sample after it? "
                    "Then nothing is odd"
                ),
            )
