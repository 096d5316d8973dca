"""The command `palate sample`."""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Json
from palate.cli.output import as_json, command, say


def sample(
    name: Annotated[str, typer.Argument(help="Name of a data set; palate info lists them.")] = "movielens-small",
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write the ratings to.")] = Path("ratings.csv"),
    items: Annotated[
        Path | None,
        typer.Option(help="File to write the items to; movies.csv beside the ratings if you do not name one."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a data set as CSV files: the one inside Palate, or one that is downloaded first."""
    movies = items if items is not None else output.with_name("movies.csv")
    palate.datasets.write(name, output, movies)
    about = palate.datasets.describe(name)
    if json:
        as_json({"name": about.name, "ratings": str(output), "items": str(movies), "terms": about.terms})
        return
    say(f"wrote {output} and {movies}: {about.title}, {about.ratings:,} ratings by {about.users:,} users")
    say(f"terms: {about.terms}")
    say(f"next: {command('palate', 'train', output, '--items', movies, '-o', 'movies.palate')}")
