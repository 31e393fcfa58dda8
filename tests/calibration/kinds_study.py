"""Does `effect` hold what it says where the model is wrong? Cohorts of every kind of `wrong_worlds.py`, read and
analysed as any record is, beside their truth: the headline averaged over models, the base model's row, both verdicts.

`python tests/calibration/kinds_study.py [COHORTS [FIRST]] [--base-only] [--kinds NAME ...]` appends a row per cohort to
effect_kinds.csv, one of every kind after the other, and goes on where it stopped; `--base-only` leaves out the models
that the headline is averaged over (a fifth of the time). `... summary` prints the table of the kinds.

Of a default run only what these rows need is computed, by the same functions (a slow test compares both). The verdict
on the sampling is that of the population, the effect in the infused and the rise: the effect in those never infused
would take a third of the time of the base model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits
from wrong_worlds import KINDS, SIZE, THRESHOLD_G_PER_L, cohort_of, true_att, write_cohort

from igkinetics.cards.load import load_card
from igkinetics.cards.model import Card
from igkinetics.cohort.model import Cohort
from igkinetics.cohort.read import read_cohort
from igkinetics.effect.averages import att, rises
from igkinetics.effect.beside import EVERYBODY, Beside, anybody_infused, prepared_for, suspected_of
from igkinetics.effect.counterfactual import within_patient
from igkinetics.effect.estimand_row import Criteria, Estimand, interval
from igkinetics.effect.estimands import EVIDENCE
from igkinetics.effect.exposure import exposures
from igkinetics.effect.learnt import PRIOR_DRAWS, prior_rows, speaking
from igkinetics.effect.misfit import misfit_rows
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.sampling import EXTENSIONS, lightened, others_of, sampled_base, sampling_of, settings_of
from igkinetics.effect.sensitivity import AVERAGED, averaged_tables
from igkinetics.effect.tables import beside_residuals, card_weight, column_name, draw_table, judged_sampling
from igkinetics.hierarchical.common_step import common_step
from igkinetics.hierarchical.fit import PreparedCohort, SampledCohort, sample_prepared
from igkinetics.hierarchical.posterior import CohortPosterior
from igkinetics.hierarchical.predict import from_prior
from igkinetics.provenance import package_versions

TABLE = Path(__file__).with_name("effect_kinds.csv")
BASE_TABLE = Path(__file__).with_name("effect_kinds_base.csv")
"""104 cohorts by the base model alone, run before courses could drift in the average, and before three tests of fit."""
COHORTS = 20
QUANTITIES = {"nadir": "nadir_change_att", "mean_igg": "mean_igg_change_att", "days_below": "days_below_change_att"}
LEVEL = 0.95


def models_of(cohort: Cohort, card: Card, prepared: PreparedCohort, options: EffectOptions) -> dict[str, SampledCohort]:
    """Every model that a default run averages over, the base model first."""
    settings = settings_of(options)
    models = {"base": sampled_base(prepared, settings, lambda line: None)}
    if options.base_only:
        return models
    lighter = lightened(settings, full=False)
    for extension in EXTENSIONS if anybody_infused(prepared) else ():
        models[extension] = sample_prepared(prepared, lighter, extension)
    suspected = suspected_of(cohort, card, prepared, options)
    step = common_step(models["base"].posterior, cohort.day_zero, options.seed)
    beside = Beside(settings=lighter, say=lambda line: None)
    others = others_of(cohort, card, prepared, beside, options, suspected, step)
    return models | {name: sample() for name, sample in others.items() if name != EVERYBODY}


def estimands_of(cohort: Cohort, posterior: CohortPosterior, card: Card) -> list[Estimand]:
    """The effect in the infused, and rises."""
    people = exposures(cohort, posterior, card_weight(card))
    treated = [one for one in people if one.treated]
    changes = within_patient(posterior, treated, (THRESHOLD_G_PER_L,), 1)
    return [*att(changes, (THRESHOLD_G_PER_L,), sign_given=True), *rises(posterior, people)]


def kind_row(kind: str, number: int, *, averaged: bool = True, size: int = SIZE) -> dict[str, object]:
    """One cohort: truth, estimates, verdicts."""
    began = time.process_time()
    subjects = cohort_of(kind, number, size)
    with tempfile.TemporaryDirectory() as folder:
        write_cohort(subjects, Path(folder))
        cohort = read_cohort(Path(folder))
    options = EffectOptions(
        thresholds=(THRESHOLD_G_PER_L,), seed=number + 1, jobs=1, level=LEVEL, base_only=not averaged
    )
    card = load_card(options.card)
    prepared = prepared_for(cohort, card, options)
    models = models_of(cohort, card, prepared, options)
    base = models["base"]
    criteria = Criteria(level=LEVEL, unit="g/L")
    each = {name: estimands_of(cohort, model.posterior, card) for name, model in models.items()}
    weight = card_weight(card)
    suspected = suspected_of(cohort, card, prepared, options)
    step = common_step(base.posterior, cohort.day_zero, options.seed)
    sampling = sampling_of(base, {}, None, options, {}, None, suspected, step, further=False)
    beside = beside_residuals(cohort, sampling, weight, options.ivig_days)
    sampling = judged_sampling(sampling, each["base"], draw_table(base.posterior, each["base"], criteria), "g/L")
    misfit = misfit_rows(cohort, base.posterior, exposures(cohort, base.posterior, weight), options.seed, beside)
    ids = list(base.posterior.patient_ids)
    row: dict[str, object] = {
        "kind": kind,
        "cohort": number,
        "averaged": averaged,
        "n_model": len(ids),
        "n_infused": sum(one.record.dose_day.size > 0 and one.record.patient_id in ids for one in subjects),
        "n_left_out": len(sampling.left_out),
        "n_set_aside": len(sampling.set_aside),
        "sampler": base.sampler,
        "passed": sampling.passed,
        "misfit": bool(misfit["speaks"].any()),
        "tests": " ".join(name.replace(" ", "_") for name in misfit.loc[misfit["speaks"], "test"]),
        "evidence": evidence(cohort, card, models, each["base"], criteria),
    }
    row |= {f"p_{name.replace(' ', '_')}": p for name, p in zip(misfit["test"], misfit["p"], strict=True)}
    drawn = {name: quantities(found) for name, found in each.items()}
    tables, _ = averaged_tables(models, drawn, LEVEL, options.seed, 1)
    row["n_models"] = tables[AVERAGED]["n_models"].iloc[0] if AVERAGED in tables else 1
    for name, truth in zip(QUANTITIES, true_att(subjects, ids), strict=True):
        row |= quantity_columns(name, float(truth), drawn["base"], tables.get(AVERAGED))
    for extension in EXTENSIONS:
        if extension in models:
            ratio = interval(models[extension].posterior.population[extension].reshape(-1), LEVEL)
            row |= {f"{extension}_{end}": value for end, value in zip(("lower", "upper"), ratio[1:], strict=True)}
    diagnostics = sampling.diagnostics.set_index("parameter")
    reported = [name for name in diagnostics.index if "_change_att" in str(name)]
    row |= {
        "att_r_hat": float(diagnostics.loc[reported, "r_hat"].max()),
        "att_ess": float(diagnostics.loc[reported, ["ess_bulk", "ess_tail"]].min(axis=None)),
        "pareto_k": float(base.trace.statistics["pareto_k"].max()) if "pareto_k" in base.trace.statistics else None,
        "not_averaged": "" if AVERAGED not in tables else tables[AVERAGED]["left_out"].iloc[0],
        "cpu_seconds": time.process_time() - began,
        "verdict": sampling.verdict,
    }
    return row


def quantities(found: list[Estimand]) -> dict[str, object]:
    """Draws of the three quantities, as the averaged row has them."""
    asked = [one for one in found if one.estimated and one.name in QUANTITIES.values()]
    return {column_name(one, "g/L"): one.in_unit("g/L") for one in asked}


def evidence(
    cohort: Cohort, card: Card, models: Mapping[str, SampledCohort], found: list[Estimand], criteria: Criteria
) -> str:
    """What the page says of the data's own evidence on the rise per gram."""
    before = from_prior(models["base"].prepared, PRIOR_DRAWS, 1)
    people = exposures(cohort, before, card_weight(card))
    table = prior_rows(list(rises(before, people)), found, criteria, speaking(people, before))
    return " / ".join(table.loc[table["estimand"] == EVIDENCE, "evidence"])


def quantity_columns(
    name: str, truth: float, of_base: Mapping[str, object], averaged: pd.DataFrame | None
) -> dict[str, object]:
    """Truth and estimate of one quantity under the base model, and averaged over models as the headline is."""
    full = next((one for one in of_base if one.startswith(QUANTITIES[name])), "")
    columns: dict[str, object] = {name: truth}
    if not full:
        return columns
    rows = {"": interval(of_base[full], LEVEL)}  # type: ignore[arg-type]
    found = [] if averaged is None else averaged[averaged["quantity"] == full].to_dict("records")
    for one in found:
        rows["_averaged"] = one["median"], one["lower"], one["upper"]
    for which, (median, lower, upper) in rows.items():
        columns |= {
            f"{name}{which}_median": median,
            f"{name}{which}_lower": lower,
            f"{name}{which}_upper": upper,
            f"{name}{which}_covered": bool(lower <= truth <= upper),
        }
    return columns


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """A row per kind: coverage, error, share of verdicts of misfit and of failed sampling.

    A cohort counts once; `averaged`: of how many cohorts the headline is there too.
    """
    table = []
    once = rows.sort_values("averaged", ascending=False, kind="stable").drop_duplicates(["kind", "cohort"])
    for kind, of_kind in once.sort_index().groupby("kind", sort=False):
        row: dict[str, object] = {"kind": kind, "what": KINDS.get(str(kind), ""), "cohorts": len(of_kind)}
        row["averaged"] = int(of_kind["averaged"].astype(bool).sum())
        for name in QUANTITIES:
            row[f"{name}_coverage"] = of_kind[f"{name}_covered"].astype(float).mean()
            row[f"{name}_bias"] = (of_kind[f"{name}_median"] - of_kind[name]).mean()
            if f"{name}_averaged_covered" in of_kind:
                row[f"{name}_averaged_coverage"] = of_kind[f"{name}_averaged_covered"].dropna().astype(float).mean()
        failed = ~of_kind["passed"].astype(bool)
        row |= {
            "misfit": of_kind["misfit"].astype(float).mean(),
            "failed": failed.mean(),
            "failed_though_att_fine": (failed & (of_kind["att_r_hat"] < 1.01) & (of_kind["att_ess"] >= 400)).mean(),
            "contradicts_card": of_kind["evidence"].str.contains("contradict").mean(),
            "left_out": of_kind["n_left_out"].mean(),
        }
        table.append(row)
    return pd.DataFrame(table)


def run(
    cohorts: int = COHORTS,
    first: int = 0,
    *,
    averaged: bool = True,
    path: Path = TABLE,
    kinds: tuple[str, ...] = tuple(KINDS),
) -> Path:
    """What the file does not hold yet, one cohort of every kind after the other, so that it may be stopped any time."""
    done = set()
    if path.exists():
        held = pd.read_csv(path)
        done = set(zip(held["kind"], held["cohort"], held["averaged"], strict=True))
    versions = package_versions()
    said = " ".join(f"{name} {versions[name]}" for name in ("python", "igkinetics", "numpy") if name in versions)
    for number in range(first, first + cohorts):
        for kind in kinds:
            if (kind, number, averaged) in done:
                continue
            with threadpool_limits(1, "blas"):
                row = {**kind_row(kind, number, averaged=averaged), "versions": said}
            frame = pd.DataFrame([row]).reindex(columns=COLUMNS)
            frame.to_csv(
                path, mode="a", header=not path.exists(), index=False, float_format="%.6g", lineterminator="\n"
            )
            print(kind, number, f"{row['cpu_seconds']:.0f} s", flush=True)
    return path


TESTS = (
    "neighbours", "patients", "study_day", "calendar", "since_infusion", "tails", "spread", "unexplained", "rises",
    "rise_per_gram", "step",
)  # fmt: skip
ENDS = ("_median", "_lower", "_upper", "_covered")
COLUMNS = [
    "kind", "cohort", "averaged", "n_model", "n_infused", "n_left_out", "n_set_aside", "sampler", "passed", "misfit",
    "tests", "evidence", *(f"p_{name}" for name in TESTS),
    *(f"{name}{which}" for name in QUANTITIES for which in ("", *ENDS, *(f"_averaged{end}" for end in ENDS))),
    *(f"{name}_{end}" for name in EXTENSIONS for end in ("lower", "upper")),
    "att_r_hat", "att_ess", "pareto_k", "not_averaged", "n_models", "cpu_seconds", "verdict", "versions",
]  # fmt: skip


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("cohorts", nargs="?", default=str(COHORTS))
    asked.add_argument("first", nargs="?", type=int, default=0)
    asked.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    asked.add_argument("--base-only", action="store_true")
    asked.add_argument("--out", type=Path, default=TABLE)
    given = asked.parse_args()
    if given.cohorts == "summary":
        with pd.option_context("display.width", 250, "display.max_columns", None):
            print(summary(pd.read_csv(given.out)).to_string(index=False, float_format="%.2f"))
    else:
        run(int(given.cohorts), given.first, path=given.out, kinds=tuple(given.kinds), averaged=not given.base_only)
