"""The average over models: weights against their closed form, mixtures against their quantiles."""

from __future__ import annotations

import numpy as np
import pytest
from made_posteriors import example_effect

from igkinetics.effect.averaging import averaged_rows, model_weights
from igkinetics.effect.sensitivity import AVERAGED
from igkinetics.hierarchical.leave_one_out import LeftOut
from igkinetics.report.effect_sentences import headline, verdict_sentence


def left_out(elpd: np.ndarray, k: float = 0.2) -> LeftOut:
    return LeftOut(elpd=elpd, log_weights=np.zeros((1, elpd.size)), pareto_k=np.full(elpd.size, k), draws=np.arange(1))


def test_models_that_predict_alike_share_and_a_better_one_wins() -> None:
    flat = np.zeros(20)
    assert list(model_weights({"a": left_out(flat), "b": left_out(flat)}, 1).values()) == pytest.approx([0.5, 0.5])
    # without scatter between patients the weight is the softmax of the sums
    found = model_weights({"a": left_out(flat), "b": left_out(flat + 0.1)}, 1)
    assert found["b"] == pytest.approx(1.0 / (1.0 + np.exp(-2.0)), rel=1e-6)
    # ten better, ten worse by as much: nobody wins, where weights by sums alone would be as equal but certain
    mixed = np.repeat([1.0, -1.0], 10)
    assert model_weights({"a": left_out(flat), "b": left_out(mixed)}, 1)["b"] == pytest.approx(0.5, abs=0.03)
    assert sum(found.values()) == pytest.approx(1.0)


def test_an_average_has_the_quantiles_of_the_mixture() -> None:
    generator = np.random.default_rng(1)
    a, b = 82.0 + generator.standard_normal(20_000), 121.0 + generator.standard_normal(10_000)
    quantities = {"base": {"nadir_change_att": a, "x": a}, "second": {"nadir_change_att": b}}
    both = {"base": left_out(np.zeros(5)), "second": left_out(np.zeros(5), 0.9)}
    (row,) = averaged_rows({"base": 0.75, "second": 0.25}, quantities, both, 0.95).to_dict("records")
    assert row["quantity"] == "nadir_change_att"
    assert row["lower"] == pytest.approx(np.quantile(a, 0.025 / 0.75), abs=0.05)
    assert row["upper"] == pytest.approx(np.quantile(b, 1 - 0.025 / 0.25), abs=0.05)
    assert "Pareto k up to 0.90" in row["note"]
    (row,) = averaged_rows({"base": 1.0}, {"base": {"x": a}}, both, 0.95, ["one compartment"]).to_dict("records")
    assert row["left_out"] == "one compartment"


def test_the_headline_is_averaged_and_names_the_model_reported() -> None:
    effect = example_effect()
    assert headline(effect).startswith("Given mass balance and this model, IVIG raised")
    one = effect.estimand("nadir_change_att")
    draws = {name: {"nadir_change_att": np.linspace(low, low + 20.0, 101)} for name, low in (("base", 70), ("b", 110))}
    flat = {name: left_out(np.zeros(3)) for name in draws}
    table = averaged_rows({"base": 0.5, "b": 0.5}, draws, flat, 0.95)
    effect.sensitivity[AVERAGED] = table
    said, beside = headline(effect), verdict_sentence(effect)
    del effect.sensitivity[AVERAGED]
    assert said.startswith("Given mass balance, averaged over 2 models by how they predict unseen patients, IVIG")
    assert f"alone by {one['median']:.0f} mg/dL" in beside
