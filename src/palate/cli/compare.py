"""palate compare"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Items, Json, Reading, RunOptions, Table
from palate.cli.output import as_json, as_table, compilation_shown, errors, say, say_notes

of_comparison = partial(typer.Option, rich_help_panel="The comparison")


@grouped
def compare(
    ratings: Table,
    items: Items = None,
    *,
    reading: Reading,
    models: Annotated[
        str | None,
        of_comparison(help="Names with commas between; all that fit the table if not here.", show_default=False),
    ] = None,
    seeds: Annotated[int, of_comparison(help="How often a model is trained.", min=1)] = 3,
    minutes: Annotated[float, of_comparison(help="For all of it.")] = 10.0,
    k: Annotated[int, of_comparison("-k", help="Length of the ranked lists.", min=1)] = 10,
    refit: Annotated[
        bool,
        of_comparison(
            "--refit", help="Once validation has chosen, train each again on both parts, as palate train does."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        of_comparison(help="A page to write, .html, with tables, intervals and curves.", show_default=False),
    ] = None,
    run: RunOptions,
    json: Json = False,
) -> None:
    """Which model to use for a table, and which can't be told apart."""
    table = reading.table(ratings, items)
    say_notes(table.notes, json)
    with compilation_shown(quiet=json), errors.status("starting") as status:
        found = palate.compare(
            table,
            models=None if models is None else [name.strip() for name in models.split(",")],
            seeds=seeds,
            minutes=minutes,
            k=k,
            refit=refit,
            report=report,
            title=Path(ratings[0]).name,
            told=status.update,
            **vars(run),
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
