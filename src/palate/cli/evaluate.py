"""palate evaluate"""

from typing import Annotated

import typer

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Json, Model, ModelClass, read_table
from palate.cli.output import as_json, as_table, say
from palate.errors import OptionError
from palate.options import ReadingOptions

GROUPS = {
    "Ratings": ("rmse", "mae", "user_rmse", "user_mae", "calibration_error"),
    "Intervals: the share of real ratings within them, and their width": ("covered", "width"),
    "Ranked lists": ("recall", "precision", "hit_rate", "ndcg", "map", "mrr", "people"),
    "Beyond accuracy": ("coverage", "gini", "novelty", "popularity_lift", "diversity"),
    "Events that tell nothing": ("unknown", "learned"),
}
"""What to call metrics together, by the names before their @."""


@grouped
def evaluate(
    model: Model,
    table: Annotated[
        list[str] | None,
        typer.Argument(
            help="Events to predict, as palate train takes them; without any, the test part that training held out.",
            show_default=False,
        ),
    ] = None,
    *,
    reading: ReadingOptions,
    k: Annotated[int, typer.Option("-k", help="Length of the ranked lists.", min=1)] = 10,
    people: Annotated[int, typer.Option(help="How many people's lists are ranked, at most.", min=1)] = 1000,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """How good a model is on events it has not learned from."""
    recommender = palate.load(model, model_class)
    if not table and reading != ReadingOptions():
        raise OptionError("how to read a table was said, but no table was named")
    held_out = read_table(table, reading) if table else None
    metrics = recommender.evaluate(held_out, k=k, people=people, full=True)
    tenths = recommender.calibration(held_out).to_dicts() if "rmse" in metrics else []
    if json:
        as_json({**metrics, **({"calibration": tenths} if tenths else {})})
        return
    for title, names in GROUPS.items():
        rows = [{"metric": name, "value": value} for name, value in metrics.items() if name.split("@")[0] in names]
        if rows:
            as_table(title, rows)
            say()
    if tenths:
        as_table("Tenths of the predictions, from low to high", tenths)
