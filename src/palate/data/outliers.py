"""The usual ends of a distribution: its lowest and highest values without outliers, which decide nothing."""

import numpy as np
from numpy.typing import NDArray

RARE = 0.01
"""Outliers at one end are at most this share of the values."""

ENOUGH = 50
"""Number of values from which there are outliers: in fewer, one value alone is no rare one."""

WIDER, SHARE = 1.5, 0.2
"""Outliers lie beyond a gap that is this many times the widest gap inside, and this share of the range inside."""


def usual_ends(values: NDArray[np.floating], share: float = SHARE) -> tuple[float, float]:
    """Return the lowest and the highest of the values (n,), n > 0, that are no outliers.

    share: `SHARE`, or another one where values are not on a scale.
    """
    distinct, counts = np.unique(values, return_counts=True)
    up_to, n = np.cumsum(counts), len(values)
    most = np.ceil(RARE * n) if n >= ENOUGH else 0
    inside = np.flatnonzero((up_to > most) & (n - up_to + counts > most))
    if len(inside) < 2:
        return float(distinct[0]), float(distinct[-1])
    first, last = int(inside[0]), int(inside[-1])
    gaps = np.diff(distinct.astype(np.float64))
    wide = gaps > max(WIDER * gaps[first:last].max(), share * (float(distinct[last]) - float(distinct[first])))
    below, above = np.flatnonzero(wide[:first]), np.flatnonzero(wide[last:])
    low = below[-1] + 1 if len(below) else 0
    high = last + above[0] if len(above) else len(distinct) - 1
    return float(distinct[low]), float(distinct[high])
