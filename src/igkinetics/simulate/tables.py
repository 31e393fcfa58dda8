"""The tables of a simulated cohort, in the columns of the input contract. mg/dL, g, day, kg."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from igkinetics.simulate.record import Record
from igkinetics.units import HOURS_PER_DAY

HOUR_DECIMALS = 4


def samples_table(records: Iterable[Record]) -> pd.DataFrame:
    """patient_id, day, igg: text, `<40` below a limit."""
    rows = [
        (record.patient.patient_id, day, str(read))
        for record in records
        for day, read in zip(record.patient.sample_day, record.readings, strict=True)
    ]
    return pd.DataFrame(rows, columns=["patient_id", "day", "igg"])


def doses_table(records: Iterable[Record]) -> pd.DataFrame:
    """patient_id, day, amount_g, duration_h, route."""
    rows = [
        (
            record.patient.patient_id,
            day,
            amount,
            round(duration * HOURS_PER_DAY, HOUR_DECIMALS),
            "sc" if is_sc else "iv",
        )
        for record in records
        for day, amount, duration, is_sc in zip(
            record.patient.dose_day,
            record.patient.dose_g,
            record.patient.dose_duration_day,
            record.patient.dose_is_sc,
            strict=True,
        )
    ]
    return pd.DataFrame(rows, columns=["patient_id", "day", "amount_g", "duration_h", "route"])


def therapy_table(records: Iterable[Record]) -> pd.DataFrame:
    """patient_id, start, stop (nan: ongoing at the end of follow-up), agent."""
    rows = [
        (record.patient.patient_id, start, stop if np.isfinite(stop) else np.nan, record.agent)
        for record in records
        for start, stop in zip(record.patient.therapy_start, record.patient.therapy_stop, strict=True)
    ]
    return pd.DataFrame(rows, columns=["patient_id", "start", "stop", "agent"])


def patients_table(records: Sequence[Record]) -> pd.DataFrame:
    """patient_id, group, weight_kg and the covariates; every patient, with or without samples."""
    rows = [
        {
            "patient_id": record.patient.patient_id,
            "group": record.patient.group,
            "weight_kg": record.patient.weight_kg,
            **record.covariates,
        }
        for record in records
    ]
    return pd.DataFrame(rows)


def outcomes_table(records: Iterable[Record]) -> pd.DataFrame:
    """patient_id, day, outcome; a patient without an outcome has no row."""
    rows = [(record.patient.patient_id, day, name) for record in records for name, day in record.events]
    return pd.DataFrame(rows, columns=["patient_id", "day", "outcome"])
