"""Metrics of a model, block after block: each block of events is the test, and all older events are for training.

    python -m benchmarks.rolling TABLE --model NAME [--blocks 3] [--test 0.2] [--validation 0.1] [--seed 0]

TABLE is a file with times or the name of a data set. One test part at the end of a table is one season; several blocks
show whether a model's metrics hold over time (time-ordered evaluation, also called rolling origin).
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.common import as_markdown
from palate.data.interactions import Interactions
from palate.data.split import Split, by_time
from palate.datasets import load_table
from palate.errors import OptionError
from palate.evaluation.evaluate import evaluate
from palate.models import MODELS, check_ratings
from palate.training.trainer import learn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a file of ratings or events with times, or the name of a data set")
    parser.add_argument("--model", choices=list(MODELS), default="bias")
    parser.add_argument("--blocks", type=int, default=3, help="number of test blocks")
    parser.add_argument("--test", type=float, default=0.2, help="share of the events in all blocks together")
    parser.add_argument("--validation", type=float, default=0.1, help="share of the older events for validation")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table = load_table(options.table, None, {})
    splits = rolling(table, blocks=options.blocks, test=options.test, validation=options.validation)
    print(as_markdown([row(split, options.model, options.seed) for split in splits]))


def rolling(table: Interactions, *, blocks: int = 3, test: float = 0.2, validation: float = 0.1) -> Iterator[Split]:
    """Yield a split by time for each of `blocks` test blocks, which together are the last `test` of all events.

    A split's table ends with its test block: later events are not in it.

    Raises:
        OptionError: a share below 0 or at least 1, shares that leave no event to train on, or a number of blocks below
            1 or above that of test events.
        UnsupportedError: the table has no times.
    """
    n_test = len(by_time(table, test=test, validation=validation).test)
    if not 1 <= blocks <= n_test:
        raise OptionError(f"blocks is {blocks}: it must be at least 1, and at most the {n_test:,} events to test on")
    assert table.times is not None  # by_time raised otherwise
    order = np.argsort(table.times, kind="stable")
    cuts = np.linspace(len(table) - n_test, len(table), blocks + 1).round().astype(np.int64).tolist()
    for start, stop in pairwise(cuts):
        until = table.where(np.sort(order[:stop]))
        yield by_time(until, test=(stop - start) / stop, validation=validation)


def row(split: Split, name: str, seed: int) -> dict[str, Any]:
    """Train a model with its default settings on a split; return its metrics on the test block."""
    cls = MODELS[name]
    check_ratings(cls, split.table)
    model = cls.of(cls.Config(), split.table)
    learn(model, split, seed=seed)
    metrics = evaluate(model, split.shown, split.test, seed=seed, newcomers=split.newcomers)
    assert split.test.times is not None
    days = {"from": split.test.times.min(), "to": split.test.times.max()}
    return {
        **{name: datetime.fromtimestamp(time, UTC).date().isoformat() for name, time in days.items()},
        "train": len(split.train),
        "validation": len(split.validation),
        "test": len(split.test),
        **{name: f"{value:.4f}" for name, value in metrics.items()},
    }


if __name__ == "__main__":
    main()
