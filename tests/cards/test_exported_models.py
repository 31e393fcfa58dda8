"""Exported models: their equations, integrated from the text itself, give the levels in their header."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_private_cards import DECAY, INFUSED, NATURAL, written

from igkinetics.cards.export.check_table import DOSE_DAY, DOSE_G, LINE, SC_DAY, SC_G, THERAPY, check_exported
from igkinetics.cards.export.specification import LANGUAGES, specification
from igkinetics.cards.export.text import exported_text
from igkinetics.cards.load import list_cards, load_card
from igkinetics.errors import InputError

Read = tuple[list[str], list[str], list[str]]
"""Lines of parameters, of initial amounts, of derivatives, in Python's words."""
FUNCTIONS = {
    "exp": math.exp,
    "EXP": math.exp,
    "LOG": math.log,
    "log": math.log,
    "pow": math.pow,
    "logit": lambda p: math.log(p / (1 - p)),
    "expit": lambda x: 1 / (1 + math.exp(-x)),
    "fix": lambda x: x,
}


def of_nonmem(text: str) -> Read:
    thetas = re.findall(r"^  \(?(?:0, )?([\d.e-]+)", text.split("$THETA")[1].split("$OMEGA")[0], re.MULTILINE)
    for place in range(len(thetas), 0, -1):
        text = text.replace(f"THETA({place})", thetas[place - 1])
    text = re.sub(r"ETA\(\d+\)", "0", text)
    text = re.sub(r"IF \((\w+)\.EQ\.(\d+)\) (\w+) = (.+)", r"\3 = (\4) if \1 == \2 else \3", text)
    pk = text.split("$PK")[1].split("$DES")[0].strip().splitlines()
    des = text.split("$DES")[1].split("$ERROR")[0].strip().splitlines()
    names = re.findall(r"COMP=\((\w+)\)", text)
    starts = [line for line in pk if line.strip().startswith("A_0")]
    starts = [re.sub(r"A_0\((\d+)\)", lambda found: f"start['{names[int(found[1]) - 1]}']", line) for line in starts]
    bodies = [re.sub(r"\bA\((\d+)\)", lambda found: names[int(found[1]) - 1], line) for line in des]
    bodies = [re.sub(r"DADT\((\d+)\)", lambda found: f"slope['{names[int(found[1]) - 1]}']", line) for line in bodies]
    parameters = [line for line in pk if not re.match(r"\s*(A_0|F\d)", line)]
    return parameters, starts, bodies


def of_rxode2(text: str) -> Read:
    text = text.replace("^", "**").replace("<-", "=")
    start = [line.split("#")[0] for line in text.split("ini({")[1].split("})")[0].strip().splitlines()]
    etas = [re.sub(r"~.*", "= 0", line) for line in start if ".sd" not in line]
    body = text.split("model({")[1].split("  })")[0].strip().splitlines()
    starts = [re.sub(r"(\w+)\(0\)", r"start['\1']", line) for line in body if re.match(r"\s*\w+\(0\)", line)]
    slopes = [re.sub(r"d/dt\((\w+)\)", r"slope['\1']", line) for line in body if "d/dt" in line]
    own = [line for line in body if not re.match(r"\s*(d/dt|\w+\(0\)|f\(|IgG)", line)]
    return [*etas, *own], starts, slopes


def of_mrgsolve(text: str) -> Read:
    parts = dict(re.findall(r"^\$(\w+)(.*?)(?=^\$|\Z)", text, re.MULTILINE | re.DOTALL))
    first = text.split("$PARAM")[1].split("$")[0].strip().splitlines()
    etas = [f"{name} = 0" for name in re.findall(r"ETA_\w+", parts.get("OMEGA", ""))]
    main = [line.replace("double ", "").rstrip(";") for line in parts["MAIN"].strip().splitlines()]
    starts = [re.sub(r"^(\w+)_0", r"start['\1']", line) for line in main if re.match(r"\w+_0 =", line)]
    slopes = [re.sub(r"dxdt_(\w+)", r"slope['\1']", line).rstrip(";") for line in parts["ODE"].strip().splitlines()]
    return [*first, *etas, *(line for line in main if not re.match(r"\w+_0 =|F_", line))], starts, slopes


READERS: dict[str, Callable[[str], Read]] = {"nonmem": of_nonmem, "rxode2": of_rxode2, "mrgsolve": of_mrgsolve}


def levels_of(text: str, language: str, days: list[float]) -> list[float]:
    """The exported equations of a typical patient, by an ODE solver."""
    parameters, starts, slopes = READERS[language](text)
    columns = {name: float(value) for name, value in re.findall(r"^\W+(\w+) = ([\d.]+)$", text, re.MULTILINE)}
    names: dict[str, object] = {**FUNCTIONS, **columns, "THER": 0.0, "EVER": 0.0}
    exec("\n".join(line.strip() for line in parameters), names)
    states = [re.search(r"slope\['(\w+)'\]", line)[1] for line in slopes]  # type: ignore[index]
    start: dict[str, float] = dict.fromkeys(states, 0.0)
    exec("\n".join(line.strip() for line in starts), {**names, "start": start})
    code = compile("\n".join(line.strip() for line in slopes), language, "exec")

    def slope(day: float, state: np.ndarray, on: float, ever: float) -> list[float]:
        found: dict[str, float] = {}
        here = {**names, **dict(zip(states, state, strict=True)), "THER": on, "EVER": ever, "slope": found}
        exec(code, here)
        return [found[name] for name in states]

    central = next(place for place, name in enumerate(states) if name.lower() == "central")
    depot = next((place for place, name in enumerate(states) if name.lower() == "depot"), None)
    events = sorted({0.0, *days, DOSE_DAY, SC_DAY, *THERAPY})
    state = np.array([start[name] for name in states])
    found = {0.0: state[central] / float(names["V1"])}  # type: ignore[arg-type]
    for begin, end in pairwise(events):
        if begin == DOSE_DAY:
            state[central] += DOSE_G
        if begin == SC_DAY and depot is not None:
            state[depot] += SC_G * float(names["FSC"])  # type: ignore[arg-type]
        on = float(THERAPY[0] <= begin < THERAPY[1])
        state = solve_ivp(slope, (begin, end), state, args=(on, 1.0), rtol=1e-10, atol=1e-12, method="LSODA").y[:, -1]
        found[end] = state[central] / float(names["V1"])  # type: ignore[arg-type]
    return [found[day] for day in days]


FULL = ("adult_b_cell_depletion", "cheng_2026", "lledo_garcia_2022", "tortorici_2019")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("source", [*FULL, DECAY, INFUSED, NATURAL], ids=[*FULL, "decay", "infused", "natural"])
def test_the_text_gives_the_levels_of_its_header(source: str, language: str, tmp_path: Path) -> None:
    card = load_card(source if source in FULL else written(tmp_path, source))
    text = exported_text(card, language)
    printed = [(float(day), float(level)) for day, level in LINE.findall(text)]
    found = levels_of(text, language, [day for day, _ in printed])
    np.testing.assert_allclose(found, [level for _, level in printed], rtol=2e-7, atol=1e-9)
    assert max(map(len, text.splitlines())) <= 160


def test_models_check_reads_an_export_again(tmp_path: Path) -> None:
    card = written(tmp_path, DECAY)
    path = tmp_path / "model.txt"
    path.write_text(exported_text(load_card(card), "nonmem"), encoding="utf-8")
    assert all(result.ok for result in check_exported(path))
    card.write_text(DECAY.replace("value = 0.16", "value = 0.2"), encoding="utf-8")
    results = check_exported(path)
    assert not all(result.ok for result in results)
    assert "the card has changed since the export" in results[0].origin
    card.unlink()
    with pytest.raises(InputError, match=r"must lie beside model\.txt"):
        check_exported(path)
    path.write_text("$PROBLEM something else\n", encoding="utf-8")
    with pytest.raises(InputError, match="with its table of check values"):
        check_exported(path)


def test_every_card_that_is_a_full_model_can_be_exported_and_others_say_why() -> None:
    for name in list_cards():
        card = load_card(name)
        if card.use == "full":
            assert specification(card).parameters
        else:
            with pytest.raises(InputError, match="typical values only"):
                exported_text(card, "nonmem")
    with pytest.raises(InputError, match="must be nonmem, rxode2, mrgsolve"):
        exported_text(load_card(FULL[0]), "monolix")
