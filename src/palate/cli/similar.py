"""palate similar, palate analogy"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, MinRatings, Model, ModelClass, User, item_id, user_id
from palate.cli.output import as_json, as_table, say

Item = Annotated[str, typer.Argument(help="An item, by id or exact title.", show_default=False)]


def similar(
    model: Model,
    item: Annotated[
        str | None, typer.Option("--item", help="An item, by id or exact title.", show_default=False)
    ] = None,
    user: User = None,
    k: K = 10,
    min_ratings: MinRatings = 0,
    towards: Annotated[
        str | None,
        typer.Option(
            help="Move the item this way first: year or a category, as in palate directions.", show_default=False
        ),
    ] = None,
    strength: Annotated[float, typer.Option(help="How far, in lengths of the item's vector; negative: away.")] = 1.0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """The items nearest to an item, or the users nearest to a user, by their learned vectors.

    Items of a model without vectors: by who met both.
    """
    recommender = palate.load(model, model_class)
    wanted = None if item is None else item_id(recommender, item)
    person = user_id(recommender, user)
    found = recommender.similar(
        wanted, user=person, k=k, min_ratings=min_ratings, towards=towards, strength=strength
    ).to_dicts()
    way = {} if towards is None else {"towards": towards, "strength": strength}
    if json:
        of, id_ = ("item", wanted) if item is not None else ("user", person)
        as_json({of: id_, **way, f"{of}s": found})
    else:
        moved = "" if towards is None else f" {strength:+g} towards {towards}"
        as_table(f"Nearest to {item if item is not None else f'user {user}'}{moved}", found)


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
    """The items nearest to a - b + c, as in "king - man + woman", beside what no analogy and a random one find."""
    recommender = palate.load(model, model_class)
    wanted = [item_id(recommender, text) for text in (a, b, c)]
    found = recommender.check_analogy(*wanted, k=k, min_ratings=min_ratings)
    lists = {"a - b + c": found.answer, "c alone": found.no_offset, "a random pair": found.shuffled}
    if json:
        as_json(
            {
                "a": wanted[0],
                "b": wanted[1],
                "c": wanted[2],
                "items": found.answer.to_dicts(),
                "no_offset": found.no_offset.to_dicts(),
                "shuffled": found.shuffled.to_dicts(),
                "in_no_offset": found.in_no_offset,
                "in_shuffled": found.in_shuffled,
                "sentence": found.sentence,
            }
        )
        return
    columns = [[str(row.title if row.title is not None else row.id) for row in each] for each in lists.values()]
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*columns, strict=True)]
    as_table(f"{a} - {b} + {c}", [{"": place, **row} for place, row in enumerate(rows, 1)])
    say()
    say(found.sentence)
