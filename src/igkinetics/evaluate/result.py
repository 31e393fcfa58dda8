"""What a check of forecasts gives: every prediction, the scores of the cards, and weights to mix them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.errors import PROBLEM_COLUMNS, counted
from igkinetics.evaluate.columns import RELIABILITY, SCORES, point_columns
from igkinetics.evaluate.options import EvaluateOptions
from igkinetics.output.answer import Answer
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json, write_parquet
from igkinetics.output.folder import Kind

POINTS_FILE: Final = "evaluate_points.parquet"
EVALUATE_OUTPUT: Final = Kind(
    marker="evaluate.csv",
    names=frozenset({"evaluate.csv", "reliability.csv", POINTS_FILE, "problems.csv", RUN_RECORD, "report.html"}),
)


@dataclass(frozen=True, kw_only=True)
class ForecastEvaluation(Answer):
    """scores: SCORES, cards best first. points: a row per card and sample. reliability: P(below) against what came."""

    TABLES_OF = ("scores", "points", "reliability")
    FOLDER = "igkinetics.evaluate.result:EVALUATE_OUTPUT"
    FILES = "igkinetics.evaluate.result:write_evaluation"
    PAGE = "igkinetics.report.evaluate_page:write_evaluate_report"

    cohort: Cohort
    options: EvaluateOptions
    scores: pd.DataFrame
    points: pd.DataFrame
    reliability: pd.DataFrame
    card_ids: dict[str, str]
    sources: dict[str, str]
    """Card -> id or path it was loaded from."""
    notes: tuple[str, ...]
    started: datetime
    seconds: float
    interrupted: bool

    @property
    def weights(self) -> dict[str, float]:
        """Card (as it was given) -> weight of the mixture, for `forecast_cohort(card="stack", weights=...)`."""
        rows = self.scores.drop_duplicates("card")
        return {self.sources[card]: float(w) for card, w in zip(rows["card"], rows["weight"], strict=True) if w > 0}

    @property
    def n_predicted(self) -> int:
        return int(self.points["pit"].notna().sum())

    @property
    def verdict(self) -> str:
        return f"{counted(self.n_predicted, 'prediction')} under {counted(len(self.card_ids), 'card')}"

    def record(self, written: dict[str, str] | None = None) -> dict[str, Any]:
        return cohort_record("evaluate", self, self.options.record(), written)


def write_evaluation(result: ForecastEvaluation, folder: Path) -> None:
    """The tables, problems.csv and run.json into a folder that exists."""
    write_csv(result.scores, tuple(SCORES), folder / "evaluate.csv")
    write_parquet(result.points, point_columns(result.options.thresholds), folder / POINTS_FILE)
    if result.options.thresholds:
        write_csv(result.reliability, tuple(RELIABILITY), folder / "reliability.csv")
    write_csv(result.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    write_json(result.record(digests(folder, ["evaluate.csv", POINTS_FILE])), folder / RUN_RECORD)
