"""The commands `palate serve` and `palate token`."""

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.options import Json, Model, ModelClass, needs_serve
from palate.cli.output import as_json, say
from palate.service.tokens import new_token


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    events: Annotated[
        str | None,
        typer.Option(
            help="Store events here: a SQLite file or a postgresql:// URL. Without one: a SQLite file beside the model.",
            metavar="STORE",
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            help="Require one of the tokens in this file, made by palate token. Needed to listen beyond 127.0.0.1.",
        ),
    ] = None,
    cache: Annotated[
        int, typer.Option(help="Number of lists to keep, so that an unchanged list is not computed again.", min=0)
    ] = 10_000,
    watch: Annotated[
        bool, typer.Option("--watch", help="Serve a new model as soon as it is saved to the folder.")
    ] = False,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Answer for an unknown user with the list of a new user, not with 404.")
    ] = False,
    model_class: ModelClass = None,
) -> None:
    """Serve a model over HTTP: recommendations and more as JSON, and a page in the browser at /."""
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
        fallback=fallback,
        ready=lambda address: say(f"serving {model} at {address}; Ctrl-C stops it"),
    )


def token(
    path: Annotated[Path, typer.Argument(help="File of tokens; a new one is added to it.")],
    json: Json = False,
) -> None:
    """Make a token for palate serve --tokens, and print it once: the file holds only its digest."""
    made = new_token(path)
    if json:
        as_json({"path": str(path), "token": made})
    else:
        say(made)
