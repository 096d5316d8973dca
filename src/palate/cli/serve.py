"""palate serve, palate token"""

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.options import Json, Model, ModelClass, needs_serve
from palate.cli.output import as_json, say
from palate.service.tokens import new_token


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.", min=1, max=65535)] = 8000,
    events: Annotated[
        str | None,
        typer.Option(
            help="Where events are kept: a SQLite file, or postgresql://...; beside the model if not named.",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            help="A file made by palate token: who asks must have one of them. Needed beyond 127.0.0.1.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        int, typer.Option(help="How many lists are kept, to be given again while nothing has changed.", min=0)
    ] = 10_000,
    watch: Annotated[bool, typer.Option("--watch", help="Serve a new model as soon as it lies there.")] = False,
    model_class: ModelClass = None,
) -> None:
    """Answer over HTTP, with a page to try it at /."""
    try:
        from palate.service.server import run  # noqa: PLC0415 - optional
    except ModuleNotFoundError as missing:
        raise needs_serve(missing) from missing
    run(
        model,
        events=events or f"{model}.events.sqlite",
        host=host,
        port=port,
        tokens=tokens,
        watch=watch,
        cache=cache,
        model_class=model_class,
        ready=lambda address: say(f"serving {model} at {address}; Ctrl-C stops it"),
    )


def token(
    path: Annotated[Path, typer.Argument(help="The file; a new token is added.", show_default=False)],
    json: Json = False,
) -> None:
    """Make a token for palate serve --tokens, and show it this once: the file holds only its digest."""
    made = new_token(path)
    if json:
        as_json({"path": str(path), "token": made})
    else:
        say(made)
