"""What learned vectors are good for beside predicting: neighbours, analogies, and files for other tools."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from palate.inference.ranking import top
from palate.system.files import written_beside


def nearest(vectors: Tensor, towards: Tensor, k: int, leave_out: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of vectors (n, d) with the largest cosine to `towards` (d,) -> rows (k,), cosines (k,), best first.

    leave_out: (n,) bool; fewer than k rows come back where it leaves fewer.
    """
    cosines = functional.normalize(vectors, dim=1) @ functional.normalize(towards, dim=0)
    k = min(k, int((~leave_out).sum()))
    rows, best = top(cosines.masked_fill(leave_out, -torch.inf).unsqueeze(0), k)
    return rows[0], best[0]


def analogy(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The vector a - b + c of unit vectors (d,): "king - man + woman".

    Mikolov, Yih & Zweig, "Linguistic Regularities in Continuous Space Word Representations", NAACL 2013, section 3.
    """
    a, b, c = (functional.normalize(vector, dim=0) for vector in (a, b, c))
    return a - b + c


def random_offsets(vectors: Tensor, like: Tensor, n: int, seed: int) -> Tensor:
    """n differences of two of the vectors (m, d) drawn by chance, taken as unit vectors, as long as `like` (d,)
    -> (n, d). What an offset finds that these find too, it does not find by its meaning."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(len(vectors), (n,), generator=generator)
    second = (first + torch.randint(1, max(len(vectors), 2), (n,), generator=generator)) % len(vectors)
    units = functional.normalize(vectors, dim=1)
    offsets: Tensor = functional.normalize(units[first] - units[second], dim=1) * like.norm()
    return offsets


def export_text(vectors: Tensor, names: list[str], path: Path, *, header: bool) -> None:
    """Write vectors (n, d) as text, a line each: name and d numbers, separated by spaces, exact in float32.

    With a first line "n d" this is word2vec's text format, without it GloVe's. White space in a name becomes "_", as
    neither format can quote it, and so does a name of nothing else.
    """
    with written_beside(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        if header:
            file.write(f"{vectors.shape[0]} {vectors.shape[1]}\n")
        for name, vector in zip(names, vectors.tolist(), strict=True):
            file.write(f"{'_'.join(name.split()) or '_'} {' '.join(f'{x:.9g}' for x in vector)}\n")
