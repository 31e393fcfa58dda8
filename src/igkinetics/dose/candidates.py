"""The regimens that are tried: doses as named, a guideline's, or every whole amount of a wide range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np

from igkinetics.dose.facts import Facts
from igkinetics.dose.guidelines import Guideline
from igkinetics.dose.options import DoseOptions
from igkinetics.dosing.doses import AMOUNT_DECIMALS, basis_weight_kg
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.vials import PER_G, amounts_made, whole_vials
from igkinetics.kinetics.parameters import Floats
from igkinetics.units import DAY_DECIMALS

INTERVALS: Final = {"iv": (21.0, 28.0), "sc": (7.0, 14.0)}
"""Days between doses that are tried unless others are named."""
USUAL_G_PER_KG: Final = (0.1, 1.0)
"""In 28 days: between these every amount is tried where no dose is named ..."""
USUAL_G: Final = (5.0, 60.0)
"""... and between these where the weight is not known."""
MOST_AMOUNTS: Final = 24
"""Of one route and interval, where no dose is named."""
STEPS_G: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
GUIDELINE_STEP_G_PER_KG: Final = 0.05
MONTH_DAY: Final = 28.0


def routes_of(options: DoseOptions, guideline: Guideline | None) -> tuple[str, ...]:
    """The routes to try: those asked for, else the guideline's, else iv."""
    if options.route is not None:
        return ("iv", "sc") if options.route == "both" else (options.route,)
    named = dict.fromkeys(dose.route for dose in guideline.dose) if guideline is not None else {}
    return tuple(named) or ("iv",)


def names_doses(options: DoseOptions, guideline: Guideline | None) -> bool:
    """Whether the guideline's doses are tried: where it has any, and no others are named."""
    return guideline is not None and bool(guideline.dose) and not options.dose_g and not options.dose_g_per_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Amounts to try of one route and interval."""

    route: str
    interval_day: float
    amounts_g: tuple[float, ...]


def offers_of(options: DoseOptions, guideline: Guideline | None, facts: Facts) -> Iterator[Offer]:
    """Doses as named, else the guideline's, else every amount of a wide range."""
    routes = routes_of(options, guideline)
    if names_doses(options, guideline) and guideline is not None:
        for dose in guideline.dose:
            if dose.route in routes:
                weight = basis_kg(options.weight or dose.weight, facts)
                amounts = per_kg(walked(dose.dose_g_per_kg), weight)
                for interval in options.interval or dose.interval_day:
                    yield Offer(route=dose.route, interval_day=interval, amounts_g=amounts)
        return
    for route in routes:
        for interval in sorted(options.interval or INTERVALS[route]):
            if options.dose_g:
                amounts = tuple(options.dose_g)
            elif options.dose_g_per_kg:
                amounts = per_kg(options.dose_g_per_kg, basis_kg(options.weight or "actual", facts))
            else:
                weight = facts.weight_kg if options.weight is None else basis_kg(options.weight, facts)
                amounts = usual_amounts(interval, weight, sorted(options.vial))
            yield Offer(route=route, interval_day=interval, amounts_g=amounts)


def basis_kg(weight: str, facts: Facts) -> float:
    """The weight that g/kg refers to."""
    return float(basis_weight_kg(Dosing.model_validate({"weight": weight}), facts.body)[0])


def walked(ends: list[float]) -> list[float]:
    """The doses of a guideline's range, both ends included."""
    if len(ends) != 2:
        return ends
    steps = floor((ends[1] - ends[0]) / GUIDELINE_STEP_G_PER_KG + 1e-9)
    return sorted({*(round(ends[0] + GUIDELINE_STEP_G_PER_KG * k, 6) for k in range(steps + 1)), ends[1]})


def per_kg(doses: Iterable[float], weight_kg: float) -> tuple[float, ...]:
    return tuple(round(dose * weight_kg, AMOUNT_DECIMALS) for dose in doses)


def usual_range(interval_day: float, weight_kg: float) -> tuple[float, float]:
    """Least and most of one dose that are tried where none is named."""
    per_month = USUAL_G if np.isnan(weight_kg) else tuple(each * weight_kg for each in USUAL_G_PER_KG)
    return per_month[0] * interval_day / MONTH_DAY, per_month[1] * interval_day / MONTH_DAY


def usual_amounts(interval_day: float, weight_kg: float, vial_g: list[float]) -> tuple[float, ...]:
    """Whole amounts within the usual range, MOST_AMOUNTS at most, evenly spread."""
    low, high = usual_range(interval_day, weight_kg)
    if vial_g:
        made: Floats = np.asarray(amounts_made(tuple(vial_g), ceil(high * PER_G)) / PER_G, dtype=float)
        inside = (made >= low) & (made <= high)
        within: Floats = np.asarray(made[inside] if inside.any() else made[:1], dtype=np.float64)
    else:
        step = next((step for step in STEPS_G if (high - low) / step <= MOST_AMOUNTS), STEPS_G[-1])
        within = np.arange(max(1, ceil(low / step)), max(1, floor(high / step)) + 1) * np.float64(step)
    chosen = np.linspace(0, within.size - 1, min(MOST_AMOUNTS, within.size)).round().astype(int)
    return tuple(float(each) for each in within[chosen])


def regimens_of(offers: list[Offer], options: DoseOptions, facts: Facts, start: float | None) -> Iterator[Dosing]:
    """A regimen for each amount, route and interval, in whole vials, each once."""
    vials, seen = sorted(options.vial) or None, set()
    for offer in offers:
        amounts = np.array(offer.amounts_g)
        for amount in (whole_vials(amounts, vials) if vials else amounts).tolist():
            key = amount, offer.interval_day, offer.route
            if key in seen:
                continue
            seen.add(key)
            due = max(0.0, round(facts.last_dose + offer.interval_day, DAY_DECIMALS)) if start is None else start
            yield Dosing.model_validate(
                {
                    "name": f"{amount:g} g {offer.route} every {offer.interval_day:g} days",
                    "dose_g": amount,
                    "interval_day": offer.interval_day,
                    "start_day": due,
                    "route": offer.route,
                    "vial_g": vials,
                    "unusual_doses": "as_given",  # the options have been asked
                }
            )
