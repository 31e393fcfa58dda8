"""Every defect of a card is told with file, key, found and expected, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from igkinetics.cards.load import list_cards, load_card
from igkinetics.errors import InputError

TINY = Path(__file__).with_name("tiny.toml").read_text(encoding="utf-8")


def load_text(folder: Path, text: str | bytes, name: str = "tiny.toml") -> None:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    load_card(path, as_shipped=True)


def complaint(folder: Path, text: str | bytes, name: str = "tiny.toml") -> str:
    with pytest.raises(InputError) as caught:
        load_text(folder, text, name)
    return str(caught.value)


DEFECTS = {
    "unknown key": (
        'title = "A card for tests"',
        'titel = "A card for tests"',
        [
            "title: found ''; is required",
            "titel: found 'A card for tests'; unknown key; did you mean 'title'? known here: format, id, title,",
        ],
    ),
    "unknown parameter": (
        "[parameters.V]",
        "[parameters.v]",
        ["parameters.v: found 'a table'; unknown key; did you mean 'V'? known here: CL, k_deg, V1, Q, V2, V, ka, F, "],
    ),
    "unknown key of an inner table": (
        "exponent = 0.75",
        "exponnent = 0.75",
        [
            "covariate_effects[1].exponnent: found '0.75'; unknown key; did you mean 'exponent'?",
            "covariate_effects[1].exponent: found ''; is required",
        ],
    ),
    "unit of another dimension": (
        'unit = "mL/day"',
        'unit = "L"',
        ["parameters.CL.unit: found 'L'; must be a unit of flow: L/day, L/week, L/h, L/min, dL/day,"],
    ),
    "unit of a half-life": (
        'unit = "week"',
        'unit = "1/day"',
        ["parameters.k_loss.unit: found '1/day'; must be a unit of time: day, week, h, min"],
    ),
    "unit of a check": (
        'expected = 13.863\nunit = "day"',
        'expected = 13.863\nunit = "L"',
        ["checks[1].unit: found 'L'; must be a unit of time: day, week, h, min"],
    ),
    "unit of a residual variance": (
        'unit = "(mg/dL)^2"',
        'unit = "mg/dL"',
        [
            "residual_error.additive.unit: found 'mg/dL'; must be a unit of variance of a concentration: "
            "(mg/dL)^2, (g/L)^2, "
        ],
    ),
    "text for a number": (
        "value = 200.0",
        'value = "200"',
        ["parameters.CL.value: found '200'; must be a valid number"],
    ),
    "value off its scale": (
        "value = 4.0",
        "value = -4.0",
        ["parameters.V.value: found '-4 L'; must be more than 0 on a log scale"],
    ),
    "fraction above 1": (
        'value = 60.0, unit = "%"',
        'value = 60.0, unit = "1"',
        ["agent_classes.engager.S.value: found '60 1'; must lie between 0 and 1 on a logit scale"],
    ),
    "scale of a flow": (
        'unit = "mL/day"\nscale = "log"',
        'unit = "mL/day"\nscale = "logit"',
        ["parameters.CL.scale: found 'logit'; must be log"],
    ),
    "kind of variability": (
        'kind = "cv_percent", value = 30.0',
        'kind = "sd_logit", value = 30.0',
        [
            "parameters.CL.between_patients.kind: found 'sd_logit'; "
            "must be log_sd or cv_percent or variance on a log scale"
        ],
    ),
    "unknown kind of variability": (
        'kind = "cv_percent", value = 30.0',
        'kind = "cv", value = 30.0',
        ["parameters.CL.between_patients.kind: found 'cv'; must be 'log_sd', 'cv_percent', 'variance' or 'sd_logit'"],
    ),
    "number without provenance": (
        'uncertainty = { sd = 0.1, provenance = "guess" }',
        "uncertainty = { sd = 0.1 }",
        ["parameters.CL.uncertainty.provenance: found ''; is required"],
    ),
    "uncertainty left out": (
        'uncertainty = { sd = 0.1, provenance = "guess" }\n',
        "",
        ["parameters.CL.uncertainty: found ''; is required"],
    ),
    "provenance that does not exist": (
        'uncertainty = { sd = 0.1, provenance = "guess" }',
        'uncertainty = { sd = 0.1, provenance = "gues" }',
        [
            "parameters.CL.uncertainty.provenance: found 'gues'; did you mean 'guess'? "
            "must be a name in [provenance]: table, guess"
        ],
    ),
    "citation that does not exist": (
        'citations = ["author_2000"]',
        'citations = ["author_2001"]',
        [
            "provenance.table.citations: found 'author_2001'; did you mean 'author_2000'? "
            "must be a name in [citations]: author_2000",
            "citations.author_2000: found 'author_2000'; is used by no provenance; remove it or refer to it",
        ],
    ),
    "primary without a place": (
        'place = "Table 1"\n',
        "",
        ["provenance.table.place: found ''; is required when kind is primary"],
    ),
    "assumption without a reason": (
        'reason = "for tests"\n',
        "",
        ["provenance.guess.reason: found ''; is required when kind is assumption"],
    ),
    "provenance from memory": (
        'kind = "assumption"',
        'kind = "memory"',
        ["provenance.guess.kind: found 'memory'; must be 'primary', 'review', 'derived' or 'assumption'"],
    ),
    "malformed doi": (
        'doi = "10.1000/182"',
        'doi = "doi:10.1000/182"',
        [r"citations.author_2000.doi: found 'doi:10.1000/182'; must match ^(10\.\d{4,9}/\S+)?$"],
    ),
    "citation that cannot be looked up": (
        'doi = "10.1000/182"',
        'note = "in a drawer"',
        ["citations.author_2000: found ''; needs doi, pmid or url"],
    ),
    "disposition without its parameters": (
        'dispositions = ["one_compartment"]',
        'dispositions = ["one_compartment", "two_compartment"]',
        [
            "parameters.V1: found ''; is required for two_compartment",
            "parameters.Q: found ''; is required for two_compartment",
            "parameters.V2: found ''; is required for two_compartment",
        ],
    ),
    "subcutaneous without absorption": (
        'routes = ["iv"]',
        'routes = ["iv", "sc"]',
        ["parameters.ka: found ''; is required for route sc", "parameters.F: found ''; is required for route sc"],
    ),
    "a rate of loss beside a clearance": (
        "[parameters.V]",
        '[parameters.k_deg]\nvalue = 0.05\nunit = "1/day"\nscale = "log"\nprovenance = "table"\n'
        'uncertainty = "fixed"\nbetween_patients = "none"\n\n[parameters.V]',
        ["parameters.k_deg: found 'a table'; must stand in for CL in a card of one_compartment alone"],
    ),
    "neither clearance nor rate": (
        TINY[TINY.index("[parameters.CL]") : TINY.index("[parameters.V]")],
        "",
        ["parameters.CL: found ''; is required for a card without k_deg"],
    ),
    "level of a card without endogenous IgG": (
        'endogenous = "turnover"',
        'endogenous = "none"',
        ["parameters.C_base: found 'a table'; must be absent: the card has no endogenous IgG"],
    ),
    "route the card does not have": (
        'quantity = "terminal_half_life"\ninputs = { weight_kg = 70.0 }\nexpected = 13.863\nunit = "day"',
        'quantity = "infused_auc_at_steady_state"\ninputs = { weight_kg = 70.0, dose_g_per_kg = 0.4, '
        'interval_day = 28.0, route = "sc" }\nexpected = 140.0\nunit = "g*day/L"',
        ["checks[1].inputs.route: found 'sc'; must be one of the card's routes: iv"],
    ),
    "category by a formula": (
        'levels = ["a", "b"]',
        'levels = ["a", "b"]\ncomputed_by = "boer_lean_body_mass"',
        ["covariates.group.computed_by: found 'boer_lean_body_mass'; must be absent: the covariate has levels"],
    ),
    "constant endogenous IgG with turnover": (
        'endogenous = "turnover"',
        'endogenous = "constant"',
        [
            "parameters.k_loss: found 'a table'; must be absent: the card's endogenous IgG is constant",
            "agent_classes: found 'a table'; must be absent: the card's endogenous IgG is constant",
        ],
    ),
    "full use without residual error": (
        TINY[TINY.index("[residual_error]") : TINY.index("[covariates.weight_kg]")],
        "",
        ["residual_error: found ''; is required when use is full"],
    ),
    "publication without a number of patients": (
        "n_patients = 12\n",
        "",
        ["n_patients: found ''; is required when kind is publication"],
    ),
    "effect on a parameter that is not there": (
        'parameters = ["CL", "V"]',
        'parameters = ["CL", "V1"]',
        [
            "covariate_effects[1].parameters: found 'V1'; did you mean 'V'? "
            "must be a name in [parameters]: CL, V, C_base, k_loss, k_rec"
        ],
    ),
    "effect of an unknown form": (
        'form = "power"',
        'form = "linear"',
        ["covariate_effects[1]: found 'a table'; must be one of 'power', 'exponential', 'category'"],
    ),
    "category without a factor": (
        "factors = { a = 1.0, b = 1.5 }",
        "factors = { a = 1.0 }",
        ["covariate_effects[3].factors: found 'a'; must have one factor for each level (a, b)"],
    ),
    "missing value outside the levels": (
        'when_missing = "a"',
        'when_missing = "c"',
        ["covariates.group.when_missing: found 'c'; must be one of a, b"],
    ),
    "limits in the wrong order": (
        "soft = [40.0, 120.0]",
        "soft = [120.0, 40.0]",
        ["limits[1].soft: found '120, 40'; must be [lower, upper], lower first"],
    ),
    "check without its input": (
        "inputs = { weight_kg = 70.0 }",
        "inputs = {}",
        ["checks[1].inputs.weight_kg: found ''; is required for terminal_half_life"],
    ),
    "check with a useless input": (
        "inputs = { weight_kg = 70.0 }",
        "inputs = { weight_kg = 70.0, interval_day = 28.0 }",
        ["checks[1].inputs.interval_day: found '28.0'; is not used by terminal_half_life"],
    ),
    "check of a virtual cohort that is not described": (
        'quantity = "terminal_half_life"\ninputs = { weight_kg = 70.0 }\nexpected = 13.863\nunit = "day"',
        'quantity = "later_mean"\ninputs = {}\nexpected = 3.0\nunit = "g/L"',
        ["prior_predictive: found ''; is required for later_mean"],
    ),
    "no checks": (TINY[TINY.index("[[checks]]") :], "", ["checks: found ''; is required"]),
    "file key set by hand": ("format = 1", 'format = 1\nsha256 = "00"', ["sha256: found '00'; unknown key; "]),
    "id of another file": ('id = "tiny"', 'id = "small"', ["id: found 'small'; must be the name of the file: tiny"]),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_told_with_its_key_and_rule(name: str, tmp_path: Path) -> None:
    old, new, messages = DEFECTS[name]
    assert TINY.count(old) >= 1, "the test no longer touches the card"
    text = complaint(tmp_path, TINY.replace(old, new, 1))
    assert text.startswith("tiny.toml: ")
    for message in messages:
        assert message in text


def test_the_sound_card_loads(tmp_path: Path) -> None:
    load_text(tmp_path, TINY)


def test_defects_in_different_places_come_together(tmp_path: Path) -> None:
    text = TINY.replace('unit = "mL/day"', 'unit = "L"').replace("exponent = 0.75", "exponnent = 0.75")
    text = text.replace('use = "full"', 'use = "all"').replace("value = 4.0", 'value = "4"')
    assert complaint(tmp_path, text).splitlines()[0] == "tiny.toml: 5 problems"


def test_contradictions_in_different_places_come_together(tmp_path: Path) -> None:
    text = TINY.replace('id = "tiny"', 'id = "small"').replace("value = 4.0", "value = -4.0")
    text = text.replace("soft = [40.0, 120.0]", "soft = [10.0, 120.0]")
    assert complaint(tmp_path, text).splitlines()[0] == "tiny.toml: 3 problems"


def test_a_syntax_error_has_line_and_column(tmp_path: Path) -> None:
    text = complaint(tmp_path, 'format = 1\nid = "tiny\n')
    assert (
        text
        == r"""tiny.toml: 1 problem
  line 2, column 11: found 'id = "tiny'; not TOML: Illegal character '\n'"""
    )


def test_a_cut_off_file_is_a_syntax_error(tmp_path: Path) -> None:
    assert "end of file: found ''; not TOML" in complaint(tmp_path, 'format = 1\nid = "tiny')


def test_a_byte_order_mark_is_no_part_of_a_card(tmp_path: Path) -> None:
    marked = tmp_path / "tiny.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + TINY.replace("\n", "\r\n").encode())
    assert load_card(marked).id == "tiny"


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    text = complaint(tmp_path, b'format = 1\ntitle = "M\xfcller"\n')
    assert text == "tiny.toml: 1 problem\n  line 2: found 'byte 0xfc'; must be UTF-8 text"


def test_an_unknown_id_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match=r"card: found 'cheng_2025'; did you mean 'cheng_2026'\? must be adult_b_"):
        load_card("cheng_2025")


def test_a_missing_file_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml: 1 problem\n  file: found 'No such file or directory'"):
        load_card(tmp_path / "absent.toml")


def test_shipped_cards_are_listed_by_id() -> None:
    assert {"adult_b_cell_depletion", "cheng_2026", "tortorici_2019"} <= set(list_cards())
    assert [load_card(name).id for name in list_cards()] == list(list_cards())
