"""report.html of a group comparison: the table of a cohort study, and sentences for its methods section."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from igkinetics import text
from igkinetics.compare.output import compare_record
from igkinetics.compare.run import GroupComparison
from igkinetics.errors import counted
from igkinetics.report.environment import render_page
from igkinetics.report.fit_page import card_views

VARIABLE_WORDS = {
    "raw_nadir": "Lowest measured IgG",
    "fitted_nadir": "Fitted nadir",
    "days_to_raw_nadir": "Days to lowest measured",
    "days_to_fitted_nadir": "Days to fitted nadir",
}
"""variable of compare.csv -> words; others are thresholds or the outcomes' own names."""


def write_compare_report(comparison: GroupComparison, path: Path) -> None:
    path.write_text(compare_report(comparison), encoding="utf-8", newline="\n")


def compare_report(comparison: GroupComparison) -> str:
    """The whole page as text; every name from the input is escaped."""
    fit = comparison.fit
    return render_page(
        "compare.html.j2",
        f"Groups of {text.visible(fit.cohort.name)}",
        compare_record(comparison),
        {
            "sentences": compare_sentences(comparison),
            "notes": [*comparison.notes, *fit.notes],
            "group_a": text.visible(comparison.group_a),
            "group_b": text.visible(comparison.group_b),
            "level": text.percent(fit.options.level),
            "unit": fit.cohort.igg_unit,
            "rows": shown_rows(comparison),
            "groups": [group_shown(row) for row in comparison.sampling.to_dict("records")],
            "methods": methods_sentences(comparison),
            "cards": card_views(fit),
            "options": fit.options,
        },
    )


def variable_words(variable: str, unit: str) -> str:
    """What a row is about, for a reader."""
    if variable.startswith("first_below_"):
        return f"Days to first below {variable.removeprefix('first_below_')} {unit}"
    return VARIABLE_WORDS.get(variable, text.visible(variable))


def value_words(value: Any, unit: str) -> str:
    """A value in the row's unit: percent, whole days, or IgG."""
    if not text.known(value):
        return text.UNKNOWN
    if unit == "1":
        return text.share(value, 1)
    return text.day(value) if unit == "day" else text.level(value, unit).replace("-", "−")


def interval_words(lower: Any, upper: Any, unit: str) -> str:
    """Two ends; an end that the data do not limit is said to be open."""
    if not (text.known(lower) or text.known(upper)):
        return text.UNKNOWN
    ends = [value_words(end, unit) if text.known(end) else "not reached" for end in (lower, upper)]
    return " to ".join(ends)


def p_words(p: Any) -> str:
    """P to two significant digits, three decimals beyond 0.1; never 0, and 1 only where it is 1."""
    if not text.known(p):
        return text.UNKNOWN
    return "< 0.0001" if p < 1e-4 else text.fraction(p, 3) if p >= 0.1 else f"{p:.2g}"


def shown(row: Mapping[Any, Any], igg_unit: str) -> dict[str, str]:
    """A row of compare.csv as the page shows it."""
    unit = str(row["unit"])
    words = {
        "variable": variable_words(str(row["variable"]), igg_unit),
        "test": str(row["test"]),
        "p": p_words(row["p"]),
        "note": text.visible(row["note"], 600),
        "estimate": value_words(row["estimate"], unit),
        "estimate_interval": interval_words(row["lower"], row["upper"], unit),
    }
    for side in ("a", "b"):
        n, count = int(row[f"n_{side}"]), row[f"count_{side}"]
        words[f"n_{side}"] = f"{int(count)} of {n}" if text.known(count) else f"n = {n}"
        words[f"value_{side}"] = value_words(row[f"value_{side}"], unit)
        words[f"interval_{side}"] = interval_words(row[f"lower_{side}"], row[f"upper_{side}"], unit)
    return words


def shown_rows(comparison: GroupComparison) -> list[dict[str, str]]:
    """Every row of compare.csv as the page shows it, with the days of a common window."""
    n_own = len(comparison.table) - comparison.n_common
    window = comparison.common.options.window if comparison.common is not None else None
    days = f" (days {text.number(window[0])} to {text.number(window[1])})" if window is not None else ""
    rows = [shown(row, comparison.fit.cohort.igg_unit) for row in comparison.table.to_dict("records")]
    return [row | {"variable": row["variable"] + (days if index >= n_own else "")} for index, row in enumerate(rows)]


def group_shown(row: Mapping[Any, Any]) -> dict[str, str]:
    """A row of groups.csv as the page shows it."""
    unit = str(row["unit"])
    return {
        "group": text.visible(row["group"]),
        "patients": str(row["n_patients"]),
        "infused": str(row["n_infused"]),
        "raw": f"{row['n_with_raw_nadir']} of {row['n_patients']}",
        "fitted": f"{row['n_fitted']} of {row['n_patients']}",
        "reached": f"{row['n_reached']} of {row['n_fitted']}",
        "samples": f"{text.number(row['samples_median'])} ({text.number(row['samples_least'])} to "
        f"{text.number(row['samples_most'])})",
        "shift": f"{text.level(row['sampling_shift'], unit)} {unit}".replace("-", "−"),
    }


def compare_sentences(comparison: GroupComparison) -> list[str]:
    """What the table says, in plain sentences: for the end of the command and the head of the page."""
    a, b = text.visible(comparison.group_a), text.visible(comparison.group_b)
    sizes = [int(n) for n in comparison.sampling["n_patients"]]
    said = [f"{a} ({counted(sizes[0], 'patient')}) against {b} ({counted(sizes[1], 'patient')})."]
    for row, words in zip(comparison.table.to_dict("records"), shown_rows(comparison), strict=True):
        own_unit = "days" if row["unit"] == "day" else row["unit"]
        tail = f"P = {words['p']}".replace("= <", "<").replace("= >", ">").replace(f"= {text.UNKNOWN}", "not defined")
        said.append(
            f"{words['variable']}: {words['value_a']} ({words['n_a']}) v {words['value_b']} ({words['n_b']}), {tail}."
            if text.known(row["count_a"])
            else f"{words['variable']}: {words['value_a']} v {words['value_b']} {own_unit}, difference "
            f"{words['estimate']} ({words['estimate_interval']}), {tail}."
        )
    return said


def methods_sentences(comparison: GroupComparison) -> list[str]:
    """For a methods section."""
    level = text.percent(comparison.fit.options.level)
    return [
        f"Groups are those named in the record ({text.visible(comparison.group_a)} and "
        f"{text.visible(comparison.group_b)}). The window runs from the first therapy start to the last sample, cut at "
        "death, transplant or the start of another B-cell-depleting therapy"
        + ("; rows with days in brackets use those days for every patient." if comparison.n_common else "."),
        "Lowest measured and fitted nadirs and the days to them are given as medians with exact binomial "
        f"{level} intervals and compared by the Hodges-Lehmann shift and the Mann-Whitney test (exact without ties "
        "up to 2,500 pairs of patients).",
        "Time to the first measured value below each threshold is described by Kaplan-Meier medians (the middle of "
        f"the stretch where a curve runs flat at one half) with log-log {level} intervals and compared by the log-rank "
        "test.",
        f"Outcomes are counted once per patient, absence of a row meaning absence of the outcome; proportions have "
        f"Clopper-Pearson {level} intervals, Fisher's exact test (two-sided), and a posterior risk difference under "
        "Jeffreys priors.",
        "No correction is made for the number of comparisons, and none of them is adjusted for confounding.",
    ]
