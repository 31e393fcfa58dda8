"""How long a recorded patient followed a policy: what the trial emulation censors clones by (docs/model.md 5.7).

Between two measurements a policy asks for an infusion, for none, or leaves it open (due, and still time to give it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from igkinetics.dosing.doses import Body, rule_amounts
from igkinetics.dosing.regimen import Rule
from igkinetics.effect.control_regimen import regimen_doses
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.policies.policy_file import Policy, TargetTrial
from igkinetics.effect.policies.replay import own_days
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import G_PER_L_IN

GIVE, OPEN, WITHHOLD = 1, 0, -1
"""What a policy asks for in an interval."""
UNTIL_THE_END: Final = np.inf
Asks = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a patient's record says within the window.

    start (k,), end (k,): intervals, each from a measurement (the first from the window's start) to the next; igg (k,):
    last measured value by its start, g/L, nan before any; measured (k,): whether it is of that very day. day, grams
    (m,): courses of infusions before the window's end, those within the grace period of a course's first as one.
    last_before: day of the last infusion before the window, -inf without any.
    """

    start: Floats
    end: Floats
    igg: Floats
    measured: npt.NDArray[np.bool_]
    day: Floats
    grams: Floats
    last_before: float

    @property
    def infused(self) -> npt.NDArray[np.bool_]:
        """Whether a course began in each interval."""
        return np.array([np.any((self.day >= a) & (self.day < b)) for a, b in zip(self.start, self.end, strict=True)])

    @property
    def since_last(self) -> Floats:
        """Days from the last course before each interval's start; inf where there was none."""
        days = np.concatenate([[self.last_before], self.day])
        return np.array([at - days[days < at].max(initial=-np.inf) for at in self.start])

    def due(self, rule: Rule, window_start: float) -> npt.NDArray[np.bool_]:
        """Whether a rule calls for an infusion at each interval's start, given what was measured and given by then."""
        since = self.start - window_start
        last = np.inf if rule.stop_day is None else rule.stop_day
        in_force = (rule.start_day <= since) & (since < last)
        gap_over = self.since_last + rule.delay_day >= rule.minimum_gap_day
        low = self.igg < rule.below_mg_dl * G_PER_L_IN["mg/dL"]
        return np.asarray(self.measured & in_force & low & gap_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A clone: asks (k,) what the policy asks for in each interval; the day of departure (inf: none) and why."""

    asks: Asks
    until: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An infusion that a policy asks for: not before `first`, by `last`; grams."""

    first: float
    last: float
    grams: float


def record_of(exposure: Exposure, trial: TargetTrial) -> Record:
    """The patient's record in the window."""
    patient, window = exposure.patient, exposure.window
    visits = np.unique(own_days(exposure))
    starts = np.unique(np.concatenate([[window.start], visits]))
    starts = starts[starts < window.end]
    known = [patient.sample_igg[patient.sample_day <= at] for at in starts]
    counted = (exposure.doses.day >= window.start) & (exposure.doses.day < window.end)
    day, grams = courses(exposure.doses.day[counted], exposure.doses.amount_g[counted], trial.grace_day)
    before = exposure.earlier.day
    return Record(
        start=starts,
        end=np.append(starts[1:], window.end)[: starts.size],
        igg=np.array([values[-1] if values.size else np.nan for values in known]),
        measured=np.isin(starts, visits),
        day=day,
        grams=grams,
        last_before=float(before.max(initial=-np.inf)),
    )


def courses(day: Floats, grams: Floats, grace_day: float) -> tuple[Floats, Floats]:
    """Infusions that follow the first of a course within the grace period, as one on its day."""
    days: list[float] = []
    amounts: list[float] = []
    for at, given in zip(day, grams, strict=True):
        if days and at - days[-1] <= grace_day:
            amounts[-1] += float(given)
        else:
            days.append(float(at))
            amounts.append(float(given))
    return np.array(days), np.array(amounts)


def followed(policy: Policy, exposure: Exposure, record: Record, trial: TargetTrial) -> Followed:
    """How far the record follows a policy."""
    if policy.rule is not None:
        return by_rule(policy, exposure, record, trial)
    dues = [] if policy.gives_nothing else calendar_dues(policy, exposure, trial)
    pending, departures = list(dues), []
    for day, grams in zip(record.day, record.grams, strict=True):
        match = next((due for due in pending if due.first <= day <= due.last), None)
        if match is None:
            departures.append((float(day), "an infusion that the policy does not give"))
        elif not near(grams, match.grams, trial):
            departures.append((float(day), "an amount other than the policy's"))
        else:
            pending.remove(match)
    departures += [(due.last, "an infusion that the policy gives was not given") for due in pending]
    asks = []
    for start, end in zip(record.start, record.end, strict=True):
        near_dues = [due for due in dues if due.first < end and due.last >= start]
        given = [due for due in near_dues if np.any((record.day >= due.first) & (record.day < min(start, due.last)))]
        open_ones = [due for due in near_dues if due not in given]
        asks.append(asked_between(open_ones, start, end))
    return departure(np.array(asks, dtype=np.int64), departures, exposure.window.end)


def calendar_dues(policy: Policy, exposure: Exposure, trial: TargetTrial) -> list[Due]:
    """Infusions of a calendar, each with the grace period on either side."""
    doses = regimen_doses(policy, exposure)
    start = exposure.window.start
    return [
        Due(first=max(start, day - trial.grace_day), last=day + trial.grace_day, grams=float(grams))
        for day, grams in zip(doses.day, doses.amount_g, strict=True)
    ]


def asked_between(dues: Sequence[Due], start: float, end: float) -> int:
    """GIVE where time to give one runs out between start and end; OPEN where one is due longer; else WITHHOLD."""
    if any(start <= due.last < end for due in dues):
        return GIVE
    return OPEN if dues else WITHHOLD


def by_rule(policy: Policy, exposure: Exposure, record: Record, trial: TargetTrial) -> Followed:
    """The recorded measurements are the checks of the rule: below its level, an infusion is due."""
    rule, window = policy.rule, exposure.window
    if rule is None:
        raise AssertionError("a calendar has no rule")
    grams = float(rule_amounts(policy, Body.of(exposure.weight_kg, exposure.height_cm, exposure.sex == "male"))[0])
    pending: Due | None = None
    asks: list[int] = []
    departures: list[tuple[float, str]] = []
    for start, end, due in zip(record.start, record.end, record.due(rule, window.start), strict=True):
        if pending is None and due:
            pending = Due(first=start, last=start + rule.delay_day + trial.grace_day, grams=grams)
        asks.append(asked_between([pending] if pending else [], start, end))
        for day, given in zip(record.day, record.grams, strict=True):
            if start <= day < end:
                if pending is None or day > pending.last:
                    departures.append((float(day), "an infusion that the policy does not give"))
                elif not near(given, grams, trial):
                    departures.append((float(day), "an amount other than the policy's"))
                pending = None
        if pending is not None and pending.last < end:
            departures.append((pending.last, "an infusion that the policy gives was not given"))
            pending = None
    return departure(np.array(asks, dtype=np.int64), departures, window.end)


def near(given: float, asked: float, trial: TargetTrial) -> bool:
    """Whether an amount is the policy's, within what the file allows."""
    return abs(given - asked) <= 0.01 * trial.amount_within_percent * asked


def departure(asks: Asks, departures: Sequence[tuple[float, str]], window_end: float) -> Followed:
    """The first departure before the window's end."""
    day, why = min(departures, default=(UNTIL_THE_END, ""))
    return (
        Followed(asks=asks, until=day, why=why)
        if day < window_end
        else Followed(asks=asks, until=UNTIL_THE_END, why="")
    )
