"""The effect report: verdict first, failures above it, escaped, self-contained, with every promised part."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from made_posteriors import example_effect, good_sampling, of_truth
from test_page import Page
from treatments import vector

from igkinetics.effect.options import EffectOptions
from igkinetics.effect.result import CohortEffect
from igkinetics.effect.tables import effect_of
from igkinetics.provenance import RESEARCH_NOTICE
from igkinetics.report.effect_page import effect_report
from igkinetics.report.effect_sentences import effect_sentences, page_sentences, verdict_sentence
from igkinetics.report.effect_words import amount, drawn_words, parameter_words, probability, section_of
from made_records import CARD, planned

HOSTILE = "<script>alert('x')</script>"
DAYS = (-3.0, 10.0, 40.0, 80.0, 120.0, 168.0)


def small_effect(
    n_treated: int = 2, n_others: int = 2, *, options: EffectOptions | None = None, **changes: object
) -> CohortEffect:
    """A few patients with the truth as posterior; the first has a hostile name."""
    names = [HOSTILE, *(f"P{i}" for i in range(2, n_treated + n_others + 1))]
    plans = [
        planned(DAYS, doses=((12.0, 28.0),) if i < n_treated else (), patient_id=name) for i, name in enumerate(names)
    ]
    cohort, posterior = of_truth(plans, [vector(C_base=5.0 + i) for i in range(len(plans))], n=4)
    return effect_of(cohort, good_sampling(posterior, **changes), CARD, options or EffectOptions())


@pytest.fixture(scope="module")
def parsed() -> Page:
    return Page(effect_report(small_effect()))


def test_tags_nest_links_lead_somewhere_and_nothing_is_loaded(parsed: Page) -> None:
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)
    assert {"img", "link", "iframe", "object"}.isdisjoint(parsed.tags)
    assert parsed.tags.count("script") == 1
    assert all(re.fullmatch(r"[a-z-]+(-\d+)?", name) for name in parsed.ids)


def test_hostile_names_are_text(parsed: Page) -> None:
    assert HOSTILE in parsed.text


def test_every_promised_part_is_there(parsed: Page) -> None:
    for words in (
        "ICH E9(R1)",
        "Population",
        "Intercurrent events",
        "while alive and",
        "mass balance",
        "Rise per 0.1 g/kg after 14 days",
        "Everything the prescriber looked at",
        "compares different people",
        "What the data added",
        "SHA-256",
    ):
        assert words in " ".join(parsed.text.split()), words
    assert parsed.text.count(RESEARCH_NOTICE) == 2
    assert parsed.tags.count("figure") == 7  # taken apart, forest, curves, contrast, ranks, two patients


def test_the_first_sentence_tells_nadir_and_days_below_and_the_second_the_evidence() -> None:
    effect = small_effect(options=EffectOptions(thresholds=(400.0,)))
    lead, proof, *others = page_sentences(effect)
    change = effect.estimand("nadir_change_att")
    (days,) = effect.summary[effect.summary["estimand"] == "days_below_change_att"].to_dict("records")
    assert f"IVIG raised the nadir of treated patients by {change['median']:.0f} mg/dL" in lead
    if days["upper"] < 0:
        assert f"spared them, on average, {-days['median']:.1f} days below 400 mg/dL" in lead
    assert proof.startswith("The data's own evidence on the rise per gram")
    assert others[0].startswith("Ever minus never infused")
    assert "P(above the minimum)" not in effect_report(effect)
    assert "Sampling" not in " ".join([lead, proof, *others])


def test_failed_checks_stand_above_the_verdict() -> None:
    effect = small_effect(passed=False, verdict="chains disagree (largest R-hat 1.2, CL)")
    text = Page(effect_report(effect)).text
    assert 0 < text.index("chains disagree") < text.index("Given mass balance")
    assert effect_sentences(effect, "x")[0].startswith("Sampling FAILED")
    good = effect_sentences(small_effect(), "x")
    assert good[0].startswith("Given mass balance and this model, IVIG raised the nadir of treated patients by ")
    assert len(good) == 5


def test_an_interrupted_run_says_so() -> None:
    effect = small_effect()
    stopped = replace(effect.sampling, posterior=replace(effect.sampling.posterior, interrupted=True))
    values = {name: getattr(effect, name) for name in effect.__dataclass_fields__} | {"sampling": stopped}
    assert "Sampling was interrupted" in Page(effect_report(CohortEffect(**values))).text


def test_without_anybody_infused_the_reason_is_given_and_nothing_breaks() -> None:
    effect = small_effect(n_treated=0, n_others=3)
    assert verdict_sentence(effect) == "No effect of IVIG can be given: nobody was infused in the window."
    parsed = Page(effect_report(effect))
    assert parsed.open == []
    assert "nobody was infused in the window" in parsed.text


def test_with_everybody_infused_no_controls_are_invented() -> None:
    text = Page(effect_report(small_effect(n_treated=3, n_others=0))).text
    assert "there is nobody to average over" in text


def test_sensitivity_tables_are_shown_when_there_are_any() -> None:
    table = pd.DataFrame({"prior_scale": [0.5, 2.0], "nadir_change_att": [71.2, 75.25], "note": ["<b>refit</b>", ""]})
    text = Page(effect_report(small_effect(sensitivity={"Prior at half and double scale": table}))).text
    assert "Prior at half and double scale" in text
    assert "<b>refit</b>" in text
    assert "75.25" in text


def test_by_calendar_new_patients_are_drawn_and_shown_by_group() -> None:
    plans = [planned(DAYS, doses=((12.0, 28.0), (40.0, 28.0), (68.0, 28.0)), patient_id=f"P{i}") for i in range(3)]
    cohort, posterior = of_truth(plans, [vector(C_base=5.0 + i) for i in range(3)], n=4)
    effect = effect_of(cohort, good_sampling(posterior, new=lambda: posterior), CARD, EffectOptions())
    parsed = Page(effect_report(effect))
    assert "New patients by group (VPC)" in parsed.text
    assert parsed.tags.count("figure") == 8  # forest, curves, contrast, ranks, the only group, three patients
    assert len(effect.vpc) == 3


def test_population_parameters_stand_with_their_priors() -> None:
    text = Page(effect_report(example_effect())).text
    assert "What patients share" in text
    assert "Additive error, SD" in text
    assert "card adult_b_cell_depletion, residual error" in text
    assert parameter_words("omega_CL") == "CL, SD between patients"
    assert parameter_words("S_cd19") == "S, typical, cd19 agents"
    assert parameter_words("k_rec") == "k_rec, typical"
    assert parameter_words("CL:age_y") == "CL, change per SD of age_y"


def test_numbers_in_sentences_are_those_of_the_tables() -> None:
    effect = example_effect()
    row = effect.estimand("nadir_change_att")
    said = verdict_sentence(effect)
    assert f"by {row['median']:.0f} mg/dL (95 % {row['lower']:.0f} to {row['upper']:.0f})" in said
    assert "probability > 99.9 %" in said
    assert "the data's own evidence on the rise per gram is strong" in said


def test_values_read_as_a_clinician_writes_them() -> None:
    assert amount(-0.2, "mg/dL") == "0"
    assert amount(-12.6, "mg/dL") == "−13"
    assert amount(-0.04, "day") == "0.0"
    assert amount(1.0734, "1") == "1.07"
    assert probability(1.0) == "> 99.9 %"
    assert probability(0.0) == "< 0.1 %"
    assert section_of("rise_per_0.1_g_per_kg_day_7") == "What a dose does"
    assert section_of("naive_raw_nadir_difference").startswith("Between groups")


def test_each_number_of_estimates_and_patients_is_one_of_the_tables() -> None:
    """To the digits shown: levels whole, days to one decimal, ratios to two."""
    effect = example_effect()
    rows = Page(effect_report(effect)).rows
    half = {"mg/dL": 0.5, "day": 0.05, "1": 0.005}
    given = effect.summary[effect.summary["status"] == "estimated"].to_dict("records")
    estimates = next(place for place, row in enumerate(rows) if row[:2] == ["Quantity", "Averaged over"])
    told = [row for row in rows[estimates + 1 :] if len(row) > 1][: len(given)]
    for cells, row in zip(told, given, strict=True):
        assert cells[1] == str(row["group"]).replace(" - ", " − ")
        values = numbers_of(cells[2])
        assert values == pytest.approx([row["median"], row["lower"], row["upper"]], abs=half[row["unit"]] + 1e-9)
    start = next(place for place, row in enumerate(rows) if row[:3] == ["Patient", "Group", "Infusions in the window"])
    nadirs = effect.patients[effect.patients["estimand"] == "nadir_change"].set_index("patient_id")
    for cells in rows[start + 1 : start + 1 + len(nadirs)]:
        row = nadirs.loc[cells[0]]
        assert numbers_of(" ".join(cells[4:6])) == pytest.approx([row.with_ivig, row.without_ivig], abs=0.5)
        if row.treated:
            assert numbers_of(cells[6]) == pytest.approx([row["median"], row.lower, row.upper], abs=0.5)


def numbers_of(cell: str) -> list[float]:
    return [float(found.replace("−", "-")) for found in re.findall(r"−?\d+(?:\.\d+)?", cell)]


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("laplace", "400 draws in 4 independent batches, by importance sampling"),
        ("nuts", "400 draws in 4 chains."),
        ("nuts (laplace: k 0.81)", "400 draws in 4 chains (importance sampling could not be believed: k 0.81)."),
    ],
)
def test_the_page_says_what_made_the_draws(sampler: str, expected: str) -> None:
    assert drawn_words(sampler, 400, 4).startswith(expected)
