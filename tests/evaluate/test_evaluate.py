"""Predictions held against what came: the predictive distribution, scores, weights, and a cohort from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import kstest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cli.main import app
from igkinetics.errors import InputError, NobodyFittedError
from igkinetics.evaluate.columns import SCORES
from igkinetics.evaluate.predictive import Predictive
from igkinetics.evaluate.result import ForecastEvaluation
from igkinetics.evaluate.scores import measures, ranking_of, stacking_weights
from igkinetics.fit.likelihood import LOGNORMAL, NORMAL, STUDENT_T, minus_two_log
from igkinetics.forecast.weights import weights_from
from igkinetics.report.evaluate_page import width_words
from igkinetics.resources import resource_folder
from made_records import CYCLES, drawn, record

CONTRACT = (
    "card, n, horizon, bias, rrmse, within_20, within_30, coverage_50, coverage_80, coverage_95, log_score, weight"
)
A, B = 0.2, 0.09
MIXED = -1
CARD = "adult_b_cell_depletion"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The default card, and one like it whose patients make a sixth of the IgG."""
    text = (resource_folder("models") / f"{CARD}.toml").read_text(encoding="utf-8")
    text = text.replace(f'id = "{CARD}"', 'id = "other"', 1)
    before, mark, after = text.partition("[parameters.C_base]\nvalue = ")
    assert mark
    path = tmp_path_factory.mktemp("cards") / "other.toml"
    path.write_text(before + mark + "1.0" + after[after.index("\n") :], encoding="utf-8")
    return [CARD, str(path)]


def predictive(kind: int, n: int = 50) -> Predictive:
    """kind: of every draw, or MIXED: normal error in some and heavy tails in others."""
    kinds = np.where(np.arange(n) % 3 == 0, STUDENT_T, NORMAL) if kind == MIXED else np.full(n, kind)
    levels = np.random.default_rng(1).uniform(2.0, 7.0, n)
    return Predictive(levels=levels, a=A, b=B, kind=kinds.astype(np.int8))


@pytest.mark.parametrize("kind", [NORMAL, LOGNORMAL, STUDENT_T, MIXED])
def test_the_predictive_distribution_is_the_likelihood_over_the_draws(kind: int) -> None:
    """minus_two_log is what fits maximise; its density adds up to the distribution."""
    one = predictive(kind)
    for value, limit in ((4.1, 0), (3.0, -1), (6.5, 1)):
        single = [minus_two_log(own, value, limit, c, A, B)[0] for c, own in zip(one.levels, one.kind, strict=True)]
        assert one.log_score(value, limit) == pytest.approx(np.log(np.mean(np.exp(-0.5 * np.array(single)))), rel=1e-12)
    mass = quad(lambda y: np.exp(one.log_score(y, 0)), 3.0, 6.0, epsabs=1e-10)[0]
    assert mass == pytest.approx(one.p_below(6.0) - one.p_below(3.0), abs=1e-8)
    shares = np.array([0.05, 0.5, 0.9])
    assert_allclose([one.p_below(value) for value in one.quantiles(shares)], shares, atol=0.01)


def test_where_a_measurement_lies_among_those_predicted() -> None:
    one = predictive(NORMAL)
    p = one.p_below(3.0)
    assert one.pit(3.0, 0, 0.7) == p
    assert one.pit(3.0, -1, 0.7) == pytest.approx(0.7 * p)
    assert one.pit(3.0, 1, 0.7) == pytest.approx(p + 0.7 * (1 - p))


def test_stacking_weights_are_the_best_of_a_fine_grid() -> None:
    generator = np.random.default_rng(2)
    for _ in range(5):
        scores = generator.normal(0.0, 1.0, (40, 3)) + generator.normal(0.0, 0.5, 3)
        found = stacking_weights(scores)
        assert found.sum() == pytest.approx(1.0)
        assert (found >= 0).all()
        steps = np.linspace(0.0, 1.0, 101)
        grid = np.array([(one, other, 1 - one - other) for one in steps for other in steps if one + other <= 1 + 1e-12])
        values = np.log(np.exp(scores) @ np.clip(grid, 0, 1).T).mean(axis=0)
        assert np.log(np.exp(scores) @ found).mean() >= values.max() - 1e-9
        assert_allclose(found, grid[values.argmax()], atol=0.02)
    one_card_always_better = np.column_stack([np.zeros(30), np.full(30, -3.0)])
    assert_allclose(stacking_weights(one_card_always_better), [1.0, 0.0], atol=1e-9)


def test_measures_by_hand() -> None:
    points = pd.DataFrame(
        {
            "predicted": [110.0, 75.0, 130.0, 50.0, np.nan],
            "observed": [100.0, 100.0, 100.0, 40.0, 90.0],
            "limit": ["", "", "", "below", ""],
            "pit": [0.3, 0.95, 0.02, 0.5, np.nan],
            "log_score": [-1.0, -2.0, -3.0, -2.0, np.nan],
        }
    )
    found = measures(points)
    assert found["n"] == 4
    assert found["bias"] == pytest.approx((0.10 - 0.25 + 0.30) / 3)
    assert found["rrmse"] == pytest.approx(np.sqrt((0.01 + 0.0625 + 0.09) / 3))
    assert (found["within_20"], found["within_30"]) == (pytest.approx(1 / 3), 1.0)
    assert (found["coverage_50"], found["coverage_80"], found["coverage_95"]) == (0.5, 0.5, 0.75)
    assert found["log_score"] == -2.0


def test_cards_are_ranked_on_the_samples_that_all_of_them_predicted() -> None:
    """Card y would win by leaving out what is hard to predict; card z predicted too little to be ranked."""
    rows = []
    for sample in range(20):
        hard = sample == 0
        for card, score in (("x", -5.0 if hard else -1.0), ("y", np.nan if hard else -1.1), ("z", -0.1)):
            if card == "z" and sample > 4:
                score = np.nan
            rows.append(
                (card, f"P{sample % 5}", float(sample), sample, score, score, "hard" if np.isnan(score) else "")
            )
    columns = ["card", "patient_id", "day", "n_before", "log_score", "pit", "reason"]
    found = ranking_of(pd.DataFrame(rows, columns=columns), ["x", "y", "z"]).set_index("card")
    assert found.loc["x", "rank"] == 1
    assert found.loc["y", "behind"] == pytest.approx(0.1)
    assert found["weight"].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(found.loc["z", "rank"])
    assert "predicted 5 of 20 samples" in found.loc["z", "note"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """Eight patients drawn from the default card, six samples each, one value below its limit."""
    generator = np.random.default_rng(11)
    samples, therapy = [], []
    for number in range(8):
        days = np.sort(np.append(generator.uniform(-5, 0), generator.uniform(5, 150, 5)))
        patient = drawn(record(f"P{number}", samples=[(float(day), 1.0) for day in days]), generator).patient
        samples += [(f"P{number}", day, f"{100 * igg:.1f}") for day, igg in zip(days, patient.sample_igg, strict=True)]
        therapy += [(f"P{number}", start, stop, "blinatumomab") for start, stop in CYCLES]
    samples.append(("short", 0.0, "600"))
    table = pd.DataFrame(samples, columns=["patient_id", "day", "igg"])
    lowest = table.loc[table.groupby("patient_id").tail(3).index, "igg"].astype(float).idxmin()
    table.loc[lowest, "igg"] = "<" + table.loc[lowest, "igg"]
    patients = pd.DataFrame({"patient_id": table["patient_id"].unique(), "weight_kg": 70.0})
    courses = pd.DataFrame(therapy, columns=["patient_id", "start", "stop", "agent"])
    return {"samples": table, "therapy": courses, "patients": patients}


@pytest.fixture(scope="module")
def result(frames: dict[str, pd.DataFrame], cards: list[str]) -> ForecastEvaluation:
    cohort = igk.read_cohort(**frames, igg_unit="mg/dL")
    return igk.evaluate_forecasts(cohort, cards=cards, thresholds=[400], draws=100)  # type: ignore[no-any-return]


def test_every_sample_from_the_third_on_is_a_row(result: ForecastEvaluation) -> None:
    own = result.points[result.points["card"] == CARD]
    assert len(own) == 8 * 4
    assert set(own["n_before"]) == {2, 3, 4, 5}
    assert "short" not in set(own["patient_id"])
    assert "1 patient with fewer than three samples" in result.notes
    assert own["pit"].notna().all()
    assert (own["limit"] == "below").sum() == 1
    assert list(result.scores.columns)[:12] == CONTRACT.split(", ")
    assert list(result.scores.columns) == list(SCORES)
    assert result.points["unit"].unique().tolist() == ["mg/dL"]


def test_the_right_card_predicts_as_it_says_and_wins(result: ForecastEvaluation) -> None:
    """PIT are nearly uniform (an odd few are not wrong), the card that made the patients comes first."""
    own = result.points[result.points["card"] == CARD]
    assert kstest(own["pit"], "uniform").pvalue > 0.01
    first = result.scores.iloc[0]
    assert (first["card"], first["rank"], first["n"]) == (CARD, 1.0, 32)
    assert abs(first["bias"]) < 0.08
    assert result.scores.drop_duplicates("card")["weight"].sum() == pytest.approx(1.0)
    for (_, dosing), rows in result.scores.groupby(["card", "dosing"]):
        if dosing == "all":
            assert rows["n"].iloc[1:].sum() == rows["n"].iloc[0]


def test_a_prediction_knows_nothing_of_its_sample_or_of_later_ones(
    frames: dict[str, pd.DataFrame], result: ForecastEvaluation
) -> None:
    table = frames["samples"][frames["samples"]["patient_id"] == "P0"].copy()
    table.loc[table.index[3:], "igg"] = "900"
    table = table.drop(table.index[5])
    cohort = igk.read_cohort(**{**frames, "samples": table}, igg_unit="mg/dL")
    other = igk.evaluate_forecasts(cohort, cards=[CARD], draws=100).points
    own = result.points[(result.points["card"] == CARD) & (result.points["patient_id"] == "P0")]
    for name in ("predicted", "lower_95", "upper_50"):
        assert other[name].iloc[:2].tolist() == own[name].iloc[:2].tolist()
    assert other["pit"].iloc[1] != own["pit"].iloc[1]


def test_weights_reach_a_forecast_as_a_stack(
    tmp_path: Path, frames: dict[str, pd.DataFrame], cards: list[str], result: ForecastEvaluation
) -> None:
    """All weight on one card is that card; half and half are draws of both."""
    result.write(tmp_path / "found")
    assert weights_from(tmp_path / "found")[CARD] == pytest.approx(result.weights[CARD])
    assert weights_from(tmp_path / "found" / "evaluate.csv") == weights_from(tmp_path / "found")
    cohort = igk.read_cohort(**frames, igg_unit="mg/dL")
    choices = {"thresholds": [400], "patients": ["P0"], "draws": 200}
    alone = [igk.forecast_cohort(cohort, card=card, **choices) for card in cards]
    same = igk.forecast_cohort(cohort, card="stack", weights={cards[0]: 2.0, cards[1]: 0.0}, **choices)
    assert same.forecast.equals(alone[0].forecast)
    both = igk.forecast_cohort(cohort, card="stack", weights=dict.fromkeys(cards, 1.0), **choices)
    assert set(both.card_ids) == {CARD, "other"}
    found = both.patients["P0"].outlook
    single = [one.patients["P0"].outlook for one in alone]
    assert found is not None
    assert None not in single
    for part, own in zip((found.thetas[:100], found.thetas[100:]), single, strict=True):
        common = {row.tobytes() for row in part} & {row.tobytes() for row in own.thetas}  # type: ignore[union-attr]
        assert len(common) > 30  # a card that fits badly has few distinct draws


def test_what_cannot_be_evaluated_is_refused(frames: dict[str, pd.DataFrame]) -> None:
    cohort = igk.read_cohort(**frames, igg_unit="mg/dL")
    with pytest.raises(InputError, match="typical values only"):
        igk.evaluate_forecasts(cohort, cards=["dumas_2019"])
    with pytest.raises(InputError, match="name each value once"):
        igk.evaluate_forecasts(cohort, cards=[CARD, CARD])
    few = igk.read_cohort(samples=frames["samples"].groupby("patient_id").head(2), igg_unit="mg/dL")
    with pytest.raises(NobodyFittedError, match="three samples or more"):
        igk.evaluate_forecasts(few)


def test_the_command_writes_table_points_and_page(tmp_path: Path, frames: dict[str, pd.DataFrame]) -> None:
    folder = tmp_path / "cohort"
    folder.mkdir()
    for name, table in frames.items():
        table[table["patient_id"].isin(["P0", "P1", "short"])].to_csv(folder / f"{name}.csv", index=False)
    arguments = ["evaluate", str(folder), "--igg-unit", "mg/dL", "--cards", CARD, "--threshold", "400"]
    done = CliRunner().invoke(app, [*arguments, "--draws", "100", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert set(pd.read_parquet(tmp_path / "out" / "evaluate_points.parquet")["patient_id"]) == {"P0", "P1"}
    assert pd.read_csv(tmp_path / "out" / "reliability.csv")["n"].sum() == 8
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 3
    assert "Mixture that predicts best" in done.stdout


def test_a_fit_of_a_stack_holds_draws_of_every_card(frames: dict[str, pd.DataFrame], cards: list[str]) -> None:
    table = frames["samples"][frames["samples"]["patient_id"] == "P0"]
    cohort = igk.read_cohort(**{**frames, "samples": table}, igg_unit="mg/dL")
    single = [igk.fit_cohort(cohort, card=card, draws=200).patient("P0").all_draws() for card in cards]
    both = igk.fit_cohort(cohort, card="stack", weights={cards[0]: 3.0, cards[1]: 1.0}, draws=200)
    found = both.patient("P0").all_draws()
    expected = np.concatenate([single[0].theta[:150], single[1].theta[:50]])
    assert {row.tobytes() for row in found.theta} == {row.tobytes() for row in expected}
    assert both.structures["weight"].sum() == pytest.approx(1.0, abs=1e-6)
    assert set(both.card_ids) == {CARD, "other"}
    assert any("draws of several cards" in note for note in both.notes)
    with pytest.raises(InputError, match="the weights of `evaluate`"):
        igk.fit_cohort(cohort, card="stack")


def test_a_card_of_one_compartment_is_fitted_as_such(frames: dict[str, pd.DataFrame]) -> None:
    table = frames["samples"].groupby("patient_id").head(3)
    steady = igk.read_cohort(samples=table.assign(igg="1000"), patients=frames["patients"], igg_unit="mg/dL")
    found = igk.evaluate_forecasts(steady, cards=["valenzuela_2025"], draws=100)
    assert (found.points["status"] == "fitted").all()
    assert igk.fit_cohort(steady, card="valenzuela_2025", draws=100).n_fitted == 8


@pytest.mark.parametrize(
    ("covered", "n", "words"),
    [
        (0.92, 236, ", and so are wider than they need be"),
        (0.92, 20, ""),
        (0.84, 2000, ""),
        (0.70, 400, ", and so are too narrow to be relied on"),
        (float("nan"), 0, ""),
    ],
)
def test_intervals_are_called_too_wide_or_too_narrow_beyond_chance_alone(covered: float, n: int, words: str) -> None:
    assert width_words(covered, n) == words
