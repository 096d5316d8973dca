"""The command `palate info`."""

from pathlib import Path
from typing import Annotated, Any

import typer

import palate
from palate.cli.options import Json, ModelClass, search_here
from palate.cli.output import as_json, as_table, say
from palate.errors import OptionError
from palate.models.registry import current_name, find, names_from_packages


def info(
    what: Annotated[
        str | None,
        typer.Argument(help="Folder of a trained model, name of a data set, or name of a model such as neural."),
    ] = None,
    export_vectors: Annotated[
        Path | None,
        typer.Option(
            help="Write the item vectors of the trained model to this file: word2vec's text format, or GloVe's if it "
            "ends in .glove.",
        ),
    ] = None,
    titles: Annotated[
        bool, typer.Option("--titles", help="In the file of vectors, call an item by its title.")
    ] = False,
    model_class: ModelClass = None,
    json: Json = False,
) -> None:
    """Describe a trained model, a data set, or a model and its hyperparameters; without a name, list them all."""
    if export_vectors is not None:
        header = export_vectors.suffix != ".glove"
        palate.load(what or "", model_class).export_vectors(export_vectors, header=header, titles=titles)
    if what is None:
        _overview(json)
    elif Path(what).exists():
        _saved(Path(what), json)
    elif what in palate.datasets.names():
        _dataset(what, json)
    elif what in palate.MODELS or ":" in what:
        search_here(what)
        _kind(current_name(what), json)
    else:
        raise OptionError(
            f"{what!r} is neither a folder, nor a data set ({', '.join(palate.datasets.names())}), nor a model "
            f"({', '.join(palate.MODELS)})"
        )


def _overview(json: bool) -> None:
    sets = [palate.datasets.describe(name) for name in palate.datasets.names()]
    if json:
        names = [*palate.MODELS, *names_from_packages()]
        as_json({"models": names, "datasets": [about.name for about in sets]})
        return
    rows = [{"name": name, "what": _first_line(cls)} for name, cls in palate.MODELS.items()]
    rows += [{"name": name, "what": f"of the package {package}"} for name, package in names_from_packages().items()]
    as_table("Models", rows)
    say()
    as_table("Data sets", [{"name": s.name, "users": s.users, "items": s.items, "ratings": s.ratings} for s in sets])
    say("\nRun palate info NAME for details of one of them, or of the folder of a trained model.")


def _saved(path: Path, json: bool) -> None:
    header = palate.read_header(path)
    if json:
        as_json({"path": str(path), **header.model_dump(mode="json")})
        return
    training = header.training
    say(
        f"{path}: model {header.model}, {header.n_users:,} users, {header.n_items:,} items, {len(training.history)} epochs"
    )
    for note in training.notes:
        say(f"  {note}")
    rows: list[dict[str, Any]] = [{"model": header.model, **training.metrics}]
    as_table(
        "On the test part", _aligned(rows + [{"model": name, **values} for name, values in training.baselines.items()])
    )
    say("settings: " + ", ".join(f"{name}={value}" for name, value in header.config.items()))
    say("split: " + ", ".join(f"{name}={value}" for name, value in training.split.items()))
    if training.refitted:
        say("refitted on training and validation part together, once validation had chosen the epoch")
    say(f"data: {header.fingerprint}; made with palate {header.versions.get('palate', 'of an unknown version')}")


def _dataset(name: str, json: bool) -> None:
    about = palate.datasets.describe(name)
    terms = palate.datasets.fetch(name).terms.read_text(encoding="utf-8") if not about.archive else about.terms
    facts = {"name": name, "title": about.title, "users": about.users, "items": about.items, "ratings": about.ratings}
    if json:
        as_json({**facts, "source": about.source, "terms": terms})
        return
    say(
        f"{about.title}: {about.ratings:,} ratings by {about.users:,} users of {about.items:,} movies, {about.source}\n"
    )
    say(terms)


def _kind(name: str, json: bool) -> None:
    cls = find(name)
    settings = palate.settings_of(cls)
    if json:
        as_json({"name": name, "what": cls.__doc__, "presets": cls.PRESETS, "settings": [*map(vars, settings)]})
        return
    say(f"{name}: {_first_line(cls)}\n")
    as_table("Hyperparameters, for --set NAME=VALUE", [{**vars(each), "default": each.written} for each in settings])
    for preset, chosen in cls.PRESETS.items():
        say(f"preset {preset}: " + ", ".join(f"{key}={value}" for key, value in chosen.items()))


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _aligned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows that all have the same fields, with None where a row had no such field."""
    fields = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in fields} for row in rows]
