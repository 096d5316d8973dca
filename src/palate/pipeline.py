"""The whole flow, once, in order: read -> split -> fit -> evaluate -> recommend. Start here."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from palate import models
from palate.artifact.folder import check_place
from palate.artifact.header import Training
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.datasets import load_table
from palate.errors import OptionError, at_least
from palate.evaluation.calibrate import half_widths_of
from palate.evaluation.evaluate import evaluate
from palate.inference.item_map import item_map
from palate.model_selection.search import SearchResult, search
from palate.models.contract import BaseConfig, Model
from palate.models.settings import configure
from palate.recommender import Recommender
from palate.results import Metrics
from palate.system import devices
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Observer, Record, fit
from palate.training.trainer import learn
from palate.training.trainer import refit as learn_again

BEST = "best"
"""The name that stands for whichever model suits the table."""

FOR_RATINGS, FOR_EVENTS = "svdpp", "ease"
"""What is trained where no model is named: on tables with ratings, and on those without."""

MINUTES = 10.0

DURATIONS = {"seconds", "ratings_per_second"}
"""What the artifact leaves out of the history, so that the same run gives the same bytes."""


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
    found: SearchResult | None = None
    """What the search found, where Palate chose the model."""


def train(
    source: object,
    *,
    items: object = None,
    model: str | None = None,
    preset: str | None = None,
    settings: Mapping[str, object] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "auto",
    split: str = "random",
    test: float = 0.2,
    validation: float = 0.1,
    watch_test: bool = False,
    refit: bool = True,
    baselines: Sequence[str] = ("bias", "popularity"),
    output: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    aim: str | None = None,
    observers: Sequence[Observer] = (),
    told: Callable[[str], None] = lambda line: None,
    **reading: Any,
) -> Trained:
    """Learn from a table, and say how well.

    source, items, reading: as `palate.read` takes them; source may also be the name of a data set of `palate.datasets`.
    model, preset, settings, epochs: what to train; `palate info MODEL` lists its presets and settings. If no model is
    named, it is that of `usual_model`. "best" is what `palate/best.py` finds in so many minutes, 10 if not said, its
    refit among them; aim: "ratings", to predict them, or "lists"; if not said, ratings where the table has any.
    split: how what is held out is chosen, see `data/split.py`: "random", "time", "last", "users" or "items".
    test: the share of all events, or people or items, held out for `metrics`. validation: the share of the rest that
    chooses the epoch; with 0 every epoch runs, the last is kept, and the test loss of each is recorded.
    watch_test: record the test loss of each epoch beside the validation loss, as a curve to look at.
    refit: once validation has chosen the epoch, or the weights of a blend, train once more from the start on training
    and validation part together, for as many epochs. The intervals are those found on validation before that.
    observers: who hears how far training is, such as `palate.Bars()`, a progress bar. told: hears what it is at.
    output: a folder to save to; while training, `output`.checkpoint allows to `resume` after a stop or a crash.

    Raises:
        DataError: the table can't be read.
        OptionError: a setting, share, device or model that can't be.
        UnsupportedError: the model needs ratings, or the split times, and the table has none.
        Interrupted: Ctrl-C, after a checkpoint was saved.
    """
    seed, test, validation = int(seed), float(test), float(validation)  # numpy's are welcome too
    at_least(seed, 0, "seed")
    where = devices.pick(device)
    if output is not None:
        check_place(Path(output))
    table = load_table(source, items, reading)
    chosen, config, end = _what(model or usual_model(table, preset), preset, settings, epochs, minutes, aim, resume)
    models.check_ratings(chosen, table)
    rivals = [name for name in map(models.current_name, baselines) if _can_learn(name, table)]
    parts = splits.divide(table, split, test=test, validation=validation, seed=seed)

    if chosen is None:
        found = search(parts, aim, end=end, seed=seed, device=where, observers=observers, told=told)
        trained, learned, refit = found.model, found.learned, refit and found.in_time
        runs = Runs()
    else:
        found = None
        trained = chosen.of(config, table).to(where)
        runs = _runs(output, resume, trained, parts, seed, watch_test)
        learned = learn(trained, parts, seed=seed, watch_test=watch_test, observers=observers, **runs.training)
    half_widths = half_widths_of(trained, parts)
    if refit and len(parts.validation):
        told("training again, on training and validation part")
        trained = learn_again(trained, parts, learned, seed=seed, observers=observers, **runs.refit)
        parts = replace(parts, refitted=True)

    metrics = _report(trained, parts, parts.newcomers, seed)
    compared = _compared(rivals, trained, parts, seed)
    training = Training(
        preset=preset,
        seed=seed,
        split={"method": split, "test": test, "validation": validation, "hash": parts.hash},
        history=[_without_durations(record) for record in learned.history],
        metrics=metrics,
        baselines=compared,
        half_widths=half_widths,
        refitted=parts.refitted,
        notes=[*table.notes, *parts.notes, *(found.notes if found else ())],
    )
    recommender = Recommender(trained, parts, training, item_map(trained, table.item_counts, seed))
    if output is not None:
        recommender.save(output)
    runs.remove()
    return Trained(recommender, learned.history, metrics, compared, found)


def usual_model(table: Interactions, preset: str | None = None) -> str:
    """The model where none is named: that with presets if one is asked for, else what suits tables of this kind."""
    if preset is not None:
        return next(name for name, cls in models.MODELS.items() if cls.PRESETS)
    return FOR_EVENTS if table.ratings is None else FOR_RATINGS


def _what(
    model: str,
    preset: str | None,
    settings: Mapping[str, object] | None,
    epochs: int | None,
    minutes: float | None,
    aim: str | None,
    resume: bool,
) -> tuple[type[Model] | None, BaseConfig, float]:
    """The model's class and settings; or None, and the `time.monotonic` when the search for one must be over."""
    given = {**(settings or {}), **({"epochs": epochs} if epochs is not None else {})}
    if model != BEST:
        if minutes is not None or aim is not None:
            raise OptionError(f"minutes, and what a model is for, are asked for with model {BEST} alone")
        cls = models.find(model, also=[BEST])
        return cls, configure(cls, preset, given), 0.0
    if preset is not None or given:
        raise OptionError(f"model {BEST} is chosen with default settings: leave preset, settings and epochs out")
    if resume:
        raise OptionError("a search for the best model can't be resumed: start it anew")
    minutes = MINUTES if minutes is None else float(minutes)
    if not minutes > 0:
        raise OptionError(f"minutes is {minutes}: it must be above 0")
    return None, BaseConfig(), time.monotonic() + 60 * minutes


class Runs(NamedTuple):
    """How the training and, after it, the refit go on if they are stopped: the checkpoint of each, if there is one.

    What is stopped during the refit goes through the end of the training again, from its last checkpoint, or all of it
    where it was over before the first.
    """

    checkpoints: tuple[Checkpoint | None, Checkpoint | None] = (None, None)
    resumes: tuple[bool, bool] = (False, False)

    @property
    def training(self) -> dict[str, Any]:
        return {"checkpoint": self.checkpoints[0], "resume": self.resumes[0]}

    @property
    def refit(self) -> dict[str, Any]:
        return {"checkpoint": self.checkpoints[1], "resume": self.resumes[1]}

    def remove(self) -> None:
        for checkpoint in self.checkpoints:
            if checkpoint is not None:
                checkpoint.remove()


def _runs(output: str | Path | None, resume: bool, model: Model, split: Split, seed: int, watch_test: bool) -> Runs:
    if output is None:
        if resume:
            raise OptionError("resume needs the output whose checkpoint it goes on from")
        return Runs()
    identity = {
        "model": models.name_of(type(model)),
        "settings": model.config.model_dump(mode="json"),
        "data": split.table.fingerprint,
        "split": split.hash,
        "seed": seed,
        "watch_test": watch_test,
    }
    first, second = paths = [Path(f"{Path(output)}{ending}") for ending in (".checkpoint", ".refit.checkpoint")]
    for path in paths:
        if path.exists() and not resume:
            raise OptionError(f"{path} is of a run that was stopped: add --resume to go on with it, or delete it")
    resumes = resume and (first.exists() or not second.exists()), second.exists()
    return Runs((Checkpoint(first, identity), Checkpoint(second, identity)), resumes)


def _without_durations(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in DURATIONS}


def _report(model: Model, split: Split, newcomers: NDArray[np.bool_], seed: int) -> Metrics:
    if not len(split.test):
        return {}
    return evaluate(model, split.shown, split.test, seed=seed, newcomers=newcomers)


def _can_learn(name: str, table: Interactions) -> bool:
    return not (models.find(name).NEEDS_RATINGS and table.ratings is None)


def _compared(names: Sequence[str], trained: Model, split: Split, seed: int) -> dict[str, Metrics]:
    """The metrics of simpler models; of one that is itself the model trained there is nothing to compare."""
    untaught = splits.absent(split.table, split.part < splits.TEST)
    others = [name for name in names if name != models.name_of(type(trained))]
    return {name: _report(_baseline(name, split), split, untaught, seed) for name in others}


def _baseline(name: str, split: Split) -> Model:
    """A simpler model with its defaults, fitted on all that is known before the test."""
    cls = models.find(name)
    model = cls.of(cls.Config(), split.table)
    fit(model, split.before_test)
    return model
