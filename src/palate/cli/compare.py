"""palate compare"""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import (
    Encoding,
    Format,
    ItemColumn,
    Items,
    Json,
    RatingColumn,
    Separator,
    Table,
    TimeColumn,
    TimeUnit,
    UserColumn,
    read_table,
)
from palate.cli.output import as_json, as_table, errors, say

RUN = "The comparison"


def compare(
    ratings: Table,
    items: Items = None,
    format: Format = None,
    user: UserColumn = None,
    item: ItemColumn = None,
    rating: RatingColumn = None,
    time: TimeColumn = None,
    separator: Separator = None,
    time_unit: TimeUnit = None,
    encoding: Encoding = None,
    models: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between; all that fit the table if not here.",
            rich_help_panel=RUN,
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How often a model is trained.", rich_help_panel=RUN, min=1)] = 3,
    minutes: Annotated[float, typer.Option(help="For all of it.", rich_help_panel=RUN)] = 10.0,
    k: Annotated[int, typer.Option("-k", help="Length of the ranked lists.", rich_help_panel=RUN, min=1)] = 10,
    seed: Annotated[int, typer.Option(help="What every draw follows from.", rich_help_panel=RUN, min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=RUN)] = "auto",
    split: Annotated[
        str,
        typer.Option(
            help="How the test is chosen: random, time (the latest events), last (everybody's last event), "
            "users (people never seen) or items.",
            rich_help_panel=RUN,
        ),
    ] = "random",
    test: Annotated[float, typer.Option(help="Share of all events held out to measure on.", rich_help_panel=RUN)] = 0.2,
    validation: Annotated[
        float, typer.Option(help="Share of the rest that chooses epochs.", rich_help_panel=RUN)
    ] = 0.1,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit",
            help="Once validation has chosen, train each again on both parts, as palate train does.",
            rich_help_panel=RUN,
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="A page to write, .html, with tables, intervals and curves.", rich_help_panel=RUN, show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Which model to use for a table, and which can't be told apart."""
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    table = read_table(ratings, items, format, separator, time_unit, encoding, columns)
    if not json:
        for note in table.notes:
            say(note)
    with errors.status("starting") as status:
        found = palate.compare(
            table,
            models=None if models is None else [name.strip() for name in models.split(",")],
            seeds=seeds,
            minutes=minutes,
            k=k,
            seed=seed,
            device=device,
            split=split,
            test=test,
            validation=validation,
            refit=refit,
            report=report,
            title=Path(ratings[0]).name,
            told=status.update,
        )
    if json:
        as_json(found.to_dict())
        return
    _tables(found)
    if report is not None:
        say(f"wrote {report}")


def _tables(found: "palate.Comparison") -> None:
    for measure in found.measures:
        rows = []
        for compared in found.best_first(measure):
            one = compared.standings[measure.name]
            rows.append(
                {
                    "group": one.group,
                    "model": compared.model,
                    measure.name: one.value,
                    "95 % interval": f"{one.low:.4f} to {one.high:.4f}",
                    "over runs": f"± {one.spread:.4f}" if len(compared.runs) > 1 else "–",
                    "seconds": round(compared.seconds, 2),
                    "MB": round(compared.memory / 10**6),
                }
            )
        say()
        as_table(
            f"By {measure.name}, {'most' if measure.larger_is_better else 'least'} first; models of one group can't be told apart",
            rows,
        )
    say()
    for name, why in found.left_out.items():
        say(f"{name} is not in it: {why}")
    for sentence in found.sentences:
        say(sentence)
