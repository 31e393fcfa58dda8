"""report.html of a group comparison: the table of a cohort study, and sentences for its methods section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from igkinetics import text
from igkinetics.charts.svg import Draw, draw
from igkinetics.compare.output import compare_record
from igkinetics.compare.plots import compare_charts
from igkinetics.compare.run import GroupComparison
from igkinetics.compare.tables import lowest_of, median_is_hidden
from igkinetics.errors import counted
from igkinetics.report.environment import render_page
from igkinetics.report.fit_page import card_views
from igkinetics.report.three_ways import page_beside, three_ways_words

VARIABLE_WORDS = {
    "raw_nadir": "Lowest measured IgG",
    "fitted_nadir": "Fitted nadir",
    "days_to_raw_nadir": "Days to lowest measured (descriptive)",
    "days_to_fitted_nadir": "Days to fitted nadir (descriptive)",
}
"""variable of compare.csv -> words; others are thresholds or the outcomes' own names."""


def write_compare_report(comparison: GroupComparison, path: Path, draw: Draw = draw) -> None:
    other = page_beside(path, "effect", compare_record(comparison))
    path.write_text(compare_report(comparison, draw, other), encoding="utf-8", newline="\n")


def compare_report(comparison: GroupComparison, draw: Draw = draw, other: str = "") -> str:
    """The whole page as text; every name from the input is escaped. other: link to the page of the effect."""
    fit = comparison.fit
    charts = compare_charts(comparison)
    figures = draw([each.chart for each in charts])
    return render_page(
        "compare.html.j2",
        f"Groups of {text.visible(fit.cohort.name)}",
        compare_record(comparison),
        {
            "sentences": compare_sentences(comparison),
            "figures": [(figure, each.caption) for each, figure in zip(charts, figures, strict=True)],
            "notes": [*comparison.notes, *fit.notes],
            "group_a": text.visible(comparison.group_a),
            "group_b": text.visible(comparison.group_b),
            "level": text.percent(fit.options.level),
            "unit": fit.cohort.igg_unit,
            "rows": shown_rows(comparison),
            "groups": [group_shown(row) for row in comparison.sampling.to_dict("records")],
            "methods": methods_sentences(comparison),
            "other": other,
            "three_ways": three_ways_words(fit.cohort, (comparison.group_a, comparison.group_b)),
            "cards": card_views(fit),
            "options": fit.options,
        },
    )


def variable_words(variable: str, unit: str) -> str:
    """What a row is about, for a reader."""
    if variable.startswith("first_below_"):
        return f"Days to first below {variable.removeprefix('first_below_')} {unit}"
    words = VARIABLE_WORDS.get(variable, first_large(text.visible(variable).replace("_", " ")))
    return f"{words}, {unit}" if variable in ("raw_nadir", "fitted_nadir") else words


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


def difference(row: Mapping[Any, Any]) -> dict[str, str]:
    """Of what is shown beside it, and the estimate with its name and interval, or why there is none."""
    unit = str(row["unit"])
    if not text.known(row["estimate"]):
        why = "times are compared by the test alone" if row["test"] == "log-rank" else "a group is empty"
        return {"observed": text.UNKNOWN, "estimate": why}
    name = (
        "typical difference of a pair (Hodges-Lehmann)" if row["test"] == "Mann-Whitney" else "Bayes, Jeffreys priors"
    )
    interval = interval_words(row["lower"], row["upper"], unit)
    known = text.known(row["lower"]) and text.known(row["upper"])
    return {
        "observed": difference_shown(row),
        "estimate": f"{name}: {value_words(row['estimate'], unit)} "
        f"({interval if known else 'too few patients for an interval'})",
    }


def difference_shown(row: Mapping[Any, Any]) -> str:
    """The difference of the two values as they are shown, rounded as they are."""
    unit = str(row["unit"])
    a, b = (value_words(row[f"value_{side}"], unit).removesuffix(" %").replace("−", "-") for side in ("a", "b"))
    if text.UNKNOWN in (a, b):
        return text.UNKNOWN
    decimals = len(a.partition(".")[2])
    shown = f"{float(a) - float(b):.{decimals}f}"
    shown = shown.removeprefix("-") if float(shown) == 0 else shown.replace("-", "−")
    return f"{shown} points" if unit == "1" else shown


def shown(row: Mapping[Any, Any], igg_unit: str) -> dict[str, str]:
    """A row of compare.csv as the page shows it."""
    unit = str(row["unit"])
    words = {
        "variable": variable_words(str(row["variable"]), igg_unit),
        "test": str(row["test"]),
        "p": p_words(row["p"]),
        "note": text.visible(row["note"], 600),
        **difference(row),
    }
    for side in ("a", "b"):
        n, count = int(row[f"n_{side}"]), row[f"count_{side}"]
        words[f"n_{side}"] = f"{int(count)} of {n}" if text.known(count) else f"n = {n}"
        words[f"value_{side}"] = value_words(row[f"value_{side}"], unit)
        words[f"interval_{side}"] = interval_words(row[f"lower_{side}"], row[f"upper_{side}"], unit)
    return words


def shown_rows(comparison: GroupComparison) -> list[dict[str, str]]:
    """Every row of compare.csv as the page shows it, with the days of a common window; days to nadirs last."""
    n_own = len(comparison.table) - comparison.n_common
    window = comparison.common.options.window if comparison.common is not None else None
    days = f" (days {text.number(window[0])} to {text.number(window[1])})" if window is not None else ""
    rows = comparison.table.to_dict("records")
    told = [
        shown(row, comparison.fit.cohort.igg_unit) | ({"days": days} if index >= n_own else {"days": ""})
        for index, row in enumerate(rows)
    ]
    named = [row | {"variable": row["variable"] + row["days"]} for row in told]
    late = [str(row["variable"]).startswith("days_to") for row in rows]
    return [row for row, is_late in zip(named, late, strict=True) if not is_late] + [
        row for row, is_late in zip(named, late, strict=True) if is_late
    ]


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
    """What the table says, levels and then outcomes: for the end of the command and the head of the page."""
    rows = comparison.table.iloc[: len(comparison.table) - comparison.n_common].to_dict("records")
    return [levels_sentence(comparison, rows), events_sentence(comparison, rows)]


def levels_sentence(comparison: GroupComparison, rows: Sequence[Mapping[Any, Any]]) -> str:
    """Fitted nadirs of the groups, and whether the data tell them apart."""
    row = next(row for row in rows if row["variable"] == "fitted_nadir")
    if not (text.known(row["value_a"]) and text.known(row["value_b"])):
        row = next(row for row in rows if row["variable"] == "raw_nadir")
    a, b, unit = text.visible(comparison.group_a), text.visible(comparison.group_b), str(row["unit"])
    own = comparison.sampling["n_patients"]
    sizes = f"{a} ({counted(int(own.iloc[0]), 'patient')}) and {b} ({counted(int(own.iloc[1]), 'patient')})"
    words = {"fitted_nadir": "fitted nadir", "raw_nadir": "lowest measured IgG"}[str(row["variable"])]
    if not (text.known(row["value_a"]) and text.known(row["value_b"])):
        return f"{sizes}: the lowest IgG cannot be compared, for one group has none."
    signs = [
        "<" if row["variable"] == "raw_nadir" and len(lowest[0]) and median_is_hidden(*lowest) else ""
        for lowest in (lowest_of(comparison.fit.nadir, str(name)) for name in (comparison.group_a, comparison.group_b))
    ]
    values = f"{signs[0]}{value_words(row['value_a'], unit)} and {signs[1]}{value_words(row['value_b'], unit)} {unit}"
    said = f"{sizes}: median {words} {values}"
    shift = f"by {value_words(row['estimate'], unit)} {unit}"
    interval = interval_words(row["lower"], row["upper"], unit)
    if not (text.known(row["lower"]) and text.known(row["upper"])):
        return f"{said}; too few patients for an interval of the difference."
    if row["lower"] <= 0 <= row["upper"]:
        return f"{said}; they cannot be told apart (typical difference of a pair {shift[3:]}, {interval})."
    side = "lower" if row["upper"] < 0 else "higher"
    return f"{said}; {a} is {side} (typical difference of a pair {shift[3:]}, {interval})."


def events_sentence(comparison: GroupComparison, rows: Sequence[Mapping[Any, Any]]) -> str:
    """Who fell below each threshold and had each outcome; P only of those that chance hardly explains."""
    counted_rows = [row for row in rows if text.known(row["count_a"])]
    if not counted_rows:
        return "No threshold was given and no outcome is recorded."
    unit, level = comparison.fit.cohort.igg_unit, comparison.fit.options.level
    told = [
        f"{event_words(str(row['variable']), unit)} {int(row['count_a'])} of {int(row['n_a'])} and "
        f"{int(row['count_b'])} of {int(row['n_b'])}"
        for row in counted_rows
    ]
    apart = [
        f"{event_words(str(row['variable']), unit)} (P = {p_words(row['p'])})".replace("= <", "<")
        for row in counted_rows
        if text.known(row["p"]) and row["p"] < 1 - level
    ]
    verdict = (
        f"the groups differ in {text.listed(apart)}, with no allowance for the number of comparisons"
        if apart
        else "no difference beyond what chance explains"
    )
    return f"{first_large(text.listed(told, 6))}: {verdict}."


def event_words(variable: str, unit: str) -> str:
    below = variable.removeprefix("first_below_")
    return f"below {below} {unit}" if below != variable else text.visible(variable).replace("_", " ")


def first_large(words: str) -> str:
    return words[:1].upper() + words[1:]


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
