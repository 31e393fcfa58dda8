"""Random examples are the same in every run, and none is held to a deadline: the first call compiles."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("truths", deadline=None, derandomize=True, database=None)
settings.load_profile("truths")
