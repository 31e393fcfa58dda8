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
from igkinetics.fit.unexplained import (
    ODD_PAIR,
    ODD_SAMPLE,
    WHOLE_COURSE,
    Change,
    robust_fit,
    unexplained_changes,
)
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats

FACTORS: Final = (10.0, 0.1, 100.0, 0.01)
"""Of all values: mg/dL for g/L, a slipped decimal point."""
FAR_OFF: Final = 3.5
"""Prior SDs between the fitted and the typical baseline beyond which the unit is in doubt."""
AFTER_DAYS: Final = 1.0 / 24.0
"""How long after the end of an infusion a sample is taken to have been drawn when the other order is tried."""
SAME_DAY: Final = 1.0
LATE_BY: Final = 3.0
"""A dose that starts less than so many days after an odd sample may have been given before it: its date is wrong where
it is not of the same day."""
NEAR_THE_CURVE: Final = 0.7
"""Log of how far off a sample in another unit may lie from the curve through the others: two-fold."""
LEAST_LEFT: Final = 3
"""Samples that must remain for the rest to say that others are odd."""
BETTER_BY: Final = 12.0
"""By so much -2 log posterior has to fall for another unit to be asked about."""


def questions(problem: FitProblem, patient: Patient, x: Floats, changes: tuple[Change, ...]) -> list[str]:
    """What would leave no unexplained change, as questions; empty when nothing tried does. x: the fitted parameters."""
    without = left_out(problem, changes)
    # small levels fit many units: where the rest of the record is fine as it is, its odd samples are at fault
    if (far_off(problem, x) or not without) and (slip := unit_slip(problem, x)):
        return [slip]
    if (slips := sample_slips(problem, x, changes)) and not changes_of(with_factors(problem, slips)):
        said = ", ".join(f"day {problem.day[place]:.4g} x {factor:g}" for place, factor in slips)
        return [f"{said} would fit the rest: is the unit right there?"]
    orders = [words for other, words in other_orders(problem, patient, changes) if not changes_of(other)]
    return (orders or without)[:1]


def left_out(problem: FitProblem, changes: tuple[Change, ...]) -> list[str]:
    """That the record holds nothing odd without its odd samples; nothing where something else is odd too."""
    if any(change.kind not in (ODD_SAMPLE, ODD_PAIR) for change in changes):
        return []
    odd = {(day, igg) for change in changes for day, igg in levels_of(change)}
    kept = np.array([pair not in odd for pair in zip(problem.day, problem.igg, strict=True)])
    if kept.sum() < LEAST_LEFT or changes_of(
        replace(problem, day=problem.day[kept], igg=problem.igg[kept], limit=problem.limit[kept])
    ):
        return []
    which, whose = ("it", "a sample") if len(odd) == 1 else ("them", "samples")
    return [f"without {which} nothing is odd: mistyped, or {whose} of another patient?"]


def levels_of(change: Change) -> set[tuple[float, float]]:
    """Day and level of each sample of a change."""
    return {(change.day_before, change.igg_before), (change.day_after, change.igg_after)}


def doubt_about_unit(problem: FitProblem, x: Floats) -> str:
    """A question where the fitted baseline lies far from the card's and another unit fits far better; else empty."""
    if not problem.has_prior or "C_base" not in problem.names or not far_off(problem, x):
        return ""
    slip = unit_slip(problem, x)
    return f"levels far from what the card expects; {slip}" if slip else ""


def far_off(problem: FitProblem, x: Floats) -> bool:
    """Whether the fitted baseline lies far from the card's."""
    if not problem.has_prior or "C_base" not in problem.names:
        return False
    place = problem.names.index("C_base")
    return bool(abs(x[place] - problem.mu[place]) > FAR_OFF * problem.sd[place])


def unit_slip(problem: FitProblem, x: Floats) -> str:
    """The unit that fits the whole record best, as a question; empty when none leaves a record that the card knows."""
    gains = [(gained(problem, factor, x), factor) for factor in FACTORS]
    best, factor = max(gains)
    return f"everything x {factor:g} would fit: is the unit right?" if best > BETTER_BY else ""


def gained(problem: FitProblem, factor: float, x: Floats) -> float:
    """By how much -2 log posterior falls in another unit; -inf where that leaves odd values or a baseline far off.

    Small levels drown in the additive error: without the second condition any record would fit in a small unit.
    """
    other = replace(problem, igg=problem.igg * factor)
    best = explore(other, first_guesses(other))
    if best.failed_tests or far_off(other, best.x) or unexplained_changes(other, best.x):
        return -np.inf
    jacobian = 2.0 * float(np.sum(np.log(other.igg / problem.igg)[problem.limit == 0]))
    return float(problem.values(x[None, :])[0]) - (best.objective - jacobian)


def sample_slips(problem: FitProblem, x: Floats, changes: tuple[Change, ...]) -> list[tuple[int, float]]:
    """Samples beside a change that another unit would bring near the curve through the rest, each with its factor."""
    robust = robust_fit(problem, x)
    level = np.add(*igg_curve(problem.theta(x if robust is None else robust), problem.schedule, problem.day))
    beside = {day for change in changes if change.kind != WHOLE_COURSE for day in (change.day_before, change.day_after)}
    slips = []
    for day in sorted(beside):
        place = int(np.argmin(np.abs(problem.day - day)))
        off = float(np.log(problem.igg[place] / level[place]))
        best = min(FACTORS, key=lambda factor: abs(off + np.log(factor)))
        if problem.limit[place] == 0 and abs(off + np.log(best)) < NEAR_THE_CURVE < abs(off):
            slips.append((place, best))
    return slips


def with_factors(problem: FitProblem, slips: list[tuple[int, float]]) -> FitProblem:
    igg = problem.igg.copy()
    for place, factor in slips:
        igg[place] *= factor
    return replace(problem, igg=igg)


def changes_of(problem: FitProblem) -> tuple[Change, ...]:
    """Unexplained changes of a problem fitted afresh; those of a fit that did not converge count as one."""
    best = explore(problem, first_guesses(problem))
    return unexplained_changes(problem, best.x)


def other_orders(
    problem: FitProblem, patient: Patient, changes: tuple[Change, ...]
) -> Iterator[tuple[FitProblem, str]]:
    """The record with odd samples after, in place of before, a dose soon after them: each alone, then all of them."""
    odd = sorted({day for change in changes for day in (change.day_before, change.day_after)})
    moves = [
        (int(np.argmin(np.abs(problem.day - day))), int(dose))
        for day in odd
        for dose in np.flatnonzero((patient.dose_day >= day) & (patient.dose_day < day + LATE_BY))
    ]
    for some in [*([move] for move in moves), *([moves] if len(moves) > 1 else [])]:
        yield moved(problem, patient, some), order_words(problem, patient, some)


def moved(problem: FitProblem, patient: Patient, moves: list[tuple[int, int]]) -> FitProblem:
    """The record with samples (places) taken just after the end of doses (places)."""
    day = problem.day.copy()
    for place, dose in moves:
        day[place] = patient.dose_day[dose] + patient.dose_duration_day[dose] + AFTER_DAYS
    order = np.argsort(day, kind="stable")
    return replace(problem, day=day[order], igg=problem.igg[order], limit=problem.limit[order])


def order_words(problem: FitProblem, patient: Patient, moves: list[tuple[int, int]]) -> str:
    if len(moves) == 1:
        ((place, dose),) = moves
        day, given, grams = problem.day[place], patient.dose_day[dose], f"{patient.dose_g[dose]:.4g} g"
        if given < day + SAME_DAY:
            return f"day {day:.4g}: {grams} was given that day; was the sample after it? Then nothing is odd"
        return f"day {day:.4g}: {grams} is recorded on day {given:.4g}; was it given before? Then nothing is odd"
    days = ", ".join(f"{problem.day[place]:.4g}" for place, _ in moves)
    if all(patient.dose_day[dose] < problem.day[place] + SAME_DAY for place, dose in moves):
        return f"days {days}: immunoglobulin was given on each; were these samples after it? Then nothing is odd"
    return f"days {days}: immunoglobulin is recorded soon after each; was it given before? Then nothing is odd"
