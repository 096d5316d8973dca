"""palate replay"""

import os
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, Model, ModelClass
from palate.cli.output import as_json, say

SHOWN = 5


def replay(
    model: Model,
    url: Annotated[str, typer.Option(help="Where the service is.")] = "http://127.0.0.1:8000",
    people: Annotated[int, typer.Option(help="How many people to send, at most.", min=1)] = 200,
    k: K = 10,
    seed: Annotated[int, typer.Option(help="What draws them.", min=0)] = 0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Send people with held-out events through a running service: are its lists this model's, and how fast do they come?

    A token, where one is needed, is taken from the environment variable PALATE_TOKEN. Ends with 1 where a list differs.
    """
    token = os.environ.get("PALATE_TOKEN")
    found = palate.replay(palate.load(model, model_class), url, people=people, k=k, token=token, seed=seed)
    p50, p99 = found.milliseconds(0.5), found.milliseconds(0.99)
    if json:
        as_json(
            {
                "url": url,
                "people": found.people,
                "lists": found.lists,
                "different": found.different,
                "p50_ms": p50,
                "p99_ms": p99,
            }
        )
    else:
        alike = "all as this model makes them" if not found.different else f"{len(found.different):,} different"
        say(f"{found.lists:,} lists of {found.people:,} people: {alike}; p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        for line in found.different[:SHOWN]:
            say(line)
        if found.different:
            say("a list also differs where someone did something since the training: events count at once")
    if found.different:
        raise typer.Exit(1)
