"""The command `palate predict`."""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model, ModelClass, Rate, User, item_id, ratings, user_id
from palate.cli.output import as_json, as_table


def predict(
    model: Model,
    item: Annotated[list[str], typer.Option("--item", help="Item, by id or exact title.", metavar="ITEM")],
    user: User = None,
    rate: Rate = [],
    interval: Annotated[
        float | None,
        typer.Option(help="Also return the interval that contains this share of real ratings, such as 0.8."),
    ] = None,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Predict the ratings that a user or a new user (cold start) would give to items."""
    recommender = palate.load(model, model_class)
    items = [item_id(recommender, text) for text in item]
    predictions = recommender.predict(
        user_id(recommender, user), items, ratings=ratings(recommender, rate), interval=interval
    )
    if json:
        as_json({"user": user_id(recommender, user), "items": predictions.to_dicts()})
    else:
        as_table(
            f"Predicted ratings of user {user}" if user is not None else "Your predicted ratings",
            predictions.to_dicts(),
        )
