"""Rows that can be read and are probably not what they are taken for: asked about, never changed.

Infusions among the therapies, agents that nobody knows to deplete B cells, weights that jump, adults of a child's
weight, more immunoglobulin in four weeks than any use of it, amounts that are running totals, days that are years,
events that take IgG away or belong in another table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from igkinetics.cohort.mapping.headings import plain
from igkinetics.cohort.model import Floats
from igkinetics.cohort.parse.elsewhere import immunoglobulin
from igkinetics.cohort.parse.findings import Finding, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.cohort.parse.therapy import depletes
from igkinetics.errors import counted

NO_AGENT: Final = re.compile(
    r"none|no(?: (?:agent|therapy|treatment))?|nil|-+|n/?a|placebo|controls?|untreated|observation|keine?|aucun"
)
TAKES_IGG_AWAY: Final = re.compile(r"plasma.?(?:pheresis|exchange|austausch)|\bplex\b|\btpe\b|immuno?adsor")
JUMP_TIMES: Final = 1.5
JUMP_DAYS: Final = 90.0
"""Nobody's weight changes by half within three months."""
ADULT_YEARS: Final = 18.0
ADULT_KG: Final = 25.0
CHILD_YEARS: Final = 5.0
CHILD_KG: Final = 40.0
MONTH_DAYS: Final = 28.0
MOST_G_PER_KG: Final = 4.0
MOST_GRAMS: Final = 320.0
"""In four weeks: twice the 2 g/kg of immunomodulation; grams where no weight is known (80 kg)."""
FEWEST_TOTALS: Final = 4
FIRST_YEAR, LAST_YEAR = 1950.0, 2100.0


def check_agents(therapy: Parsed) -> Parsed:
    """Refuse immunoglobulin among the therapies; ask about agents not known to deplete B cells, once each."""
    agent = therapy.frame["agent"].astype(str)
    word = {name: plain(name) for name in agent.unique()}
    infused = {name for name in word if immunoglobulin(name)}
    none = {name for name, text in word.items() if NO_AGENT.fullmatch(text.strip())}
    known = {name for name in word if name in infused | none or name == "" or depletes(name)}
    column = "agent"
    if therapy.table.column(column) is None:
        return therapy
    cells = therapy.table.text[column]
    findings = refuse(
        agent.isin(infused).to_numpy(dtype=bool),
        column,
        cells,
        "each row of therapy is taken as B-cell depletion; infusions of immunoglobulin belong in doses",
    )
    findings += refuse(
        agent.isin(none).to_numpy(dtype=bool),
        column,
        cells,
        "each row of therapy is taken as B-cell depletion, and this one names no agent: leave it out, or name it",
    )
    strange = agent[~agent.isin(known)]
    first = strange.index[~strange.duplicated()]
    times = strange.value_counts(sort=False)
    asked = [
        f"not known as an agent that depletes B cells; {counted(int(times[strange[row]]), 'row')} taken as depletion"
        for row in first
    ]
    return therapy.with_findings([*findings, *warn(therapy.rows(first), column, cells, asked, "used as depletion")])


def check_jumps(weights: Parsed) -> Parsed:
    """Ask about a weight that changed by half within three months: another unit, or a slip."""
    rows = weights.usable()
    order = time_order(rows)
    patient, kg = rows["patient"].to_numpy()[order], rows["weight_kg"].to_numpy(dtype=np.float64)[order]
    day = rows["moment"].to_numpy(dtype=np.float64)[order]
    near = (patient[1:] == patient[:-1]) & (np.diff(day) <= JUMP_DAYS)
    times = np.maximum(kg[1:], kg[:-1]) / np.minimum(kg[1:], kg[:-1])
    late = np.flatnonzero(near & (times >= JUMP_TIMES))
    after = pd.Series(late, index=rows.index[order[late + 1]]).sort_index()
    column = "weight_kg" if weights.table.column("weight_kg") is not None else "weight"
    asked = [f"{kg[one]:g} kg {day[one + 1] - day[one]:.0f} days before: is the unit right?" for one in after]
    cells = weights.table.text[column]
    return weights.with_findings(warn(weights.rows(after.index), column, cells, asked))


def check_ages(patients: Parsed) -> Parsed:
    """Ask about adults of a child's weight (an age in months?) and small children of an adult's."""
    if patients.table.column("age_y") is None:
        return patients
    age, kg = (patients.frame[name].to_numpy(dtype=np.float64) for name in ("age_y", "weight_kg"))
    cells = patients.table.text["age_y"]
    findings: list[Finding] = []
    for rows, what in (
        ((age >= ADULT_YEARS) & (kg < ADULT_KG), "years in months, or the weight in another unit?"),
        ((age < CHILD_YEARS) & (kg > CHILD_KG), "is the weight in kg, the age in years?"),
    ):
        asked = [
            f"an age of {years:g} y beside {weight:g} kg: {what}"
            for years, weight in zip(age[rows], kg[rows], strict=True)
        ]
        findings += warn(rows, "age_y", cells, asked)
    return patients.with_findings(findings)


def check_amounts(doses: Parsed, weight: Floats) -> Parsed:
    """Ask, once a patient, about more grams in four weeks than any use of immunoglobulin, and about running totals.

    weight (n,): kg of each dose; nan where unknown.
    """
    rows = doses.usable()
    if rows.empty:
        return doses
    rows = rows.iloc[time_order(rows)]
    patient = rows["patient"].to_numpy()
    day, grams = (rows[name].to_numpy(dtype=np.float64) for name in ("moment", "amount_g"))
    limit = MOST_G_PER_KG * pd.Series(weight, index=doses.frame.index).loc[rows.index].to_numpy(dtype=np.float64)
    months = _grams_within(MONTH_DAYS, patient, day, grams)
    over = months > np.where(np.isnan(limit), MOST_GRAMS, limit)
    asked = {
        int(rows.index[one]): f"{months[one]:g} g within {MONTH_DAYS:g} days, more than any use of immunoglobulin: are "
        "these doses, each given once?"
        for one in np.flatnonzero(over)[~pd.Series(patient[over]).duplicated().to_numpy()]
    }
    own = rows["amount_g"].groupby(patient)
    rises = np.isclose(grams, own.transform("first") * (own.cumcount() + 1), rtol=1e-6)
    totals = pd.Series(rises).groupby(patient).transform("all").to_numpy() & (own.transform("size") >= FEWEST_TOTALS)
    last = np.append(patient[1:] != patient[:-1], True)
    asked |= dict.fromkeys(
        rows.index[totals & last & ~np.isin(patient, patient[over])].astype(int),
        "amounts rise by the first each time: are they running totals?",
    )
    if not asked:
        return doses
    column = str(doses.frame["amount_column"].loc[next(iter(asked))])
    ordered = sorted(asked)
    texts = [asked[row] for row in ordered]
    return doses.with_findings(warn(doses.rows(pd.Index(ordered)), column, doses.table.text[column], texts))


def _grams_within(days: float, patient: npt.NDArray[Any], day: Floats, grams: Floats) -> Floats:
    """For each dose, in the order of patient and day, the grams of its patient in the days up to it."""
    place = pd.factorize(patient)[0] * (2 * days + day.max() - day.min()) + day
    first = np.searchsorted(place, place - days, side="right")
    sums = np.concatenate([[0.0], np.cumsum(grams)])
    within: Floats = sums[1:] - sums[first]
    return within


def check_years(samples: Parsed) -> Parsed:
    """Ask about day numbers that are all whole and read like years."""
    rows = samples.usable()
    day = rows["moment"].to_numpy(dtype=np.float64)
    years = (day >= FIRST_YEAR) & (day <= LAST_YEAR) & (day == np.floor(day))
    if not day.size or samples.times[0].is_date.any() or not years.all():
        return samples
    column = samples.times[0].column
    told = "a day number, as all others here, and they read like years: are they years?"
    return samples.with_findings(warn(samples.rows(rows.index[:1]), column, samples.table.text[column], told))


def check_events(outcomes: Parsed) -> Parsed:
    """Ask about events that no model here knows of where they stand: what takes IgG away, infusions, further agents."""
    cells = outcomes.table.column("outcome")
    if cells is None:
        return outcomes
    findings: list[Finding] = []
    for told, says_so in EVENTS_NOT_MODELLED:
        rows = cells.map({word: says_so(str(word)) for word in cells.unique()}).to_numpy(dtype=bool)
        findings += warn(rows, "outcome", cells, told, "kept as an outcome")
    return outcomes.with_findings(findings)


EVENTS_NOT_MODELLED: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    (
        "takes IgG away, which no model here knows: levels after it may fit no curve",
        lambda word: TAKES_IGG_AWAY.search(plain(word)) is not None,
    ),
    ("an infusion counts only in the doses: levels are read as if it had not been given", immunoglobulin),
    (
        "a therapy counts only in the table of therapy: production is read as if it had not been given",
        lambda word: depletes(word) and not immunoglobulin(word),
    ),
)
"""What an outcome's name may say."""
