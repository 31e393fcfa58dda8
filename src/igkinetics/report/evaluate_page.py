"""report.html of a check of forecasts: the cards ranked, and how the best one's predictions did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from igkinetics import text
from igkinetics.charts.evaluate_charts import pit_chart, reliability_chart
from igkinetics.charts.goodness_charts import goodness_chart
from igkinetics.charts.svg import Captioned, Draw, draw
from igkinetics.errors import counted
from igkinetics.evaluate.result import ForecastEvaluation
from igkinetics.evaluate.scores import ALL
from igkinetics.report.card_view import card_view
from igkinetics.report.environment import render_page
from igkinetics.report.rows import Cells

MEASURES: Final = ("within_20", "within_30", "coverage_50", "coverage_80", "coverage_95")
WIDTH: Final = 0.05
"""So far off may the share within 80 % intervals be before their width is spoken of."""


def write_evaluate_report(result: ForecastEvaluation, path: Path, draw: Draw = draw) -> None:
    path.write_text(evaluate_report(result, draw), encoding="utf-8", newline="\n")


def evaluate_report(result: ForecastEvaluation, draw: Draw = draw) -> str:
    """The whole page as text; every name from the input is escaped."""
    charts = charts_of(result)
    figures = draw([each.chart for each in charts])
    title = f"Forecasts of {text.visible(result.cohort.name)} held against what came"
    return render_page(
        "evaluate.html.j2",
        title,
        result.record(),
        {
            "sentences": evaluate_sentences(result),
            "notes": result.notes,
            "unit": result.cohort.igg_unit,
            "ranking": [ranking_cells(row) for row in overall(result).to_dict("records")],
            "parts": part_rows(result),
            "best": best_card(result),
            "figures": [(figure, each.caption) for figure, each in zip(figures, charts, strict=True)],
            "missed": missed_rows(result),
            "cards": [card_view(name, digest, result.sources[name]) for name, digest in result.card_ids.items()],
            "options": {"prior": "card"},
        },
    )


def overall(result: ForecastEvaluation) -> pd.DataFrame:
    """The row of all samples of each card, best first."""
    scores = result.scores
    return scores[(scores["horizon"] == ALL) & (scores["dosing"] == ALL)]


def best_card(result: ForecastEvaluation) -> str:
    """The first of the ranking, or of all cards where none is ranked."""
    return str(overall(result)["card"].iloc[0])


def measure_cells(row: Mapping[Any, Any]) -> Cells:
    """What every table shows of a row of evaluate.csv."""
    return {
        "n": str(int(row["n"])),
        "bias": signed_percent(row["bias"]),
        "rrmse": text.share(row["rrmse"]),
        **{name: text.share(row[name]) for name in MEASURES},
        "log_score": text.number(row["log_score"], 4),
    }


def ranking_cells(row: Mapping[Any, Any]) -> Cells:
    behind = text.UNKNOWN
    if text.known(row["behind"]):
        behind = text.number(row["behind"], 2)
        behind += f" ± {text.number(row['behind_se'], 2)}" if text.known(row["behind_se"]) and row["behind"] > 0 else ""
    return {
        "rank": f"{row['rank']:.0f}" if text.known(row["rank"]) else text.UNKNOWN,
        "card": text.visible(row["card"]),
        "behind": behind,
        "weight": text.fraction(row["weight"]) if row["weight"] > 0 else text.UNKNOWN,
        "note": note_words(row["note"]) if text.known(row["note"]) else "",
        **measure_cells(row),
    }


def note_words(note: str) -> str:
    """Why a card is not ranked, without the reason of a sample: these stand in a table of their own below."""
    ranked, _, rest = note.partition(": ")
    return text.visible(f"{ranked}: {rest.partition(': ')[0]}" if rest else ranked, most=300)


def signed_percent(value: Any) -> str:
    if not text.known(value):
        return text.UNKNOWN
    return f"{100 * float(value):+.0f} %".replace("-", "−")


def part_rows(result: ForecastEvaluation) -> list[Cells]:
    """The best card by horizon and by dosing."""
    rows = result.scores[result.scores["card"] == best_card(result)]
    parts = rows[(rows["horizon"] != ALL) | (rows["dosing"] != ALL)]
    return [
        {
            "part": horizon_text(str(row["horizon"])) if row["horizon"] != ALL else str(row["dosing"]),
            **measure_cells(row),
        }
        for row in parts.to_dict("records")
    ]


def horizon_text(name: str) -> str:
    """The name of a bin of horizons in words."""
    low, high = name.split("-")
    return f"{low} to {high} days ahead" if high else f"over {low} days ahead"


def charts_of(result: ForecastEvaluation) -> list[Captioned]:
    """Of the best card."""
    card, unit = best_card(result), result.cohort.igg_unit
    points = result.points[(result.points["card"] == card) & result.points["pit"].notna()]
    if points.empty:
        return []
    charts = [
        Captioned(
            section="pit",
            title=f"PIT histogram of card {card}",
            caption="Where measurements lie in their predictive distributions. Even heights: right; a hump in the "
            "middle: intervals too wide; high ends: too narrow; a slope: levels predicted too high or too low.",
            spec=pit_chart(points["pit"]),
        ),
        Captioned(
            section="observed",
            title=f"Measured against predicted IgG, card {card}, {unit}",
            caption="Measured against predicted (median); the line is equality. Values beyond a limit are left out.",
            spec=goodness_chart(
                points[points["limit"] == ""],
                "predicted",
                "observed",
                (f"Predicted ({unit})", f"Measured ({unit})"),
                identity=True,
            ),
        ),
    ]
    for threshold in result.options.thresholds:
        rows = result.reliability[(result.reliability["card"] == card) & (result.reliability["threshold"] == threshold)]
        charts.append(
            Captioned(
                section="reliability",
                title=f"P(measured below {threshold:g} {unit}) against the share measured below, card {card}",
                caption=f"Below {text.number(threshold)} {unit}: probabilities predicted, in bins, against what came; "
                "larger dots hold more samples. On the line: right.",
                spec=reliability_chart(rows),
            )
        )
    return charts


def missed_rows(result: ForecastEvaluation) -> list[Cells]:
    """Why samples were not predicted, by card."""
    missed = result.points[result.points["pit"].isna()]
    counts = missed.groupby(["card", "status", "reason"], sort=False).size().reset_index(name="n")
    return [
        {
            "card": text.visible(row["card"]),
            "n": str(row["n"]),
            "status": str(row["status"]).replace("_", " "),
            "reason": text.visible(row["reason"], most=300),
        }
        for row in counts.sort_values("n", ascending=False, kind="stable").head(50).to_dict("records")
    ]


def evaluate_sentences(result: ForecastEvaluation) -> list[str]:
    """For the end of the command and the head of the page."""
    rows = overall(result)
    first = rows.iloc[0].to_dict()
    patients = result.points["patient_id"].nunique()
    samples = len(result.points.drop_duplicates(["patient_id", "day", "n_before"]))
    how = (
        f"{counted(samples, 'sample')} of {counted(patients, 'patient')}, from the third of each on, predicted from "
        f"those before, under {counted(len(result.card_ids), 'card')}."
    )
    if not text.known(first["rank"]):
        return ["No card could be ranked; evaluate_points.parquet says why.", how]
    covered = "/".join(f"{100 * first[name]:.0f}" for name in ("coverage_50", "coverage_80", "coverage_95"))
    errors = f"bias {signed_percent(first['bias'])}, relative RMSE {text.share(first['rrmse'])}"
    within = f"{text.share(first['within_20'])} of its predictions lie within 20 % of what was measured ({errors})"
    if not text.known(first["within_20"]):
        within = "no level to hold its predictions against, only limits of the assay"
    said = [
        f"Best card here: {first['card']}: {within}; its 50/80/95 % intervals held {covered} % of the measurements"
        f"{width_words(first['coverage_80'], int(first['n']))}.",
        how,
    ]
    second = rows[rows["rank"] == 2]
    if len(second):
        row = second.iloc[0]
        error = f" ± {text.number(row['behind_se'], 2)}" if text.known(row["behind_se"]) else ""
        close = " (not told apart)" if text.known(row["behind_se"]) and row["behind"] < 2 * row["behind_se"] else ""
        said.append(f"Next: {row['card']}, log score per sample {text.number(row['behind'], 2)}{error} less{close}.")
    mixed = rows[rows["weight"] > 0].sort_values("weight", ascending=False, kind="stable")
    words = text.listed(f"{row['card']} {text.fraction(row['weight'])}" for row in mixed.to_dict("records"))
    said.append(f"Mixture that predicts best (card = stack): {words}.")
    unranked = rows[rows["rank"].isna()]
    if len(unranked):
        words = text.listed(
            f"{row['card']} (predicted {row['n']} of {counted(row['n'] + row['n_missed'], 'sample')})"
            for row in unranked.to_dict("records")
        )
        said.append(f"Not ranked: {words}; the report says why under 'Not predicted'.")
    return said


def width_words(covered: float, n: int) -> str:
    """What the share within 80 % intervals says of their width, beyond 5 points and two standard errors; "" else."""
    if not text.known(covered) or not n:
        return ""
    beyond = max(WIDTH, 2.0 * (0.8 * 0.2 / n) ** 0.5)
    if covered > 0.8 + beyond:
        return ", and so are wider than they need be"
    return ", and so are too narrow to be relied on" if covered < 0.8 - beyond else ""
