"""Named streams of random numbers: a function of the seed, the purpose and the batch alone (common random numbers)."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np

Purpose = Literal["weight", "height", "sex", "covariate", "cycles", "parameters", "typical", "checks", "new"]


def generator_of(seed: int, purpose: Purpose, batch: int, detail: str = "") -> np.random.Generator:
    """A new generator at the start of its stream; no regimen or model has a part in it."""
    words = hashlib.sha256(f"scenario\x1f{purpose}\x1f{detail}".encode()).digest()[:16]
    key = (int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little"), batch)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
