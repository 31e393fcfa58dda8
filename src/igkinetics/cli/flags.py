"""Faults of a call as the user of a command knows them: Python's keywords become the command's flags, here alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, get_type_hints

from igkinetics.errors import InputError, Problem

OPTION_OF: Final = {
    "folder": "out",
    "thresholds": "threshold",
    "covariates": "covariate",
    "groups": "group",
    "patients": "patient",
    "horizon_day": "horizon",
}
"""Python's keyword -> the parameter of a command, where the two differ."""
KEYWORD: Final = re.compile(r"\b([a-z_]+)=(\"[^\"]*\"|True|\d+|\([^()]*\))")
"""A keyword with its value in a message: overwrite=True, igg_unit="mg/dL", groups=("A", "B")."""


def in_flags(error: InputError, command: Callable[..., Any]) -> InputError:
    """The same error in the words of this command; a keyword that is none of its options stays as it is."""
    flags = flags_of(command)
    return type(error)(problem_in_flags(problem, flags) for problem in error.problems)


def flags_of(command: Callable[..., Any]) -> dict[str, str]:
    """The flag of each of Python's keywords that the command has as an option."""
    flags = {}
    for name, hint in get_type_hints(command, include_extras=True).items():
        for option in getattr(hint, "__metadata__", ()):
            given = (getattr(option, "default", None), *(getattr(option, "param_decls", None) or ()))
            declared = [flag.split("/")[0] for flag in given if isinstance(flag, str) and flag.startswith("--")]
            if type(option).__name__ == "OptionInfo":
                flags[name] = declared[0] if declared else f"--{name.replace('_', '-')}"
    return flags | {keyword: flags[name] for keyword, name in OPTION_OF.items() if name in flags}


def problem_in_flags(problem: Problem, flags: Mapping[str, str]) -> Problem:
    """The option at fault, and those that a message advises, as flags."""

    def as_flag(match: re.Match[str]) -> str:
        flag = flags.get(match[1])
        if flag is None:
            return match[0]
        value = ast.literal_eval(match[2])
        return flag if value is True else " ".join(f"{flag} {part}" for part in _listed(value))

    column = flags.get(problem.column, problem.column) if problem.file == "call" else problem.column
    return replace(problem, column=column, expected=KEYWORD.sub(as_flag, problem.expected))


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
