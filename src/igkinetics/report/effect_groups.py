"""Why ever and never infused differ, in words that follow the numbers; and why `compare` says something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from igkinetics import text
from igkinetics.effect.decomposition import Quantity
from igkinetics.effect.estimands import Measure
from igkinetics.effect.result import CohortEffect
from igkinetics.report.effect_words import amount, unit_words
from igkinetics.report.three_ways import three_ways_words

QUANTITY_WORDS: Final[dict[Quantity, str]] = {
    "infused_with": "Infused, with their IVIG",
    "infused_without": "The same patients without it",
    "never_infused": "Never infused",
    "difference": "Difference of the groups: infused − never infused",
    "effect": "of which the effect of IVIG: with − without",
    "selection": "of which selection: without − never infused",
}
MEASURE_WORDS: Final[dict[Measure, str]] = {"nadir": "Nadir", "mean_igg": "Mean IgG", "days_below": "Days below"}
Cells = dict[str, Any]


def quantity(effect: CohortEffect, name: Quantity, measure: Measure = "nadir") -> Mapping[str, Any]:
    """A row of decomposition.csv; of several thresholds the first."""
    rows = effect.decomposition
    found = rows[(rows["measure"] == measure) & (rows["quantity"] == name)].to_dict("records")[0]
    return {str(key): value for key, value in found.items()}


def taken_apart(effect: CohortEffect) -> bool:
    """Whether there are both infused patients, in whom an infusion could act, and never infused ones."""
    return text.known(quantity(effect, "effect")["median"]) and text.known(quantity(effect, "difference")["median"])


def with_sign(row: Mapping[str, Any]) -> str:
    """A change: "+74 (56 to 95)"."""
    unit = str(row["unit"])
    shown = amount(row["median"], unit)
    plus = "+" if not shown.startswith("−") and float(shown) != 0 else ""
    return f"{plus}{shown} ({amount(row['lower'], unit)} to {amount(row['upper'], unit)})"


def decomposition_cells(effect: CohortEffect) -> tuple[list[str], list[Cells]]:
    """Headings of the measures, and a row per quantity with its number under each measure."""
    rows = effect.decomposition
    keys = rows[["measure", "threshold"]].drop_duplicates().to_dict("records")
    headings, cells = [], []
    for key in keys:
        below = f" {text.number(key['threshold'], 5)} {effect.cohort.igg_unit}" if text.known(key["threshold"]) else ""
        unit = "" if below else f", {effect.cohort.igg_unit}"
        headings.append(f"{MEASURE_WORDS[key['measure']]}{below}{unit}")
    for name, words in QUANTITY_WORDS.items():
        of_name = rows[rows["quantity"] == name].to_dict("records")
        first = of_name[0]
        n = {
            "infused_with": first["n_infused"],
            "infused_without": first["n_infused"],
            "never_infused": first["n_never_infused"],
        }.get(name, "")
        cells.append({"words": words, "n": str(n), "values": [cell(row, name) for row in of_name]})
    return headings, cells


def cell(row: Mapping[Any, Any], name: Quantity) -> tuple[str, str]:
    """The number and its interval."""
    unit = str(row["unit"])
    if not text.known(row["median"]):
        return text.UNKNOWN, str(row["reason"])
    shown = amount(row["median"], unit)
    plus = "+" if name in ("difference", "effect", "selection") and float(shown.replace("−", "-")) > 0 else ""
    return plus + shown, f"{amount(row['lower'], unit)} to {amount(row['upper'], unit)}"


def decomposition_sentence(effect: CohortEffect) -> str:
    """The three means and what lies between them."""
    means = {
        name: amount(quantity(effect, name)["median"], effect.cohort.igg_unit)
        for name in ("infused_with", "infused_without", "never_infused")
    }
    unit = unit_words(effect.cohort.igg_unit)
    return (
        f"On fitted nadirs, infused {means['infused_with']} (the same patients without IVIG "
        f"{means['infused_without']}) against never infused {means['never_infused']} {unit}: their difference of "
        f"{with_sign(quantity(effect, 'difference'))} is an effect of IVIG of "
        f"{with_sign(quantity(effect, 'effect'))} and a selection of "
        f"{with_sign(quantity(effect, 'selection'))}"
    )


def groups_words(effect: CohortEffect) -> list[str]:
    """What the numbers say of who was infused, of the groups as they ended, and of the label."""
    said = []
    if taken_apart(effect):
        said += [selection_words(effect), ending_words(effect)]
    return [*said, *label_words(effect)]


def selection_words(effect: CohortEffect) -> str:
    row = quantity(effect, "selection")
    figure = with_sign(row).replace(" (", ", ").replace(")", f" {unit_words(str(row['unit']))}")
    if row["upper"] < 0:
        return (
            f"Without any IVIG the infused would have reached lower nadirs than those never infused ({figure}): "
            "patients were infused whose IgG falls lower anyway."
        )
    if row["lower"] > 0:
        return (
            f"Without any IVIG the infused would have kept higher nadirs than those never infused ({figure}): "
            "here being infused went along with IgG that falls less."
        )
    return (
        f"Whether the infused would have fallen lower than the others without IVIG these data do not tell ({figure})."
    )


def ending_words(effect: CohortEffect) -> str:
    row = quantity(effect, "difference")
    figure = with_sign(row).replace(" (", ", ").replace(")", f" {unit_words(str(row['unit']))}")
    if row["upper"] < 0:
        return f"As it was, the infused end up lower than the never infused ({figure}), though IVIG raised them."
    if row["lower"] > 0:
        return f"As it was, the infused end up higher than the never infused ({figure})."
    return f"As it was, the two groups cannot be told apart ({figure}), though IVIG raised the infused."


def label_words(effect: CohortEffect) -> list[str]:
    """How the `group` column and having been infused differ, and what `compare` therefore compares."""
    rows = effect.patients[effect.patients["status"] == "estimated"].drop_duplicates("patient_id")
    counts = rows.groupby("group", sort=False)["treated"].agg(["sum", "size"])
    named = counts[counts.index.astype(str) != ""]
    if len(named) < 2:
        return []
    parts = [f"{int(row['sum'])} of {int(row['size'])} in {text.visible(name)}" for name, row in named.iterrows()]
    said = [
        f"Infused in the window were {text.listed(parts)}. The command compare goes by that label, not by "
        "infusions, and gives the median of all differences between pairs (Hodges-Lehmann) where this page "
        "compares means, so the two can differ in size and sign on the same patients. Neither is the effect of "
        "IVIG unless the label was allotted at random."
    ]
    if len(named) == 2:
        labels = str(named.index[0]), str(named.index[1])
        said.append(three_ways_words(effect.cohort, labels, set(rows["patient_id"])))
    return said
