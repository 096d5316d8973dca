"""palate directions"""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model, ModelClass
from palate.cli.output import as_json, as_table


def directions(
    model: Model,
    min_ratings: Annotated[
        int, typer.Option("--min-ratings", help="Learn only from what has been rated so often, at least.", min=0)
    ] = 10,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """What the item vectors tell of year and categories, beside what they seem to where these are shuffled."""
    found = palate.load(model, model_class).directions(min_ratings=min_ratings).to_dicts()
    if json:
        as_json({"directions": found})
    else:
        as_table("Told of items not learned from, and by chance (shuffled)", found)
