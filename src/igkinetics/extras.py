"""What is installed on request only: `pip install 'igkinetics[effect]'`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from igkinetics.errors import call_error

EXTRAS: Final[dict[str, dict[str, str]]] = {
    "app": {"shiny": "Shiny"},
    "cluster": {"distributed": "Dask"},
    "effect": {"pymc": "PyMC", "pytensor": "PyTensor", "nutpie": "nutpie"},
}
"""Extra -> module that it brings -> its name."""


def require(extra: str) -> None:
    """InputError with the command that installs what is missing of an extra; nothing where all is there."""
    missing = [name for module, name in EXTRAS[extra].items() if find_spec(module) is None]
    if missing:
        found = f"{', '.join(missing)} not installed"
        raise call_error(extra, found, f"needs them: pip install 'igkinetics[{extra}]'")
