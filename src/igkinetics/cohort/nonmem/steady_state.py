"""Doses that an event file implies (ADDL, SS), written out, and the order of doses and samples at one time."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.errors import counted

STEADY_STATE_DAYS: Final = 3650.0
"""How far back a steady state is written out: what is left of a dose ten years old is below 1e-12 for every half-life
up to 91 days, four times that of IgG."""
MOST_IMPLIED_DOSES: Final = 40_000
SAME_TIME_DAY: Final = 1e-9


def implied_doses(doses: pd.DataFrame, samples: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """(all doses, notes). doses: with columns interval_day, n_more, steady, only_before, until_after, day, line.

    ADDL: n_more doses at day + k interval. SS: doses at day - k interval as far back as STEADY_STATE_DAYS; with
    only_before, without the dose at that day itself. Nothing is implied from `until_after` days on, when amounts
    become zero. At the time of a sample an implied dose comes first, and doses of the file keep the order of the file;
    a dose given at once that comes first is put at the next number before the sample, so that the sample sees it.
    """
    n_before = np.where(doses["steady"], np.ceil(STEADY_STATE_DAYS / doses["interval_day"]), 0).astype(int)
    n_more = doses["n_more"].to_numpy(dtype=int)
    source = np.repeat(np.arange(len(doses)), n_before + 1 + n_more)
    step = np.concatenate([np.arange(-before, more + 1) for before, more in zip(n_before, n_more, strict=True)])
    written = doses.iloc[source].reset_index(drop=True)
    interval = np.where(step == 0, 0.0, written["interval_day"].fillna(0.0))
    written["day"] = written["day"].to_numpy() + step * interval
    written["implied"] = step != 0
    over = (step > 0) & (step * interval >= written["until_after"].to_numpy())
    written = written[~over & ~((step == 0) & written["only_before"].to_numpy(dtype=bool))].reset_index(drop=True)
    notes = []
    n_added = int((step > 0).sum() - over.sum())
    if n_added:
        notes.append(f"doses: {n_added} additional (ADDL) written out")
    if n_before.sum():
        steady = doses.loc[doses["steady"].to_numpy(dtype=bool), "patient_id"].nunique()
        notes.append(
            f"doses: steady states (SS) written out as {n_before.sum()} doses over the {STEADY_STATE_DAYS:g} days "
            f"before ({counted(steady, 'patient')}): earlier doses that no row of the file holds"
        )
    written = _before_samples(_carried(written, samples), samples)
    order = np.lexsort((np.arange(len(written)), written["day"], written["patient"]))
    return written.iloc[order].reset_index(drop=True), notes


def _carried(doses: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """With copies of the doses that count in later records of the same patient as well."""
    if "carried" not in doses or not doses["carried"].any():
        return doses
    known = samples.drop_duplicates("patient_id").set_index("patient_id")["patient"]
    times = doses["carried"].to_numpy(dtype=int)
    copies = doses.loc[np.repeat(doses.index, times)].reset_index(drop=True)
    after = np.concatenate([np.arange(1, n + 1) for n in times if n]) + copies["record_number"].to_numpy(dtype=int)
    copies["patient_id"] = copies["person"].astype(str) + ":" + pd.Series(after).astype(str)
    copies = copies[copies["patient_id"].isin(known.index)]
    copies = copies.assign(patient=copies["patient_id"].map(known).astype(doses["patient"].dtype))
    return pd.concat([doses, copies], ignore_index=True)


def _before_samples(doses: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Doses given at once, at the time of a sample that follows them, put just before that sample."""
    at = samples[["patient", "day", "line"]].sort_values("day", kind="stable")
    left = doses.assign(position=np.arange(len(doses))).sort_values("day", kind="stable")
    near = pd.merge_asof(
        left[["patient", "day", "line", "position"]].rename(columns={"line": "dose_line"}),
        at.assign(sample_day=at["day"]),
        on="day",
        by="patient",
        direction="nearest",
        tolerance=SAME_TIME_DAY,  # type: ignore[arg-type]
    ).sort_values("position")
    last = at.groupby(["patient", "day"])["line"].max()
    key = pd.MultiIndex.from_arrays([near["patient"], near["sample_day"]])
    last_line = last.reindex(key).to_numpy(dtype=np.float64)
    first = doses["implied"].to_numpy(dtype=bool) | (doses["line"].to_numpy() < last_line)
    moved = first & ~near["sample_day"].isna().to_numpy() & (doses["duration_day"].to_numpy() == 0)
    just_before = np.nextafter(near["sample_day"].to_numpy(dtype=np.float64), -np.inf)
    return doses.assign(day=np.where(moved, just_before, doses["day"]))
