"""The difference between ever and never infused taken apart: against known truth, exact in every draw, true words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from made_posteriors import example_effect, good_sampling, of_truth

from igkinetics.effect.decomposition import DIFFERENCES
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.tables import effect_of
from igkinetics.report.effect_groups import decomposition_cells, ending_words, groups_words, selection_words
from igkinetics.report.effect_page import effect_report
from igkinetics.report.effect_sentences import contrast_sentence
from made_records import CARD, planned

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from treatments import vector

DAYS = (-3.0, 10.0, 40.0, 80.0, 120.0, 168.0)


def effect(infused_base: float, others_base: float, n: int = 3) -> CohortEffect:
    """n infused and n never infused patients, alike on each side but for baselines that differ by 0.1 g/L."""
    plans = [
        planned(DAYS, doses=((12.0, 28.0), (60.0, 28.0)) if k < n else (), patient_id=f"P{k}") for k in range(2 * n)
    ]
    thetas = [vector(C_base=(infused_base if k < n else others_base) + 0.1 * (k % n)) for k in range(2 * n)]
    cohort, posterior = of_truth(plans, thetas, n=4)
    return effect_of(cohort, good_sampling(posterior), CARD, EffectOptions(thresholds=(400.0, 300.0)))


def rows(found: CohortEffect, measure: str = "nadir") -> dict[str, float]:
    table = found.decomposition
    return dict(table[table["measure"] == measure].drop_duplicates("quantity").set_index("quantity")["median"])


def test_the_parts_are_the_true_ones_and_add_up() -> None:
    """Twins but for the baseline: without IVIG the groups differ by their baselines alone."""
    found = rows(effect(5.0, 8.0))
    same = rows(effect(5.0, 5.0))
    assert same["selection"] == pytest.approx(0.0, abs=1e-9)
    assert same["difference"] == pytest.approx(same["effect"])
    assert found["effect"] == pytest.approx(same["effect"])
    assert found["selection"] < -50.0
    assert found["difference"] == pytest.approx(found["effect"] + found["selection"], rel=1e-12)
    for name, (plus, minus) in DIFFERENCES.items():
        assert found[name] == pytest.approx(found[plus] - found[minus], rel=1e-12)


def test_the_effect_is_the_att_of_every_measure_and_threshold() -> None:
    found = example_effect()
    table = found.decomposition[found.decomposition["quantity"] == "effect"]
    for measure, name in (
        ("nadir", "nadir_change_att"),
        ("mean_igg", "mean_igg_change_att"),
        ("days_below", "days_below_change_att"),
    ):
        row, att = table[table["measure"] == measure].iloc[0], found.estimand(name)
        assert [row["median"], row["lower"], row["upper"]] == pytest.approx([att["median"], att["lower"], att["upper"]])
    twice = effect(5.0, 8.0).decomposition
    assert twice.loc[twice["measure"] == "days_below", "threshold"].unique().tolist() == [400.0, 300.0]


def test_a_missing_side_says_so() -> None:
    plans = [planned(DAYS, doses=((12.0, 28.0),), patient_id=f"P{k}") for k in range(2)]
    cohort, posterior = of_truth(plans, [vector(), vector()])
    found = effect_of(cohort, good_sampling(posterior), CARD, EffectOptions())
    table = found.decomposition.set_index(["measure", "quantity"])
    assert np.isfinite(table.loc[("nadir", "effect"), "median"])
    assert table.loc[("nadir", "selection"), "reason"] == "no patient on one side"
    assert "taken apart" not in effect_report(found)
    assert groups_words(found) == []


def test_words_follow_the_numbers() -> None:
    lower, higher = effect(5.0, 8.0), effect(8.0, 5.0)
    assert "would have reached lower nadirs" in selection_words(lower)
    assert "end up lower than the never infused" in ending_words(lower)
    assert "would have kept higher nadirs" in selection_words(higher)
    assert "end up higher than the never infused" in ending_words(higher)
    page = effect_report(higher)
    assert "look worse" not in page
    assert "look alike or" not in page


def test_the_sentence_and_the_table_show_the_rows() -> None:
    found = example_effect()
    values = rows(found)
    said = contrast_sentence(found)
    for name in ("infused_with", "infused_without", "never_infused"):
        assert f"{values[name]:.0f}" in said
    assert f"a selection of −{-values['selection']:.0f} (" in said
    assert f"an effect of IVIG of +{values['effect']:.0f} (" in said
    headings, cells = decomposition_cells(found)
    assert headings == ["Nadir, mg/dL", "Mean IgG, mg/dL", "Days below 400 mg/dL"]
    assert len(cells) == 6
    assert all(len(row["values"]) == 3 for row in cells)
    assert "14 of 17 in IVIG" in " ".join(groups_words(found))
