"""palate explain"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, Model, ModelClass, Rate, User, item_id, ratings, user_id
from palate.cli.output import as_json, as_table, errors


def explain(
    model: Model,
    item: Annotated[str, typer.Option("--item", help="An item, by id or exact title.", show_default=False)],
    user: User = None,
    rate: Rate = [],
    k: K = 5,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Which ratings of someone an item's score would lose most without: the model is asked again without each.

    Someone of the table asks as a person never seen, with their history.
    """
    recommender = palate.load(model, model_class)
    wanted = item_id(recommender, item)
    with errors.status("asking again without each rating"):
        found = recommender.explain(user_id(recommender, user), wanted, ratings=ratings(recommender, rate), k=k)
    if json:
        as_json(
            {
                "user": user_id(recommender, user),
                "item": wanted,
                "score": found.score,
                "reasons": found.reasons.to_dicts(),
            }
        )
    else:
        who = f"for user {user}" if user is not None else "for you"
        as_table(f"{item} has score {found.score:.4f} {who}, and would lose without", found.reasons.to_dicts())
