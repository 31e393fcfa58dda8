"""Prior weights of the average: what a cohort makes of them, and that every command means the same by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.app.desk import Desk
from igkinetics.cards.prior import draw_parameters, kinetic_parameters
from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort, Patient
from igkinetics.errors import InputError
from igkinetics.fit.learning import FEWEST, asked_of, evidence_in, evidence_of, learnt_for_fit
from igkinetics.fit.options import AVERAGED, FitOptions
from igkinetics.fit.problem import patient_schedule
from igkinetics.fit.weights import COUNTS_AS, FIT, FIT_AT_LEAST, FORECAST, moved_by
from igkinetics.kinetics.curves import igg_curve
from made_records import CARD, CYCLES, planned, prior_of

N = 36
ASSUMED = np.array([*FORECAST.by_name.values()])
CHOICES = ["--draws", "100", "--intervals", "laplace", "--engine", "lmfit", "--jobs", "1"]


def moved(evidence: np.ndarray, at_least: tuple[float, ...] = ()) -> np.ndarray:
    return np.array([*moved_by(evidence, FORECAST, at_least).by_name.values()])


def test_the_weights_are_the_highest_point_of_likelihood_and_prior() -> None:
    """Beside it: scipy climbs the same log posterior on the simplex."""
    generator = np.random.default_rng(5)
    evidence = generator.normal(scale=1.5, size=(80, 6)) + np.array([0.0, 1.0, 0.0, 0.0, 2.0, 0.0])

    def minus_log_posterior(z: np.ndarray) -> float:
        weights = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        return -float(np.log(np.exp(evidence) @ weights).sum() + COUNTS_AS * ASSUMED @ np.log(weights))

    best = minimize(minus_log_posterior, np.zeros(6), method="BFGS").x
    assert_allclose(moved(evidence), np.exp(best) / np.exp(best).sum(), atol=0.0101)


def test_records_that_say_nothing_move_nothing() -> None:
    same = np.zeros((50, 6))
    assert_allclose(moved(same), ASSUMED, atol=0.0101)
    assert_allclose(moved(np.full((50, 6), np.nan)), ASSUMED, atol=0.0101)
    without_heavy = same.copy()
    without_heavy[:, AVERAGED.index("heavy_tails")] = np.nan
    assert_allclose(moved(without_heavy), ASSUMED, atol=0.0101)


def test_weights_add_up_to_one_and_order_changes_nothing() -> None:
    generator = np.random.default_rng(2)
    evidence = generator.normal(scale=3.0, size=(400, 6)) + np.array([9.0, 0.0, -3.0, -9.0, -9.0, -9.0])
    evidence[3:9, 5] = np.nan
    weights = moved(evidence)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0.01).all()
    assert_allclose(moved(evidence[generator.permutation(400)]), weights, rtol=0, atol=0)


def test_no_cohort_takes_away_what_single_records_cannot_show() -> None:
    """A thousand records that all follow the curve leave drift four fifths of its weight."""
    evidence = np.zeros((1000, 6))
    evidence[:, 0] = 5.0
    weights = np.array([*moved_by(evidence, FIT, FIT_AT_LEAST).by_name.values()])
    assumed = np.array([*FIT.by_name.values()])
    assert_allclose(weights[1:], np.array(FIT_AT_LEAST[1:]) * assumed[1:], atol=0.0101)
    assert weights[0] == pytest.approx(1.0 - weights[1:].sum())


def made(n: int, *, heavy: bool, seed: int = 3) -> dict[str, pd.DataFrame]:
    """Samples and therapy of n patients drawn from the card; measurements scatter normally, or with heavy tails."""
    generator = np.random.default_rng(seed)
    days = np.linspace(-3.0, 160.0, 12)
    patient, rows = planned(), []
    schedule, prior = patient_schedule(patient, ignore_therapy=False), prior_of(patient)
    for number in range(n):
        drawn = draw_parameters(prior, generator, 1, with_uncertainty=False)
        theta = kinetic_parameters({name: float(values[0]) for name, values in drawn.items()})
        level = np.add(*igg_curve(theta, schedule, days))
        noise = generator.standard_t(1.6, days.size) if heavy else generator.standard_normal(days.size)
        igg = level + np.clip(noise, -4.0, 4.0) * np.hypot(prior.additive_g_per_l, prior.proportional * level)
        rows += [(f"P{number:02d}", day, max(value, 0.3)) for day, value in zip(days, igg, strict=True)]
    samples = pd.DataFrame(rows, columns=["patient_id", "day", "igg"]).round({"day": 2, "igg": 2})
    courses = [(name, *course, "blinatumomab") for name in samples["patient_id"].unique() for course in CYCLES]
    return {"samples": samples, "therapy": pd.DataFrame(courses, columns=["patient_id", "start", "stop", "agent"])}


def cohort_of(tables: dict[str, pd.DataFrame]) -> Cohort:
    return igk.read_cohort(**tables, igg_unit="g/L")


@pytest.fixture(scope="module")
def heavy() -> Cohort:
    return cohort_of(made(N, heavy=True))


@pytest.fixture(scope="module")
def fits(heavy: Cohort) -> igk.CohortFit:
    return igk.fit_cohort(heavy, draws=200, intervals="laplace")


def test_a_cohort_with_heavy_tails_is_told_from_one_without(fits: igk.CohortFit) -> None:
    usual = igk.fit_cohort(cohort_of(made(N, heavy=False)), draws=200, intervals="laplace")
    weights = [one.options.average_weights for one in (fits, usual)]
    assert weights[0]["heavy_tails"] > 4 * FIT.heavy
    assert weights[1]["heavy_tails"] <= FIT.heavy
    assert weights[1]["no_drift"] > FIT.drift[0]
    for fit in fits.fits:
        rows = {row.note: row for row in fit.alternatives}
        if fit.has_numbers:
            assert (
                next(row for note, row in rows.items() if note.startswith("errors with heavy")).prior_weight
                == (weights[0]["heavy_tails"])
            )
    assert any("moved by" in note and "heavy tails" in note for note in fits.notes)


def test_the_evidence_is_that_of_importance_sampling(heavy: Cohort) -> None:
    """Laplace's method against the draws' own estimate, in the components that draws were made of."""
    fits = igk.fit_cohort(cohort_of(made(6, heavy=False)), draws=4000)
    gaps = []
    for fit in fits.fits:
        found = evidence_in(fits.cohort, fit.patient.patient_id, CARD, fits.options)
        assert not isinstance(found, str)
        drawn = [row.log_marginal for row in fit.alternatives[:3]]
        gaps.append(found[:3] - drawn - (found[0] - drawn[0]))
    assert np.abs(np.median(gaps, axis=0)).max() < 0.15
    assert np.abs(gaps).max() < 1.0


def test_order_changes_nothing_and_a_patient_alone_is_alone(heavy: Cohort, fits: igk.CohortFit) -> None:
    tables = made(N, heavy=True)
    turned = {name: table.iloc[::-1] for name, table in tables.items()}
    again = igk.fit_cohort(cohort_of(turned), draws=200, intervals="laplace", jobs=1)
    assert again.options.average_weights == fits.options.average_weights
    one, other = (each.nadir.set_index("patient_id").sort_index() for each in (again, fits))
    pd.testing.assert_frame_equal(one, other)
    alone = igk.fit_cohort(heavy, draws=200, intervals="laplace", average="alone")
    single = igk.fit_cohort(heavy.only("P07"), draws=200, intervals="laplace")
    assert not alone.options.average_weights
    row = alone.nadir[alone.nadir["patient_id"] == "P07"].reset_index(drop=True)
    pd.testing.assert_frame_equal(row, single.nadir)
    assert not row["fitted_nadir"].equals(fits.nadir.loc[fits.nadir["patient_id"] == "P07", "fitted_nadir"])


def test_few_patients_leave_the_weights_as_they_are() -> None:
    few = cohort_of(made(FEWEST - 1, heavy=True))
    assert not igk.fit_cohort(few, draws=100, intervals="laplace").options.average_weights
    ahead = igk.forecast_cohort(few, thresholds=[4], draws=100, patients=("P01",))
    assert ahead.options.average_weights == FORECAST.by_name


def test_an_error_in_one_record_costs_no_other_its_weights(heavy: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = evidence_of

    def failing(patient: Patient, *more: object) -> np.ndarray:
        if patient.patient_id == "P07":
            raise ZeroDivisionError
        return asked(patient, *more)

    monkeypatch.setattr("igkinetics.fit.learning.evidence_of", failing)
    options, said = learnt_for_fit(heavy, FitOptions())
    assert options.average_weights["heavy_tails"] > 0.2
    assert f"by {N - 1} records" in said[0]
    assert "1 record could not be asked" in said[1]
    assert "ZeroDivisionError" in said[1]


@pytest.mark.parametrize(
    "choices",
    [{"structure": "one_compartment/step_loss"}, {"residual": "student_t"}, {"drift": False}, {"fix": {"CL": 0.2}}],
    ids=str,
)
def test_what_an_average_lacks_keeps_its_share(heavy: Cohort, choices: dict[str, Any]) -> None:
    """What patients cannot have says nothing; the rest is learnt as ever."""
    options, _ = learnt_for_fit(heavy, FitOptions(**choices))
    weights = options.average_weights
    assert sum(weights.values()) == pytest.approx(1.0)
    if "residual" in choices or "structure" in choices:
        assert weights["heavy_tails"] <= 0.1
    else:
        assert weights["heavy_tails"] > 0.2
    kept = FitOptions(prior="none")
    assert learnt_for_fit(heavy, kept) == (kept, [])


def test_everybody_is_asked_or_the_same_few() -> None:
    names = [f"patient {n}" for n in range(1000)]
    asked = asked_of(names)
    assert len(asked) == 300
    assert asked_of(names[::-1]) == asked
    assert set(asked_of(asked[:50])) == set(asked[:50])


def test_the_app_and_the_doses_of_a_patient_rest_on_the_fit_of_the_cohort(heavy: Cohort, fits: igk.CohortFit) -> None:
    desk = Desk()
    desk.open(heavy)
    assert desk.asked.average_weights == fits.options.average_weights
    dosing = igk.dose_patient(heavy, "P07", target=5, dose_g=[20, 30], interval=[28], draws=200)
    assert dosing.fits.options.average_weights == fits.options.average_weights
    whole = igk.fit_cohort(heavy, draws=200, average_weights=fits.options.average_weights).nadir
    row = whole[whole["patient_id"] == "P07"].reset_index(drop=True)
    pd.testing.assert_frame_equal(dosing.fits.nadir, row)


def test_a_forecast_and_its_check_learn_too(heavy: Cohort) -> None:
    ahead = igk.forecast_cohort(heavy, thresholds=[4], draws=100, patients=("P07", "P09"))
    assert ahead.options.average_weights["heavy_tails"] > 2 * FORECAST.heavy
    assert any("moved by" in note for note in ahead.notes)
    known = igk.forecast_cohort(heavy, thresholds=[4], draws=100, patients=("P07",), until=60)
    assert known.options.average_weights != ahead.options.average_weights
    alone = igk.forecast_cohort(heavy, thresholds=[4], draws=100, patients=("P07",), average="alone")
    assert alone.options.average_weights == FORECAST.by_name


def written(folder: Path, tables: dict[str, pd.DataFrame], parts: int) -> Path:
    """A cohort of files, or of so many parts."""
    folder.mkdir()
    (folder / "cohort.toml").write_text('igg_unit = "g/L"\n')
    whose = {name: n % max(parts, 1) for n, name in enumerate(tables["samples"]["patient_id"].unique())}
    for name, table in tables.items():
        if not parts:
            table.to_parquet(folder / f"{name}.parquet")
            continue
        (folder / name).mkdir()
        for part, rows in table.groupby(table["patient_id"].map(whose)):
            rows.to_parquet(folder / name / f"part-{part}.parquet")
    return folder


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments])
    return done.exit_code, done.output


def test_a_cohort_in_parts_learns_what_the_whole_does(tmp_path: Path) -> None:
    tables = made(N, heavy=True)
    whole, parts = written(tmp_path / "whole", tables, 0), written(tmp_path / "parts", tables, 2)
    for verb, table, choices in (
        ("fit", "nadir.csv", CHOICES),
        ("forecast", "worklist.csv", ["--threshold", "4", "--draws", "100", "--jobs", "1", "--until", "90"]),
    ):
        outs = [tmp_path / f"{verb} {cohort.name}" for cohort in (whole, parts)]
        for cohort, out in zip((whole, parts), outs, strict=True):
            status, said = run(verb, str(cohort), "--out", str(out), *choices)
            assert status == 0, said
        records = [json.loads((out / "run.json").read_text())["options"]["average_weights"] for out in outs]
        assert records[0] == records[1]
        assert records[0]["heavy_tails"] > 0.2
        rows = [pd.read_csv(out / table).sort_values("patient_id", ignore_index=True) for out in outs]
        pd.testing.assert_frame_equal(*rows)


@pytest.mark.parametrize("verb", ["fit", "forecast", "evaluate"])
def test_another_word_is_refused(verb: str, tmp_path: Path) -> None:
    more = ["--threshold", "400"] if verb == "forecast" else []
    status, said = run(verb, "data/blina23", "--out", str(tmp_path / "out"), "--average", "cohorts", *more)
    assert status == 2
    assert "--average" in said
    assert "did you mean cohort?" in said


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"no_drift": 1.0}, "weights of no_drift, drift_0.25"),
        (dict.fromkeys(AVERAGED, 0.5), "add up to 1"),
        (FIT.by_name | {"no_drift": -0.02, "drift_0.25": 0.4}, "above 0"),
        (FIT.by_name | {"heavy_tails": 0.0, "drift_0.25": 0.27}, "above 0"),
    ],
)
def test_weights_that_are_none_are_refused(weights: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FitOptions(average_weights=weights)
