"""What a row of an event file must hold, and what is said about rows that do not: once for each fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from igkinetics.cohort.mapping.headings import says_igg
from igkinetics.cohort.mapping.keys import Mapping, TableMapping
from igkinetics.cohort.nonmem.items import FILTERS, LOGARITHMS, TYPES
from igkinetics.cohort.nonmem.steady_state import MOST_IMPLIED_DOSES, STEADY_STATE_DAYS
from igkinetics.cohort.parse.findings import Mask
from igkinetics.errors import Problem, also
from igkinetics.units import TIME_IN_DAY

if TYPE_CHECKING:
    from igkinetics.cohort.nonmem.events import Events

WORDS_OF_TYPE: Final = "NAME"
SAY_THE_ROUTE: Final = (
    "doses go into another compartment than the samples come from, so their route is needed. If 1 is under the skin, "
    'write route = "CMT" under [doses.columns], and "1" = "sc", "2" = "iv" under [doses.values.route]; if all are '
    'infusions into the blood, route = "iv" under [doses.constants]'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The same defect in some rows; `action` is empty for an error, else what was done about a warning."""

    rows: Mask
    column: str
    expected: str
    action: str = ""

    @property
    def is_error(self) -> bool:
        return not self.action


def fault(rows: Mask, column: str, expected: str, action: str = "") -> list[Fault]:
    return [Fault(rows=rows, column=column, expected=expected, action=action)] if rows.any() else []


def bad_rows(events: Events, faults: Iterable[Fault]) -> Mask:
    bad = np.zeros(len(events.raw.cells), dtype=bool)
    for one in faults:
        if one.is_error:
            bad |= one.rows
    return bad


def problems_of_events(events: Events, faults: Iterable[Fault]) -> list[Problem]:
    """A problem for each fault: of a single row as it is, of more at the first row with the lines of the next ones."""
    problems = []
    for one in faults:
        rows = np.flatnonzero(one.rows)
        name = events.columns.get(one.column, one.column)
        cell = str(events.raw.cells[name].iloc[rows[0]]).strip() if name in events.raw.cells else ""
        problems.append(
            Problem(
                file=events.raw.file,
                line=int(events.raw.line[rows[0]]),
                patient_id=str(events.record.iloc[rows[0]]),
                column=one.column,
                found=cell,
                expected=one.expected + also(events.raw.line[rows]),
                severity="error" if one.is_error else "warning",
                action=one.action or "refused",
            )
        )
    return problems


def order_faults(events: Events) -> list[Fault]:
    """Times that fall within a record, and patients in two places of the file."""
    time = pd.Series(events.days)
    record, person = (pd.Series(one.to_numpy()) for one in (events.record, events.person))
    earlier = time.groupby(record).cummax().groupby(record).shift()
    falls = (time < earlier).to_numpy(dtype=bool)
    starts = (person != person.shift()).to_numpy(dtype=bool)
    again = starts & person.duplicated().to_numpy(dtype=bool) & ~falls
    past_midnight = (
        "; where the clock passes midnight a column DATE is needed, or hours above 24"
        if (
            not events.is_date
            and "TIME" in events.columns
            and bool(events.raw.cells[events.columns["TIME"]].str.contains(":", regex=False).any())
        )
        else ""
    )
    return [
        *fault(falls, "TIME", f"must not fall within a patient, unless EVID is 3 or 4{past_midnight}"),
        *fault(again, "ID", "the rows of one ID must stand together"),
    ]


def observation_faults(events: Events, is_sample: Mask) -> list[Fault]:
    """CENS, BLQ and LIMIT of samples."""
    cens, blq = events["CENS"], events["BLQ"]
    strange = is_sample & (~np.isin(cens, (0.0, 1.0, -1.0)) & ~np.isnan(cens) | events.unreadable["CENS"])
    no_flag = is_sample & (~np.isin(blq, (0.0, 1.0)) & ~np.isnan(blq) | events.unreadable["BLQ"])
    unknown = is_sample & (blq == 1) & ~(events["LLOQ"] > 0)
    narrower = is_sample & (cens == 1) & (events["LIMIT"] > 0)
    return [
        *fault(strange, "CENS", "0, 1 or -1"),
        *fault(no_flag, "BLQ", "0 or 1"),
        *fault(unknown, "BLQ", "below a limit, which a column LLOQ has to give"),
        *fault(narrower, "LIMIT", "an interval from LIMIT to DV is used as below DV", "used as <DV"),
        *_logarithms(events, is_sample),
    ]


def _logarithms(events: Events, is_sample: Mask) -> list[Fault]:
    """DV that is the logarithm of a level: equal to the column of logarithms, or small where that is not its own."""
    name = next((one for one in events.raw.cells.columns if one.strip().upper() in LOGARITHMS), None)
    if name is None or "DV" not in events.columns or events.columns["DV"] == name:
        return []
    log, level = pd.to_numeric(events.raw.cells[name], errors="coerce").to_numpy(dtype=np.float64), events["DV"]
    both = is_sample & ~np.isnan(log) & ~np.isnan(level)
    same = both & np.isclose(log, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_dv = np.isclose(log, np.log(level), atol=0.02) | np.isclose(log, np.log10(level), atol=0.02)
    small = both & (np.abs(level - 0.5) <= 3.5)
    told = f"a level, and {name} says that it is a logarithm: give the levels themselves as DV"
    if same.any() and same.sum() == both.sum():
        return fault(same, "DV", told)
    return fault(small, "DV", told) if small.any() and small.sum() == both.sum() and not of_dv[both].any() else []


def dose_faults(events: Events, is_dose: Mask, time_unit: str) -> list[Fault]:
    """RATE, DUR, II, ADDL, SS and LAG of doses."""
    rate, interval, more, steady = (events[item] for item in ("RATE", "II", "ADDL", "SS"))
    no_duration = is_dose & ~(events["DUR"] > 0)
    model = f"the duration is needed: in a column DUR, or as duration under [doses.columns], in {time_unit}s"
    both = is_dose & (rate > 0) & events.given("DUR")
    unlike = both & (np.abs(events["AMT"] - rate * events["DUR"]) > 1e-6 * np.abs(events["AMT"]))
    whole = (more == np.floor(more)) & (more >= 0) & (more <= MOST_IMPLIED_DOSES)
    repeated = is_dose & (events.given("ADDL") | events.given("SS")) & ~events.lasting(is_dose)
    shortest = STEADY_STATE_DAYS / MOST_IMPLIED_DOSES / TIME_IN_DAY[time_unit]
    short = is_dose & events.given("SS") & (interval > 0) & (interval < shortest)
    faults = [
        *fault(no_duration & (rate == -2), "RATE", f"-2 leaves the duration to the model (D1), so {model}"),
        *fault(no_duration & (rate == -1), "RATE", f"-1 leaves the rate to the model (R1), so the rate or {model}"),
        *fault(is_dose & (rate < 0) & ~np.isin(rate, (-1.0, -2.0)), "RATE", "0 or more, -1 or -2"),
        *fault(is_dose & (events["DUR"] < 0), "DUR", "0 or more"),
        *fault(unlike, "DUR", "RATE and DUR that agree: AMT = RATE x DUR"),
        *fault(is_dose & ~np.isnan(more) & ~whole, "ADDL", f"a whole number from 0 to {MOST_IMPLIED_DOSES}"),
        *fault(is_dose & ~np.isin(steady, (0.0, 1.0, 2.0)) & ~np.isnan(steady), "SS", "0, 1 or 2"),
        *fault(repeated & ~(interval > 0), "II", "above 0 with ADDL or SS"),
        *fault(short, "II", f"at least {shortest:g} {time_unit} with SS"),
        *fault(is_dose & (events["LAG"] < 0), "LAG", "0 or more"),
    ]
    level = is_dose & (events["DV"] > 0) & ~events.given("MDV")
    told = "a level in the row of a dose is not read: give it a row of its own before the dose, or MDV 1 if it is none"
    faults += fault(level, "DV", told, "not used")
    for item in ("RATE", "DUR", "II", "ADDL", "SS", "LAG"):
        faults += fault(is_dose & events.unreadable[item], item, "a number")
    return faults


def record_warnings(events: Events) -> list[Fault]:
    """Rows that start another record of the same patient, and steady states that imply earlier doses."""
    starts = events.starts_record
    text = "starts another record of the same patient: all amounts are set to zero"
    late = "a steady state amid a record starts another record of the same patient, in which earlier doses {}"
    reset, steady = np.isin(events["EVID"], (3.0, 4.0)), events["SS"]
    return [
        *fault(starts & reset, "EVID", text, "new record"),
        *fault(starts & ~reset & (steady == 1), "SS", late.format("are forgotten"), "new record"),
        *fault(starts & ~reset & (steady == 2), "SS", late.format("count as well"), "new record"),
    ]


def whole_file_faults(events: Events, is_dose: Mask, is_sample: Mask, mapping: Mapping) -> list[Problem]:
    """What the columns say as a whole: several things observed, doses elsewhere, marks of rows to leave out."""
    return [
        *_several_types(events, is_sample, mapping.samples),
        *_compartments(events, is_dose, is_sample, mapping.doses),
        *_route_column(events, is_dose, mapping.doses),
        *_unclear_filters(events, mapping),
    ]


def _ruled(settings: TableMapping) -> set[str]:
    return {rule.column.strip().upper() for rule in settings.keep}


def _kinds(cells: pd.Series[str]) -> list[str]:
    """Distinct filled cells, equal numbers once, in their order."""
    kinds: dict[object, str] = {}
    for cell in cells.str.strip().unique():
        if cell:
            try:
                kinds.setdefault(float(cell), str(cell))
            except ValueError:
                kinds.setdefault(cell, str(cell))
    return [kinds[key] for key in sorted(kinds, key=lambda one: (isinstance(one, str), one))]  # type: ignore[type-var]


def _several_types(events: Events, is_sample: Mask, settings: TableMapping) -> list[Problem]:
    problems = []
    for name in events.raw.cells.columns:
        item = "CMT" if name == events.columns.get("CMT") else TYPES.get(name.strip().upper(), "")
        if not item or name.strip().upper() in _ruled(settings):
            continue
        cells = events.raw.cells[name][is_sample]
        kinds = _kinds(cells)
        if item == WORDS_OF_TYPE and len(kinds) > 1:
            within = cells[cells != ""].groupby(events.person[is_sample]).nunique()
            kinds = kinds if bool((within > 1).any()) else []
        if len(kinds) > 1:
            what = "one compartment" if item == "CMT" else "one kind"
            choice = next((kind for kind in kinds if says_igg(kind)), kinds[1] if item == "CMT" else kinds[0])
            value = choice if _is_number(choice) else f'"{choice}"'
            problems.append(
                Problem(
                    file=events.raw.file,
                    column=name,
                    found=", ".join(kinds[:8]) + (", ..." if len(kinds) > 8 else ""),
                    expected=f"observations of {what}; choose IgG: "
                    f'[[samples.keep]] column = "{name}", equals = {value}',
                )
            )
    return problems


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _compartments(events: Events, is_dose: Mask, is_sample: Mask, settings: TableMapping) -> list[Problem]:
    """Doses into a compartment where nothing is measured, with no word about their route."""
    if "route" in settings.columns or "route" in settings.constants or "CMT" not in events.columns:
        return []
    doses, samples = (sorted({one for one in events["CMT"][rows] if one > 0}) for rows in (is_dose, is_sample))
    if not doses or set(doses) <= set(samples) or not is_sample.any():
        return []
    shown = [", ".join(f"{one:g}" for one in some) or "none" for some in (doses, samples)]
    found = f"doses: {shown[0]}; samples: {shown[1]}"
    return [Problem(file=events.raw.file, column="CMT", found=found, expected=SAY_THE_ROUTE)]


def _route_column(events: Events, is_dose: Mask, settings: TableMapping) -> list[Problem]:
    """A column that looks like the route and is not mapped: an error where it says anything but iv."""
    if "route" in settings.columns or "route" in settings.constants:
        return []
    problems = []
    for name in events.raw.cells.columns:
        if name.strip().upper() in ("ROUTE", "ROA", "RTE", "ADM") and name not in events.columns.values():
            kinds = _kinds(events.raw.cells[name][is_dose])
            other = [one for one in kinds if one.lower() not in ("iv", "intravenous")]
            if name.strip().upper() == "ADM" and len(kinds) < 2:
                continue
            expected = f'if this is the route, write route = "{name}" under [doses.columns]'
            if other:
                expected += f' and what its words mean under [doses.values.route], such as "{other[0]}" = "sc"'
            if kinds:
                problems.append(
                    Problem(
                        file=events.raw.file,
                        column=name,
                        found=", ".join(kinds[:8]),
                        expected=expected,
                        severity="error" if other else "warning",
                        action="refused" if other else "taken as iv",
                    )
                )
    return problems


def _unclear_filters(events: Events, mapping: Mapping) -> list[Problem]:
    """A column such as EXCL that marks some rows, about which no rule says anything."""
    problems = []
    ruled = _ruled(mapping.samples) | _ruled(mapping.doses)
    for name in events.raw.cells.columns:
        if FILTERS.get(name.strip().upper()) != "EXCL" or name.strip().upper() in ruled:
            continue
        cells = events.raw.cells[name].str.strip()
        rows = np.flatnonzero(~cells.isin(["", "0", "N", "n", "0.0"]).to_numpy(dtype=bool))
        if 0 < len(rows) < len(cells):
            kinds = _kinds(cells.iloc[rows])
            problems.append(
                Problem(
                    file=events.raw.file,
                    line=int(events.raw.line[rows[0]]),
                    column=name,
                    found=kinds[0],
                    expected="are these rows to be left out? "
                    "Say which stay, under [[samples.keep]] and [[doses.keep]]: "
                    f'column = "{name}", one_of = ["0", "."]' + also(events.raw.line[rows]),
                )
            )
    return problems
