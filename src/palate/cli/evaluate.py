"""The command `palate evaluate`."""

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
    "Intervals: share of real ratings inside them, and their width": ("covered", "width"),
    "Top-N lists": ("recall", "precision", "hit_rate", "ndcg", "map", "mrr", "people"),
    "Beyond accuracy": ("coverage", "gini", "novelty", "popularity_lift", "diversity"),
    "Events left out": ("unknown", "learned"),
}
"""Titles for groups of metrics, by the names before their @."""


@grouped
def evaluate(
    model: Model,
    table: Annotated[
        list[str] | None,
        typer.Argument(
            help="Table of events to predict, as palate train takes it. Without one: the test part of the training.",
        ),
    ] = None,
    *,
    reading: ReadingOptions,
    k: Annotated[int, typer.Option("-k", help="Length of the top-N lists.")] = 10,
    people: Annotated[int, typer.Option(help="Largest number of users whose lists are ranked.")] = 1000,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Measure a model on events that it has not learned from: RMSE, nDCG, recall, coverage and more.

    Ratings are measured by RMSE, MAE and calibration; top-N lists by recall, precision, nDCG, MAP and MRR.
    """
    recommender = palate.load(model, model_class)
    if not table and reading != ReadingOptions():
        raise OptionError("options of the table are given, but no table: name the table to evaluate on")
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
