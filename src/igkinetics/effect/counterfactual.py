"""Each patient with and without the infusions, and each control with the infusions that the treated received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from igkinetics.dosing.doses import Doses
from igkinetics.dosing.regimen import Regimen
from igkinetics.effect.control_regimen import regimen_doses, why_no_weight
from igkinetics.effect.drifting import drifting_pair
from igkinetics.effect.estimands import MEASURES, Measure
from igkinetics.effect.exposure import Exposure
from igkinetics.effect.measures import Measures, measures, risen_at_end
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.kinetics.parameters import KA, Floats
from igkinetics.parallel import Progress, in_order

ENOUGH_CURVES: Final = 100_000
"""Curves behind the effect in controls; beyond, draws are thinned evenly, which the table says."""
MOST_CURVES: Final = 250_000
"""Beyond these, with the fewest draws, schedules are thinned too."""
FEWEST_DRAWS: Final = 400

Places = npt.NDArray[np.int64]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One patient's measures per draw under two schedules; `actual` is the recorded one. risen: see risen_at_end."""

    exposure: Exposure
    actual: Measures
    with_ivig: Measures
    without_ivig: Measures
    risen: Floats

    def difference(self, measure: str) -> Floats:
        """With minus without, per draw (and threshold). Units g/L or days."""
        return np.asarray(getattr(self.with_ivig, measure) - getattr(self.without_ivig, measure))


def within_patient(
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    thresholds: tuple[float, ...],
    jobs: int,
    progress: Progress | None = None,
) -> tuple[Change, ...]:
    """Every patient against the same patient, same parameters, with the window's infusions removed."""

    def one(exposure: Exposure) -> Change:
        if posterior.drifting:
            pair = drifting_pair(posterior, exposure, thresholds)
            return Change(
                exposure=exposure, actual=pair.given, with_ivig=pair.given, without_ivig=pair.removed, risen=pair.risen
            )
        thetas = posterior.of_patient(exposure.place)
        schedule = exposure.with_ivig()
        given = measures(thetas, schedule, exposure.window, thresholds)
        removed = given
        if exposure.treated:
            removed = measures(thetas, exposure.without_ivig(), exposure.window, thresholds)
        risen = risen_at_end(thetas, schedule, exposure.window, given.nadir)
        return Change(exposure=exposure, actual=given, with_ivig=given, without_ivig=removed, risen=risen)

    return tuple(in_order([partial(one, exposure) for exposure in people], jobs, progress))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """Controls under other patients' infusions. draws: places of the draws used. note: what was thinned.

    changes: measure -> mean over controls and schedules (n,) or (n, m), with minus without; reason: why empty.
    """

    draws: Places
    changes: dict[Measure, Floats]
    at_window_end: tuple[float, float]
    note: str
    reason: str


def donor_doses(donor: Exposure, control: Exposure) -> Doses:
    """The donor's infusions in its window, as g/kg and days from its start, for the control's weight and window."""
    doses = donor.doses.given(donor.in_window)
    return Doses(
        day=doses.day - donor.window.start + control.window.start,
        amount_g=doses.amount_g / donor.weight_kg * control.weight_kg,
        duration_day=doses.duration_day,
        is_sc=doses.is_sc,
    )


def joined(earlier: Doses, later: Doses) -> Doses:
    """Both, earlier ones first."""
    return Doses(
        day=np.concatenate([earlier.day, later.day]),
        amount_g=np.concatenate([earlier.amount_g, later.amount_g]),
        duration_day=np.concatenate([earlier.duration_day, later.duration_day]),
        is_sc=np.concatenate([earlier.is_sc, later.is_sc]),
    )


def in_controls(
    posterior: CohortPosterior,
    people: Sequence[Exposure],
    thresholds: tuple[float, ...],
    jobs: int,
    regimen: Regimen | None = None,
    progress: Progress | None = None,
) -> Assigned:
    """Each control under each treated patient's recorded g/kg schedule, averaged; or under one regimen."""
    controls = [exposure for exposure in people if not exposure.treated]
    donors = [exposure for exposure in people if exposure.treated] if regimen is None else []
    n_draws = int(np.prod(posterior.error.shape[:2]))
    if reason := why_not(posterior, controls, donors, regimen):
        return Assigned(draws=np.arange(n_draws), changes={}, at_window_end=(np.nan, np.nan), note="", reason=reason)
    draws, kept, note = thinned(n_draws, len(controls), donors)
    note = "; ".join(filter(None, [note, weight_note((*controls, *donors)), nothing_given(regimen, controls)]))

    def one(control: Exposure) -> tuple[dict[Measure, Floats], tuple[float, float]]:
        thetas = np.ascontiguousarray(posterior.of_patient(control.place)[draws])
        without = measures(thetas, control.without_ivig(), control.window, thresholds)
        given = [donor_doses(donor, control) for donor in kept]
        given = given if regimen is None else [regimen_doses(regimen, control)]
        totals = {name: np.zeros_like(getattr(without, name)) for name in MEASURES}
        at_end = 0.0
        for doses in given:
            treated = measures(thetas, control.schedule(joined(control.earlier, doses)), control.window, thresholds)
            at_end += float(treated.at_window_end(control.window).mean()) / len(given)
            for name, total in totals.items():
                total += (getattr(treated, name) - getattr(without, name)) / len(given)
        return totals, (at_end, float(without.at_window_end(control.window).mean()))

    of_controls = in_order([partial(one, control) for control in controls], jobs, progress)
    ends = np.mean([end for _, end in of_controls], axis=0)
    return Assigned(
        draws=draws,
        changes={name: np.mean([change[name] for change, _ in of_controls], axis=0) for name in MEASURES},
        at_window_end=(float(ends[0]), float(ends[1])),
        note=note,
        reason="",
    )


def why_not(
    posterior: CohortPosterior, controls: Sequence[Exposure], donors: Sequence[Exposure], regimen: Regimen | None
) -> str:
    """Empty when the effect in controls can be computed."""
    if not controls:
        return "every patient was infused in the window: there is nobody to average over"
    if regimen is None and not donors:
        return "nobody was infused in the window, and no control regimen says what the controls would receive"
    if donors and not any(one.could_act for one in donors):
        return "every infusion of the infused lies on the last day of their window: there is nothing to hand on"
    if regimen is not None:
        if reason := why_no_weight(regimen, controls):
            return reason
    elif any(np.isnan(one.weight_kg) for one in (*controls, *donors)):
        return "a weight is unknown and the card has none to use: no dose per kg"
    subcutaneous = any(donor.doses.is_sc[donor.in_window].any() for donor in donors)
    subcutaneous |= regimen is not None and regimen.route == "sc"
    if subcutaneous and any(np.isnan(posterior.theta[0, 0, one.place, KA]) for one in controls):
        return "subcutaneous doses, for which the card holds no absorption"
    return ""


def weight_note(people: Sequence[Exposure]) -> str:
    """Whose weight is not known, so that doses per kg are those of the card's weight."""
    unknown = sum(not one.weight_known for one in people)
    return f"weight unknown in {unknown} of {len(people)}: the card's is used" if unknown else ""


def nothing_given(regimen: Regimen | None, controls: Sequence[Exposure]) -> str:
    """How many controls the regimen gives nothing, for it begins after their window."""
    if regimen is None:
        return ""
    none = sum(regimen_doses(regimen, one).day.size == 0 for one in controls)
    return f"the regimen gives {none} of {len(controls)} nothing within their window" if none else ""


def thinned(n_draws: int, n_controls: int, donors: Sequence[Exposure]) -> tuple[Places, list[Exposure], str]:
    """Places of the draws to use, the donors to use, and what to say about it."""
    schedules = max(len(donors), 1)
    most_draws = min(n_draws, max(FEWEST_DRAWS, ENOUGH_CURVES // (n_controls * schedules)))
    most_donors = max(1, min(schedules, MOST_CURVES // (n_controls * most_draws)))
    draws = np.linspace(0, n_draws - 1, most_draws).round().astype(np.int64)
    places = np.linspace(0, len(donors) - 1, most_donors).round().astype(int)
    kept = [donors[index] for index in places] if donors else []
    notes = [f"{most_draws} of {n_draws} draws"] if most_draws < n_draws else []
    notes += [f"{most_donors} of {len(donors)} schedules"] if donors and most_donors < len(donors) else []
    return draws, kept, f"evenly thinned: {' and '.join(notes)}" if notes else ""
