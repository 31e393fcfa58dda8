"""What one measured value says of a threshold, where of some values only a limit is known."""

from __future__ import annotations

from typing import Any

import numpy as np


def reads_below(limit: Any, level: Any, edge: Any) -> Any:
    """Whether values (n,), or one, lie below the edge. limit: "below" or "above" where `level` is a limit; "" or nan:
    measured."""
    limit, level = np.asarray(limit, dtype=object), np.asarray(level, dtype=np.float64)
    return ((limit != "above") & (level < edge)) | ((limit == "below") & (level <= edge))


def hides(limit: Any, level: Any, edge: Any) -> Any:
    """Whether values known only to lie beyond a limit may lie on either side of the edge: <200 for 100."""
    limit, level = np.asarray(limit, dtype=object), np.asarray(level, dtype=np.float64)
    return ((limit == "below") & (level > edge)) | ((limit == "above") & (level < edge))
