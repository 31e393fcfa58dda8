"""A card of somebody's own: what it may leave out, what it is called, and what is still a mistake in it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import igkinetics as igk
from igkinetics.cards.load import load_card
from igkinetics.cards.prior import patient_prior
from igkinetics.cards.private import private_cards
from igkinetics.cli.main import app
from igkinetics.errors import InputError
from igkinetics.resources import resource_folder

NATURAL = """
title = "Ward model"
[parameters.CL]
value = 0.17
unit = "L/d"
omega = 0.32
[parameters.V1]
value = 3.4
unit = "L"
omega = 0.2
[parameters.Q]
value = 0.5
unit = "L/d"
fixed = true
[parameters.V2]
value = 2
unit = "L"
fixed = true
[parameters.C_base]
value = 610
unit = "mg/dL"
cv_percent = 40
[error]
proportional = 0.12
additive = { value = 15, unit = "mg/dL" }
[[covariate_effects]]
covariate = "weight_kg"
parameters = ["CL", "V1"]
reference = 70
exponent = 0.75
"""
DECAY = """
[parameters]
CL = { value = 0.16, unit = "L/d", omega = 0.3 }
V = { value = 5, unit = "L", omega = 0.25 }
C_base = { value = 6, unit = "g/L", omega = 0.4 }
S = { value = 0.55, omega = 0.6 }
[residual_error]
proportional = { cv_percent = 10 }
"""
INFUSED = """
[parameters]
CL = { value = 0.16, unit = "L/day", omega = 0.3 }
V = { value = 5, unit = "L", omega = 0.25 }
[residual_error]
proportional = 0.1
"""


def written(folder: Path, text: str, name: str = "my-model.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def invoked(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_card(written(folder, text))
    return str(caught.value)


def test_values_units_omegas_and_error_are_enough(tmp_path: Path) -> None:
    card = load_card(written(tmp_path, NATURAL))
    prior = patient_prior(card, weight_kg=140.0, agents=())
    assert card.id == "my_model"
    assert prior.typical["CL"] == pytest.approx(0.17 * 2**0.75)
    assert prior.typical["C_base"] == pytest.approx(6.1)
    assert prior.omega["C_base"] == pytest.approx(math.sqrt(math.log(1.16)))
    assert (prior.omega["Q"], prior.uncertainty["Q"]) == (0.0, 0.0)
    assert (prior.additive_g_per_l, prior.proportional) == (pytest.approx(0.15), 0.12)
    unknown = patient_prior(card, weight_kg=math.nan, agents=())
    assert unknown.typical["CL"] == pytest.approx(0.17)
    assert any("weight_kg unknown" in note for note in unknown.notes)


def test_without_rates_the_supply_is_lost_at_once(tmp_path: Path) -> None:
    prior = patient_prior(
        load_card(written(tmp_path, DECAY)), weight_kg=70.0, agents=("anything",), disposition="one_compartment"
    )
    assert (prior.typical["S"], prior.typical["k_loss"], prior.typical["k_rec"]) == (0.55, math.inf, 0.0)
    assert prior.scale["S"] == "logit"
    assert not any("wide S" in note for note in prior.notes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('unit = "L/d"\nomega = 0.32', "omega = 0.32", "parameters.CL.unit: found ''; is required"),
        ("omega = 0.32", "omga = 0.32", "parameters.CL.omga: found '0.32'; unknown key; did you mean 'omega'?"),
        (
            "omega = 0.32",
            "omega = -0.32",
            "parameters.CL.between_patients.value: found '-0.32'; must be greater",
        ),
        ("value = 0.17", "value = -0.17", "parameters.CL.value: found '-0.17 L/d'; must be more than 0 on a log scale"),
        ("[error]\nproportional = 0.12\n", "[error]\n", ""),
        ("proportional = 0.12\nadditive = { value = 15,", "additive = { value = 15, unit_ = 1,", "unknown key"),
        ('[parameters.Q]\nvalue = 0.5\nunit = "L/d"\nfixed = true\n', "", "parameters.Q: found ''; is required"),
        ('parameters = ["CL", "V1"]', 'parameters = ["CL", "V"]', "must be a name in [parameters]: CL, V1, Q, V2"),
    ],
)
def test_what_is_a_mistake_stays_one(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in NATURAL
    text = NATURAL.replace(old, new, 1)
    if not said:
        load_card(written(tmp_path, text))
        return
    assert said in complaint(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = NATURAL.replace('unit = "L/d"\nomega = 0.32', "omga = 0.32").replace("cv_percent = 40", "cv = 40")
    assert complaint(tmp_path, text).splitlines()[0] == "my-model.toml: 3 problems"


def test_no_error_and_no_spread_are_told(tmp_path: Path) -> None:
    bare = '[parameters]\nCL = { value = 0.2, unit = "L/day" }\nV = { value = 5, unit = "L" }\n'
    text = complaint(tmp_path, bare)
    assert "residual_error: found ''; is required when use is full" in text
    assert "must have between_patients for at least one parameter" in text


def test_a_copy_of_a_shipped_card_with_another_number_is_private(tmp_path: Path) -> None:
    shipped = resource_folder("models") / "cheng_2026.toml"
    path = written(tmp_path, shipped.read_text("utf-8") + "\n", "cheng_2026.toml")
    card = load_card(path)
    assert private_cards({card.id: card.sha256}) == {"cheng_2026": "private, unchecked"}
    real = load_card("cheng_2026")
    assert private_cards({real.id: real.sha256}) == {}


def infused_cohort() -> igk.cohort.model.Cohort:
    rng = np.random.default_rng(3)
    day = np.array([1.0, 5.0, 12.0, 25.0])
    samples = [
        (patient, when, 30.0 / 5.0 * math.exp(-0.16 / 5.0 * when) * math.exp(0.1 * rng.standard_normal()))
        for patient in ("A", "B", "C")
        for when in day
    ]
    return igk.read_cohort(
        samples=pd.DataFrame(samples, columns=["patient_id", "day", "igg"]),
        doses=pd.DataFrame({"patient_id": ["A", "B", "C"], "day": 0.0, "amount_g": 30.0, "duration_h": 0.0}),
        mapping={"igg_unit": "g/L", "unusual_levels": "as_given"},
    )


def test_a_card_without_endogenous_igg_is_fitted(tmp_path: Path) -> None:
    fits = igk.fit_cohort(infused_cohort(), card=str(written(tmp_path, INFUSED)), draws=200)
    assert set(fits.patients["status"]) == {"fitted"}
    assert set(fits.patients["model"]) == {"one_compartment/constant"}
    found = fits.parameters.set_index(["patient_id", "parameter"])["value"]
    assert found["A", "CL"] == pytest.approx(0.16, rel=0.2)
    assert (fits.nadir["endogenous_nadir"].dropna() == 0).all()


def test_fit_says_that_a_card_is_private(tmp_path: Path) -> None:
    card = written(tmp_path, DECAY)
    out = tmp_path / "out"
    cohort = tmp_path / "ward"
    cohort.mkdir()
    rows = "".join(f"A,{day},{600 - 3 * day}\n" for day in range(0, 90, 15))
    (cohort / "samples.csv").write_text(f"patient_id,day,igg\n{rows}", encoding="utf-8")
    (cohort / "therapy.csv").write_text("patient_id,start,stop\nA,0,\n", encoding="utf-8")
    said = invoked("fit", cohort, "--igg-unit", "mg/dL", "--card", card, "--out", out, "--draws", "200")
    assert "Card my_model: private, unchecked." in said
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert record["private_cards"] == {"my_model": "private, unchecked"}
    assert "Card my_model: private, unchecked." in (out / "report.html").read_text("utf-8")
    assert "one_compartment/step_loss" in (out / "patients.csv").read_text("utf-8")


SCENARIO = """
title = "t"
horizon_day = 60
seed = 1
thresholds_mg_dl = [400]
[population]
card = "my-model.toml"
n = 10
weight_kg = 70
[[regimen]]
name = "one"
dose_g = 30
interval_day = 28
start_day = 0
"""
DESIGN = """
seed = 1
[population]
card = "my-model.toml"
weight_kg = 70
[visits]
every_day = 14
until_day = 60
[[group]]
name = "all"
n = 3
"""


def test_scenario_and_simulate_say_it_too(tmp_path: Path) -> None:
    written(tmp_path, NATURAL)
    said = invoked("scenario", written(tmp_path, SCENARIO, "s.toml"), "--out", tmp_path / "out")
    assert "Card my_model: private, unchecked." in said
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["private_cards"] == {"my_model": "private, unchecked"}
    assert "Card my_model: private, unchecked." in (tmp_path / "out" / "report.html").read_text("utf-8")
    said = invoked("simulate", written(tmp_path, DESIGN, "d.toml"), "--out", tmp_path / "made")
    assert "Card my_model: private, unchecked." in said
    assert "private, unchecked" in (tmp_path / "made" / "cohort.toml").read_text("utf-8")


KINDS = [
    (),
    ("--compartments", "1"),
    ("--endogenous", "none", "--compartments", "1"),
    ("--endogenous", "constant", "--sc"),
    ("--sc", "--compartments", "1"),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: " ".join(kind))
def test_a_new_card_is_sound_and_never_written_over(kind: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    invoked("models", "new", "mine", "--out", path, *kind)
    before = path.read_bytes()
    assert load_card(path).id == "mine"
    done = CliRunner().invoke(app, ["models", "new", "mine", "--out", str(path)])
    assert done.exit_code == 2
    assert "never written over" in done.output
    assert path.read_bytes() == before
    assert "sound, and without checks (private, unchecked)" in invoked("models", "check", path)
    assert "private, unchecked" in invoked("models", "show", path)


def test_a_new_card_may_be_named_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = invoked("models", "new", "mine.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
    assert "Card written to mine.toml," in said
    assert load_card(tmp_path / "mine.toml").id == "mine"


def test_typical_parameters_have_units_and_follow_the_patient() -> None:
    said = invoked("models", "typical", "adult_b_cell_depletion", "--weight", "140", "--agent", "blinatumomab")
    assert f"CL = {0.155 * 2**0.75:.6g} L/day; omega 0.35 (log)" in said
    assert "k_rec = 0.00770164 1/day; omega 0.5 (log); half-life 90 day" in said
    assert "S = 0.549834" in said
    lean = invoked(
        *("models", "typical", "li_2022", "--weight", "70", "--covariate", "height_cm=170"),
        *("--covariate", "sex=male"),
    )
    assert "terminal_half_life" in lean
    done = CliRunner().invoke(app, ["models", "typical", "li_2022", "--covariate", "hight_cm=170"])
    assert done.exit_code == 2
    assert "did you mean height_cm?" in done.output


def test_recovery_without_a_rate_of_loss_is_refused(tmp_path: Path) -> None:
    """Fitted as lost at once and without recovery, it would differ from its own typical course."""
    recovery = 'k_rec = { given_as = "half_life", value = 84, unit = "day" }'
    card = written(tmp_path, DECAY.replace("[parameters]", f"[parameters]\n{recovery}", 1))
    with pytest.raises(InputError, match="needs k_loss too"):
        igk.fit_cohort(infused_cohort(), card=str(card), draws=200)


def test_an_exported_model_says_which_therapies_its_s_is_for() -> None:
    said = "no agent named: the wide S of an unknown agent is used"
    command = ["models", "export", "adult_b_cell_depletion", "--to", "nonmem"]
    runner = CliRunner()
    assert said in runner.invoke(app, command).output
    assert said not in runner.invoke(app, [*command, "--agent", "blinatumomab"]).output
