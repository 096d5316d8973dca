"""palate lists"""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, Memory, MinRatings, Model, ModelClass
from palate.cli.output import as_json, say


def lists(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where they go: .csv or .parquet.")] = Path(
        "lists.parquet"
    ),
    k: K = 10,
    min_ratings: MinRatings = 0,
    memory: Memory = None,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """The best items of every person of the table, to a file: a row for each, with user, rank, item and score."""
    recommender = palate.load(model, model_class)
    found = recommender.lists(k=k, min_ratings=min_ratings, memory=memory, path=output)
    if json:
        as_json({"path": str(output), "users": recommender.table.n_users, "rows": found})
    else:
        say(f"wrote {output}: {found:,} rows, of {recommender.table.n_users:,} people")
