"""The program and its commands."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from palate.cli import (
    checkup,
    compare,
    curves,
    directions,
    evaluate,
    explain,
    info,
    lists,
    predict,
    recommend,
    replay,
    sample,
    serve,
    similar,
    train,
)
from palate.cli.help import Command, Program

app = typer.Typer(
    name="palate",
    cls=Program,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: Mapping[str, Mapping[str, Callable[..., None]]] = {
    "Data and training": {
        "sample": sample.sample,
        "checkup": checkup.checkup,
        "train": train.train,
        "compare": compare.compare,
    },
    "Recommendations": {
        "recommend": recommend.recommend,
        "lists": lists.lists,
        "predict": predict.predict,
        "explain": explain.explain,
        "similar": similar.similar,
        "analogy": similar.analogy,
        "directions": directions.directions,
    },
    "Evaluation": {"evaluate": evaluate.evaluate, "curves": curves.curves, "info": info.info},
    "Service": {"serve": serve.serve, "replay": replay.replay, "token": serve.token},
}
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, cls=Command, rich_help_panel=panel)(command)


def show_version(wanted: bool) -> None:
    """Print the version of the installed package, and exit."""
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        typer.echo(f"palate {version('palate')}")
        raise typer.Exit


@app.callback()
def palate(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """Train a recommender on a table of ratings or events (implicit feedback), then ask it for recommendations."""
