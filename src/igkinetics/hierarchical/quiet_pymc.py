"""PyMC, without the notice that ArviZ gives on import; every other module takes `pm` from here."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import pymc as pm

__all__ = ["pm"]
