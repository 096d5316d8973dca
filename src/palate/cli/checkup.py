"""palate checkup"""

from dataclasses import asdict
from typing import Annotated

import typer

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Json, Table, read_table
from palate.cli.output import as_json, as_table, say
from palate.options import ReadingOptions


@grouped
def checkup(
    ratings: Table,
    split: Annotated[str, typer.Option(help="The split to look at: random, time, last, users or items.")] = "random",
    test: Annotated[float, typer.Option(help="Its share of events, people or items to test on.")] = 0.2,
    seed: Annotated[int, typer.Option(help="What its draws follow from.", min=0)] = 0,
    *,
    reading: ReadingOptions,
    json: Json = False,
) -> None:
    """What in a table may mislead a model or its figures, and what to do about it."""
    table = read_table(ratings, reading)
    findings = [asdict(finding) for finding in palate.checkup(table, split=split, test=test, seed=seed)]
    if json:
        as_json({"events": len(table), "split": split, "findings": findings, "notes": list(table.notes)})
        return
    for note in table.notes:
        say(note)
    say()
    if findings:
        as_table("", [{**finding, "count": f"{finding['count']:,}"} for finding in findings])
    else:
        say("nothing found that should mislead a model or its figures")
