"""The command `palate replay`."""

import os
from typing import Annotated

import typer

import palate
from palate.cli.options import Json, K, Model, ModelClass
from palate.cli.output import as_json, say

SHOWN = 5


def replay(
    model: Model,
    url: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8000",
    people: Annotated[int, typer.Option(help="Largest number of users to send.")] = 200,
    k: K = 10,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Ask a running service for the lists of users with held-out events: compare them with the model's, and time them.

    A token, where the service needs one, is read from the environment variable PALATE_TOKEN. The exit code is 1 where
    a list differs.
    """
    token = os.environ.get("PALATE_TOKEN")
    result = palate.replay(palate.load(model, model_class), url, people=people, k=k, token=token, seed=seed)
    p50, p99 = result.milliseconds(0.5), result.milliseconds(0.99)
    if json:
        as_json(
            {
                "url": url,
                "people": result.people,
                "lists": result.lists,
                "different": result.different,
                "p50_ms": p50,
                "p99_ms": p99,
            }
        )
    else:
        alike = "all are those of this model" if not result.different else f"{len(result.different):,} different"
        say(f"{result.lists:,} lists of {result.people:,} users: {alike}; p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        for line in result.different[:SHOWN]:
            say(line)
        if result.different:
            say("a list also differs where the user has new events: the service uses them at once")
    if result.different:
        raise typer.Exit(1)
