"""The commands `palate similar` and `palate analogy`."""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, MinRatings, Model, ModelClass, User, item_id, user_id
from palate.cli.output import as_json, as_table, say

Item = Annotated[str, typer.Argument(help="Item, by id or exact title.")]


def similar(
    model: Model,
    item: Annotated[str | None, typer.Option("--item", help="Item, by id or exact title.", metavar="ITEM")] = None,
    user: User = None,
    k: K = 10,
    min_ratings: MinRatings = 0,
    towards: Annotated[
        str | None,
        typer.Option(
            help="Move the item's vector this way first: year, or a category that palate directions lists.",
            metavar="NAME",
        ),
    ] = None,
    strength: Annotated[
        float, typer.Option(help="Length of the move, as a multiple of the vector's length; negative moves away.")
    ] = 1.0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Return the items most similar to an item, or the users most similar to a user.

    The similarity is the cosine of the learned vectors. In a model without vectors, items are similar when the same
    users have events with both (co-occurrence).
    """
    recommender = palate.load(model, model_class)
    wanted = None if item is None else item_id(recommender, item)
    user_value = user_id(recommender, user)
    answer = recommender.similar(
        wanted, user=user_value, k=k, min_ratings=min_ratings, towards=towards, strength=strength
    )
    neighbours = answer.to_dicts()
    way = {} if towards is None else {"towards": towards, "strength": strength}
    if json:
        of, id_ = ("item", wanted) if item is not None else ("user", user_value)
        as_json({of: id_, **way, f"{of}s": neighbours})
    elif answer.note:
        say(f"no {'items' if item is not None else 'users'}: {answer.note}")
    else:
        moved = "" if towards is None else f" {strength:+g} towards {towards}"
        as_table(f"Nearest to {item if item is not None else f'user {user}'}{moved}", neighbours)


def analogy(
    model: Model,
    a: Item,
    b: Item,
    c: Item,
    k: K = 10,
    min_ratings: MinRatings = 0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Return the items nearest to the vector a - b + c, as in "king - man + woman", beside two controls.

    The controls are the items nearest to c alone, and the items found with a random pair in place of a and b.
    """
    recommender = palate.load(model, model_class)
    wanted = [item_id(recommender, text) for text in (a, b, c)]
    checked = recommender.check_analogy(*wanted, k=k, min_ratings=min_ratings)
    lists = {"a - b + c": checked.answer, "c alone": checked.no_offset, "a random pair": checked.shuffled}
    if json:
        as_json(
            {
                "a": wanted[0],
                "b": wanted[1],
                "c": wanted[2],
                "items": checked.answer.to_dicts(),
                "no_offset": checked.no_offset.to_dicts(),
                "shuffled": checked.shuffled.to_dicts(),
                "in_no_offset": checked.in_no_offset,
                "in_shuffled": checked.in_shuffled,
                "sentence": checked.sentence,
            }
        )
        return
    columns = [[str(row.title if row.title is not None else row.id) for row in each] for each in lists.values()]
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*columns, strict=True)]
    as_table(f"{a} - {b} + {c}", [{"": place, **row} for place, row in enumerate(rows, 1)])
    say()
    say(checked.sentence)
