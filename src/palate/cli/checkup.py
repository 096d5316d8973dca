"""The command `palate checkup`."""

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
    split: Annotated[str, typer.Option(help="Split to check: random, time, last, users or items.")] = "random",
    test: Annotated[float, typer.Option(help="Share of events, users or items in its test part.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    *,
    reading: ReadingOptions,
    json: Json = False,
) -> None:
    """Check a table for what may mislead a model or its metrics, and say what to do about it."""
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
        say("no problems that could mislead a model or its metrics")
