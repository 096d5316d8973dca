"""The lists of everyone of a table, to a file."""

from pathlib import Path

import numpy as np
import polars as pl
import torch

from palate.data.split import Split
from palate.errors import OptionError, at_least
from palate.inference import ranking
from palate.models.contract import PADDING, Model
from palate.system.files import written_beside
from palate.system.memory import left, size

ROOM_SHARE = 0.5
"""How much of the memory that is left ranking may plan with; the rest is for the lists, and for what models take."""


def write_lists(model: Model, split: Split, path: Path, k: int, min_ratings: int, memory: str | None) -> int:
    """See `Recommender.lists`."""
    at_least(k, 1, "k")
    at_least(min_ratings, 0, "min_ratings")
    if path.suffix not in (".csv", ".parquet"):
        raise OptionError(f"lists are written as .csv or .parquet, not as {path.name}")
    table = split.table
    rare = torch.from_numpy(table.item_counts < min_ratings).to(model.device)
    everyone = np.arange(table.n_users)
    room = ranking.MEMORY if memory is None else left(size(memory)) * ROOM_SHARE
    frames = []
    for place, rows, scores in ranking.rank_users(model, table, everyone, k, int(room), rare, split.newcomers):
        found = (rows != PADDING).cpu().numpy()
        people, ranks = found.nonzero()
        frames.append(
            pl.DataFrame(
                {
                    "user": table.user_ids.ids[place.start + people],
                    "rank": (ranks + 1).astype(np.int32),
                    "item": table.item_ids.ids[rows.cpu().numpy()[found]],
                    "score": scores.cpu().numpy()[found],
                }
            )
        )
    whole = pl.concat(frames)
    with written_beside(path) as beside:
        if path.suffix == ".csv":
            whole.write_csv(beside)
        else:
            whole.write_parquet(beside)
    return len(whole)
