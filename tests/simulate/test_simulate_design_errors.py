"""Defective designs: the key, what it holds, what is expected, all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from igkinetics.errors import InputError
from igkinetics.resources import resource_folder
from igkinetics.simulate.read_design import read_design

REGIMEN = "dose_g_per_kg = 0.4, interval_day = 28, start_day = 7, stop_day = 100"
INFECTION = "[outcomes.infection]\ncounts = { treated = 3, plain = 2 }\n"

DEFECTS = [
    (("seed = 7\n", ""), "", "seed: found ''; needed"),
    (("seed = 7", "seed = -7"), "", "seed: found '-7'; must be 0 or more"),
    (("seed = 7", "seed = 7.5"), "", "seed: found '7.5'; must be a whole number"),
    (("[visits]", "[visit]"), "", "visits: found ''; needed"),
    (("[visits]", "[visit]"), "", "visit: found 'visit'; unknown key; did you mean 'visits'?"),
    (("mean = 70", "mean = 0"), "", "population.weight_kg.mean: found '0'; must be above 0"),
    (("sd = 14", 'sd = "14"'), "", "population.weight_kg.sd: found '14'; must be a number"),
    (("{ mean = 70, sd = 14 }", '"70"'), "", "population.weight_kg: found '70'; must be a table, { key = value }"),
    (
        ("cycles = 3", "cycles = 3\nfewest_cycles = 4"),
        "",
        "therapy.fewest_cycles: found '4'; must be at most cycles, 3",
    ),
    (("on_day = 28", "on_days = 28"), "", "therapy.on_days: found 'on_days'; unknown key; did you mean 'on_day'?"),
    (("off_day = 14", "off_day = inf"), "", "therapy.off_day: found 'inf'; must be a finite number"),
    (
        ("every_day = 14", "every_day = 14\ndays = [0, 14]"),
        "",
        "visits.every_day: found 'every_day and days'; give either 'every_day' or 'days'",
    ),
    (
        ("every_day = 14", "days = [0, 14, 14]"),
        "",
        "visits.days: found '[0.0, 14.0, 14.0]'; must ascend, each day once",
    ),
    (("until_day = 140", ""), "", "visits.until_day: found ''; needed with `every_day`: the last day of follow-up"),
    (
        ("until_day = 140", "until_day = 140\njitter_day = 8"),
        "",
        "visits.jitter_day: found '8'; must be at most half the shortest gap between visits, 7",
    ),
    (("until_day = 140", "until_day = 140\nmissed = 1.2"), "", "visits.missed: found '1.2'; must be 1 or less"),
    (
        ("cv_percent = 8", "upper_limit_mg_dl = 30"),
        "",
        "assay.upper_limit_mg_dl: found '30'; must be above lower_limit_mg_dl, 40",
    ),
    (("n = 4", "n = 0"), "", "group[plain].n: found '0'; must be 1 or more"),
    (('name = "plain"', 'name = "treated"'), "", "group[treated].name: found 'treated'; groups need different names"),
    (
        ("interval_day = 28,", ""),
        "",
        "group[treated].regimen.interval_day: found ''; needed: days between doses (or give a `rule`)",
    ),
    (("stop_day = 100", "stop_day = 7"), "", "group[treated].regimen.stop_day: found '7'; must be after start_day, 7"),
    (
        ("dose_g_per_kg = 0.4", "dose_g_per_kg = 0.4, weight = 'lean'"),
        "",
        "population.height_cm: found ''; needed for weight = 'lean' of group 'treated'",
    ),
    (
        (REGIMEN, "dose_g = 30, rule = { below_mg_dl = 400, check = 'visits', minimum_gap_day = 21, dose_g = 30 }"),
        "",
        "group[treated].regimen.dose_g: found '30'; belongs to a calendar; a rule has keys of its own",
    ),
    (
        (REGIMEN, "rule = { below_mg_dl = 40, check = 'visits', minimum_gap_day = 21, dose_g = 30 }"),
        "",
        "group[treated].regimen.rule.below_mg_dl: found '40'; must be above assay.lower_limit_mg_dl, 40",
    ),
    (
        (REGIMEN, "rule = { below_mg_dl = 400, check = 'visit', minimum_gap_day = 21, dose_g = 30 }"),
        "",
        "group[treated].regimen.rule.check: found 'visit'; must be 'visits'",
    ),
    (
        None,
        "[outcomes.infection]\ncounts = { treated = 7, plain = 2 }\n",
        "outcomes.infection.counts.treated: found '7'; group 'treated' has 6 patients",
    ),
    (
        None,
        "[outcomes.infection]\ncounts = { treated = 3, plan = 2, plain = 0 }\n",
        "outcomes.infection.counts.plan: found 'plan'; no group has this name; did you mean 'plain'?",
    ),
    (
        None,
        "[outcomes.infection]\ncounts = { treated = 3 }\n",
        "outcomes.infection.counts.plain: found ''; needed: a count for every group, 0 for none",
    ),
    (None, "[outcomes.infection]\n", "outcomes.infection.counts: found ''; give either 'counts' or 'rate'"),
    (
        None,
        INFECTION + "[outcomes.icu]\ncounts = { treated = 4, plain = 1 }\nafter = 'infection'\nwithin_day = 7\n",
        "outcomes.icu.counts.treated: found '4'; more than the 3 of 'infection', its `after`",
    ),
    (
        None,
        INFECTION + "[outcomes.icu]\ncounts = { treated = 1, plain = 1 }\nafter = 'infecton'\nwithin_day = 7\n",
        "outcomes.icu.after: found 'infecton'; must be an outcome with `counts`; did you mean 'infection'?",
    ),
    (
        None,
        INFECTION + "death = true\n[outcomes.hsct]\ncounts = { treated = 1, plain = 1 }\n",
        "outcomes: found 'infection, hsct'; only one outcome may end follow-up",
    ),
    (("n = 4", "n = 1_000_000_000"), "", "group[plain].n: found '1000000000'; must be 5e+06 or less"),
    (
        ("n = 4", "n = 99_999"),
        "",
        "group: found '100,005 patients'; asks for 100,005 patients in all groups (more go in parts, per_part=10000); "
        "at most 100,000",
    ),
    (("until_day = 140", "until_day = 1e9"), "", "visits.until_day: found '1000000000.0'; must be 36525 or less"),
    (
        ("every_day = 14", "every_day = 1e-9"),
        "",
        "visits.every_day: found '1e-09'; asks for 140,000,000,001 visits; at most 20,000",
    ),
    (
        ("off_day = 14", "off_day = 14\nstart_day = -1e12"),
        "",
        "therapy.start_day: found '-1000000000000.0'; must be -36525 or more",
    ),
    (("cycles = 3", "cycles = 1_000_000_000"), "", "therapy.cycles: found '1000000000'; must be 20000 or less"),
    (
        ("interval_day = 28", "interval_day = 1e-9"),
        "",
        "group[treated].regimen.interval_day: found '1e-09'; asks for 93,000,000,001 doses; at most 20,000",
    ),
    (
        (REGIMEN, "rule = { below_mg_dl = 400, check_every_day = 1e-300, minimum_gap_day = 21, dose_g = 30 }"),
        "",
        "group[treated].regimen.rule.check_every_day: found '1e-300'; asks for 1.4e+302 checks; at most 20,000",
    ),
    (
        ("every_day = 14\nuntil_day = 140", "days = [0, 30_000]"),
        "[[group]]\nname = 'many'\nn = 1_000\n",
        "visits: found '1,010 patients to day 30000'; asks for 30,300,000 days of curves (more go in parts, "
        "per_part=10000); at most 20,000,000",
    ),
    (
        ("until_day = 140", "until_day = 140\nillness = { per_year_at_500 = 1e9, rate_ratio_per_100_mg_dl = 0.7 }"),
        "",
        "visits.illness.per_year_at_500: found '1000000000.0'; must be 3652.5 or less",
    ),
]


@pytest.mark.parametrize("change, more, message", DEFECTS)
def test_a_defect_is_named_exactly(
    design: Callable[..., str], change: tuple[str, str] | None, more: str, message: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_design(design(*([change] if change else []), more=more))
    assert message in [str(problem) for problem in refused.value.problems]
    assert {problem.file for problem in refused.value.problems} == {"design.toml"}


def test_all_defects_are_told_at_once(design: Callable[..., str]) -> None:
    """Also those between sound parts, while another part is at fault."""
    text = design(
        ("seed = 7", "seed = -1"),
        ("mean = 70", "mean = -1"),
        ("n = 4", "n = 4\ncolour = 'red'"),
        more="[outcomes.infection]\ncounts = { treated = 7, plan = 2 }\n",
    )
    with pytest.raises(InputError) as refused:
        read_design(text)
    assert [problem.column for problem in refused.value.problems] == [
        "seed",
        "population.weight_kg.mean",
        "group[plain].colour",
        "outcomes.infection.counts.treated",
        "outcomes.infection.counts.plan",
        "outcomes.infection.counts.plain",
    ]


def test_a_syntax_error_has_its_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("seed = 1\n[population\n")
    with pytest.raises(InputError) as refused:
        read_design(file)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.column) == ("broken.toml", 2, "column 12")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_design(tmp_path / "nowhere.toml")


def test_another_seed_stands_in_the_text_too(design: Callable[..., str]) -> None:
    changed = read_design(design(), seed=12)
    assert changed.design.seed == 12
    assert changed.text == design(("seed = 7", "seed = 12"))


def test_a_byte_order_mark_is_no_part_of_a_design(tmp_path: Path) -> None:
    text = resource_folder("data").joinpath("blina23", "design.toml").read_text(encoding="utf-8")
    marked = tmp_path / "design.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_design(marked, seed=9).text == read_design(text, seed=9).text
