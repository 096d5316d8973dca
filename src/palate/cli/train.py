"""The command `palate train`."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from annotated_doc import Doc

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Items, Json, Table, read_table, search_here, with_events
from palate.cli.output import as_json, as_table, command, compilation_shown, errors, say, say_notes, stages
from palate.errors import UnsupportedError
from palate.models.registry import current_name
from palate.options import ModelOptions, ReadingOptions, RunOptions, SplitOptions, TrainingOptions

if TYPE_CHECKING:
    from palate.model_selection.search_result import SearchResult


@dataclass(frozen=True)
class Extras:
    """Reports and files besides the model."""

    TITLE: ClassVar[str] = RunOptions.TITLE

    profile: Annotated[bool, Doc("Report where the time went, by function and by operator.")] = False
    export_vectors: Annotated[
        Path | None,
        Doc("Write the item vectors to this file: word2vec's text format, or GloVe's if it ends in .glove."),
    ] = None


@grouped
def train(
    ratings: Table,
    items: Items = None,
    *,
    reading: ReadingOptions,
    events: Annotated[
        str | None,
        typer.Option(
            help="Also learn from events recorded by palate serve (SQLite file or postgresql:// URL).",
            metavar="STORE",
            rich_help_panel=ReadingOptions.TITLE,
        ),
    ] = None,
    choice: ModelOptions,
    split: SplitOptions,
    training: TrainingOptions,
    run: RunOptions,
    extras: Extras,
    json: Json = False,
) -> None:
    """Train a model on a table of ratings or events, measure it on a held-out test part, and save it.

    The table may hold ratings (explicit feedback) or bare events such as clicks and purchases (implicit feedback).
    The test part reports RMSE and MAE where ratings are predicted, and recall@10 and nDCG@10 of top-10 lists.
    """
    table_path = Path(ratings[0]).resolve()
    is_pipe = ratings[0] == "-" or (table_path.exists() and not table_path.is_file() and not table_path.is_dir())
    name = "model" if is_pipe else table_path.name.split(".")[0] or "model"
    path = Path(f"{name}.palate") if training.output is None else Path(training.output)
    _before_torch(choice.model, extras.profile)
    table = read_table(ratings, reading, items)
    model = current_name(choice.model or palate.usual_model(table, choice.preset))
    if extras.export_vectors is not None:
        _check_vectors(model)
    if events is not None:
        table = with_events(table, events)
    say_notes(table.notes, json)
    with ExitStack() as stack:
        profiler = stack.enter_context(palate.Profiler()) if extras.profile else None
        observers, told = _watching(stack, model, json)
        trained = palate.train(
            table,
            replace(choice, model=model),
            split,
            replace(training, output=path),
            run,
            observers=observers if profiler is None else [profiler, *observers],
            told=told,
        )
    say_notes(trained.recommender.split.notes, json)
    if profiler is not None:
        print(profiler.report(), file=sys.stderr)
    if extras.export_vectors is not None:
        trained.recommender.export_vectors(extras.export_vectors, header=extras.export_vectors.suffix != ".glove")
    model = model if trained.search is None else trained.search.name
    if json:
        as_json({"path": str(path), "model": model, **_answer(trained), "notes": list(table.notes)})
    else:
        _report(trained, model, path)


def _before_torch(model: str | None, profile: bool) -> None:
    """Set what counts only if it is set before torch or the model's module is imported."""
    if profile:
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's recorder says when it starts and stops
    search_here(model)


def _watching(stack: ExitStack, model: str, json: bool) -> tuple[list[Any], Callable[[str], Any]]:
    """Return what shows the progress on a terminal: the observers of training, and the function that takes messages."""
    if json:
        return [], lambda line: None
    if model == "best":
        stack.enter_context(compilation_shown())
        return [], stack.enter_context(stages())
    return [stack.enter_context(palate.Bars(errors()))], errors().print


def _check_vectors(model: str) -> None:
    """Raise UnsupportedError where a model has no vectors to export, before any time is spent on it."""
    both = ("user_vectors", "item_vectors")
    having = [name for name, cls in palate.MODELS.items() if all(hasattr(cls, vectors) for vectors in both)]
    if model in list(palate.MODELS) and model not in having:
        raise UnsupportedError(f"model {model!r} has no vectors to export; train one that has: {', '.join(having)}")


def _answer(trained: "palate.Trained") -> dict[str, Any]:
    search, searched = trained.search, {}
    if search is not None:
        tried = [vars(trial) for trial in search.tried]
        searched = {"measure": search.measure, "tried": tried, "sentences": search.sentences}
    return {**searched, "history": trained.history, "metrics": trained.metrics, "baselines": trained.baselines}


def _say_search(search: "SearchResult") -> None:
    fields = ("model", search.measure, "seconds", "note")
    rows = [(one.model, one.score, f"{one.seconds:7.1f}", one.note) for one in search.tried if one.seconds is not None]
    say()
    as_table(f"On the validation part, by {search.measure}", [dict(zip(fields, row, strict=True)) for row in rows])
    left_out: dict[str, list[str]] = {}
    for trial in search.tried:
        if trial.seconds is None:
            left_out.setdefault(trial.note, []).append(trial.model)
    for why, models in left_out.items():
        say(f"not tried: {', '.join(models)}: {why}")
    say()
    for sentence in search.sentences:
        say(sentence)


def _say_whose_lists(trained: "palate.Trained") -> None:
    """Say how many users the metrics of lists are means over, and what they like."""
    from palate.data.relevance import liked_notes  # noqa: PLC0415 - loads polars, which the help does not need

    if (users := trained.metrics.get("people")) is not None:
        say(f"metrics of lists are means over {users:,.0f} users, those with a liked item in the test part")
    say_notes(liked_notes(trained.recommender.table), json=False)


def _report(trained: "palate.Trained", model: str, path: Path) -> None:
    if trained.search is not None:
        _say_search(trained.search)
    compared = {model: trained.metrics, **trained.baselines}
    fields = list(dict.fromkeys(name for metrics in compared.values() for name in metrics if name != "people"))
    if fields:
        rows = [{"model": name, **{field: values.get(field) for field in fields}} for name, values in compared.items()]
        say()
        as_table("On the test part, which no model has seen", rows)
        _say_whose_lists(trained)
    for sentence in palate.verdict(model, trained.metrics, trained.baselines):
        say(sentence)
    user = trained.recommender.table.user_ids.id(0)
    own = ["--model-class", model] if ":" in model else []
    say(f"\nwrote {path}; next: {command('palate', 'recommend', path, '--user', user, *own)}")
