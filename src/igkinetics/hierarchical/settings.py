"""What draws the hierarchical model, how much and with which seed; without any sampler's code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Sampler = Literal["laplace", "nutpie", "pymc"]
"""laplace: importance sampling around the Laplace approximation (`importance.py`); the others run chains of NUTS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """draws and tune per chain, or draws per independent batch. chain_draws: per chain where chains take over from
    importance sampling, for draws of a chain hang together more; None: as many. enough_share: effective draws of each
    parameter that patients share, as a share of all, with which importance sampling does not try again. cores: threads.
    """

    draws: int = 1000
    tune: int = 600
    chains: int = 4
    cores: int = 2
    seed: int = 1
    sampler: Sampler = "nutpie"
    target_accept: float = 0.9
    progress: bool = False
    chain_draws: int | None = None
    enough_share: float = 0.2

    @property
    def of_chains(self) -> SampleSettings:
        """Those of the chains that take over from importance sampling; of chains, these themselves."""
        if self.sampler != "laplace":
            return self
        return replace(self, sampler="nutpie", draws=self.chain_draws or self.draws)
