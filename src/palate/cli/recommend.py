"""palate recommend"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, MinRatings, Model, ModelClass, Rate, User, item_id, ratings, user_id
from palate.cli.output import as_json, as_table, say


def recommend(
    model: Model,
    user: User = None,
    rate: Rate = [],
    k: K = 10,
    exclude: Annotated[
        list[str], typer.Option(help="An item that must not appear; repeat it.", show_default=False)
    ] = [],
    only: Annotated[list[str], typer.Option(help="The only items that may; repeat it.", show_default=False)] = [],
    category: Annotated[
        list[str], typer.Option(help="Items of this category, or of any if repeated.", show_default=False)
    ] = [],
    min_ratings: MinRatings = 0,
    diversity: Annotated[
        float, typer.Option(help="From 0, the best items, to 1, the most different ones.", min=0, max=1)
    ] = 0.0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """The best items that someone has not met."""
    recommender = palate.load(model, model_class)
    found = recommender.recommend(
        user_id(recommender, user),
        ratings=ratings(recommender, rate),
        k=k,
        exclude=[item_id(recommender, text) for text in exclude],
        only=[item_id(recommender, text) for text in only] or None,
        category=category,
        min_ratings=min_ratings,
        diversity=diversity,
    )
    if json:
        as_json({"user": user_id(recommender, user), "items": found.to_dicts()})
        return
    as_table(f"For user {user}" if user is not None else "For you", found.to_dicts())
    if recommender.predicts_ratings:
        say(
            "Ranked by predicted rating, which favours items that few people rated: --min-ratings 20 asks for known ones, "
            "and a model trained with --model ease makes better lists."
        )
