"""palate similar, palate analogy"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, MinRatings, Model, User, item_id, user_id
from palate.cli.output import as_json, as_table

Item = Annotated[str, typer.Argument(help="An item, by id or exact title.", show_default=False)]


def similar(
    model: Model,
    item: Annotated[
        str | None, typer.Option("--item", help="An item, by id or exact title.", show_default=False)
    ] = None,
    user: User = None,
    k: K = 10,
    min_ratings: MinRatings = 0,
    json: Json = False,
) -> None:
    """The items nearest to an item, or the users nearest to a user, by their learned vectors."""
    recommender = palate.load(model)
    wanted = None if item is None else item_id(recommender, item)
    found = recommender.similar(wanted, user=user_id(recommender, user), k=k, min_ratings=min_ratings)
    if json:
        of, id_ = ("item", wanted) if item is not None else ("user", user_id(recommender, user))
        as_json({of: id_, f"{of}s": found.to_dicts()})
    else:
        as_table(f"Nearest to {item if item is not None else f'user {user}'}", found.to_dicts())


def analogy(
    model: Model, a: Item, b: Item, c: Item, k: K = 10, min_ratings: MinRatings = 0, json: Json = False
) -> None:
    """The items nearest to a - b + c, as in "king - man + woman"."""
    recommender = palate.load(model)
    wanted = [item_id(recommender, text) for text in (a, b, c)]
    found = recommender.analogy(*wanted, k=k, min_ratings=min_ratings)
    if json:
        as_json({"a": wanted[0], "b": wanted[1], "c": wanted[2], "items": found.to_dicts()})
    else:
        as_table(f"{a} - {b} + {c}", found.to_dicts())
