"""Matrix products by the fastest library available."""

import platform

import torch
from torch import Tensor

_ONEDNN = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
"""Whether torch has oneDNN for this processor. On AMD processors oneDNN multiplies narrow float32 matrices 2 to 3 times
as fast as MKL, which torch.mm calls."""


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b without gradients: (n, k) @ (k, m) -> (n, m)."""
    if _ONEDNN and a.dtype == torch.float32 and a.device.type == "cpu":
        result: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.T, None, "none", [], "")
        return result
    return a @ b
