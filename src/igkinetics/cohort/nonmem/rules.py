"""What a row of a NONMEM event file must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.keys import Mapping
from igkinetics.cohort.nonmem.steady_state import MOST_IMPLIED_DOSES, STEADY_STATE_DAYS
from igkinetics.errors import Problem
from igkinetics.units import TIME_IN_DAY

if TYPE_CHECKING:
    from igkinetics.cohort.nonmem.events import Events

Mask = npt.NDArray[np.bool_]
NEVER_BEFORE: Final = "no earlier row of this patient: a steady state in the middle of a record cannot be said by doses"


def told(events: Events, mask: Mask, column: str, expected: str, severity: str = "error") -> list[Problem]:
    """A problem for every row of the mask; `severity` is "error" or, for a warning, what was done."""
    found = events[column]
    return [
        Problem(
            file=events.raw.file, line=int(events.raw.line[row]), patient_id=str(events.record.iloc[row]),
            column=column, found="" if np.isnan(found[row]) else f"{found[row]:g}", expected=expected,
            severity="error" if severity == "error" else "warning",
            action="refused" if severity == "error" else severity,
        )
        for row in np.flatnonzero(mask)
    ]  # fmt: skip


def order_faults(events: Events) -> list[Problem]:
    """Times that fall within a record, and records in two places of the file."""
    time = pd.Series(events["TIME"])
    record = pd.Series(events.record.to_numpy())
    earlier = time.groupby(record).cummax().groupby(record).shift()
    falls = (time < earlier).to_numpy(dtype=bool)
    found = told(events, falls, "TIME", "must not fall within a patient, unless EVID is 3 or 4")
    starts = (record != record.shift()).to_numpy(dtype=bool)
    again = starts & record.duplicated().to_numpy(dtype=bool) & ~falls
    return found + [
        Problem(file=events.raw.file, line=int(events.raw.line[row]), patient_id=str(record[row]), column="ID",
                found=str(record[row]), expected="the rows of one ID must stand together")
        for row in np.flatnonzero(again)
    ]  # fmt: skip


def observation_faults(events: Events, is_sample: Mask, mapping: Mapping) -> list[Problem]:
    """CENS, BLQ and CMT of samples."""
    cens, blq = events["CENS"], events["BLQ"]
    found = told(events, is_sample & ~np.isin(cens, (0.0, 1.0, -1.0)) & ~np.isnan(cens), "CENS", "0, 1 or -1")
    found += told(events, is_sample & ~np.isin(blq, (0.0, 1.0)) & ~np.isnan(blq), "BLQ", "0 or 1")
    unknown = is_sample & (blq == 1) & ~(events["LLOQ"] > 0)
    found += told(events, unknown, "BLQ", "below a limit, which a column LLOQ has to give")
    narrower = is_sample & (cens == 1) & (events["LIMIT"] > 0)
    found += told(events, narrower, "LIMIT", "an interval from LIMIT to DV is used as below DV", "used as <DV")
    compartments = set(events["CMT"][is_sample & ~np.isnan(events["CMT"])])
    if len(compartments) > 1 and not any(rule.column.upper() == "CMT" for rule in mapping.samples.keep):
        shown = ", ".join(f"{one:g}" for one in sorted(compartments))
        expected = 'observations of one compartment; choose IgG: [[samples.keep]] column = "CMT", equals = 2'
        found.append(Problem(file=events.raw.file, column="CMT", found=shown, expected=expected))
    return found


def dose_faults(events: Events, is_dose: Mask, is_sample: Mask, time_unit: str) -> list[Problem]:
    """RATE, DUR, II, ADDL and SS of doses."""
    rate, interval, more, steady = (events[item] for item in ("RATE", "II", "ADDL", "SS"))
    found = told(events, is_dose & (rate < 0), "RATE", "0 or more: modelled rates (-1, -2) have no value here")
    found += told(events, is_dose & (events["DUR"] < 0), "DUR", "0 or more")
    both = is_dose & events.given("RATE") & events.given("DUR")
    unlike = both & (np.abs(events["AMT"] - rate * events["DUR"]) > 1e-6 * np.abs(events["AMT"]))
    found += told(events, unlike, "DUR", "RATE and DUR that agree: AMT = RATE x DUR")
    whole = (more == np.floor(more)) & (more >= 0) & (more <= MOST_IMPLIED_DOSES)
    found += told(events, is_dose & ~np.isnan(more) & ~whole, "ADDL", f"a whole number from 0 to {MOST_IMPLIED_DOSES}")
    found += told(events, is_dose & ~np.isin(steady, (0.0, 1.0, 2.0)) & ~np.isnan(steady), "SS", "0, 1 or 2")
    repeated = is_dose & (events.given("ADDL") | events.given("SS"))
    found += told(events, repeated & ~(interval > 0), "II", "above 0 with ADDL or SS")
    shortest = STEADY_STATE_DAYS / MOST_IMPLIED_DOSES / TIME_IN_DAY[time_unit]
    short = is_dose & events.given("SS") & (interval > 0) & (interval < shortest)
    found += told(events, short, "II", f"at least {shortest:g} {time_unit} with SS")
    found += told(events, _after_something(events, is_dose, is_sample), "SS", NEVER_BEFORE)
    for item in ("RATE", "DUR", "II", "ADDL", "SS"):
        found += told(events, is_dose & events.unreadable[item], item, "a number")
    return found


def _after_something(events: Events, is_dose: Mask, is_sample: Mask) -> Mask:
    """Steady-state doses after a sample or another dose; SS 2 may follow other steady-state doses."""
    record = pd.Series(events.record.to_numpy())
    steady = events.given("SS") & is_dose
    other = pd.Series(is_sample | (is_dose & ~steady)).astype(int)
    any_steady = pd.Series(steady).astype(int)
    before = (other.groupby(record).cumsum() - other).to_numpy() > 0
    steady_before = (any_steady.groupby(record).cumsum() - any_steady).to_numpy() > 0
    late: Mask = steady & (before | (steady_before & (events["SS"] == 1)))
    return late
