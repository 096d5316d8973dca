"""palate train"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import palate
from palate.cli.options import (
    TABLE,
    Encoding,
    Format,
    ItemColumn,
    Items,
    Json,
    RatingColumn,
    Separator,
    Table,
    TimeColumn,
    TimeUnit,
    UserColumn,
    read_table,
    with_events,
)
from palate.cli.output import as_json, as_table, errors, say
from palate.errors import OptionError, UnsupportedError

if TYPE_CHECKING:
    from palate.best import Found

CHOICE, RUN = "The model", "The run"


def train(
    ratings: Table,
    items: Items = None,
    format: Format = None,
    user: UserColumn = None,
    item: ItemColumn = None,
    rating: RatingColumn = None,
    time: TimeColumn = None,
    separator: Separator = None,
    time_unit: TimeUnit = None,
    encoding: Encoding = None,
    events: Annotated[
        str | None,
        typer.Option(
            help="What a service was told since: what palate serve --events names.",
            rich_help_panel=TABLE,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="A model that palate info lists; best, for whichever of them suits the table; or package.module:Class.",
            rich_help_panel=CHOICE,
        ),
    ] = "neural",
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings that belong together, such as sgd or adam.", rich_help_panel=CHOICE, show_default=False
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the training part, at most.", rich_help_panel=CHOICE, show_default=False),
    ] = None,
    set: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="A setting, as NAME=VALUE; palate info MODEL lists them.",
            rich_help_panel=CHOICE,
            show_default=False,
        ),
    ] = [],
    minutes: Annotated[
        float | None,
        typer.Option(
            help="With --model best: for the search and the refit; 10 if not said.",
            rich_help_panel=CHOICE,
            show_default=False,
        ),
    ] = None,
    aim: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="With --model best: ratings, to predict them, or lists; ratings where the table has any.",
            rich_help_panel=CHOICE,
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The model's folder; named after the table if not here.",
            rich_help_panel=RUN,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="What every draw follows from.", rich_help_panel=RUN, min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=RUN)] = "auto",
    split: Annotated[
        str,
        typer.Option(
            help="How the test is chosen: random, time (the latest events), last (everybody's last event), "
            "users (people never seen) or items.",
            rich_help_panel=RUN,
        ),
    ] = "random",
    test: Annotated[
        float, typer.Option(help="Share of all events, people or items held out to report on.", rich_help_panel=RUN)
    ] = 0.2,
    validation: Annotated[
        float,
        typer.Option(
            help="Share of the rest that chooses the epoch; 0 runs all epochs and keeps the last.", rich_help_panel=RUN
        ),
    ] = 0.1,
    watch_test: Annotated[
        bool, typer.Option(help="Show the test loss of each epoch too; nothing is chosen by it.", rich_help_panel=RUN)
    ] = False,
    refit: Annotated[
        bool,
        typer.Option(
            help="Once validation has chosen, train again on training and validation part.", rich_help_panel=RUN
        ),
    ] = True,
    baselines: Annotated[bool, typer.Option(help="Compare with bias and popularity.", rich_help_panel=RUN)] = True,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.", rich_help_panel=RUN)
    ] = False,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="Say where the time went, by function and by operator.", rich_help_panel=RUN),
    ] = False,
    export_vectors: Annotated[
        Path | None,
        typer.Option(
            help="Write the item vectors in word2vec's text form; .glove for GloVe's.",
            rich_help_panel=RUN,
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Learn from a table of ratings, and say how well."""
    path = output if output is not None else Path(f"{Path(ratings[0]).resolve().name.split('.')[0] or 'model'}.palate")
    if profile:
        os.environ.setdefault(
            "KINETO_LOG_LEVEL", "99"
        )  # before torch is there: its recorder says when it starts and stops
    if ":" in model:
        sys.path.insert(0, str(Path.cwd()))  # where a person's own package.module:Class is looked for first
    if export_vectors is not None:
        _check_vectors(model)
    columns = {"user": user, "item": item, "rating": rating, "time": time}
    table = read_table(ratings, items, format, separator, time_unit, encoding, columns)
    if events is not None:
        table = with_events(table, events)
    if not json:
        for note in table.notes:
            say(note)
    with ExitStack() as stack:
        profiler = stack.enter_context(palate.Profiler()) if profile else None
        observers, told = _watching(stack, model, json)
        trained = palate.train(
            table,
            model=model,
            preset=preset,
            settings=dict(_setting(text) for text in set),
            epochs=epochs,
            seed=seed,
            device=device,
            split=split,
            test=test,
            validation=validation,
            watch_test=watch_test,
            refit=refit,
            minutes=minutes,
            aim=aim,
            told=told,
            baselines=("bias", "popularity") if baselines else (),
            output=path,
            resume=resume,
            observers=observers if profiler is None else [profiler, *observers],
        )
    if not json:
        for note in trained.recommender.split.notes:
            say(note)
    if trained.found is not None:
        model = trained.found.name
    if profiler is not None:
        print(profiler.report(), file=sys.stderr)
    if export_vectors is not None:
        trained.recommender.export_vectors(export_vectors, header=export_vectors.suffix != ".glove")
    if json:
        as_json(
            {
                "path": str(path),
                "model": model,
                **({} if trained.found is None else _search(trained.found)),
                "history": trained.history,
                "metrics": trained.metrics,
                "baselines": trained.baselines,
                "notes": list(table.notes),
            }
        )
        return
    if trained.found is not None:
        _say_found(trained.found)
    _report(trained, model, path)


def _watching(stack: ExitStack, model: str, json: bool) -> tuple[list[Any], Callable[[str], Any]]:
    """What shows a person how far it is: observers of training, and who hears what it is at."""
    if json:
        return [], lambda line: None
    if model == "best":
        return [], stack.enter_context(errors.status("starting")).update
    return [stack.enter_context(palate.Bars(errors))], errors.print


def _check_vectors(model: str) -> None:
    """Raises UnsupportedError where one of Palate's models has no vectors, before any time is spent on it."""
    both = ("user_vectors", "item_vectors")
    having = [name for name, cls in palate.MODELS.items() if all(hasattr(cls, vectors) for vectors in both)]
    if model in palate.MODELS and model not in having:
        raise UnsupportedError(f"model {model!r} has no vectors to export; train one that has: {', '.join(having)}")


def _search(found: "Found") -> dict[str, Any]:
    return {"measure": found.measure, "tried": [vars(one) for one in found.tried], "sentences": found.sentences}


def _say_found(found: "Found") -> None:
    fields = ("model", found.measure, "seconds", "note")
    rows = [(one.model, one.score, f"{one.seconds:7.1f}", one.note) for one in found.tried if one.seconds is not None]
    say()
    as_table(f"On the validation part, by {found.measure}", [dict(zip(fields, row, strict=True)) for row in rows])
    left_out: dict[str, list[str]] = {}
    for one in found.tried:
        if one.seconds is None:
            left_out.setdefault(one.note, []).append(one.model)
    for why, models in left_out.items():
        say(f"not tried: {', '.join(models)}: {why}")
    say()
    for sentence in found.sentences:
        say(sentence)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise OptionError(f"--set {text!r} should be NAME=VALUE, such as dim=20")
    return name, value


def _report(trained: "palate.Trained", model: str, path: Path) -> None:
    compared = {model: trained.metrics, **trained.baselines}
    fields = list(dict.fromkeys(name for metrics in compared.values() for name in metrics if name != "people"))
    if fields:
        rows = [{"model": name, **{field: found.get(field) for field in fields}} for name, found in compared.items()]
        say()
        as_table("On the test part, which no model has seen", rows)
    for sentence in palate.verdict(model, trained.metrics, trained.baselines):
        say(sentence)
    someone = trained.recommender.table.user_ids.id(0)
    say(f"\nwrote {path}; next: palate recommend {path} --user {someone}")
