"""The command `palate directions`."""

from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model, ModelClass
from palate.cli.output import as_json, as_table


def directions(
    model: Model,
    min_ratings: Annotated[
        int, typer.Option("--min-ratings", help="Learn only from items with at least this many ratings.")
    ] = 10,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Show how well the item vectors predict year and categories, beside the same with shuffled labels.

    These attributes are the directions that palate similar --towards moves along.
    """
    rows = palate.load(model, model_class).directions(min_ratings=min_ratings).to_dicts()
    if json:
        as_json({"directions": rows})
    else:
        as_table("Predicted for items not learned from, and by chance (shuffled labels)", rows)
