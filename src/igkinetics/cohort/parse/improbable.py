"""Rows that can be read and are probably not what they are taken for: asked about, never changed.

Infusions among the therapies, agents that nobody knows to deplete B cells, more immunoglobulin in four weeks than any
use of it, amounts that are running totals, events that take IgG away or belong in another table.
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
from igkinetics.cohort.parse.elsewhere import NEGATIONS, immunoglobulin
from igkinetics.cohort.parse.findings import Finding, refuse, warn
from igkinetics.cohort.parse.parsed import Parsed, time_order
from igkinetics.cohort.parse.products import other_drug
from igkinetics.cohort.parse.remarks import LOSSES, has_paraprotein
from igkinetics.cohort.parse.therapy import depletes
from igkinetics.errors import counted
from igkinetics.limits import LONGEST_INTERVAL_DAY, LOWEST_DOSE_G, LOWEST_DOSE_G_PER_KG, LOWEST_INFUSION_G

NOT_TAKEN: Final = re.compile(rf"\b(?:{NEGATIONS}|held|hold|planned|cancell?ed|refused|declined)\b|placebo|naive")
NO_AGENT: Final = re.compile(
    r"none|no(?: (?:agent|therapy|treatment))?|nil|-+|n/?a|placebo|controls?|untreated|observation|keine?|aucun"
)
TAKES_IGG_AWAY: Final = re.compile(LOSSES)
MONTH_DAYS: Final = 28.0
MOST_G_PER_KG: Final = 4.0
MOST_GRAMS: Final = 320.0
"""In four weeks: twice the 2 g/kg of immunomodulation; grams where no weight is known (80 kg)."""
FEWEST_TOTALS: Final = 4
SUBCUTANEOUS_BRANDS: Final = re.compile(
    r"hizentra|cuvitru|hyqvia|xembify|cutaquig|gammanorm|subcuvia|vivaglobin|evogam|subgam|vivaglobulin|sub.?cut|\bs\.?c\.?\b|scig|igsc|\bsubq"
)
"""Products that their labels have given under the skin, and words for it."""
SMALL_G_PER_KG: Final = 0.25
OFTEN_DAYS: Final = 8.0
FEWEST_OFTEN: Final = 4
"""So small and so often immunoglobulin is given under the skin (science: weekly 0.1-0.2 g/kg), not into a vein."""
NO_INFANT_KG: Final = 20.0
LARGE_G: Final = 160.0
"""2 g/kg of 80 kg, as immunomodulation takes; volumes in mL are ten times the grams."""
LONGEST_DAYS: Final = 1.0


def empties_no_b_cells(agent: str) -> bool:
    """Whether a name of an agent says immunoglobulin, another drug that depletes no B cells, or that none was given."""
    text = plain(agent).strip()
    none = NO_AGENT.fullmatch(text) is not None or NOT_TAKEN.search(text) is not None
    return none or immunoglobulin(agent) or (other_drug(agent) and not depletes(agent))


def check_agents(therapy: Parsed) -> Parsed:
    """Refuse immunoglobulin among the therapies; ask about agents not known to deplete B cells, once each."""
    agent = therapy.frame["agent"].astype(str)
    word = {name: plain(name) for name in agent.unique()}
    infused = {name for name in word if immunoglobulin(name)}
    none = {name for name, text in word.items() if NO_AGENT.fullmatch(text.strip()) or NOT_TAKEN.search(text)}
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
        "each row of therapy is taken as B-cell depletion, and this one says that none was given: leave it out",
    )
    strange = agent[~agent.isin(known)]
    first = strange.index[~strange.duplicated()]
    times = strange.value_counts(sort=False)
    asked = [
        f"not known as an agent that depletes B cells; {counted(int(times[strange[row]]), 'row')} taken as depletion"
        for row in first
    ]
    return therapy.with_findings([*findings, *warn(therapy.rows(first), column, cells, asked, "used as depletion")])


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
    others = own.cumsum().to_numpy() - grams
    sums = last & np.isclose(grams, others, rtol=1e-6) & (own.cumcount() + 1 >= FEWEST_TOTALS).to_numpy()
    asked |= dict.fromkeys(
        rows.index[sums & ~np.isin(patient, patient[over])].astype(int),
        "is the sum of all the doses before: is it their total, and no dose?",
    )
    if not asked:
        return doses
    column = str(doses.frame["amount_column"].loc[next(iter(asked))])
    ordered = sorted(asked)
    texts = [asked[row] for row in ordered]
    return doses.with_findings(warn(doses.rows(pd.Index(ordered)), column, doses.table.text[column], texts))


def check_routes(doses: Parsed, weight: Floats) -> Parsed:
    """Ask about intravenous doses of subcutaneous products or habits, odd sizes, and infusions longer than a day.

    weight (n,): kg of each dose; nan where unknown.
    """
    rows = doses.usable()
    if rows.empty:
        return doses
    column = str(rows["amount_column"].iloc[0])
    cells = doses.table.text[column]
    iv = rows[(rows["route"] == "iv").to_numpy(dtype=bool)]
    named = iv[iv["product"].map(_under_the_skin).to_numpy(dtype=bool)] if len(iv) else iv
    findings: list[Finding] = []
    if len(named):
        products = doses.table.text["product"]
        told = "a product that is given under the skin, and the dose is taken as iv: write route = sc where it was"
        findings += warn(doses.rows(named.index), "product", products, told)
    if doses.table.column("route") is None and named.empty:
        often = _small_and_often(rows, pd.Series(weight, index=doses.frame.index).loc[rows.index])
        told = "small doses every week or so, as they are given under the skin, are taken as iv: write a column route"
        findings += warn(doses.rows(often), column, cells, told)
    kg = pd.Series(weight, index=doses.frame.index).loc[rows.index]
    least = np.where(rows["route"] == "iv", LOWEST_INFUSION_G, LOWEST_DOSE_G)
    least = np.where(kg.isna(), least, LOWEST_DOSE_G_PER_KG * kg)
    low = (rows["amount_g"] < least) & rows["amount_g_per_kg"].isna()
    low &= bool((rows["amount_g"] >= least).any())  # of a whole cohort: told once, by check_sizes_of_doses
    for odd, told in (
        (
            kg.isna() & (rows["amount_g"] > LARGE_G),
            f"more than {LARGE_G:g} g in one dose, and no weight is known: in mL?",
        ),
        (low & (low.mean() <= 0.5), "less than any dose: in g/kg, or in another unit?"),
    ):
        if odd.any():
            findings += warn(doses.rows(rows.index[odd]), column, cells, told)
    long = rows.index[rows["duration_day"].to_numpy(dtype=np.float64) > LONGEST_DAYS]
    if len(long):
        times = next(
            (name for name in ("duration", "duration_h", "end") if doses.table.column(name) is not None), column
        )
        told = "an infusion of more than a day: is that right?"
        findings += warn(doses.rows(long), times, doses.table.text[times], told)
    return doses.with_findings(findings)


def check_event_doses(doses: Parsed, weight: Floats) -> Parsed:
    """Ask about doses of an event file whose amount, length or interval was probably meant in another unit.

    weight (n,): kg of each dose; nan where unknown. Small doses of known weights may be of infants, or of another drug.
    """
    rows = doses.usable()
    if rows.empty or "interval_day" not in rows:
        return doses
    days, interval = (rows[name].to_numpy(dtype=np.float64) for name in ("duration_day", "interval_day"))
    findings: list[Finding] = []
    for odd, column, told in (
        (
            days > LONGEST_DAYS,
            "duration",
            "an infusion of more than a day: are RATE and DUR in the unit of TIME?",
        ),
        (interval > LONGEST_INTERVAL_DAY, "amount", "doses months apart (II): is II in the unit of TIME?"),
    ):
        if odd.any():
            findings += warn(doses.rows(rows.index[odd]), column, doses.table.text[column], told)
    median = float(rows["amount_g"].median())
    kg = pd.Series(weight, index=doses.frame.index).loc[rows.index]
    grown = kg.isna().all() or kg.median() > NO_INFANT_KG  # what infants get is small, and may be another drug
    unusual = grown and median < LOWEST_INFUSION_G
    if unusual and rows["amount_g_per_kg"].isna().all():
        told = (
            f"doses of a whole cohort are hardly ever so low (a median of {median:.2g} g): is amount_unit right? "
            "Are they in g/kg?"
        )
        findings += warn(doses.rows(rows.index[:1]), "amount", doses.table.text["amount"], told)
    return doses.with_findings(findings)


def _under_the_skin(product: str) -> bool:
    return SUBCUTANEOUS_BRANDS.search(plain(product)) is not None


def _small_and_often(rows: pd.DataFrame, weight: pd.Series[float]) -> pd.Index[int]:
    """The first dose of each patient who has small ones at least every week or so."""
    rows = rows.iloc[time_order(rows)]
    patient = rows["patient"]
    gaps = rows["moment"].groupby(patient).diff().groupby(patient).median()
    limit = SMALL_G_PER_KG * weight.loc[rows.index].fillna(MOST_GRAMS / MOST_G_PER_KG)
    small = (rows["amount_g"] <= limit).groupby(patient).all()
    many = patient.groupby(patient).size() >= FEWEST_OFTEN
    those = gaps.index[(gaps <= OFTEN_DAYS) & (gaps > 0) & small & many]
    first = rows[~patient.duplicated()]
    return first.index[first["patient"].isin(those)].sort_values()


def _grams_within(days: float, patient: npt.NDArray[Any], day: Floats, grams: Floats) -> Floats:
    """For each dose, in the order of patient and day, the grams of its patient in the days up to it."""
    place = pd.factorize(patient)[0] * (2 * days + day.max() - day.min()) + day
    first = np.searchsorted(place, place - days, side="right")
    sums = np.concatenate([[0.0], np.cumsum(grams)])
    within: Floats = sums[1:] - sums[first]
    return within


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
    (
        "total IgG then holds the paraprotein, which no model here knows",
        lambda word: has_paraprotein(plain(word)),
    ),
)
"""What an outcome's name may say."""
