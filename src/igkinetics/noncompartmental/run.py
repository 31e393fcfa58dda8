"""`nca`: non-compartmental parameters of every profile of a cohort."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from igkinetics.choices import chosen, nearest, type_problems
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import PROBLEM_COLUMNS, InputError, Problem, call_error
from igkinetics.noncompartmental.areas import METHODS, BelowLimit, Method
from igkinetics.noncompartmental.parameters import (
    BASELINES,
    HALF_LIVES,
    PARAMETERS,
    Baseline,
    HalfLife,
    Rules,
    parameters_of,
)
from igkinetics.noncompartmental.profiles import Profile, corrected, level_at_start, mean_before_doses, profiles_of
from igkinetics.output.answer import Answer
from igkinetics.output.files import RUN_RECORD, cohort_record, write_csv, write_json
from igkinetics.output.folder import Kind
from igkinetics.units import INTERVAL_LEVEL, IggUnit, from_g_per_l

COLUMNS: Final[dict[str, str]] = {
    "patient_id": "the patient, as named in the data",
    "profile": "`record` (all samples), or `dose N`: from that dose to the next",
    "start": "first day of the profile, in the patient's own time",
    "end": "last day: that of the next dose, or of the last sample within follow-up",
    "parameter": "name of the parameter",
    "value": "its value, in `unit`; empty where `reason` says why",
    "unit": "unit of the value",
    "method": "how it was found, and what to know of it",
    "reason": "why there is no value; empty where there is one",
}
"""Column of nca.csv -> meaning."""
NCA_OUTPUT: Final = Kind(marker="nca.csv", names=frozenset({"nca.csv", "problems.csv", RUN_RECORD, "report.html"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NcaOptions:
    """How profiles are cut and areas taken. InputError names every choice that cannot be carried out.

    baseline: what is done about the patient's own IgG, see parameters.BASELINES. area: linear up and log down, or
    linear. half_life: least squares, or maximum likelihood with the values below the limit (tobit). first, middle,
    last: what becomes of values below the limit there: keep (as 0), drop. join_doses_day: doses no further apart than
    this are one.
    """

    baseline: Baseline = "total"
    area: Method = "linear_up_log_down"
    half_life: HalfLife = "least_squares"
    first: str = "keep"
    middle: str = "drop"
    last: str = "keep"
    join_doses_day: float = 0.0
    level: float = INTERVAL_LEVEL
    seed: int = 1

    def __post_init__(self) -> None:
        problems = type_problems(self)
        if problems:
            raise InputError(problems)
        allowed: dict[str, tuple[str, ...]] = {"baseline": tuple(BASELINES), "area": METHODS, "half_life": HALF_LIVES}
        allowed |= dict.fromkeys(("first", "middle", "last"), ("keep", "drop"))
        for name, known in allowed.items():
            value = getattr(self, name)
            if value not in known:
                expected = f"must be one of {', '.join(known)}{nearest(value, known)}"
                problems.append(Problem(file="call", column=name, found=value, expected=expected))
        if not 0 <= self.join_doses_day < np.inf:
            expected = "must be a number of days, 0 or more"
            problems.append(
                Problem(file="call", column="join_doses_day", found=str(self.join_doses_day), expected=expected)
            )
        if problems:
            raise InputError(problems)

    @property
    def rules(self) -> Rules:
        return Rules(
            area=self.area,
            below=BelowLimit(self.first, self.middle, self.last),
            half_life=self.half_life,
            baseline=self.baseline,
        )

    @property
    def thresholds(self) -> tuple[float, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class Nca(Answer):
    """table: COLUMNS, a row per profile and parameter. profiles: what the values were taken from, corrected."""

    TABLES_OF = ("table",)
    FOLDER = "igkinetics.noncompartmental.run:NCA_OUTPUT"
    FILES = "igkinetics.noncompartmental.run:write_nca"
    PAGE = "igkinetics.report.nca_page:write_nca_report"

    cohort: Cohort
    options: NcaOptions
    table: pd.DataFrame
    profiles: tuple[Profile, ...]
    notes: tuple[str, ...]
    started: datetime
    seconds: float

    @property
    def card_ids(self) -> dict[str, str]:
        return {}

    @property
    def verdict(self) -> str:
        return f"{len(self.profiles)} profiles of {len({profile.patient_id for profile in self.profiles})} patients"

    @property
    def interrupted(self) -> bool:
        return False

    def record(self) -> dict[str, Any]:
        return cohort_record("nca", self, asdict(self.options))


def write_nca(result: Nca, folder: Path) -> None:
    """nca.csv, problems.csv and run.json into a folder that exists."""
    write_csv(result.table, tuple(COLUMNS), folder / "nca.csv")
    write_csv(result.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    write_json(result.record(), folder / RUN_RECORD)


def nca(cohort: Cohort, options: NcaOptions | None = None, **choices: Any) -> Nca:
    """Non-compartmental analysis: `nca(cohort, baseline="predose")`. choices: those of NcaOptions, which see.

    Nothing is subtracted unless asked for. InputError for choices that cannot be carried out. See docs/model.md 9.

    >>> import igkinetics as igk
    >>> samples = {"patient_id": ["A"] * 4, "day": [0, 1, 7, 28], "igg": [6.0, 12.0, 9.0, 7.0]}
    >>> doses = {"patient_id": ["A"], "day": [0.5], "amount_g": [30]}
    >>> cohort = igk.read_cohort(samples=samples, doses=doses, igg_unit="g/L")
    >>> values = igk.nca(cohort).tables["table"]
    >>> values.query("parameter == 'cmax'")[["profile", "value", "unit"]].values.tolist()
    [['record', 12.0, 'g/L'], ['dose 1', 12.0, 'g/L']]
    """
    options = chosen(NcaOptions, options, choices)
    if not isinstance(cohort, Cohort):
        raise call_error("cohort", type(cohort).__name__, "must be a cohort, as read by igk.read_cohort")
    began = time.perf_counter()
    started = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    profiles = []
    for patient in cohort.each_patient():
        if patient.patient_id in cohort.set_aside_patients:
            continue
        for found in profiles_of(patient, options.join_doses_day):
            taken, why = with_baseline(patient, found, options.baseline)
            profiles.append(taken)
            rows += rows_of(taken, options, why, cohort.igg_unit)
    return Nca(
        cohort=cohort,
        options=options,
        table=pd.DataFrame(rows, columns=list(COLUMNS)),
        profiles=tuple(profiles),
        notes=(*cohort.notes, *left_out(cohort)),
        started=started,
        seconds=time.perf_counter() - began,
    )


def with_baseline(patient: Patient, found: Profile, baseline: Baseline) -> tuple[Profile, str]:
    """The profile less the baseline asked for, and why that is not known (empty when it is, or none was asked for)."""
    if baseline in ("total", "zero"):
        return found, ""
    if found.is_record:
        return found, "a baseline is subtracted from the profile of a dose, not from the whole record"
    level = level_at_start(found) if baseline == "predose" else mean_before_doses(patient)
    if level > 0:
        return corrected(found, level), ""
    if level == 0:
        return found, "the level just before this dose was below its limit, so there is no baseline to subtract"
    where = "just before this dose" if baseline == "predose" else "up to the first dose"
    return found, f"no level was measured {where}, so there is no baseline to subtract"


def rows_of(found: Profile, options: NcaOptions, why_no_baseline: str, igg_unit: IggUnit) -> Iterator[dict[str, Any]]:
    """A row per parameter, in the cohort's unit."""
    subtracted = f"less {from_g_per_l(found.baseline, igg_unit):.4g} {igg_unit}" if np.isfinite(found.baseline) else ""
    for name, value in parameters_of(found, options.rules, why_no_baseline).items():
        unit = PARAMETERS[name][0]
        shown = {"igg": igg_unit, "area": f"{igg_unit}*day", "moment": f"{igg_unit}*day^2", "percent": "%"}.get(
            unit, unit
        )
        converted = from_g_per_l(value.value, igg_unit) if unit in ("igg", "area", "moment") else value.value
        of_levels = unit not in ("g", "1")
        yield {
            "patient_id": found.patient_id,
            "profile": found.name,
            "start": found.start,
            "end": found.end,
            "parameter": name,
            "value": converted,
            "unit": shown,
            "method": "; ".join(filter(None, (value.method, subtracted if of_levels and not value.reason else ""))),
            "reason": value.reason,
        }


def left_out(cohort: Cohort) -> Iterator[str]:
    """Patients without any profile."""
    with_samples = set(cohort.samples["patient_id"])
    without = [name for name in cohort.patient_ids if name not in with_samples]
    if without:
        yield f"without samples, so without a profile: {', '.join(without)}"
    if cohort.set_aside_patients:
        yield f"set aside in reading: {', '.join(cohort.set_aside_patients)}"
