"""What draws the hierarchical model, how much and with which seed; without any sampler's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sampler = Literal["laplace", "nutpie", "pymc"]
"""laplace: importance sampling around the Laplace approximation (`importance.py`); the others run chains of NUTS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """draws and tune per chain, or draws per independent batch. cores: threads."""

    draws: int = 1000
    tune: int = 600
    chains: int = 4
    cores: int = 2
    seed: int = 1
    sampler: Sampler = "nutpie"
    target_accept: float = 0.9
    progress: bool = False
