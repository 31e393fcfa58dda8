"""`--policies`: every patient replayed under every policy, against curves walked step by step and known contrasts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_posteriors import EXAMPLE, example_cohort, example_effect, example_posterior, good_sampling, of_truth
from typer.testing import CliRunner, Result

from igkinetics.cli.main import app
from igkinetics.cohort.model import Cohort
from igkinetics.dosing.doses import Doses
from igkinetics.effect import run as run_effect_module
from igkinetics.effect.control_regimen import regimen_doses
from igkinetics.effect.counterfactual import joined, within_patient
from igkinetics.effect.exposure import Exposure, exposures
from igkinetics.effect.measures import measures
from igkinetics.effect.options import EffectOptions
from igkinetics.effect.output import POLICY_FILES
from igkinetics.effect.policies.policy_file import AS_RECORDED, Asked, read_policies
from igkinetics.effect.policies.replay import Outcomes, days_of_checks, noise_of, own_days, replay
from igkinetics.effect.policies.result import POLICY_TABLES, PolicyEffects, policy_effects
from igkinetics.errors import InputError
from igkinetics.kinetics.curves import igg_curve
from igkinetics.kinetics.parameters import Floats
from igkinetics.provenance import sha256_of_file
from igkinetics.report.effect_page import effect_report
from igkinetics.resources import resource_folder
from made_records import CARD, planned, record
from page_reader import Page

sys.path.insert(0, str(Path(__file__).parents[1] / "kinetics"))
from treatments import vector

EXAMPLE_POLICIES = resource_folder("data") / "policies" / "preemptive_ivig.toml"
DAYS = (-3.0, 0.0, 10.37, 40.0, 80.0, 120.0, 150.0, 168.0)
NEVER = '[[policy]]\nname = "never"\n'
MONTHLY = '[[policy]]\nname = "monthly"\ndose_g_per_kg = 0.4\ninterval_day = 28\n'
RULE = '[[policy]]\nname = "below 400"\nrule = { below_mg_dl = 400, check_every_day = 14, minimum_gap_day = 21, '
RULE += "dose_g_per_kg = 0.4 }\n"


def asked(folder: Path, text: str, cohort: Cohort) -> Asked:
    file = folder / "policies.toml"
    file.write_text(text, encoding="utf-8")
    return read_policies(file, cohort, CARD)


def small(n: int = 3) -> tuple[Cohort, Any, Sequence[Exposure]]:
    """Two patients with n draws each: one infused before and in the window, one never."""
    plans = [
        replace(planned(DAYS, doses=((-2.0, 28.0), (12.0, 28.0), (60.0, 28.0)), patient_id="A")),
        record("B", samples=[(day, 1.0) for day in DAYS[1:]], therapy=((0.123456, 28.0), (42.0, 70.0))),
    ]
    thetas = [vector(C_base=5.5, S=0.7), vector(C_base=4.6, S=0.5, CL=0.2)]
    cohort, posterior = of_truth(plans, thetas, n=n)
    return cohort, posterior, exposures(cohort, posterior, 70.0)


def by_hand(one: Exposure, theta: Floats, error: Floats, rule: dict[str, float], days: Floats, z: Floats) -> Doses:
    """The rule walked check by check on whole curves, each with the doses given so far."""
    given, last = Doses.none(), max(one.earlier.day, default=-np.inf)
    for day, noise in zip(days, z, strict=True):
        level = float(np.add(*igg_curve(theta, one.schedule(joined(one.earlier, given)), np.array([day])))[0])
        value = 100 * (level + np.hypot(error[0], error[1] * level) * noise)
        due = round(day + rule["delay_day"], 3)
        if round(value) < rule["below_mg_dl"] and due - last >= rule["minimum_gap_day"] and due < one.window.end:
            given = joined(given, Doses(day=np.array([due]), amount_g=np.array([28.0]), duration_day=np.zeros(1),
                                        is_sc=np.zeros(1, dtype=bool)))  # fmt: skip
            last = due
    return given


@pytest.mark.parametrize(
    ("check", "rule"),
    [
        ("check_every_day = 14", {"below_mg_dl": 400.0, "minimum_gap_day": 21.0, "delay_day": 0.0}),
        ("check_every_day = 7.25", {"below_mg_dl": 450.0, "minimum_gap_day": 0.0, "delay_day": 2.5}),
        ('check = "visits"', {"below_mg_dl": 480.0, "minimum_gap_day": 30.0, "delay_day": 0.0}),
    ],
)
def test_a_rule_gives_what_it_would_give_walked_by_hand(check: str, rule: dict[str, float], tmp_path: Path) -> None:
    cohort, posterior, people = small()
    keys = ", ".join(f"{name} = {value}" for name, value in rule.items())
    text = f'[[policy]]\nname = "rule"\nrule = {{ {check}, dose_g_per_kg = 0.4, {keys} }}\n'
    found = asked(tmp_path, text, cohort)
    replayed = replay(posterior, people, found, (4.0,), residual="normal", seed=5, jobs=1)
    n_given = 0
    for one, result in zip(people, replayed, strict=True):
        days = days_of_checks(one, found.policies[0])
        noise = noise_of(one, found.policies, 3, 5)
        z = noise.own[:, np.isin(own_days(one), days)] if "visits" in check else noise.checks
        for k, theta in enumerate(posterior.of_patient(one.place)):
            days_given = np.ceil(np.round(days * 1000, 6)) / 1000
            doses = by_hand(one, theta, posterior.error[0, 0], rule, days_given, z[k])
            truth = measures(theta[None], one.schedule(joined(one.earlier, doses)), one.window, (4.0,))
            mine = result.outcomes["rule"]
            assert mine.infusions[k] == doses.day.size
            assert mine.grams[k] == pytest.approx(28.0 * doses.day.size)
            assert mine.nadir[k] == pytest.approx(truth.nadir[0], rel=1e-9)
            assert mine.nadir_day[k] == pytest.approx(truth.nadir_day[0], abs=1e-6)
            assert mine.mean_igg[k] == pytest.approx(truth.mean_igg[0], rel=1e-9)
            assert mine.days_below[k, 0] == pytest.approx(truth.days_below[0, 0], abs=1e-6)
            n_given += doses.day.size
    assert n_given > 2


def alike(mine: Outcomes, truth: Any) -> None:
    for name in ("nadir", "nadir_day", "mean_igg", "days_below"):
        np.testing.assert_allclose(getattr(mine, name), getattr(truth, name), rtol=1e-8, atol=1e-6)


def test_as_recorded_never_and_a_calendar_are_what_they_are_elsewhere(tmp_path: Path) -> None:
    """Real records: windows cut, infusions before the window, weights not known."""
    cohort, posterior = example_cohort(), example_posterior()
    people = exposures(cohort, posterior, 70.0)
    found = asked(tmp_path, NEVER + MONTHLY, cohort)
    replayed = replay(posterior, people, found, (4.0, 3.0), residual="normal", seed=1, jobs=2)
    changes = within_patient(posterior, people, (4.0, 3.0), 2)
    for one, change in zip(replayed, changes, strict=True):
        alike(one.outcomes[AS_RECORDED], change.with_ivig)
        alike(one.outcomes["never"], change.without_ivig)
        doses = regimen_doses(found.policies[1], one.exposure)
        schedule = one.exposure.schedule(joined(one.exposure.earlier, doses))
        alike(one.outcomes["monthly"], measures(posterior.of_patient(one.exposure.place), schedule,
                                                one.exposure.window, (4.0, 3.0)))  # fmt: skip
        assert one.outcomes["monthly"].grams[0] == pytest.approx(doses.amount_g.sum())
        before_end = one.exposure.in_window & (one.exposure.doses.day < one.exposure.window.end)
        assert one.outcomes[AS_RECORDED].grams[0] == pytest.approx(one.exposure.doses.amount_g[before_end].sum())


@pytest.fixture(scope="session")
def effects(tmp_path_factory: pytest.TempPathFactory) -> PolicyEffects:
    """The example cohort under four policies."""
    cohort, posterior = example_cohort(), example_posterior()
    people = exposures(cohort, posterior, 70.0)
    visits = RULE.replace("below 400", "at visits").replace("check_every_day = 14", 'check = "visits"')
    found = asked(tmp_path_factory.mktemp("policies"), NEVER + RULE + visits + MONTHLY, cohort)
    return policy_effects(cohort, posterior, people, found, EffectOptions(thresholds=(400.0,)), {})


def test_every_pair_is_contrasted_per_draw(effects: PolicyEffects) -> None:
    table = effects.contrasts
    assert len(table.drop_duplicates(["policy", "against"])) == 10
    means = effects.policies.set_index(["policy", "estimand"])
    row = table[(table["policy"] == "monthly") & (table["against"] == "below 400")].set_index("estimand").loc["grams"]
    assert row["median"] == pytest.approx(
        means.loc[("monthly", "grams"), "median"] - means.loc[("below 400", "grams"), "median"]
    )
    assert row["p_positive"] == 1.0
    given = table[(table["against"] == "never") & table["estimand"].isin(["nadir", "mean_igg", "days_below", "grams"])]
    assert given["p_positive"].isna().all()
    assert (given.loc[given["estimand"] == "nadir", "lower"] > 0).all()
    width = means.loc[("below 400", "nadir")]
    near = table[(table["policy"] == "at visits") & (table["against"] == "below 400") & (table["estimand"] == "nadir")]
    assert float(near["upper"].iloc[0] - near["lower"].iloc[0]) < 1.2 * (width["upper"] - width["lower"])


def test_patients_rows_average_to_the_policys(effects: PolicyEffects) -> None:
    rows = effects.patients[(effects.patients["policy"] == "never") & (effects.patients["estimand"] == "nadir")]
    mean = effects.policies.set_index(["policy", "estimand"]).loc[("never", "nadir"), "median"]
    assert len(rows) == 23
    assert rows["median"].mean() == pytest.approx(mean, rel=0.02)


def test_noise_belongs_to_the_patient_alone(tmp_path: Path) -> None:
    """Another policy beside it, another order of patients: the same numbers."""
    cohort, posterior, people = small()
    alone = replay(posterior, people[:1], asked(tmp_path, RULE, cohort), (), residual="normal", seed=1, jobs=1)
    beside = replay(posterior, people, asked(tmp_path, NEVER + RULE, cohort), (), residual="normal", seed=1, jobs=2)
    np.testing.assert_array_equal(alone[0].outcomes["below 400"].grams, beside[0].outcomes["below 400"].grams)


def test_a_window_of_one_moment_has_one_level(tmp_path: Path) -> None:
    cohort, posterior = of_truth([planned((0.0,))], [vector()])
    people = exposures(cohort, posterior, 70.0)
    (one,) = replay(
        posterior, people, asked(tmp_path, RULE + MONTHLY, cohort), (4.0,), residual="normal", seed=1, jobs=1
    )
    for outcomes in one.outcomes.values():
        assert outcomes.nadir == pytest.approx(outcomes.mean_igg)
        assert outcomes.grams.max() == 0.0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "policy: found ''; give either 'policy' or 'regimen'"),
        (NEVER + NEVER, "policies need different names"),
        (NEVER.replace("never", AS_RECORDED), "none 'as recorded'"),
        ('[[policy]]\nnmae = "x"\n', "did you mean 'name'?"),
        ("[[policy]]\ndose_g_per_kg = 0.4\n", "policy[1].interval_day: found ''; needed"),
        (MONTHLY + "start_day = -7\n", "start of each patient's window"),
        (MONTHLY.replace("28", "0.001"), "doses; at most"),
        (MONTHLY + 'weight = "ideal"\n', "needs height_cm and sex of every patient: A, B"),
        (MONTHLY + "start_day = 2024-05-01\n", "policy[monthly].start_day: found '2024-05-01'; must be a number"),
        (RULE.replace("minimum_gap_day = 21, ", ""), "policy[below 400].rule.minimum_gap_day: found ''; needed"),
        (RULE.replace("check_every_day = 14", 'check = "visit"'), "must be 'visits'"),
        (RULE.replace("below_mg_dl", "below_g_l"), "unknown key"),
        (RULE.replace("400,", "400, recorded = false,"), "leave it out"),
        (RULE.replace("below_mg_dl = 400", "below = 4"), "is it in another unit?"),
        (RULE.replace("below_mg_dl = 400", "below = 5900"), "59 times the highest sample"),
        ("[assay]\nlower_limit_mg_dl = 500\n" + RULE, "must be above assay.lower_limit_mg_dl"),
        ("[target_trial]\ngrace = 7\n" + NEVER, "did you mean 'grace_day'?"),
        (NEVER + "[[regimen]]\nname = 'y'\n", "policy and regimen"),
    ],
)
def test_what_a_file_of_policies_cannot_be(text: str, named: str, tmp_path: Path) -> None:
    cohort, _, _ = small()
    with pytest.raises(InputError) as refused:
        asked(tmp_path, text, cohort)
    assert named in str(refused.value)


def test_levels_of_rules_are_in_the_cohorts_unit_or_the_files(tmp_path: Path) -> None:
    cohort, _, _ = small()
    rule = RULE.replace("below_mg_dl = 400", "below = 4.0")
    in_g_per_l = replace(cohort, igg_unit="g/L")
    for text, who in ((rule, in_g_per_l), ('unit = "g/L"\n' + rule, cohort), (RULE.replace("_mg_dl", ""), cohort)):
        (policy,) = asked(tmp_path, text.replace("[[policy]]", "[[regimen]]"), who).policies
        assert policy.rule is not None
        assert policy.rule.below_mg_dl == pytest.approx(400.0)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The example file through the command, from a saved posterior's draws, beside a regimen for the controls."""
    folder = tmp_path_factory.mktemp("command")
    regimen = folder / "regimen.toml"
    regimen.write_text("dose_g_per_kg = 0.4\ninterval_day = 28\n", encoding="utf-8")
    arguments = [EXAMPLE, "--out", folder / "out", "--policies", EXAMPLE_POLICIES, "--control-regimen", regimen]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_effect_module, "sample", lambda *_: good_sampling(example_posterior()))
        done = CliRunner().invoke(app, ["effect", *map(str, arguments), "--threshold", "400"])
    return folder / "out", done


def test_the_example_file_runs(example: tuple[Path, Result]) -> None:
    folder, done = example
    assert done.exit_code == 0, done.output
    lines = done.stdout.strip().splitlines()
    assert len(lines) == 6
    nadirs = pd.read_csv(folder / "policies.csv").query("estimand == 'nadir'").set_index("policy")["median"]
    said = f"Had all 23 patients been on “never”, the mean nadir would have been {nadirs['never']:.0f} mg/dL ("
    assert lines[4].startswith(said)
    for file, table in POLICY_FILES.items():
        assert tuple(pd.read_csv(folder / file).columns) == POLICY_TABLES[table]
    patients = pd.read_csv(folder / "policy_patients.csv")
    assert set(patients["patient_id"]) == set(example_cohort().patient_ids)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["inputs"][EXAMPLE_POLICIES.name] == sha256_of_file(EXAMPLE_POLICIES)
    assert len(record["inputs"]["regimen.toml"]) == 64
    assert record["options"]["policies"] == EXAMPLE_POLICIES.name


def test_every_number_of_the_page_is_one_of_the_tables(example: tuple[Path, Result]) -> None:
    folder, _ = example
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    shown = {row[1]: row for row in page.rows if len(row) == 7 and row[0].isdigit()}
    table = pd.read_csv(folder / "policies.csv")
    assert set(shown) == set(table["policy"])
    for policy, rows in table.groupby("policy"):
        rows = rows.set_index("estimand")
        for place, name in ((2, "nadir"), (4, "mean_igg"), (5, "grams")):
            row = rows.loc[name]
            unit = "g" if name == "grams" else "mg/dL"
            assert shown[policy][place] == f"{row['median']:.0f} {unit} {row['lower']:.0f} to {row['upper']:.0f}"
    assert "The record alone can speak on none of the contrasts" in page.text
    assert "positivity fails" in page.text


def test_without_policies_nothing_is_said_of_them(tmp_path: Path) -> None:
    found = example_effect()
    assert found.policies is None
    assert "one policy" not in effect_report(found)
    assert not set(POLICY_FILES) & {path.name for path in tmp_path.iterdir()}
