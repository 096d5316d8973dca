"""The command `palate explain`."""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model, ModelClass, Rate, User, item_id, ratings, user_id
from palate.cli.output import as_json, as_table, errors


def explain(
    model: Model,
    item: Annotated[str, typer.Option("--item", help="Item to explain, by id or exact title.", metavar="ITEM")],
    user: User = None,
    rate: Rate = [],
    k: Annotated[int, typer.Option("-k", help="Number of ratings to return.")] = 5,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Explain a recommendation: the ratings of the user without which the item's score would drop most.

    The item is scored again without each rating. A user of the table is treated as a new user with the same history
    (fold-in).
    """
    recommender = palate.load(model, model_class)
    wanted = item_id(recommender, item)
    with errors().status("scoring the item again without each rating"):
        explanation = recommender.explain(user_id(recommender, user), wanted, ratings=ratings(recommender, rate), k=k)
    if json:
        as_json(
            {
                "user": user_id(recommender, user),
                "item": wanted,
                "score": explanation.score,
                "reasons": explanation.reasons.to_dicts(),
            }
        )
    else:
        who = f"for user {user}" if user is not None else "for you"
        as_table(
            f"{item} has score {explanation.score:.4f} {who}, and would lose most without",
            explanation.reasons.to_dicts(),
        )
