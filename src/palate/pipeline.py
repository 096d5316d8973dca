"""START HERE. The whole flow, once, in order: read -> split -> train -> evaluate -> recommend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from palate.artifact.folder import check_place
from palate.artifact.header import Training
from palate.data.relevance import liked_notes
from palate.data.split import divide
from palate.datasets import load_table
from palate.inference.item_map import item_map
from palate.model_selection.baselines import baseline_metrics, evaluate_on_test, trainable
from palate.model_selection.choice import choose
from palate.model_selection.search_result import SearchResult
from palate.model_selection.train_choice import train_choice
from palate.options import TrainGroup, TrainKeywords, TrainOptions
from palate.recommender import Recommender
from palate.results import Metrics
from palate.system import devices
from palate.system.keywords import collect, takes
from palate.training.fit import Observer, Record


@dataclass(frozen=True, eq=False)
class Trained:
    """The result of `palate.train`."""

    recommender: Recommender
    history: list[Record]
    """A record per epoch: train_loss, seconds, ratings_per_second; validation_loss or test_loss (squared errors) of a
    model that predicts ratings, validation_ndcg@10 or test_ndcg@10 of another."""
    metrics: Metrics
    """Of the test part: rmse and mae where ratings are predicted, recall@10 and ndcg@10."""
    baselines: dict[str, Metrics]
    """The same metrics of simple models, on the same test part."""
    search: SearchResult | None = None
    """With model best: every model that was tried, and why one was chosen."""


@takes(TrainOptions)
def train(
    source: object,
    *groups: TrainGroup,
    items: object = None,
    observers: Sequence[Observer] = (),
    told: Callable[[str], None] = lambda line: None,
    **keywords: Unpack[TrainKeywords],
) -> Trained:
    """Train a model on a table, and measure it on events that it has not learned from.

    source: a table as `palate.read` takes it, or the name of a data set. items: a table with titles of the items.
    groups: options as dataclasses of `palate.options`, where keywords are not enough. observers: follow the training,
    such as `palate.Bars()`, a progress bar. told: is called with a line of text at every stage.

    Raises:
        DataError: the table can't be read.
        OptionError: an option is unknown or out of its bounds.
        UnsupportedError: the model needs ratings, or the split needs times, and the table has none.
        Interrupted: Ctrl-C, after a checkpoint was saved.
    """
    options = collect(TrainOptions, groups, keywords)
    training, split, seed = options.training, options.split, options.run.seed
    device = devices.pick(options.run.device)
    if training.output is not None:
        check_place(Path(training.output))

    table = load_table(source, items, vars(options.reading))
    choice = choose(options.model, table, resume=training.resume)
    baselines = trainable(training.baselines, table)
    parts = divide(table, split.split, test=split.test, validation=split.validation, seed=seed)
    result = train_choice(choice, parts, options, device, observers, told)
    metrics = evaluate_on_test(result.model, result.parts, seed)
    compared = baseline_metrics(baselines, result.model, result.parts, seed)

    header = Training(
        preset=options.model.preset,
        seed=seed,
        split={"method": split.split, "test": split.test, "validation": split.validation, "hash": parts.hash},
        history=result.record.without_durations,
        metrics=metrics,
        baselines=compared,
        half_widths=result.half_widths,
        refitted=result.parts.refitted,
        notes=[*table.notes, *liked_notes(table), *parts.notes, *(result.search.notes if result.search else ())],
    )
    recommender = Recommender(result.model, result.parts, header, item_map(result.model, table.item_counts, seed))
    if training.output is not None:
        recommender.save(training.output)
    result.checkpoints.remove()
    return Trained(recommender, result.record.history, metrics, compared, result.search)
