"""palate serve"""

from typing import Annotated

import typer

from palate.cli.options import Model
from palate.cli.output import say
from palate.errors import UnsupportedError


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.", min=1, max=65535)] = 8000,
) -> None:
    """Answer over HTTP, with a page to try it at /."""
    try:
        from palate.service.server import run  # noqa: PLC0415 - optional
    except ModuleNotFoundError as missing:
        raise UnsupportedError(f'serving needs {missing.name}: pip install "palate[serve]"') from missing
    run(model, host=host, port=port, ready=lambda address: say(f"serving {model} at {address}; Ctrl-C stops it"))
