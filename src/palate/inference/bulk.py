"""Top-N lists of all users of a table, written to a file."""

from pathlib import Path

import numpy as np
import polars as pl
import torch

from palate.data.split import Split
from palate.errors import OptionError
from palate.inference import ranking
from palate.inference.top_n import Filters
from palate.models.contract import PADDING, Model
from palate.system.files import written_beside
from palate.system.memory import left, size

ROOM_SHARE = 0.5
"""Share of the free memory that ranking may use; the rest is for the lists and for the model."""


def write_lists(model: Model, split: Split, path: Path, filters: Filters, memory: str | None, titles: bool) -> int:
    """Write the lists of `Recommender.lists` -> the number of rows.

    Raises:
        OptionError: the file has another ending, or the process already uses more than
            `memory`.
        OutputError: the file can't be written.
    """
    if filters.diversity:
        raise OptionError("lists of all users are never made diverse: leave diversity out")
    if path.suffix not in (".csv", ".parquet"):
        raise OptionError(f"lists are written as .csv or .parquet, not as {path.name}")
    table = split.table
    left_out = np.zeros(table.n_items, dtype=np.bool_) if filters.leave_out is None else filters.leave_out
    mask = torch.from_numpy(left_out).to(model.device)
    everyone = np.arange(table.n_users)
    room = ranking.MEMORY if memory is None else left(size(memory)) * ROOM_SHARE
    frames = []
    for place, rows, scores in ranking.rank_users(model, table, everyone, filters.k, int(room), mask, split.newcomers):
        filled = (rows != PADDING).cpu().numpy()  # (b, k)
        people, ranks = filled.nonzero()
        items = rows.cpu().numpy()[filled]
        frames.append(
            pl.DataFrame(
                {
                    "user": table.user_ids.ids[place.start + people],
                    "rank": (ranks + 1).astype(np.int32),
                    "item": table.item_ids.ids[items],
                    **({"title": table.item_names[1][items]} if titles else {}),
                    "score": scores.cpu().numpy()[filled],
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
