"""The command `palate lists`."""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, Memory, MinRatings, Model, ModelClass
from palate.cli.output import as_json, say


def lists(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .csv or .parquet.")] = Path(
        "lists.parquet"
    ),
    k: K = 10,
    min_ratings: MinRatings = 0,
    memory: Memory = None,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Write the top-N list of every user of the table to a file: user, rank, item and score in each row."""
    recommender = palate.load(model, model_class)
    n_rows = recommender.lists(k=k, min_ratings=min_ratings, memory=memory, path=output)
    if json:
        as_json({"path": str(output), "users": recommender.table.n_users, "rows": n_rows})
    else:
        say(f"wrote {output}: {n_rows:,} rows, lists of {recommender.table.n_users:,} users")
