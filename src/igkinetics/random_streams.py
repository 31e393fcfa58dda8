"""Named streams of random numbers, all from one seed: a change of one purpose leaves every other draw as it was."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Purpose = Literal[
    "typical",
    "weight",
    "height",
    "sex",
    "covariate",
    "covariates",
    "cycles",
    "parameters",
    "jitter",
    "missed",
    "visit noise",
    "check noise",
    "checks",
    "common steps",
    "illness",
    "illness noise",
    "outcome",
    "new",
]


def generator_of(seed: int, purpose: Purpose, batch: int, detail: str = "") -> np.random.Generator:
    """A new generator at the start of a batch's stream; no regimen or model has a part in it."""
    return _generator(seed, ("scenario", purpose, detail), batch)


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of one patient of a simulated cohort; with the defaults those of the whole cohort.

    They depend on the seed, the group's name and the place in the group alone. So a change of another group, of a
    regimen or of the rate of missed visits leaves every other draw as it was (common random numbers).
    """

    seed: int
    group: str = ""
    place: int = 0

    def of(self, purpose: Purpose, detail: str = "") -> np.random.Generator:
        """A new generator at the start of a stream; the same one at every call. detail: e.g. an outcome."""
        return _generator(self.seed, (purpose, detail, self.group), self.place)


FIT_STREAMS: Final = {
    "draws": (),
    "lowest reading": (1,),
    "courses": (2,),
    "structures": (3,),
    "policies": (4,),
    "drift": (5,),
    "forecast": (6,),
    "forecast check": (7,),
    "stack": (8,),
    "scenario checks": (9,),
    "evidence": (10,),
}
"""What a fit, an effect's policies, a scenario or a forecast of a fitted patient draw of one patient -> its place among
the patient's streams."""


def of_patient(
    seed: int,
    patient_id: str,
    purpose: Literal[
        "draws",
        "lowest reading",
        "courses",
        "structures",
        "policies",
        "drift",
        "forecast",
        "forecast check",
        "stack",
        "scenario checks",
        "evidence",
    ],
    *place: int,
) -> np.random.Generator:
    """A new generator at the start of a patient's stream in a fit: it depends on nobody else of the cohort.

    place: which one of several of a purpose.
    """
    return np.random.default_rng([seed, zlib.crc32(patient_id.encode()), *FIT_STREAMS[purpose], *place])


def of_selection(seed: int) -> np.random.Generator:
    """A new generator for the patients whom a report chooses at random."""
    return np.random.default_rng([seed, zlib.crc32(b"selection")])


Numbered = Literal[
    "contrasts",
    "prior",
    "predictive",
    "integrated",
    "new patients",
    "visual check",
    "misfit",
    "stored replicates",
    "model weights",
    "negative controls",
    "foretold",
    "target trial",
    "population",
    "importance",
    "common step",
]
NUMBERS: Final[dict[Numbered, int]] = {
    "contrasts": 3,
    "prior": 4,
    "predictive": 5,
    "integrated": 7,
    "new patients": 8,
    "visual check": 9,
    "misfit": 10,
    "stored replicates": 11,
    "model weights": 12,
    "negative controls": 17,
    "foretold": 18,
    "target trial": 16,
    "population": 17,
    "importance": 19,
    "common step": 20,
}
"""Key of each stream of an analysis of a whole cohort. Never change one: the numbers of every result would move."""


def numbered_stream(seed: int, purpose: Numbered) -> np.random.Generator:
    """A new generator at the start of one stream of the hierarchical model or of the effect."""
    return np.random.default_rng([seed, NUMBERS[purpose]])


def _generator(seed: int, name: tuple[str, ...], place: int) -> np.random.Generator:
    """A generator of its own for each name and place; the words of the name are hashed to a key of the seed."""
    words = hashlib.sha256("\x1f".join(name).encode()).digest()[:16]
    key = (int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little"), place)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def picked(patient_ids: Iterable[str], most: int) -> list[str]:
    """So many of these patients at most, by the check sums of their ids: the same ones whatever their order."""
    return sorted(patient_ids, key=lambda name: (zlib.crc32(name.encode()), name))[:most]
