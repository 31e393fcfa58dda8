"""Policies as a reader sees them: what each would have done, the differences, and the record's own word on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.effect.policies.policy_file import AS_RECORDED
from igkinetics.effect.policies.policy_rows import BY_NAME
from igkinetics.effect.policies.replay import Quantity
from igkinetics.effect.policies.result import PolicyEffects
from igkinetics.effect.result import CohortEffect
from igkinetics.report.effect_words import amount, probability, unit_words

SHOWN: Final[tuple[Quantity, ...]] = ("nadir", "days_below", "mean_igg", "grams", "infusions")
"""Of each policy in the tables; policies.csv holds the others too."""
MOST_SAID: Final = 4
"""Policies told in the sentence."""
Cells = dict[str, Any]


def policy_values(effect: CohortEffect) -> dict[str, Any]:
    """What the section of the page shows; empty without policies."""
    found = effect.policies
    if found is None:
        return {"policies": None}
    unit = effect.cohort.igg_unit
    first = found.policies.iloc[0]
    return {
        "policies": {
            "n": int(first["n_patients"]),
            "n_draws": int(first["n_draws"]),
            "file": found.asked.name,
            "words": [text.visible(words, 300) for words in found.words],
            "notes": [text.visible(note, 300) for note in found.notes],
            "sentence": policy_sentence(effect),
            "headings": headings(found.policies, unit),
            "rows": policy_cells(found.policies),
            "contrasts": contrast_cells(found.contrasts),
            "protocol": [[text.visible(cell, 1500) for cell in row] for row in found.protocol.itertuples(index=False)],
            "trial": trial_cells(found),
            "positivity": positivity_cells(found.positivity),
            "agreement": agreement(found),
            "grace": text.number(found.asked.trial.grace_day),
            "by_rule": any(one.rule is not None for one in found.asked.policies),
        }
    }


def headings(table: pd.DataFrame, unit: str) -> list[str]:
    """A heading per quantity and threshold."""
    found = []
    for row in shown_of(table, str(table["policy"].iloc[0])):
        words = BY_NAME[row["estimand"]].words
        below = f" {text.number(row['threshold'], 5)} {unit}" if text.known(row["threshold"]) else ""
        found.append(f"{words}{below}")
    return found


def shown_of(table: pd.DataFrame, policy: str) -> list[dict[Any, Any]]:
    """The rows of one policy that the tables show, in their order."""
    rows = table[table["policy"] == policy].to_dict("records")
    return [row for name in SHOWN for row in rows if row["estimand"] == name]


def quantity(value: Any, unit: str) -> str:
    """A mean as a reader sees it: whole grams, infusions to one decimal."""
    if not text.known(value):
        return text.UNKNOWN
    if unit in ("g", "1"):
        return f"{float(value):.{0 if unit == 'g' else 1}f}".replace("-0.0", "0.0").replace("-", "−").replace("−0", "0")
    return amount(value, unit)


def cell(row: Mapping[Any, Any]) -> tuple[str, str]:
    """A number with its unit, and its interval."""
    unit = str(row["unit"])
    shown = f"{quantity(row['median'], unit)} {unit_words(unit)}".strip()
    return (shown, interval_of(row, ("lower", "upper"))) if text.known(row["median"]) else (text.UNKNOWN, row["reason"])


def interval_of(row: Mapping[Any, Any], ends: tuple[str, str]) -> str:
    unit = str(row["unit"])
    return f"{quantity(row[ends[0]], unit)} to {quantity(row[ends[1]], unit)}"


def policy_cells(table: pd.DataFrame) -> list[Cells]:
    """A row per policy, numbered as in the chart."""
    return [
        {
            "number": str(place),
            "policy": text.visible(name, 80),
            "values": [cell(row) for row in shown_of(table, str(name))],
        }
        for place, name in enumerate(table["policy"].unique(), start=1)
    ]


def contrast_cells(table: pd.DataFrame) -> list[Cells]:
    """A row per pair."""
    return [
        {
            "policy": text.visible(policy, 80),
            "against": text.visible(against, 80),
            "values": [
                (*cell(row), probability(row["p_positive"]) if row["estimand"] == "nadir" else "")
                for row in shown_of(rows, str(policy))
            ],
        }
        for (policy, against), rows in table.groupby(["policy", "against"], sort=False)
    ]


def policy_sentence(effect: CohortEffect) -> str:
    """What would have become of everyone under each policy, with what it takes."""
    if effect.policies is None:
        return ""
    table = effect.policies.policies
    n = int(table["n_patients"].max())
    if not n:
        return f"No policy can be told: {table['reason'].iloc[0]}."
    names = list(table["policy"].unique())
    told = [name for name in names if name != AS_RECORDED][:MOST_SAID]
    said = [f"on “{text.visible(name, 80)}” {nadir_for_grams(table, name)}" for name in told[1:]]
    said.append(f"as recorded it is {nadir_for_grams(table, AS_RECORDED)} a patient")
    more = len(names) - 1 - len(told)
    rest = f" ({more} more in the table)" if more else ""
    before = "By the card alone, before any measurement: had" if effect.options.prior_only else "Had"
    who = "the patient" if n == 1 else f"all {n} patients"
    return (
        f"{before} {who} been on “{text.visible(told[0], 80)}”, the mean nadir would have been "
        f"{nadir_for_grams(table, told[0])}; {'; '.join(said)}{rest}."
    )


def nadir_for_grams(table: pd.DataFrame, policy: str) -> str:
    """ "389 mg/dL (379 to 401) for 63 g" """
    rows = {row["estimand"]: row for row in shown_of(table, policy)}
    grams = quantity(rows["grams"]["median"], "g")
    given = f"for {grams} g" if grams != "0" else "for no immunoglobulin"
    return f"{cell(rows['nadir'])[0]} ({interval_of(rows['nadir'], ('lower', 'upper'))}) {given}"


def trial_cells(found: PolicyEffects) -> list[Cells]:
    """What the record alone says beside what was replayed: of each policy and each pair, of both outcomes."""
    return [
        {
            "policy": text.visible(policy, 80),
            "against": f"− {text.visible(against, 80)}" if against else "",
            "n": f"{rows['n_uncensored'].iloc[0]} of {rows['n_patients'].iloc[0]}" if not against else "",
            "effective": f"{rows['effective_n'].iloc[0]:.1f}" if not against else "",
            "values": [trial_pair(row) for row in rows.to_dict("records")],
            "reason": text.visible(rows["reason"].iloc[0], 400) if not against else "",
        }
        for (policy, against), rows in found.trial.groupby(["policy", "against"], sort=False)
    ]


def trial_pair(row: Mapping[Any, Any]) -> Cells:
    """One outcome: by the record (empty where refused) and replayed."""
    unit = str(row["unit"])
    known = text.known(row["estimate"])
    return {
        "record": quantity(row["estimate"], unit) if known else "not given",
        "record_interval": interval_of(row, ("lower", "upper")) if known else "",
        "replayed": quantity(row["replayed"], unit),
        "replayed_interval": interval_of(row, ("replayed_lower", "replayed_upper")),
    }


def positivity_cells(table: pd.DataFrame) -> list[Cells]:
    """One row per policy and day."""
    return [
        {
            "policy": text.visible(row["policy"], 80),
            "day": text.day(row["day"]) if text.known(row["day"]) else "each one's end",
            "followed": str(row["n_followed"]),
            "uncensored": f"{row['n_uncensored']} ({text.share(row['share_uncensored'])})",
            "effective": f"{row['effective_n']:.1f}",
            "mean": f"{row['mean_weight']:.2f}",
            "largest": text.share(row["largest_weight"]) if text.known(row["largest_weight"]) else "",
            "least": text.fraction(row["least_probability"]) if text.known(row["least_probability"]) else "",
            "departures": text.visible(row["departures"], 300),
        }
        for row in table.to_dict("records")
    ]


def agreement(found: PolicyEffects) -> str:
    """Whether the record alone and the replayed policies say the same, where the record can speak."""
    pairs = found.trial[(found.trial["against"] != "") & (found.trial["estimand"] == "lowest_measured")]
    rows = pairs.to_dict("records")
    if not rows:
        return "No record could take part in the target trial."
    spoken = [row for row in rows if row["status"] == "estimated"]
    if not spoken:
        return (
            "The record alone can speak on none of the contrasts: what these policies ask for was done too seldom, or "
            "never by those who would need it. The replayed figures then rest on the kinetic model alone."
        )
    apart = [row for row in spoken if row["upper"] < row["replayed_lower"] or row["lower"] > row["replayed_upper"]]
    heard = f"The record alone can speak on {len(spoken)} of {len(rows)} contrasts of the lowest measured value"
    if not apart:
        return f"{heard}; there its intervals and the replayed ones overlap."
    names = text.listed([pair_words(row) for row in apart])
    return (
        f"{heard}. They DISAGREE on {names}: the intervals do not overlap. Either what prescribers knew is not all in "
        "the weights, or the kinetic model is wrong; believe neither before that is understood."
    )


def pair_words(row: Mapping[Any, Any]) -> str:
    return f"“{text.visible(row['policy'], 80)}” against “{text.visible(row['against'], 80)}”"


def policy_sentences(effect: CohortEffect) -> Sequence[str]:
    """For the end of the command and the head of the page; none without policies."""
    if effect.policies is None:
        return ()
    return (f"{policy_sentence(effect)} {agreement(effect.policies)}",)
