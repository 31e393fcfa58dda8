"""Samples that can be read and may still be wrong: levels in another unit, long gaps. Asked about, never changed."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.findings import Mask, for_the_first, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.cohort.parse.samples import commonest_unit
from igkinetics.cohort.parse.times import Times
from igkinetics.errors import Problem
from igkinetics.limits import LOWEST_DOSE_G_PER_KG, LOWEST_INFUSION_G
from igkinetics.units import G_PER_L_IN, IGG_UNITS

LOWEST_MEDIAN, HIGHEST_MEDIAN = 0.8, 40.0
"""g/L. No cohort has been published whose median IgG lies outside; a patient may well."""
USUAL_MEDIAN: Final = (1.0, 25.0)
SLIP_FROM, SLIP_TO = 50.0, 200.0
"""Between these factors a value is "about 100 times" off; ten times that, about 1000 times."""
OTHER_UNIT_FROM, OTHER_UNIT_TO = 10**1.5, 10**2.5
"""Between these factors a whole patient is about 100 times off the others."""
UNUSUAL_FROM: Final = 7.0
TIMES_THE_OTHERS: Final = 3.0
"""A median above HIGHEST_MEDIAN is asked about from here on, for in a cohort of two the others weigh little."""
AS_GIVEN: Final = 'write unusual_levels = "as_given" in cohort.toml'
LONG_GAP_DAY: Final = 90.0
"""Some four half-lives of IgG: the sample before tells little about the one after."""
TIMES_THE_USUAL: Final = 3.0
FAR_DAY: Final = 1000.0
"""A dose so long before the first sample has left nothing, and one so long after the last tells nothing: a slip."""
LOWEST_INTO_A_VEIN_G_PER_KG: Final = 0.06
"""Replacement into a vein begins at 0.2 g/kg; one vial of 5 g is 0.07 for an adult."""
MISSING_CODES: Final = ("999", "9999", "99999", "8888")
FEWEST_ALIKE: Final = 3
"""So many levels that differ are the same in two people by no chance."""
FEWEST_GAPS: Final = 3
"""With fewer gaps a patient has no usual one, and the cohort's counts; with fewer in the cohort none does."""


def check_levels(samples: Parsed) -> Parsed:
    """Ask about a cohort, and about patients, whose measured levels fit another unit better."""
    rows = samples.usable()
    measured = rows[(rows["limit"] == "").to_numpy(dtype=bool) & rows["igg"].notna().to_numpy(dtype=bool)]
    if measured.empty:
        return samples
    median = float(measured["igg"].median())
    if not LOWEST_MEDIAN <= median <= HIGHEST_MEDIAN:
        return samples.with_problem(_whole_cohort(samples, median))
    medians = measured["igg"].groupby(measured["patient"]).median()
    times = medians / float(medians.median())
    off = times.where(times >= 1, 1 / times)
    cells = samples.table.text["igg"]
    first = measured[~measured["patient"].duplicated()]
    ratio = off.reindex(first["patient"]).to_numpy(dtype=np.float64)
    other = (ratio >= OTHER_UNIT_FROM) & (ratio <= OTHER_UNIT_TO)
    others = float(np.median(np.sort(medians)[: max(len(medians) - 1, 1)]))  # of one who is above the middle
    own = medians.reindex(first["patient"]).to_numpy(dtype=np.float64)
    high = (own > HIGHEST_MEDIAN) & (own > TIMES_THE_OTHERS * others)
    unusual = ((ratio >= UNUSUAL_FROM) | high) & ~other
    beside = times.reindex(first["patient"]).to_numpy(dtype=np.float64)
    question = [
        f"{one}: in another unit? State it in a column unit; if the levels are right, {AS_GIVEN}"
        for one in map(_beside_the_others, beside[other])
    ]
    doubt = [
        f"{f'a median above {HIGHEST_MEDIAN:g} g/L' if too_high else _beside_the_others(one)}: is the unit right?"
        for one, too_high in zip(beside[unusual], high[unusual], strict=True)
    ]
    return samples.with_findings(
        [
            *refuse(samples.rows(first.index[other]), "igg", cells, question, "patient"),
            *warn(samples.rows(first.index[unusual]), "igg", cells, doubt),
        ]
    )


def _whole_cohort(samples: Parsed, median: float) -> Problem:
    unit = commonest_unit(samples.frame["unit_code"].to_numpy())
    written = median / G_PER_L_IN[unit]
    fitting = [one for one in IGG_UNITS if USUAL_MEDIAN[0] <= written * G_PER_L_IN[one] <= USUAL_MEDIAN[1]]
    which = f'if they are in {fitting[0]}, write igg_unit = "{fitting[0]}"' if fitting else "is the unit right?"
    size = "low" if median < LOWEST_MEDIAN else "high"
    expected = f"levels of a whole cohort are never so {size}: {which}; if they are right, {AS_GIVEN}"
    found = f"a median of {written:.3g} {unit}"
    return Problem(file=samples.table.files[0], column="igg", found=found, expected=expected)


def _beside_the_others(times: float) -> str:
    side = f"{times:.3g} times" if times >= 1 else f"1/{1 / times:.3g} of"
    return f"the median of this patient is {side} the cohort's"


def check_unit_slips(parsed: Parsed) -> Parsed:
    """Warn of values about 100 or 1000 times off the patient's others: mg/dL or mg/L written as g/L, or the reverse."""
    rows = _of_a_wide_range(parsed.usable())
    level = np.log10(rows["igg"])
    by_patient = level.groupby(rows["patient"])
    middle = by_patient.quantile(0.5, interpolation="higher")  # a level of its own, also where half of them are off
    usual = rows["patient"].map(middle)
    pair = by_patient.transform("size") == 2
    usual = usual.where(~pair, by_patient.transform("first"))
    times = (level - usual).abs()
    for factor in (1, 10):
        slipped = times.between(np.log10(SLIP_FROM * factor), np.log10(SLIP_TO * factor), inclusive="left")
        expected = f"about {100 * factor} times off this patient's other values: is the unit right?"
        mask = parsed.rows(rows.index[slipped])
        parsed = parsed.with_findings(warn(mask, "igg", parsed.table.text["igg"], expected))
    return parsed


def _of_a_wide_range(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of patients whose highest value is at least SLIP_FROM times their lowest."""
    patient, level = rows["patient"].to_numpy(), rows["igg"].to_numpy(dtype=np.float64)
    n_patients = int(patient.max(initial=-1)) + 1
    lowest, highest = np.full(n_patients, np.inf), np.zeros(n_patients)
    np.minimum.at(lowest, patient, level)
    np.maximum.at(highest, patient, level)
    wide: Mask = (highest >= 0.99 * SLIP_FROM * lowest)[patient]
    return rows.loc[wide, :]


def check_gaps(samples: Parsed) -> Parsed:
    """Warn of samples more than LONG_GAP_DAY, and more than TIMES_THE_USUAL the usual gap, after the one before."""
    rows = samples.usable()
    order = time_order(rows)
    patient, moment = rows["patient"].to_numpy()[order], rows["moment"].to_numpy(dtype=np.float64)[order]
    within = patient[1:] == patient[:-1]
    gap = np.where(within, np.diff(moment), 0.0)
    if not (gap > LONG_GAP_DAY).any():
        return samples
    some = gap > 0
    gaps = pd.Series(gap[some]).groupby(patient[1:][some])
    common = float(np.median(gap[some])) if some.sum() >= FEWEST_GAPS else 0.0
    own = gaps.median().where(gaps.size() >= FEWEST_GAPS, common).reindex(patient[1:]).to_numpy(dtype=np.float64)
    late = np.flatnonzero((gap > LONG_GAP_DAY) & (gap > TIMES_THE_USUAL * own))
    after = pd.Series(late, index=rows.index[order[late + 1]]).sort_index()
    line = samples.table.line[rows.index[order].to_numpy()]
    places = after.to_numpy()
    expected = for_the_first(
        len(places),
        lambda one: (
            f"{gap[places[one]]:.0f} days after the sample before (line {line[places[one]]}): IgG in between is "
            "not known"
        ),
        "a long time after the sample before: IgG in between is not known",
    )
    column = samples.times[0].column
    return samples.with_findings(warn(samples.rows(after.index), column, samples.table.text[column], expected))


def check_codes(samples: Parsed) -> Parsed:
    """Ask about levels that read like codes for a missing value."""
    cells = samples.table.column("igg")
    if cells is None:
        return samples
    rows = cells.str.strip().isin(MISSING_CODES).to_numpy(dtype=bool)
    told = "reads like a code for a missing value: is it a level?"
    return samples.with_findings(warn(rows, "igg", cells, told))


def check_twins(samples: Parsed) -> Parsed:
    """Warn once for each patient whose samples are, day for day and level for level, those of one before."""
    rows = samples.usable()
    day, level = (pd.util.hash_array(rows[name].to_numpy(dtype=np.float64)) for name in ("moment", "igg"))
    key = day * (level | np.uint64(1))  # a product, so that levels which changed their days are others
    own = pd.Series(key.view(np.int64), index=rows.index).groupby(rows["patient"].to_numpy())
    series = pd.DataFrame({"key": own.sum(), "n": own.size()})
    series = series[(series["n"] >= FEWEST_ALIKE) & series.duplicated(["key", "n"], keep=False)]
    if series.empty:
        return samples
    rows = rows[rows["patient"].isin(series.index)]
    n_levels = rows.groupby("patient")["igg"].nunique()
    series = series[series.index.isin(n_levels.index[n_levels >= FEWEST_ALIKE])]
    series = series.assign(first=rows.drop_duplicates("patient").reset_index().set_index("patient")["index"])
    again = series[series.duplicated(["key", "n"])]
    if again.empty:
        return samples
    again = again.sort_values("first")
    ids = samples.frame["patient_id"]
    before = series.drop_duplicates(["key", "n"]).set_index(["key", "n"])["first"]
    pairs = list(zip(again["key"], again["n"], strict=True))
    texts = for_the_first(
        len(pairs),
        lambda one: f"the samples of this patient are those of {ids[before[pairs[one]]]}: one person under two ids?",
        "the samples of this patient are those of one before: one person under two ids?",
    )
    cells = samples.table.text["patient_id"]
    return samples.with_findings(warn(samples.rows(pd.Index(again["first"])), "patient_id", cells, texts))


def check_moved(samples: Parsed) -> Parsed:
    """Warn once for each two patients of whom several samples, but not all, have one date and one level."""
    rows = samples.usable()
    if rows.empty or not samples.times[0].is_date.all():
        return samples
    day, level = (pd.util.hash_array(rows[name].to_numpy(dtype=np.float64)) for name in ("moment", "igg"))
    key = (day * (level | np.uint64(1))).view(np.int64)
    alike = np.flatnonzero(pd.Series(key).duplicated(keep=False))
    order = alike[np.argsort(key[alike], kind="stable")]
    patient = rows["patient"].to_numpy(dtype=np.int64)
    again = np.flatnonzero((np.diff(key[order]) == 0) & (np.diff(patient[order]) != 0))
    one, other = patient[order[again]], patient[order[again + 1]]
    size = np.bincount(patient)
    pair = np.minimum(one, other) * size.size + np.maximum(one, other)
    pairs, n = np.unique(pair, return_counts=True)
    smaller, larger = np.sort([size[pairs // size.size], size[pairs % size.size]], axis=0)
    pairs = pairs[(n >= FEWEST_ALIKE) & (2 * n >= smaller) & (n < larger)]
    if not pairs.size:
        return samples
    told = pd.DataFrame({"pair": pair, "row": rows.index[order[again + 1]]})
    told = told[np.isin(pair, pairs)].groupby("pair").agg(n=("row", "size"), row=("row", "min")).reset_index()
    shared = told.assign(one=told["pair"] // size.size, other=told["pair"] % size.size).sort_values("row")
    ids = rows.drop_duplicates("patient").set_index("patient")["patient_id"]
    texts = for_the_first(
        len(shared),
        lambda one: (
            f"{shared['n'].iloc[one]} samples of {ids[shared['other'].iloc[one]]} are, date and level, those of "
            f"{ids[shared['one'].iloc[one]]}: one person under two ids?"
        ),
        "samples of two patients are the same in date and level: one person under two ids?",
    )
    cells = samples.table.text["patient_id"]
    return samples.with_findings(warn(samples.rows(pd.Index(shared["row"])), "patient_id", cells, texts))


def check_beside_samples(events: Parsed, samples: Parsed) -> Parsed:
    """Warn of events more than FAR_DAY before the first or after the last sample of their patient."""
    moments = MOMENTS.get(events.table.name, ("moment",))
    for name, times in zip(moments, events.times, strict=False):
        if name != "birth" and events.table.column(times.column) is not None:
            events = _far_from_samples(events, name, times, samples)
    return events


MOMENTS: Final = {"therapy": ("start", "stop"), "patients": ("birth", "death", "transplant")}


def _far_from_samples(events: Parsed, name: str, times: Times, samples: Parsed) -> Parsed:
    frame = events.usable()
    moment = samples.usable().groupby("patient")["moment"]
    if frame.empty or times.is_date.any() != samples.times[0].is_date.any():
        return events
    first, last = (ends.reindex(frame["patient"]).to_numpy(dtype=np.float64) for ends in (moment.min(), moment.max()))
    given = frame[name].to_numpy(dtype=np.float64)
    early, late = first - given, np.where(np.isinf(given), np.nan, given - last)
    far: Mask = (early > FAR_DAY) | (late > FAR_DAY)
    if name != "moment":
        far = late > FAR_DAY  # depletion may be of long ago
    if not far.any():
        return events
    days = np.fmax(early, late)[far]
    side = np.where(early[far] > FAR_DAY, "before this patient's first", "after this patient's last")
    expected = for_the_first(
        len(days),
        lambda one: f"{days[one]:.0f} days {side[one]} sample: is the date right?",
        "years away from this patient's samples: is the date right?",
    )
    rows = events.rows(frame.index[far])
    return events.with_findings(warn(rows, times.column, events.table.text[times.column], expected))


def _like_vials(per_kg: Floats, grams: Floats, doses: pd.DataFrame) -> bool:
    """Whether doses into a vein are so small, and so whole, that they are rather counts of vials."""
    small = (
        bool(len(grams))
        and set(doses["amount_column"]) == {"amount_g"}
        and not np.isnan(per_kg).any()
        and float(np.median(per_kg)) < LOWEST_INTO_A_VEIN_G_PER_KG
    )
    return small and bool((grams == np.floor(grams)).all()) and bool(doses["route"].eq("iv").all())


def check_sizes_of_doses(doses: Parsed, weight: Floats) -> Parsed:
    """Warn where the doses of a whole cohort are far below any in use in the median. weight (n,): kg of each dose."""
    usable = doses.usable()
    rows = usable.index[usable["amount_g_per_kg"].isna().to_numpy(dtype=bool)]
    grams = doses.frame["amount_g"].loc[rows].to_numpy(dtype=np.float64)
    per_kg = grams / weight[doses.frame.index.get_indexer(rows)]
    known = per_kg[~np.isnan(per_kg)]
    if known.size and np.median(known) < LOWEST_DOSE_G_PER_KG:
        median = f"{np.median(known):.2g} g/kg"
    elif not known.size and rows.size and np.median(grams) < LOWEST_INFUSION_G and usable["route"].eq("iv").any():
        median = f"{np.median(grams):.2g} g"
    elif _like_vials(per_kg, grams, usable.loc[rows]):
        told = f"whole numbers, and in the median {np.median(known):.2g} g/kg, which is little into a vein: in vials?"
        column = str(doses.frame["amount_column"].loc[rows].iloc[0])
        return doses.with_findings(warn(doses.rows(rows[:1]), column, doses.table.text[column], told))
    else:
        return doses
    column = str(doses.frame["amount_column"].loc[rows].iloc[0])
    expected = (
        f"doses of a whole cohort are hardly ever so low (a median of {median}): are they in g/kg, or in another unit?"
    )
    return doses.with_findings(warn(doses.rows(rows[:1]), column, doses.table.text[column], expected))
