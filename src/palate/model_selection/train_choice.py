"""A choice of a model to a trained model: trained as it is, or found by a search; then refitted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from palate.data.split import Split
from palate.evaluation.calibrate import half_widths_of
from palate.model_selection.choice import ModelChoice
from palate.model_selection.search import search
from palate.model_selection.search_result import SearchResult
from palate.models.contract import Model
from palate.options import TrainOptions
from palate.training.fit import Observer
from palate.training.run_checkpoints import RunCheckpoints, run_checkpoints
from palate.training.trainer import TrainingRecord, learn, refit


class TrainingResult(NamedTuple):
    """A trained model, and how it was trained."""

    model: Model
    parts: Split
    record: TrainingRecord
    half_widths: dict[float, float]
    """Of the intervals around predicted ratings, from the validation part before the refit."""
    search: SearchResult | None
    """None where the model was named."""
    checkpoints: RunCheckpoints
    """To be removed once the model is saved."""


def train_choice(
    choice: ModelChoice,
    parts: Split,
    options: TrainOptions,
    device: torch.device,
    observers: Sequence[Observer],
    told: Callable[[str], None],
) -> TrainingResult:
    """Train the chosen model, or search for the best one; then refit it on training and validation part together."""
    training, seed, aim = options.training, options.run.seed, options.model.aim
    result, checkpoints = None, RunCheckpoints()
    if choice.cls is None:
        result = search(parts, aim, end=choice.deadline, seed=seed, device=device, observers=observers, told=told)
        model, record = result.model, result.record
    else:
        model = choice.cls.of(choice.config, parts.table).to(device)
        checkpoints = run_checkpoints(training.output, training.resume, model, parts, seed, training.watch_test)
        record = learn(
            model,
            parts,
            seed=seed,
            watch_test=training.watch_test,
            observers=observers,
            **checkpoints.of_training,
        )
    half_widths = half_widths_of(model, parts)
    if training.refit and len(parts.validation) and (result is None or result.in_time):
        told("training again, on training and validation part")
        model = refit(model, parts, record, seed=seed, observers=observers, **checkpoints.of_refit)
        parts = replace(parts, refitted=True)
    return TrainingResult(model, parts, record, half_widths, result, checkpoints)
