"""The files of a scenario: tables and the run record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from igkinetics.cards.private import private_cards
from igkinetics.output.files import RUN_KEYS, RUN_RECORD, write_csv, write_json, write_parquet
from igkinetics.output.folder import Kind
from igkinetics.provenance import package_versions
from igkinetics.scenarios.calendar_file import ICS_NAME, calendar_text, entries_of, is_for_one_calendar
from igkinetics.scenarios.result import TABLES, ScenarioResult

SHEET_NAME: Final = "sheet.html"
OPTIONAL_CSV: Final = (
    "differences",
    "models",
    "patient_outcomes",
    "infections",
    "search",
    "calendar",
    "next_dose",
    "next_sample",
)
"""Tables that are written where they hold anything."""
SCENARIO_OUTPUT: Final = Kind(
    marker="outcomes.csv",
    names=frozenset(
        {"outcomes.csv", "trajectories.parquet", RUN_RECORD, "report.html", ICS_NAME, SHEET_NAME}
        | {f"{name}.csv" for name in OPTIONAL_CSV}
    ),
)


def write_scenario(result: ScenarioResult, folder: Path) -> None:
    """Every table of `result` and run.json into the existing, empty `folder`; calendar.ics of one patient under one
    regimen, where dates are known."""
    write_csv(result.outcomes, TABLES["outcomes"], folder / "outcomes.csv")
    write_parquet(result.trajectories, TABLES["trajectories"], folder / "trajectories.parquet")
    for name in OPTIONAL_CSV:
        table = getattr(result, name)
        if len(table) or (name == "search" and result.file.scenario.search is not None):
            write_csv(table, TABLES[name], folder / f"{name}.csv")
    if result.about.days_from.moment is not None and is_for_one_calendar(result) is not None and result.record:
        name = f"Immunoglobulin, {result.record.patient_id}"
        entries = entries_of(result.calendar, result.next_sample)
        content = calendar_text(name, entries, result.about.days_from.moment)
        (folder / ICS_NAME).write_bytes(content.encode("utf-8"))
    write_json(scenario_record(result), folder / RUN_RECORD)


def scenario_record(result: ScenarioResult) -> dict[str, Any]:
    """What was run on what; names files, never their folders."""
    scenario, about = result.file.scenario, result.about
    cards = {card_id: digest for card_id, (digest, _) in about.cards.items()}
    values: dict[str, Any] = {
        "command": "scenario",
        "options": {
            "title": scenario.title,
            "horizon_day": scenario.horizon_day,
            "price_per_g": scenario.price_per_g,
            "population": {
                "kind": about.kind,
                "says": about.says,
                "mean_interval_holds": about.uncertainty,
                "n_patients": about.n_patients,
                "n_simulated": result.n_simulated,
                "draws": about.n_draws,
                "models": dict(zip(about.model_names, about.model_weights, strict=True)),
                "from_day": about.days_from.day if np.isfinite(about.days_from.day) else "last_sample",
                "from_date": about.days_from.date or None,
            },
            "assay": scenario.assay.model_dump(exclude_none=True),
            "regimens": [regimen.model_dump(exclude_defaults=True) for regimen in scenario.regimen],
            "search": scenario.search.model_dump(exclude_none=True) if scenario.search else None,
            "recommended": result.recommended.model_dump(exclude_defaults=True) if result.recommended else None,
        },
        "level": result.level,
        "seed": scenario.seed,
        "igg_unit": result.columns.unit,
        "thresholds": list(result.columns.thresholds),
        "inputs": {result.file.name: result.file.sha256, **about.inputs},
        "rows": {},
        "unused_columns": {},
        "covariates": [],
        "files": {},
        "cards": cards,
        "private_cards": private_cards(cards),
        "versions": package_versions(),
        "verdict": result.verdict,
        "interrupted": result.interrupted,
        "started": result.started.isoformat(timespec="seconds"),
        "seconds": round(result.seconds, 3),
    }
    return {key: values[key] for key in RUN_KEYS}
