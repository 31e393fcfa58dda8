"""Dosing regimens: by the calendar, or by a rule on measured IgG; one meaning in simulations, scenarios and effects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from igkinetics.dosing.plausible import odd_dose, odd_infusion, odd_level, odd_percent, odd_repeat
from igkinetics.dosing.vials import VialSizes, faulty_sizes
from igkinetics.limits import MOST_EVENTS, Day, at_most, number_of_steps
from igkinetics.toml_input import Fault, Key, NotNegative, Positive, Table, refuse
from igkinetics.units import HOURS_PER_DAY

CALENDAR_KEYS = ("dose_g_per_kg", "dose_g", "interval_day", "start_day", "stop_day", "loading_g_per_kg")


class Rule(Table):
    """Dose when a measurement, as the laboratory reports it (`[assay]`), is below a level.

    Days count from day 0 and have three decimals; checks lie in [start_day, stop_day). Measured either every
    `check_every_day` days (noise: `assay_cv_percent`, else that of [assay]) or, with `check = "visits"`, at the visits
    of a simulation. The dose follows `delay_day` after the measurement, and only if the last dose lies at least
    `minimum_gap_day` before it.
    """

    below_mg_dl: Positive
    """A measurement below this level, mg/dL, leads to a dose."""
    check_every_day: Positive | None = None
    """Days between measurements."""
    check: Literal["visits"] | None = None
    """Measure at the visits of a simulation instead."""
    minimum_gap_day: NotNegative
    """Fewest days from one dose to the next."""
    assay_cv_percent: NotNegative | None = None
    """Coefficient of variation of these measurements, percent; else that of [assay]."""
    dose_g_per_kg: Positive | None = None
    """Dose in g/kg."""
    dose_g: Positive | None = None
    """Dose in g, in place of `dose_g_per_kg`."""
    start_day: Day = 0.0
    """First day of a check."""
    stop_day: Day | None = None
    """Day before which checks end."""
    delay_day: NotNegative = 0.0
    """Days from the measurement to the dose."""
    recorded: bool = True
    """Whether the measurements of `check_every_day` stand in the record; if not, dosing is not ignorable."""

    @model_validator(mode="after")
    def _holds(self) -> Rule:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        yield from one_of(("check_every_day", "check"), (self.check_every_day, self.check))
        yield from one_of(("dose_g_per_kg", "dose_g"), (self.dose_g_per_kg, self.dose_g))
        yield from order_of_days(self.start_day, self.stop_day)
        yield from odd_level(("below_mg_dl",), self.below_mg_dl)
        yield from odd_percent(("assay_cv_percent",), self.assay_cv_percent)
        if self.check == "visits":
            if self.assay_cv_percent is not None:
                yield Fault(
                    ("assay_cv_percent",),
                    f"{self.assay_cv_percent:g}",
                    "visits are measured with the assay of [assay]; leave this out",
                )
            if not self.recorded:
                yield Fault(("recorded",), "false", "visits are always recorded; leave this out")


class Regimen(Table):
    """A dosing regimen: by the calendar, or by a `rule`, which brings its own dose and days.

    Calendar: a dose every `interval_day` days from `start_day` (day 0 unless given) on, before `stop_day`;
    `loading_g_per_kg` takes the place of the first. vial_g: amounts are rounded to the nearest that whole vials make (a
    half goes up), at least one vial; several sizes are mixed. duration_h: 0 is a bolus.
    """

    name: str = ""
    """Name in the tables and on the page."""
    dose_g_per_kg: Positive | None = None
    """Dose in g/kg."""
    dose_g: Positive | None = None
    """Dose in g, in place of `dose_g_per_kg`."""
    weight: Literal["actual", "ideal", "adjusted", "lean"] = "actual"
    """The weight that g/kg refers to."""
    interval_day: Positive | None = None
    """Days between doses."""
    start_day: Day | None = None
    """Day of the first dose; day 0 unless given."""
    stop_day: Day | None = None
    """Day before which doses end."""
    loading_g_per_kg: Positive | None = None
    """First dose in g/kg, in place of the regular one."""
    route: Literal["iv", "sc"] = "iv"
    """Into a vein or under the skin."""
    duration_h: NotNegative = 0.0
    """Hours of an infusion; 0 is a bolus."""
    vial_g: VialSizes | None = None
    """Vial size in g, or a list of sizes that are mixed: amounts are rounded to whole vials, at least one."""
    unusual_doses: Literal["as_given"] | None = None
    """`as_given` where doses, vials or infusion times beyond all use are meant."""
    rule: Rule | None = Field(default=None)
    """Dose by a rule on measured IgG in place of the calendar."""

    @model_validator(mode="after")
    def _holds(self) -> Regimen:
        refuse(self._faults())
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.vial_g is not None and (rule := faulty_sizes(self.vial_g)):
            yield Fault(("vial_g",), str(self.vial_g), rule)
        if self.unusual_doses is None:
            yield from self._unusual()
        if self.rule is not None:
            for key in CALENDAR_KEYS:
                value = getattr(self, key)
                if value is not None:
                    yield Fault((key,), f"{value:g}", "belongs to a calendar; a rule has keys of its own")
            return
        yield from one_of(("dose_g_per_kg", "dose_g"), (self.dose_g_per_kg, self.dose_g))
        if self.interval_day is None:
            yield Fault(("interval_day",), "", "needed: days between doses (or give a `rule`)")
        yield from order_of_days(self.first_day, self.stop_day)

    def _unusual(self) -> Iterator[Fault]:
        """What was probably meant in another unit."""
        yield from odd_infusion(self.duration_h, self.vial_g)
        yield from odd_dose(("loading_g_per_kg",), self.loading_g_per_kg, None)
        key = "dose_g" if self.dose_g is not None else "dose_g_per_kg"
        yield from odd_dose((key,), self.dose_g_per_kg, self.dose_g)
        yield from odd_repeat(("interval_day",), self.interval_day, self.dose_g_per_kg, self.dose_g)
        if (rule := self.rule) is not None:
            key = "dose_g" if rule.dose_g is not None else "dose_g_per_kg"
            yield from odd_dose(("rule", key), rule.dose_g_per_kg, rule.dose_g)

    @property
    def first_day(self) -> float:
        """Day of the first dose, or from which the rule holds; day 0 unless given."""
        if self.rule is not None:
            return self.rule.start_day
        return 0.0 if self.start_day is None else self.start_day

    @property
    def duration_day(self) -> float:
        return self.duration_h / HOURS_PER_DAY


def one_of(keys: tuple[str, str], values: tuple[object, object]) -> Iterator[Fault]:
    """A fault unless exactly one of two keys is given."""
    given = [key for key, value in zip(keys, values, strict=True) if value is not None]
    if len(given) != 1:
        yield Fault((keys[0],), " and ".join(given), f"give either {keys[0]!r} or {keys[1]!r}")


def order_of_days(start_day: float, stop_day: float | None) -> Iterator[Fault]:
    """A fault unless the stop comes after the start."""
    if stop_day is not None and stop_day <= start_day:
        yield Fault(("stop_day",), f"{stop_day:g}", f"must be after start_day, {start_day:g}")


def too_many_doses(regimen: Regimen, end_day: float, key: Key = ()) -> Iterator[Fault]:
    """A fault where a regimen has more doses or checks up to end_day than a run takes on; key: of the regimen."""
    rule = regimen.rule
    if rule is not None and rule.check_every_day is not None:
        stop = end_day if rule.stop_day is None else min(rule.stop_day, end_day)
        number = number_of_steps(rule.start_day, stop, rule.check_every_day)
        yield from at_most((*key, "rule", "check_every_day"), rule.check_every_day, number, MOST_EVENTS, "checks")
    if regimen.interval_day is not None:
        stop = end_day if regimen.stop_day is None else min(regimen.stop_day, end_day)
        number = number_of_steps(regimen.first_day, stop, regimen.interval_day)
        yield from at_most((*key, "interval_day"), regimen.interval_day, number, MOST_EVENTS, "doses")


class Dosing(Regimen):
    """A regimen of a scenario; one with nothing but a name gives no immunoglobulin."""

    @property
    def gives_nothing(self) -> bool:
        return self.rule is None and all(getattr(self, key) is None for key in CALENDAR_KEYS)

    def _faults(self) -> Iterator[Fault]:
        if self.gives_nothing:
            return
        if self.rule is not None and self.rule.check == "visits":
            yield Fault(("rule", "check"), "visits", "a scenario has no visits; give check_every_day")
        yield from super()._faults()
