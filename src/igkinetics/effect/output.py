"""The files of an effect analysis. The same posterior gives the same bytes, times aside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from igkinetics.effect.policies.result import POLICY_TABLES
from igkinetics.effect.result import EFFECT_TABLES, CohortEffect
from igkinetics.effect.sampling import POSTERIOR_FILES
from igkinetics.effect.sensitivity import (
    AVERAGED,
    INFLUENCE,
    MISFITS,
    MODELS,
    OTHERS,
    PREDICTION,
    PRIORS,
    TIPPING,
    WINDOWS,
)
from igkinetics.errors import PROBLEM_COLUMNS
from igkinetics.fit.records import EVENT_COLUMNS, EVENTS_FILE, event_table
from igkinetics.output.files import RUN_RECORD, cohort_record, digests, write_csv, write_json, write_parquet
from igkinetics.output.folder import Kind

CSV_FILES: Final = {
    "effect.csv": "summary",
    "patient_effects.csv": "patients",
    "prior_posterior.csv": "prior",
    "population.csv": "population",
    "predictive.csv": "checks",
    "predictive_samples.csv": "replicates",
    "vpc.csv": "vpc",
    "extensions.csv": "extensions",
    "decomposition.csv": "decomposition",
    "misfit.csv": "misfit",
    "negative_controls.csv": "controls",
    "flow.csv": "flow",
    "baseline.csv": "baseline",
}
"""File -> table of CohortEffect."""
SENSITIVITY_FILES: Final = {
    AVERAGED: "averaged.csv",
    OTHERS: "other_models.csv",
    PRIORS: "prior_sensitivity.csv",
    MODELS: "model_comparison.csv",
    INFLUENCE: "influence.csv",
    PREDICTION: "loo.csv",
    TIPPING: "tipping_points.csv",
    WINDOWS: "ratio_windows.csv",
    MISFITS: "misfit_effects.csv",
}
"""Heading of a sensitivity table -> file."""
POLICY_FILES: Final = {
    "policies.csv": "policies",
    "policy_contrasts.csv": "contrasts",
    "policy_patients.csv": "patients",
    "target_trial.csv": "trial",
    "target_trial_protocol.csv": "protocol",
    "target_trial_positivity.csv": "positivity",
}
"""File -> table of PolicyEffects; with `--policies` alone."""
EFFECT_OUTPUT: Final = Kind(
    marker=RUN_RECORD,
    names=frozenset([*CSV_FILES, *SENSITIVITY_FILES.values(), *POLICY_FILES])
    | {"diagnostics.csv", "first_below.csv", "problems.csv", "curves.parquet", EVENTS_FILE, RUN_RECORD}
    | set(POSTERIOR_FILES.values())
    | {"report.html"},
)


def write_effect(effect: CohortEffect, folder: Path) -> None:
    """Every table, the posterior, problems.csv and run.json into the existing, empty `folder`."""
    for file, table in CSV_FILES.items():
        write_csv(getattr(effect, table), EFFECT_TABLES[table], folder / file)
    if effect.options.thresholds:
        write_csv(effect.first_below, EFFECT_TABLES["first_below"], folder / "first_below.csv")
    if effect.policies is not None:
        for file, table in POLICY_FILES.items():
            write_csv(getattr(effect.policies, table), POLICY_TABLES[table], folder / file)
    write_csv(effect.diagnostics, tuple(effect.diagnostics.columns), folder / "diagnostics.csv")
    write_csv(effect.cohort.problems, PROBLEM_COLUMNS, folder / "problems.csv")
    for heading, file in SENSITIVITY_FILES.items():
        if heading in effect.sensitivity:
            rows = effect.sensitivity[heading]
            write_csv(rows, tuple(rows.columns), folder / file)
    write_parquet(effect.courses, EFFECT_TABLES["courses"], folder / "curves.parquet")
    write_parquet(event_table(effect.cohort), EVENT_COLUMNS, folder / EVENTS_FILE)
    if effect.sampling.save is not None:
        effect.sampling.save(folder, effect.posterior)
    written = digests(folder, (*POSTERIOR_FILES.values(), EVENTS_FILE))
    write_json(effect_record(effect, written), folder / RUN_RECORD)


def effect_record(effect: CohortEffect, written: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The run record of an effect analysis. written: files that other commands may read -> SHA-256."""
    record = cohort_record("effect", effect, effect.options.record(), written)
    return record | {"inputs": {**record["inputs"], **effect.files_read}}
