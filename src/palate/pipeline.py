"""The whole flow, once, in order: read -> split -> fit -> evaluate -> recommend. Start here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate import datasets, devices, models
from palate.artifact import Metrics, Training, check_place
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.read import read
from palate.data.split import Split
from palate.errors import OptionError, UnsupportedError, at_least
from palate.evaluation.evaluate import evaluate, predict
from palate.evaluation.intervals import half_widths
from palate.item_map import item_map
from palate.learning import learn
from palate.models.contract import Model, PredictsRatings
from palate.models.settings import configure
from palate.recommender import Recommender
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Observer, Record, fit

DURATIONS = {"seconds", "ratings_per_second"}
"""What the artifact leaves out of the history, so that the same run gives the same bytes."""


DATASET_NAMES = ("movielens-", "ml-")
"""How the name of a data set begins; what is called so and is no file is one, or one misspelt."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gave."""

    recommender: Recommender
    history: list[Record]
    """A record per epoch: train_loss, seconds, ratings_per_second; validation_loss or test_loss, squared errors, of a
    model that predicts ratings, and validation_ndcg@10 or test_ndcg@10 of another."""
    metrics: Metrics
    """Of the test part: rmse and mae where ratings are predicted, recall@10 and ndcg@10."""
    baselines: dict[str, Metrics]
    """The same of simpler models, on the same test part."""


def train(
    source: object,
    *,
    items: object = None,
    model: str = "neural",
    preset: str | None = None,
    settings: Mapping[str, object] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "auto",
    split: str = "random",
    test: float = 0.2,
    validation: float = 0.1,
    watch_test: bool = False,
    baselines: Sequence[str] = ("bias", "popularity"),
    output: str | Path | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    **reading: Any,
) -> Trained:
    """Learn from a table, and say how well.

    source, items, reading: as `palate.read` takes them; source may also be the name of a data set of `palate.datasets`.
    model, preset, settings, epochs: what to train; `palate info MODEL` lists its presets and settings.
    split: how what is held out is chosen, see `data/split.py`: "random", "time", "last", "users" or "items".
    test: the share of all events, or people or items, held out for `metrics`. validation: the share of the rest that
    chooses the epoch; with 0 every epoch runs and the last is kept, the test loss of each is recorded, and nothing is
    chosen by it.
    watch_test: record the test loss of each epoch beside the validation loss, as a curve to look at.
    observers: who hears how far training is, such as `palate.Bars()`, which draws a progress bar.
    output: a folder to save to; while training, `output`.checkpoint allows to `resume` after a stop or a crash.

    Raises:
        DataError: the table can't be read.
        OptionError: a setting, share, device or model that can't be.
        UnsupportedError: the model needs ratings, or the split times, and the table has none.
        Interrupted: Ctrl-C, after a checkpoint was saved.
    """
    seed, test, validation = int(seed), float(test), float(validation)  # numpy's are welcome too
    at_least(seed, 0, "seed")
    cls = models.find(model)
    config = configure(cls, preset, {**(settings or {}), **({"epochs": epochs} if epochs is not None else {})})
    where = devices.pick(device)
    if output is not None:
        check_place(Path(output))
    table = load_table(source, items, reading)
    check_ratings(cls, table)
    rivals = [name for name in baselines if _fair(name, model, table)]
    parts = splits.divide(table, split, test=test, validation=validation, seed=seed)

    trained = cls(config, table.n_users, table.n_items).to(where)
    checkpoint = _checkpoint(output, resume, trained, parts, seed, watch_test)
    history = learn(
        trained,
        parts,
        seed=seed,
        watch_test=watch_test,
        checkpoint=checkpoint,
        resume=resume,
        observers=observers,
    )

    metrics = _report(trained, parts, parts.newcomers, seed)
    untaught = splits.absent(table, parts.part < splits.TEST)
    compared = {name: _report(_baseline(name, parts), parts, untaught, seed) for name in rivals}
    training = Training(
        preset=preset,
        seed=seed,
        split={"method": split, "test": test, "validation": validation, "hash": parts.hash},
        history=[{name: value for name, value in record.items() if name not in DURATIONS} for record in history],
        metrics=metrics,
        baselines=compared,
        half_widths=_half_widths(trained, parts),
        notes=[*table.notes, *parts.notes],
    )
    recommender = Recommender(trained, parts, training, item_map(trained, table.item_counts, seed))
    if output is not None:
        recommender.save(output)
    if checkpoint is not None:
        checkpoint.remove()
    return Trained(recommender, history, metrics, compared)


def load_table(source: object, items: object, reading: Mapping[str, Any]) -> Interactions:
    """A data set by its name where there is one and no file of that name, else `palate.read`."""
    if isinstance(source, Interactions):
        return source
    if isinstance(source, str) and source.startswith(DATASET_NAMES) and not Path(source).exists():
        files = datasets.fetch(source)
        about = datasets.describe(source)
        table = read(files.ratings, items=files.items if items is None else items, **reading)
        return replace(table, notes=(*table.notes, f"{about.title}: {about.terms}"))
    return read(source, items=items, **reading)


def check_ratings(cls: type[Model], table: Interactions) -> None:
    """Raises UnsupportedError where a model needs ratings and the table has none."""
    if cls.NEEDS_RATINGS and table.ratings is None:
        others = ", ".join(name for name, other in models.MODELS.items() if not other.NEEDS_RATINGS)
        raise UnsupportedError(
            f"model {models.name_of(cls)!r} learns from ratings, and this table has none: choose --model {others}"
        )


def _checkpoint(
    output: str | Path | None, resume: bool, model: Model, split: Split, seed: int, watch_test: bool
) -> Checkpoint | None:
    if output is None:
        if resume:
            raise OptionError("resume needs the output whose checkpoint it goes on from")
        return None
    path = Path(f"{Path(output)}.checkpoint")
    if path.exists() and not resume:
        raise OptionError(f"{path} is of a run that was stopped: add --resume to go on with it, or delete it")
    identity = {
        "model": models.name_of(type(model)),
        "settings": model.config.model_dump(mode="json"),
        "data": split.table.fingerprint,
        "split": split.hash,
        "seed": seed,
        "watch_test": watch_test,
    }
    return Checkpoint(path, identity)


def _report(model: Model, split: Split, newcomers: NDArray[np.bool_], seed: int) -> Metrics:
    if not len(split.test):
        return {}
    return evaluate(model, split.shown, split.test, seed=seed, newcomers=newcomers)


def _half_widths(model: Model, split: Split) -> dict[float, float]:
    """Of intervals around predicted ratings, from the validation part; none without one."""
    real, scale = split.validation.ratings, split.train.scale
    if not isinstance(model, PredictsRatings) or real is None or scale is None or not len(real):
        return {}
    return half_widths(predict(model, split.train, split.validation, split.newcomers).clip(*scale), real, scale)


def _fair(baseline: str, model: str, table: Interactions) -> bool:
    """Whether a baseline is another model than the one trained, and can learn from this table."""
    return baseline != model and not (models.find(baseline).NEEDS_RATINGS and table.ratings is None)


def _baseline(name: str, split: Split) -> Model:
    """A simpler model with its defaults, fitted on all that is known before the test."""
    cls = models.find(name)
    model = cls(cls.Config(), split.table.n_users, split.table.n_items)
    fit(model, split.before_test)
    return model
