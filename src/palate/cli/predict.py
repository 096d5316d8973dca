"""palate predict"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model, ModelClass, Rate, User, item_id, ratings, user_id
from palate.cli.output import as_json, as_table


def predict(
    model: Model,
    item: Annotated[
        list[str], typer.Option("--item", help="An item, by id or exact title; repeat it.", show_default=False)
    ],
    user: User = None,
    rate: Rate = [],
    interval: Annotated[
        float | None,
        typer.Option(help="Also where this share of the real ratings lies, such as 0.8.", show_default=False),
    ] = None,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """The rating that someone would give to items, rated already or not."""
    recommender = palate.load(model, model_class)
    items = [item_id(recommender, text) for text in item]
    found = recommender.predict(
        user_id(recommender, user), items, ratings=ratings(recommender, rate), interval=interval
    )
    if json:
        as_json({"user": user_id(recommender, user), "items": found.to_dicts()})
    else:
        as_table(
            f"Predicted ratings of user {user}" if user is not None else "Your predicted ratings", found.to_dicts()
        )
