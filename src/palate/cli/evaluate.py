"""palate evaluate"""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model
from palate.cli.output import as_json, as_table


def evaluate(
    model: Model,
    table: Annotated[
        Path | None,
        typer.Argument(help="Events to predict; without it, the test part that training held out.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Length of the ranked lists.", min=1)] = 10,
    json: Json = False,
) -> None:
    """How good a model is on events it has not learned from."""
    recommender = palate.load(model)
    metrics = recommender.evaluate(None if table is None else palate.read(table), k=k)
    if json:
        as_json(metrics)
    else:
        as_table("", [{"metric": name, "value": value} for name, value in metrics.items()])
