"""The command `palate curves`."""

from pathlib import Path
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, Model
from palate.cli.output import as_json, say


def curves(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .svg or .png.")] = Path(
        "curves.svg"
    ),
    json: Json = False,
) -> None:
    """Draw the learning curves of a training: the losses of each epoch."""
    history = palate.read_header(model).training.history
    palate.draw_curves(history, output, title=model.name)
    if json:
        as_json({"path": str(output), "history": history})
    else:
        say(f"wrote {output}: the losses of {len(history)} epochs")
