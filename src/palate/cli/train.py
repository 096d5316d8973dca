"""palate train"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Items, Json, Reading, RunOptions, Table, of_run, of_table, with_events
from palate.cli.output import as_json, as_table, compilation_shown, errors, say, say_notes
from palate.errors import OptionError, UnsupportedError
from palate.models.registry import current_name

if TYPE_CHECKING:
    from palate.model_selection.search import SearchResult


of_model = partial(typer.Option, rich_help_panel="The model", show_default=False)


@dataclass(frozen=True)
class Choice:
    """What to train."""

    model: Annotated[
        str | None,
        of_model(
            help="A model that palate info lists; best, for whichever of them suits the table; or package.module:Class. "
            "Not named: svdpp, ease for a table without ratings, or neural where a preset is asked for.",
        ),
    ] = None
    preset: Annotated[str | None, of_model(help="Settings that belong together, such as sgd or adam.")] = None
    epochs: Annotated[int | None, of_model(help="Passes over the training part, at most.")] = None
    set: Annotated[
        list[str] | None, of_model("--set", help="A setting, as NAME=VALUE; palate info MODEL lists them.")
    ] = None
    minutes: Annotated[
        float | None, of_model(help="With --model best: for the search and the refit; 10 if not said.")
    ] = None
    aim: Annotated[
        str | None,
        of_model(
            "--for", help="With --model best: ratings, to predict them, or lists; ratings where the table has any."
        ),
    ] = None

    def asked(self) -> dict[str, Any]:
        """As `palate.train` takes it."""
        settings = dict(_setting(text) for text in self.set or ())
        return {name: value for name, value in vars(self).items() if name != "set"} | {"settings": settings}


@grouped
def train(
    ratings: Table,
    items: Items = None,
    *,
    reading: Reading,
    events: Annotated[
        str | None, of_table(help="What a service was told since: what palate serve --events names.")
    ] = None,
    choice: Choice,
    output: Annotated[
        Path | None,
        of_run("-o", "--output", help="The model's folder; named after the table if not here.", show_default=False),
    ] = None,
    run: RunOptions,
    watch_test: Annotated[bool, of_run(help="Show the test loss of each epoch too; nothing is chosen by it.")] = False,
    refit: Annotated[
        bool, of_run(help="Once validation has chosen, train again on training and validation part.")
    ] = True,
    baselines: Annotated[bool, of_run(help="Compare with bias and popularity.")] = True,
    resume: Annotated[bool, of_run("--resume", help="Go on with a run that was stopped.")] = False,
    profile: Annotated[bool, of_run("--profile", help="Say where the time went, by function and by operator.")] = False,
    export_vectors: Annotated[
        Path | None,
        of_run(help="Write the item vectors in word2vec's text form; .glove for GloVe's.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Learn from a table of ratings, and say how well."""
    path = output if output is not None else Path(f"{Path(ratings[0]).resolve().name.split('.')[0] or 'model'}.palate")
    _before_torch(choice.model, profile)
    table = reading.table(ratings, items)
    model = current_name(choice.model or palate.usual_model(table, choice.preset))
    if export_vectors is not None:
        _check_vectors(model)
    if events is not None:
        table = with_events(table, events)
    say_notes(table.notes, json)
    with ExitStack() as stack:
        profiler = stack.enter_context(palate.Profiler()) if profile else None
        observers, told = _watching(stack, model, json)
        trained = palate.train(
            table,
            **{**choice.asked(), "model": model},
            **vars(run),
            watch_test=watch_test,
            refit=refit,
            baselines=("bias", "popularity") if baselines else (),
            output=path,
            resume=resume,
            observers=observers if profiler is None else [profiler, *observers],
            told=told,
        )
    say_notes(trained.recommender.split.notes, json)
    if profiler is not None:
        print(profiler.report(), file=sys.stderr)
    if export_vectors is not None:
        trained.recommender.export_vectors(export_vectors, header=export_vectors.suffix != ".glove")
    model = model if trained.found is None else trained.found.name
    if json:
        as_json({"path": str(path), "model": model, **_answer(trained), "notes": list(table.notes)})
    else:
        _report(trained, model, path)


def _before_torch(model: str | None, profile: bool) -> None:
    """What counts only if it is there before what uses it."""
    if profile:
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's recorder says when it starts and stops
    if model is not None and ":" in model:
        sys.path.insert(0, str(Path.cwd()))  # where a person's own package.module:Class is looked for first


def _watching(stack: ExitStack, model: str, json: bool) -> tuple[list[Any], Callable[[str], Any]]:
    """What shows a person how far it is: observers of training, and who hears what it is at."""
    if json:
        return [], lambda line: None
    if model == "best":
        stack.enter_context(compilation_shown())
        return [], stack.enter_context(errors.status("starting")).update
    return [stack.enter_context(palate.Bars(errors))], errors.print


def _check_vectors(model: str) -> None:
    """Raises UnsupportedError where one of Palate's models has no vectors, before any time is spent on it."""
    both = ("user_vectors", "item_vectors")
    having = [name for name, cls in palate.MODELS.items() if all(hasattr(cls, vectors) for vectors in both)]
    if model in list(palate.MODELS) and model not in having:
        raise UnsupportedError(f"model {model!r} has no vectors to export; train one that has: {', '.join(having)}")


def _answer(trained: "palate.Trained") -> dict[str, Any]:
    found, searched = trained.found, {}
    if found is not None:
        searched = {"measure": found.measure, "tried": [vars(one) for one in found.tried], "sentences": found.sentences}
    return {**searched, "history": trained.history, "metrics": trained.metrics, "baselines": trained.baselines}


def _say_found(found: "SearchResult") -> None:
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
    if trained.found is not None:
        _say_found(trained.found)
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
