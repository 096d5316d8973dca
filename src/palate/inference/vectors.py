"""Use learned vectors beside predicting: neighbours, analogies, and files for other tools."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from palate.inference.ranking import top
from palate.system.files import written_beside

TAIL = 1e-9
"""Factor of popularity in the order of rows with cosine 0."""


def nearest(
    vectors: Tensor, towards: Tensor, k: int, leave_out: Tensor, counts: NDArray[np.int64] | None = None
) -> tuple[Tensor, Tensor]:
    """Return the rows of vectors (n, d) with the largest cosine to `towards` (d,) -> rows (k,), cosines (k,).

    The best comes first. leave_out: (n,) bool, rows that must not come back; fewer than k come where it leaves fewer.
    counts: as `by_cosine` takes them.
    """
    cosines = functional.normalize(vectors, dim=1) @ functional.normalize(towards, dim=0)
    return by_cosine(cosines, k, leave_out, counts)


def by_cosine(cosines: Tensor, k: int, leave_out: Tensor, counts: NDArray[np.int64] | None) -> tuple[Tensor, Tensor]:
    """Return the k largest of the cosines (n,) that are not left out -> rows (k,), cosines (k,).

    counts: (n,) events of each row. Where a cosine is 0, nothing is known: such rows with more events come first.
    """
    order = cosines
    if counts is not None:
        popular = torch.from_numpy(counts).to(cosines) / max(1, int(counts.max(initial=0)))
        order = torch.where(cosines == 0, TAIL * popular, cosines)
    rows, _ = top(order.masked_fill(leave_out, -torch.inf).unsqueeze(0), min(k, int((~leave_out).sum())))
    return rows[0], cosines[rows[0]]


def cosines(vectors: Tensor, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cosine of each pair of rows (n,) of the vectors -> (n, n)."""
    units = functional.normalize(vectors[torch.from_numpy(rows)], dim=1)
    return (units @ units.T).cpu().numpy().astype(np.float64)


def analogy(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return a - b + c of the vectors (d,) scaled to length 1, as in "king - man + woman".

    Mikolov, Yih & Zweig, "Linguistic Regularities in Continuous Space Word Representations", NAACL 2013, section 3.
    """
    a, b, c = (functional.normalize(vector, dim=0) for vector in (a, b, c))
    return a - b + c


def random_offsets(vectors: Tensor, like: Tensor, n: int, seed: int) -> Tensor:
    """Return n differences of two random unit vectors out of the vectors (m, d), as long as `like` (d,) -> (n, d).

    They are controls: items that these offsets find too are not found by the meaning of an offset.
    """
    generator = torch.Generator().manual_seed(seed % 2**64)
    first = torch.randint(len(vectors), (n,), generator=generator)
    second = (first + torch.randint(1, max(len(vectors), 2), (n,), generator=generator)) % len(vectors)
    units = functional.normalize(vectors, dim=1)
    offsets: Tensor = functional.normalize(units[first] - units[second], dim=1) * like.norm()
    return offsets


def export_text(vectors: Tensor, names: list[str], path: Path, *, header: bool) -> None:
    """Write vectors (n, d) as text, one a line: name and d numbers, separated by spaces, exact in float32.

    With the header line "n d" this is word2vec's text format, without it GloVe's. White space in a name becomes "_", as
    neither format can quote it; a name of white space alone becomes "_".
    """
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        if header:
            file.write(f"{vectors.shape[0]} {vectors.shape[1]}\n")
        for name, vector in zip(names, vectors.tolist(), strict=True):
            file.write(f"{'_'.join(name.split()) or '_'} {' '.join(f'{x:.9g}' for x in vector)}\n")
