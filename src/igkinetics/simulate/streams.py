"""Random numbers: a stream of its own for each purpose and patient, all from one seed.

A patient's streams depend on the seed, the group's name and the place in the group alone. So a change of
another group, of a regimen or of the rate of missed visits leaves every other draw as it was (common random
numbers).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

Purpose = Literal[
    "typical", "weight", "covariates", "cycles", "parameters", "jitter", "missed", "visit noise",
    "check noise", "illness", "illness noise", "outcome",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of one patient; with the defaults those of the whole cohort."""

    seed: int
    group: str = ""
    place: int = 0

    def of(self, purpose: Purpose, detail: str = "") -> np.random.Generator:
        """A new generator at the start of a stream; the same one at every call. detail: e.g. an outcome."""
        words = hashlib.sha256("\x1f".join((purpose, detail, self.group)).encode()).digest()[:16]
        key = (int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little"), self.place)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
