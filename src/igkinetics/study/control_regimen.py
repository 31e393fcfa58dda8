"""The regimen that controls are to receive, from a TOML file with the keys of one regimen (DESIGN 3.4)."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from igkinetics.cards.load import parse_toml, read_bytes
from igkinetics.errors import InputError, Problem
from igkinetics.simulate.regimen import Regimen
from igkinetics.simulate.toml_file import problems_of


def read_control_regimen(path: str | Path) -> Regimen:
    """The regimen in a file. InputError with every problem; a rule has no place here, for it needs measurements."""
    file = Path(path).name
    raw = parse_toml(read_bytes(Path(path)), file)
    try:
        regimen = Regimen.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error, raw, Regimen, file)) from None
    if regimen.rule is not None:
        expected = "must be left out: controls were not measured under a rule; give interval_day and a dose"
        raise InputError([Problem(file=file, column="rule", found="a rule", expected=expected)])
    return regimen
