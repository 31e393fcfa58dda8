"""What is asked for one patient: the target, the regimens that are tried, and everything that stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from igkinetics.cards.body_size import NEEDS_HEIGHT_AND_SEX
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.dose.candidates import (
    INTERVALS,
    MONTH_DAY,
    USUAL_G,
    USUAL_G_PER_KG,
    names_doses,
    offers_of,
    regimens_of,
    routes_of,
)
from igkinetics.dose.facts import Facts, date_words
from igkinetics.dose.guidelines import Guideline, GuidelineDose, load_guideline
from igkinetics.dose.options import DoseOptions, fault
from igkinetics.dosing.plausible import LARGEST_VIAL_G, odd_dose, rule_for_weight
from igkinetics.dosing.regimen import Dosing
from igkinetics.dosing.regimen_file import converted
from igkinetics.dosing.vials import faulty_sizes
from igkinetics.errors import InputError, Problem
from igkinetics.fit.records import EPOCH
from igkinetics.limits import LEVELS_OF_IGG_MG_DL, LOWEST_DOSE_G, LOWEST_DOSE_G_PER_KG
from igkinetics.scenarios.dates import as_date
from igkinetics.scenarios.scenario import Target
from igkinetics.text import listed, visible
from igkinetics.units import DAY_DECIMALS, IggUnit, canonical_unit, from_g_per_l, g_per_l


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """target: in `unit`. regimens: candidates, their days counted from the last sample. notes: what has to be said."""

    target: Target
    unit: IggUnit
    regimens: tuple[Dosing, ...]
    guideline: Guideline | None
    guideline_sha256: str
    notes: tuple[str, ...]

    @property
    def limits(self) -> tuple[float, ...]:
        """The limits of the target, ascending, in `unit`."""
        upper = self.target.upper(self.unit)
        return (self.target.lower(self.unit), *([] if upper is None else [upper]))


def plan_of(cohort: Cohort, facts: Facts, options: DoseOptions, card: Card) -> Plan:
    """InputError with everything that stands in the way, all at once."""
    guideline, digest = load_guideline(options.guideline) if options.guideline is not None else (None, "")
    unit: IggUnit = canonical_unit(options.unit) if options.unit is not None else cohort.igg_unit  # type: ignore[assignment]
    problems = [*target_problems(options, guideline, unit), *route_problems(options, guideline, card)]
    problems += [*weight_problems(options, guideline, facts)]
    if options.vial and (rule := faulty_sizes(sorted(options.vial))):
        problems.append(fault("vial", options.vial, rule))
    problems += [*size_problems(options, facts)]
    start, wrong = start_of(options, facts)
    problems += wrong
    if problems:
        raise InputError(problems)
    target = target_of(options, guideline, unit)
    offers = list(offers_of(options, guideline, facts))
    regimens = [*regimens_of(offers, options, facts, start)]
    if not [one for one in regimens if has_an_interval(one, options.horizon)]:
        shortest = min(one.first_day + (one.interval_day or 0.0) for one in regimens)
        rule = f"must hold one whole interval of a regimen: {shortest:g} days or more after the last sample"
        raise InputError([fault("horizon", f"{options.horizon:g}", rule)])
    return Plan(
        target=target,
        unit=unit,
        regimens=tuple(one for one in regimens if has_an_interval(one, options.horizon)),
        guideline=guideline,
        guideline_sha256=digest,
        notes=tuple(notes_of(options, guideline, facts, unit)),
    )


def size_problems(options: DoseOptions, facts: Facts) -> Iterator[Problem]:
    """Doses and vials that were probably meant in another unit."""
    for name, per_kg in (("dose_g", False), ("dose_g_per_kg", True)):
        for dose in getattr(options, name):
            for odd in odd_dose((name,), dose if per_kg else None, None if per_kg else dose, keep=""):
                yield fault(name, odd.found, odd.expected)
    for dose in options.dose_g:
        if LOWEST_DOSE_G <= dose < LOWEST_DOSE_G_PER_KG * facts.weight_kg:
            yield fault("dose_g", f"{dose:g}", rule_for_weight(dose, facts.weight_kg))
    if options.vial and max(options.vial) > LARGEST_VIAL_G:
        yield fault("vial", f"{max(options.vial):g}", f"no vial holds more than {LARGEST_VIAL_G:g} g: is it in g?")


def has_an_interval(regimen: Dosing, horizon_day: float) -> bool:
    return regimen.first_day + (regimen.interval_day or np.inf) <= horizon_day


def target_of(options: DoseOptions, guideline: Guideline | None, unit: IggUnit) -> Target:
    at_least = options.target
    if at_least is None and guideline is not None and guideline.target is not None:
        at_least = converted(guideline.target.at_least_mg_dl or np.nan, "mg/dL", unit)
    keys: dict[str, Any] = {"quantity": options.quantity, "at_least": at_least, "probability": options.probability}
    return Target.model_validate(keys | ({"at_most": options.target_upper} if options.target_upper else {}))


def target_problems(options: DoseOptions, guideline: Guideline | None, unit: IggUnit) -> Iterator[Problem]:
    """A target has to be stated or come from the guideline, and be a level of IgG."""
    if options.target is None and guideline is None:
        yield fault("target", "", f"needed: the level that IgG has to reach, in {unit}; or a guideline that names one")
    if options.target is None and guideline is not None:
        if guideline.target is None:
            yield fault("target", "", f"needed: {options.guideline} names no target ({guideline.rule})")
        elif guideline.target.at_least_mg_dl is None:
            rule = f"needed: {options.guideline} aims at {guideline.target.from_laboratory}, not at a number"
            yield fault("target", "", rule)
    low, high = (converted(level, "mg/dL", unit) for level in LEVELS_OF_IGG_MG_DL)
    for name, value in (("target", options.target), ("target_upper", options.target_upper)):
        if value is not None and not low <= value <= high:
            other = "g/L" if unit == "mg/dL" else "mg/dL"
            rule = f'levels of IgG lie between {low:g} and {high:g} {unit}; name the unit, such as unit="{other}"'
            yield fault(name, f"{value:g} {unit}", rule)


def route_problems(options: DoseOptions, guideline: Guideline | None, card: Card) -> Iterator[Problem]:
    routes = routes_of(options, guideline)
    if "sc" in routes and "sc" not in card.structure.routes:
        rule = f'card {card.id} has no absorption (ka, F), so nothing is known of sc doses: write route="iv"'
        yield fault("route", options.route or "sc", rule)
    if names_doses(options, guideline) and guideline is not None:
        missing = [route for route in routes if route not in {dose.route for dose in guideline.dose}]
        if missing:
            rule = f"{options.guideline} names no {' or '.join(missing)} dose; name doses (dose_g), or another route"
            yield fault("route", options.route, rule)


def bases_of(options: DoseOptions, guideline: Guideline | None) -> set[str]:
    """The weights that doses in g/kg refer to; none where doses are in g."""
    if names_doses(options, guideline) and guideline is not None:
        return {options.weight or dose.weight for dose in guideline.dose}
    if options.dose_g:
        return set()
    return {options.weight or "actual"} if options.dose_g_per_kg or options.weight is not None else set()


def weight_problems(options: DoseOptions, guideline: Guideline | None, facts: Facts) -> Iterator[Problem]:
    """Doses per kg need the weight, and for some weight bases height and sex."""
    bases = bases_of(options, guideline)
    asked = "dose_g_per_kg" if options.dose_g_per_kg else "guideline" if names_doses(options, guideline) else "weight"
    who = visible(facts.patient.patient_id)
    if bases and np.isnan(facts.weight_kg):
        rule = f"patient {who} has no weight: write weight_kg in patients.csv, or name doses in g (dose_g)"
        found = {"guideline": options.guideline, "weight": options.weight}.get(asked, "doses in g/kg")
        yield fault(asked, found, rule)
    needy = sorted(bases & set(NEEDS_HEIGHT_AND_SEX))
    if needy and (np.isnan(facts.body.height_cm[0]) or not facts.knows_sex):
        rule = (
            f"the {needy[0]} weight of patient {who} needs height_cm and sex in patients.csv; "
            'weight="actual" takes the weight as it is'
        )
        yield fault("weight", needy[0], rule)


def start_of(options: DoseOptions, facts: Facts) -> tuple[float | None, list[Problem]]:
    """The day of the first dose after the last sample, where one was named."""
    if options.start is None:
        return None, []
    given, moment = options.start, as_date(str(options.start))
    if moment is not None and np.isnan(facts.day_zero):
        return None, [fault("start", given, "this record is in day numbers: give a day of it")]
    if moment is not None:
        sampled = EPOCH + np.timedelta64(round((facts.day_zero + facts.last_sample) * 86_400), "s")
        day = float((moment - sampled.normalize()).days)
    else:
        try:
            day = round(float(given) - facts.last_sample, DAY_DECIMALS)
        except ValueError:
            return None, [fault("start", given, "must be a day of the record, or a date such as 2024-06-07")]
    least, why = max((0.0, "the last sample"), (facts.last_dose, "the last recorded dose"))
    if not day < options.horizon:
        return None, [fault("start", given, f"must lie within the horizon, {options.horizon:g} days")]
    if day < least or day == facts.last_dose:
        when = date_words(facts.day_zero, facts.last_sample + least)
        rule = f"must lie after {why}, {when}; `scenario` with from_day tries other doses in place of recorded ones"
        return None, [fault("start", given, rule)]
    return day, []


def notes_of(options: DoseOptions, guideline: Guideline | None, facts: Facts, unit: IggUnit) -> Iterator[str]:
    """What has to be known of how the plan came about."""
    if guideline is not None:
        yield (
            f"{options.guideline}: {guideline.title}, for {guideline.population}. {guideline.rule} "
            f"Source: {guideline.source}"
        )
        if options.target is not None and guideline.target is not None and guideline.target.at_least_mg_dl is not None:
            own = converted(guideline.target.at_least_mg_dl, "mg/dL", unit)
            yield f"the target was stated; {options.guideline} itself aims at {own:g} {unit}"
        if guideline.dose and not names_doses(options, guideline):
            doses = listed([guideline_dose_words(dose) for dose in guideline.dose])
            yield f"other doses were named, so the doses of {options.guideline} were not tried: {doses}"
        if guideline.for_children and facts.age_y >= 18:
            yield f"{options.guideline} is for children; this patient is {facts.age_y:g} years old"
        yield from start_notes(options, guideline, facts, unit)
    if not names_doses(options, guideline) and not options.dose_g and not options.dose_g_per_kg:
        known = not np.isnan(facts.weight_kg)
        low, high = USUAL_G_PER_KG if known else USUAL_G
        each = "g/kg" if known else "g (no weight is known)"
        each += f" of {options.weight} weight" if options.weight not in (None, "actual") else ""
        yield f"no doses were named, so amounts of {low:g} to {high:g} {each} in 28 days were tried"
    yield from heavy_notes(options, guideline, facts)
    if options.start is None:
        last = facts.last_sample + facts.last_dose
        if np.isfinite(last):
            given = date_words(facts.day_zero, last)
            yield (
                f"the first dose is due one interval after the last recorded one, {given}; where that has passed, on "
                "the day of the last sample"
            )
        else:
            yield "no dose is recorded, so the first is given on the day of the last sample"
    if np.isnan(facts.weight_kg):
        yield "no weight is known: doses per kg cannot be told"
    elif np.isfinite(facts.weighed):
        weighed = date_words(facts.day_zero, facts.weighed)
        yield f"g/kg refer to the last weight, {facts.weight_kg:g} kg of {weighed}"


def heavy_notes(options: DoseOptions, guideline: Guideline | None, facts: Facts) -> Iterator[str]:
    """Doses named in g that come to more than replacement takes."""
    for route in routes_of(options, guideline):
        for interval in options.interval or INTERVALS[route]:
            for dose in options.dose_g:
                per_month = dose * MONTH_DAY / interval / facts.weight_kg
                if per_month > USUAL_G_PER_KG[1]:
                    yield (
                        f"{dose:g} g {route} every {interval:g} days is {per_month:.2g} g/kg in 28 days; "
                        f"replacement takes {USUAL_G_PER_KG[0]:g} to {USUAL_G_PER_KG[1]:g}"
                    )


def guideline_dose_words(dose: GuidelineDose) -> str:
    """ "0.1 to 0.15 g/kg sc every 7 days"."""
    amounts, intervals = (" to ".join(f"{each:g}" for each in ends) for ends in (dose.dose_g_per_kg, dose.interval_day))
    return f"{amounts} g/kg ({dose.weight} weight) {dose.route} every {intervals} days"


def start_notes(options: DoseOptions, guideline: Guideline, facts: Facts, unit: IggUnit) -> Iterator[str]:
    """The guideline's own levels for starting at all, beside the last sample."""
    last = float(facts.patient.sample_igg[-1])
    told = f"{from_g_per_l(last, unit):.3g} {unit}"
    for start in guideline.start:
        below = converted(start.below_mg_dl, "mg/dL", unit)
        where = "below" if last < g_per_l(start.below_mg_dl, "mg/dL") else "not below"
        yield (
            f"{options.guideline} considers immunoglobulin below {below:g} {unit} {start.when}; the last sample, "
            f"{told}, is {where} it"
        )
