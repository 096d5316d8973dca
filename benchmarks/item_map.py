"""Measure how many neighbours a map of items keeps, and how long it takes, against other methods.

    python -m benchmarks.item_map [--models mf neural] [--others]

The figure is the share of each item's ten nearest, by the cosine of the vectors, that are among its ten nearest on the
map, over all items of MovieLens small, nearly the 10,000 that a map holds at most. Seconds are processor time of one
run with one thread, without compiling. --others adds umap-learn and openTSNE, which Palate does not install.
"""

import argparse
import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

import palate
from benchmarks.common import data, record
from palate.inference import item_map

K = 10
BLOCK = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mf", "neural"], help="names of models")
    parser.add_argument("--others", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = palate.read(data("ml-latest-small"))
    ways: dict[str, Callable[[Tensor], Any]] = {
        "two principal components": lambda units: item_map.principal_components(units).numpy(),
        "palate": lambda units: item_map.layout(units, seed=0),
    }
    if options.others:
        umap, opentsne = importlib.import_module("umap"), importlib.import_module("openTSNE")
        ways["umap-learn"] = umap.UMAP(metric="cosine", random_state=0).fit_transform
        ways["openTSNE"] = lambda units: np.asarray(opentsne.TSNE(n_jobs=1, random_state=0).fit(units.numpy()))
    rows = []
    for name in options.models:
        trained = palate.train(table, model=name, test=0, baselines=(), device="cpu")
        model: Any = trained.recommender.model
        units = functional.normalize(model.item_vectors().detach().float(), dim=1)
        for way, lay in ways.items():
            lay(units[:200])
            start = time.process_time()
            places = np.asarray(lay(units))
            seconds = time.process_time() - start
            rows.append(
                {"vectors": name, "map": way, "kept": f"{kept(units, places):.3f}", "seconds": f"{seconds:.1f}"}
            )
    summary = "; ".join(f"{row['vectors']} by {row['map']}: {row['kept']} in {row['seconds']} s" for row in rows)
    record("item-map", {"items": table.n_items}, f"{table.n_items} items, neighbours kept, {summary}", rows)


def kept(units: Tensor, places: NDArray[np.float32]) -> float:
    """Return the share of each item's K nearest vectors that are among its K nearest on the map."""
    real = item_map.nearest(units, K).numpy()
    points = torch.from_numpy(places.astype(np.float32))
    shared = 0
    for start in range(0, len(points), BLOCK):
        away = torch.cdist(points[start : start + BLOCK], points)  # (BLOCK, n)
        away[:, start:].fill_diagonal_(torch.inf)
        near = away.topk(K, largest=False).indices.numpy()
        shared += sum(len(np.intersect1d(a, b)) for a, b in zip(real[start : start + BLOCK], near, strict=True))
    return shared / real.size


if __name__ == "__main__":
    main()
