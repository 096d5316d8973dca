"""The command `palate recommend`."""

from typing import Annotated

import typer

import palate
from palate.cli.options import (
    Category,
    Exclude,
    Json,
    K,
    MinRatings,
    Model,
    ModelClass,
    Only,
    Rate,
    User,
    item_id,
    ratings,
    user_id,
)
from palate.cli.output import as_json, as_table, say


def recommend(
    model: Model,
    user: User = None,
    rate: Rate = [],
    k: K = 10,
    exclude: Exclude = [],
    only: Only = [],
    category: Category = [],
    min_ratings: MinRatings = 0,
    diversity: Annotated[
        float,
        typer.Option(help="Trade score for variety: 0 returns the best items, 1 the most different ones."),
    ] = 0.0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Return the top-N recommendations of a user or a new user, items already seen left out.

    A user of the table is named by --user. A new user (cold start) gives ratings by --rate: the model folds them in
    (fold-in) and is not trained again.
    """
    recommender = palate.load(model, model_class)
    recommendations = recommender.recommend(
        user_id(recommender, user),
        ratings=ratings(recommender, rate),
        k=k,
        exclude=[item_id(recommender, text) for text in exclude],
        only=[item_id(recommender, text) for text in only] or None,
        category=category,
        min_ratings=min_ratings,
        diversity=diversity,
    )
    note = {"note": recommendations.note} if recommendations.note else {}
    if json:
        as_json({"user": user_id(recommender, user), "items": recommendations.to_dicts(), **note})
    elif note:
        say(f"no items: {recommendations.note}")
    else:
        as_table(f"For user {user}" if user is not None else "For you", recommendations.to_dicts())
        _say_how_it_ranks(recommender)


def _say_how_it_ranks(recommender: "palate.Recommender") -> None:
    if recommender.predicts_ratings:
        say(
            "This model ranks by predicted rating, which favours items with few ratings. --min-ratings 20 returns "
            "known items; a model trained with --model ease gives better lists."
        )
