"""What a cohort holds, in a table for `check`."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.model import OUTCOME_COLUMNS, PATIENT_COLUMNS, Cohort
from igkinetics.cohort.outcomes import patients_with_outcomes
from igkinetics.errors import Problem, counted, describe_problems
from igkinetics.text import visible
from igkinetics.units import from_g_per_l

SUMMARY_COLUMNS = ("topic", "quantity", "value", "unit")


@dataclass(frozen=True, kw_only=True)
class CohortCheck:
    """What `igkinetics check` says of a cohort: `print` it, or let a notebook show it.

    summary: columns SUMMARY_COLUMNS; problems: a row for each, as in problems.csv.
    """

    name: str
    igg_unit: str
    summary: pd.DataFrame
    problems: pd.DataFrame

    def __str__(self) -> str:
        return "\n".join([*self.lines(), problems_text(self.problems) or "No problems."])

    def lines(self) -> list[str]:
        """What the cohort holds, a line for each quantity under its topic."""
        lines = [f"Cohort {visible(self.name)}, IgG in {self.igg_unit}"]
        for topic, rows in self.summary.groupby("topic", sort=False):
            lines.append(f"{topic}")
            for quantity, value, unit in zip(rows["quantity"], rows["value"], rows["unit"], strict=True):
                own_unit = {"unknown": "", "1": unit.removesuffix("s")}.get(value, unit)
                amount = f"{value} {own_unit}".strip()
                lines.append("  " + visible(": ".join(filter(None, (quantity, amount))), most=400))
        return lines

    def _repr_html_(self) -> str:
        """For a notebook: the summary, and the problems where there are any."""
        tables = [self.summary] + ([self.problems] if len(self.problems) else [])
        return f"<p>Cohort {escape(self.name)}, IgG in {escape(self.igg_unit)}</p>" + "".join(
            table.to_html(index=False) for table in tables
        )


def problems_text(problems: pd.DataFrame, most: int | None = None) -> str:
    """The problems of a cohort that was read all the same, at most so many; empty when there are none."""
    rows = problems.astype(object).where(problems.notna(), None).to_dict("records")
    listed = [
        Problem(**{str(key): value for key, value in row.items()} | {"line": _whole(row["line"])}) for row in rows
    ]
    return describe_problems(listed) if most is None else describe_problems(listed, most)


def _whole(line: object) -> int | None:
    return None if line is None else int(str(line).removesuffix(".0"))


def check_cohort(cohort: Cohort) -> CohortCheck:
    """What is in a cohort, and what was wrong with it."""
    return CohortCheck(name=cohort.name, igg_unit=cohort.igg_unit, summary=summary(cohort), problems=cohort.problems)


def summary(cohort: Cohort) -> pd.DataFrame:
    """Columns topic, quantity, value (text), unit; medians with their range."""
    rows = [
        ("patients", "patients", str(len(cohort.patients) - len(cohort.records)), ""),
        *_records(cohort),
        *_groups(cohort),
        *_samples(cohort),
        *_doses(cohort),
        *_therapy(cohort),
        *(
            ("outcomes", name, str(len(who)), "patients")
            for name, who in patients_with_outcomes(cohort.first_records()).items()
        ),
        *_covariates(cohort),
        *(
            (
                "rows",
                file,
                f"{one.read} read = {one.filtered} filtered + {one.used} used + {one.set_aside} set aside",
                "",
            )
            for file, one in cohort.rows.items()
        ),
        *(("columns", f"{file}, not used", ", ".join(names), "") for file, names in cohort.unused_columns.items()),
        *_kept_columns(cohort),
        *(("notes", "", note, "") for note in cohort.notes),
    ]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


Row = tuple[str, str, str, str]


def _spread(values: npt.ArrayLike) -> str:
    """Median (lowest to highest)."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if known.size == 0:
        return "unknown"
    return f"{np.median(known):.4g} ({known.min():.4g} to {known.max():.4g})"


def _records(cohort: Cohort) -> list[Row]:
    if not cohort.records:
        return []
    n_several = len(set(cohort.records.values()))
    n_records = len(cohort.patients)
    return [("patients", "records", f"{n_records} (of {counted(n_several, 'patient')} several: a reset)", "")]


def _groups(cohort: Cohort) -> list[Row]:
    patients = cohort.first_records().patients
    rows = [
        ("patients", f"group {name!r}", str(count), "")
        for name, count in patients["group"].value_counts(sort=False).items()
        if name != ""
    ]
    rows.append(("patients", "weight", _spread(patients["weight_kg"]), "kg"))
    n_unknown = int(patients["weight_kg"].isna().sum())
    if n_unknown:
        rows.append(("patients", "weight unknown", str(n_unknown), "patients"))
    if cohort.set_aside_patients:
        rows.append(("patients", "set aside", str(len(cohort.set_aside_patients)), "patients"))
    return rows


def _kept_columns(cohort: Cohort) -> list[Row]:
    """The further columns of the open tables."""
    rows: list[Row] = []
    for name, table, own in (
        ("patients", cohort.patients, PATIENT_COLUMNS),
        ("outcomes", cohort.outcomes, OUTCOME_COLUMNS),
    ):
        if further := [str(column) for column in table.columns if column not in own]:
            rows.append(("columns", f"{name}, kept beside the contract's", ", ".join(further), ""))
    return rows


def _samples(cohort: Cohort) -> list[Row]:
    samples = cohort.samples
    code, patients = pd.factorize(samples["patient_id"])
    by_patient = samples["day"].groupby(code)
    per_patient = np.append(by_patient.size(), np.zeros(len(cohort.patients) - len(patients)))
    span = by_patient.max() - by_patient.min()
    gaps = by_patient.diff().groupby(code).max()
    level = from_g_per_l(1.0, cohort.igg_unit) * samples["igg"]
    rows = [
        ("samples", "samples", str(len(samples)), ""),
        ("samples", "samples per patient", _spread(per_patient), ""),
        ("samples", "longest gap between a patient's samples", _spread(gaps), "days"),
        ("samples", "patients without samples", str(int((per_patient == 0).sum())), "patients"),
        ("samples", "first to last sample", _spread(span), "days"),
        ("samples", "IgG", _spread(level), cohort.igg_unit),
    ]
    for limit, words in (("below", "below the lower limit"), ("above", "above the upper limit")):
        n_outside = int((samples["limit"] == limit).sum())
        share = f" ({n_outside / len(samples):.1%})" if len(samples) else ""
        rows.append(("samples", words, f"{n_outside}{share}", "samples"))
    return rows


def _doses(cohort: Cohort) -> list[Row]:
    doses = cohort.doses
    weight = doses["patient_id"].map(cohort.patients.set_index("patient_id")["weight_kg"]).astype(np.float64)
    per_patient = doses.groupby(doses["patient_id"].replace(cohort.records)).size()
    return [
        ("doses", "doses", str(len(doses)), ""),
        ("doses", "patients with doses", str(len(per_patient)), "patients"),
        ("doses", "doses per dosed patient", _spread(per_patient), ""),
        ("doses", "amount", _spread(doses["amount_g"]), "g"),
        ("doses", "amount per weight", _spread(doses["amount_g"].astype(np.float64) / weight), "g/kg"),
        ("doses", "subcutaneous", str(int((doses["route"] == "sc").sum())), "doses"),
    ]


def _therapy(cohort: Cohort) -> list[Row]:
    therapy = cohort.first_records().therapy
    agents = therapy.groupby("agent")["patient_id"].nunique() if len(therapy) else pd.Series(dtype=np.int64)
    return [
        ("therapy", "patients with therapy", str(therapy["patient_id"].nunique()), "patients"),
        ("therapy", "courses", str(len(therapy)), ""),
        (
            "therapy",
            "ongoing",
            str(int(np.isinf(therapy["stop"].to_numpy(dtype=np.float64)).sum())),
            "courses",
        ),
        *(
            ("therapy", f"agent {name!r}" if name else "agent not stated", str(count), "patients")
            for name, count in agents.items()
        ),
    ]


def _covariates(cohort: Cohort) -> list[Row]:
    """Covariates by day: how many values of how many patients, and their spread where they are numbers."""
    table = cohort.first_records().covariates
    rows: list[Row] = []
    for name in cohort.covariate_names:
        values = table[name]
        is_number = pd.api.types.is_numeric_dtype(values)
        filled = values.notna() if is_number else values != ""
        n_patients = counted(table.loc[filled, "patient_id"].nunique(), "patient")
        spread = f": {_spread(values)}" if is_number else ""
        rows.append(("covariates", name, f"{counted(int(filled.sum()), 'value')} of {n_patients}{spread}", ""))
    return rows
