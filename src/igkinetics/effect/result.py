"""What an effect analysis gives: frozen tables around the posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from igkinetics.cohort.model import Cohort
from igkinetics.effect.averages import EXTENSION_COLUMNS
from igkinetics.effect.baseline import BASELINE_COLUMNS, FLOW_COLUMNS
from igkinetics.effect.courses import COURSE_COLUMNS
from igkinetics.effect.decomposition import DECOMPOSITION_COLUMNS
from igkinetics.effect.estimand_row import EFFECT_COLUMNS
from igkinetics.effect.learnt import POPULATION_COLUMNS, PRIOR_COLUMNS
from igkinetics.effect.misfit import MISFIT_COLUMNS
from igkinetics.effect.negative_controls import CONTROL_COLUMNS
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.patients import PATIENT_EFFECT_COLUMNS
from igkinetics.effect.policies.result import PolicyEffects
from igkinetics.effect.predictive import CHECK_COLUMNS, FIRST_BELOW_COLUMNS, REPLICATE_COLUMNS
from igkinetics.effect.visual_check import VPC_COLUMNS
from igkinetics.hierarchical.common_step import CommonStep
from igkinetics.hierarchical.diagnostics import GOOD, passes
from igkinetics.hierarchical.fit import LAPLACE
from igkinetics.hierarchical.posterior import CohortPosterior, Extension
from igkinetics.hierarchical.suspected import Suspected
from igkinetics.kinetics.parameters import Floats
from igkinetics.output.answer import Answer

if TYPE_CHECKING:
    from igkinetics.effect.sensitivity import Question

GOOD_WORDS: Final = "chains agree, without divergences, with enough effective draws"
ENOUGH_WORDS: Final = "chains agree, with enough effective draws, on all that is reported"
WEIGHTED_WORDS: Final = "importance weights can be believed, with enough effective draws of all that is reported"
DIAGNOSTIC_COLUMNS: Final = ("parameter", "r_hat", "ess_bulk", "ess_tail", "mcse")
EFFECT_TABLES: Final = {
    "summary": EFFECT_COLUMNS,
    "patients": PATIENT_EFFECT_COLUMNS,
    "courses": COURSE_COLUMNS,
    "prior": PRIOR_COLUMNS,
    "population": POPULATION_COLUMNS,
    "checks": CHECK_COLUMNS,
    "replicates": REPLICATE_COLUMNS,
    "vpc": VPC_COLUMNS,
    "first_below": FIRST_BELOW_COLUMNS,
    "decomposition": DECOMPOSITION_COLUMNS,
    "misfit": MISFIT_COLUMNS,
    "controls": CONTROL_COLUMNS,
    "flow": FLOW_COLUMNS,
    "baseline": BASELINE_COLUMNS,
    "extensions": EXTENSION_COLUMNS,
}
"""Table -> its columns, in their order."""


def verdict_words(said: str, sampler: str) -> str:
    """The verdict of the diagnostics, in words for a reader. sampler: what made the draws."""
    if passes(said) and sampler == LAPLACE:
        return said.replace(GOOD, WEIGHTED_WORDS, 1)
    if said == GOOD:
        return GOOD_WORDS
    return said.replace(GOOD, ENOUGH_WORDS, 1) if passes(said) else said


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """What sampling hands over. diagnostics: DIAGNOSTIC_COLUMNS and more; passed: whether its verdict is good;
    by_chains: whether draws come from chains, of which estimands are judged too.

    samplers: what made the draws of the base model and of each extension.
    prior: the same patients under the card alone, with where each prior of the population comes from. new: draws
    patients anew under the posterior, with these ones' infusions. extensions: posteriors beside the base model.
    left_out: patient -> why not in the posterior; failed: those of them who met an error of ours; unexplained: those
    whose course nothing recorded explains. suspected: infusions that the record does not have; step: of all levels at
    one time, that of most evidence, None where none could be told. set_aside: patient ->
    odd samples that the model does not see. sensitivity: heading -> table, as they come; ask: makes more of them.
    covariates (patients, m) with labels: for the adjusted contrast. save: writes the posteriors, with
    these draws of the estimands, into a folder.
    """

    posterior: CohortPosterior
    diagnostics: pd.DataFrame
    verdict: str
    passed: bool
    by_chains: bool = False
    prior: CohortPosterior | None = None
    prior_sources: dict[str, str] = field(default_factory=dict)
    new: Callable[[], CohortPosterior] | None = None
    extensions: dict[Extension, CohortPosterior] = field(default_factory=dict)
    extension_verdicts: dict[Extension, str] = field(default_factory=dict)
    samplers: dict[Extension, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    suspected: Suspected | None = None
    step: CommonStep | None = None
    sensitivity: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    covariates: Floats | None = None
    labels: tuple[str, ...] = ()
    ask: Callable[[Question], dict[str, pd.DataFrame]] | None = None
    save: Callable[[Path, pd.DataFrame], None] | None = None

    @property
    def sampler(self) -> str:
        """What made the draws of the base model; empty where no data were met."""
        return self.samplers.get("base", "")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class CohortEffect(Answer):
    """The effect of IVIG in a cohort. summary: effect.csv; patients: patient_effects.csv.

    posterior: a row per draw with the population's parameters and every estimand, in the cohort's unit.
    courses: curves with and without the infusions; prior: what the card alone says, population: of what patients
    share; checks, replicates, vpc: posterior predictive checks; first_below: times to first below each threshold;
    decomposition: the difference of ever and never infused taken apart; misfit: tests of the model's fit; controls:
    what infusions never given seem to do; flow, baseline: who takes part, and how the groups were at the start;
    extensions: the models beside the base one.
    n_acting: infused patients with an infusion before the last day of their window.
    sensitivity: heading -> table. dosing: what the infusions' days look like. policies: None where none was asked.
    files_read: files of regimens and policies -> SHA-256.
    """

    TABLES_OF = (*EFFECT_TABLES, "diagnostics")
    FOLDER = "igkinetics.effect.output:EFFECT_OUTPUT"
    FILES = "igkinetics.effect.output:write_effect"
    PAGE = "igkinetics.report.effect_page:write_effect_report"

    cohort: Cohort
    card_ids: dict[str, str]
    options: EffectOptions
    sampling: Sampling
    summary: pd.DataFrame
    patients: pd.DataFrame
    posterior: pd.DataFrame
    courses: pd.DataFrame
    prior: pd.DataFrame
    population: pd.DataFrame
    checks: pd.DataFrame
    replicates: pd.DataFrame
    vpc: pd.DataFrame
    first_below: pd.DataFrame
    decomposition: pd.DataFrame
    misfit: pd.DataFrame
    controls: pd.DataFrame
    flow: pd.DataFrame
    baseline: pd.DataFrame
    extensions: pd.DataFrame
    sensitivity: dict[str, pd.DataFrame]
    dosing: str
    dosing_by_calendar: bool
    notes: tuple[str, ...]
    n_acting: int
    seconds: float
    policies: PolicyEffects | None = None
    files_read: dict[str, str] = field(default_factory=dict)
    finished: datetime = field(default_factory=_now)

    def __post_init__(self) -> None:
        for table, columns in EFFECT_TABLES.items():
            present = tuple(getattr(self, table).columns)
            if present != columns:
                raise AssertionError(f"table {table} has the columns {present}, not {columns}")
        if set(self.patients["patient_id"]) != set(self.cohort.patient_ids):
            raise AssertionError("patients needs a row for every patient")

    @property
    def diagnostics(self) -> pd.DataFrame:
        """diagnostics.csv: convergence of every parameter, and the verdict."""
        return self.sampling.diagnostics

    @property
    def interrupted(self) -> bool:
        return self.sampling.posterior.interrupted

    @property
    def started(self) -> datetime:
        """When the analysis began (UTC)."""
        return self.finished - timedelta(seconds=self.seconds)

    @property
    def n_treated(self) -> int:
        """Patients of the posterior with an infusion in the window."""
        return len(self.in_posterior(treated=True))

    def in_posterior(self, *, treated: bool) -> list[str]:
        rows = self.patients[(self.patients["status"] == "estimated") & (self.patients["treated"] == treated)]
        return list(dict.fromkeys(rows["patient_id"].astype(str)))

    @property
    def verdict(self) -> str:
        """What became of the sampling, in one sentence."""
        stopped = "; interrupted before the end" if self.interrupted else ""
        return f"{self.sampling.verdict}{stopped}"

    def estimand(self, name: str) -> dict[str, Any]:
        """The first row of `summary` with this name. KeyError when there is none."""
        rows = self.summary[self.summary["estimand"] == name]
        if rows.empty:
            raise KeyError(name)
        return {str(key): value for key, value in rows.iloc[0].items()}

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the summary."""
        shown = [name for name in EFFECT_COLUMNS if name not in ("level", "reason")]
        table = self.summary[shown].to_html(index=False, float_format="{:.4g}".format, na_rep="")
        return f"<p>{escape(self.cohort.name)}: {escape(self.verdict)}.</p>{table}"
