"""The command `palate lists`."""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Category, Exclude, Json, K, Memory, MinRatings, Model, ModelClass, Only, item_id
from palate.cli.output import as_json, say


def lists(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write: .csv or .parquet.")] = Path(
        "lists.parquet"
    ),
    k: K = 10,
    titles: Annotated[bool, typer.Option("--titles", help="Write the title of each item too.")] = False,
    exclude: Exclude = [],
    only: Only = [],
    category: Category = [],
    min_ratings: MinRatings = 0,
    memory: Memory = None,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Write the top-N list of every user of the table to a file: user, rank, item and score in each row."""
    recommender = palate.load(model, model_class)
    n_rows = recommender.lists(
        output,
        memory=memory,
        titles=titles,
        k=k,
        exclude=[item_id(recommender, text) for text in exclude],
        only=[item_id(recommender, text) for text in only] or None,
        category=category,
        min_ratings=min_ratings,
    )
    if json:
        as_json({"path": str(output), "users": recommender.table.n_users, "rows": n_rows})
    else:
        say(f"wrote {output}: {n_rows:,} rows, lists of {recommender.table.n_users:,} users")
