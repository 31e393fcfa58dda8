"""Scripts outside the package, of docs/ and benchmarks/, as modules for the tests that check them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def script(name: str) -> ModuleType:
    """The module of a script such as docs/puzzle.py; the test is skipped where the file was not shipped."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{path.parent.name}/ is not part of this distribution")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
