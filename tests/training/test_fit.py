"""The loop: what it records, which weights it keeps, and that it keeps its hands off everything else."""

import copy
import math
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from palate.data.batches import RatingBatch, RatingBatches
from palate.data.interactions import Interactions
from palate.errors import OptionError
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import LearnedConfig, LearnedModel, Model, Query
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.system.jit import flushes
from palate.training import fit as fit_module
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Monitor, Record, fit


def neural(train: Interactions, preset: str = "sgd", **settings: object) -> NeuralRating:
    quick = {"hidden": 16, "dim": 4, "batch_size": 32, "epochs": 4}
    config = NeuralRatingConfig.model_validate({**NeuralRating.PRESETS[preset], **quick, **settings})
    return NeuralRating(config, train.n_users, train.n_items)


@dataclass
class Heard:
    """An observer that remembers what it heard."""

    starts: list[tuple[int, int, int]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def started(self, epochs: int, events: int, epoch: int) -> None:
        self.starts.append((epochs, events, epoch))

    def stepped(self, events: int) -> None:
        self.steps.append(events)

    def measured(self, record: Record) -> None:
        self.records.append(record)


class Scripted:
    """A measure that says what it was told to, and keeps the weights it was asked about."""

    def __init__(self, *values: float) -> None:
        self.values, self.seen = list(values), list[dict[str, Tensor]]()

    def __call__(self, model: Model) -> Record:
        assert not model.training
        self.seen.append(copy.deepcopy(dict(model.state_dict())))
        return {"validation_loss": self.values[len(self.seen) - 1]}


def learned(model: NeuralRating) -> dict[str, Tensor]:
    """What training moved; what `finish` notes is left out."""
    return {name: model.state_dict()[name] for name in ("vectors.weight", "network.flat")}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


def test_a_record_for_each_epoch(small: Interactions) -> None:
    measure = Scripted(0.5, 0.4, 0.3, 0.2)
    records = fit(neural(small), small, monitor=Monitor(measure))
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert [record["validation_loss"] for record in records] == [0.5, 0.4, 0.3, 0.2]
    for record in records:
        assert set(record) == {"epoch", "train_loss", "validation_loss", "seconds", "ratings_per_second"}
        assert record["seconds"] > 0
        assert record["ratings_per_second"] == pytest.approx(len(small) / record["seconds"])
    assert records[-1]["train_loss"] < records[0]["train_loss"]


def test_the_training_loss_is_the_mean_over_ratings_as_they_were_learned(small: Interactions) -> None:
    """The last batch is smaller, and counts for less."""
    model = neural(small, epochs=1, batch_size=100)
    same = copy.deepcopy(model)
    (record,) = fit(model, small)
    losses: list[tuple[float, int]] = []
    original = same.backward

    def noting(batch: RatingBatch) -> Tensor:
        loss = original(batch)
        losses.append((loss.item(), len(batch)))
        return loss

    same.backward = noting  # type: ignore[method-assign]
    fit(same, small)
    assert len({size for _, size in losses}) == 2
    expected = sum(loss * size for loss, size in losses) / len(small)
    assert record["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_without_a_criterion_the_last_weights_stay(small: Interactions) -> None:
    measure = Scripted(1, 0, 2, 3)
    model = neural(small, average=1)
    assert len(fit(model, small, monitor=Monitor(measure))) == 4
    assert_same(learned(model), measure.seen[-1])


def test_with_a_criterion_the_best_weights_come_back(small: Interactions) -> None:
    measure = Scripted(3, 1, 2, 1)
    model = neural(small, average=1)
    assert len(fit(model, small, monitor=Monitor(measure, "validation_loss"))) == 4
    assert_same(learned(model), measure.seen[1])  # the first of equals
    assert not torch.equal(measure.seen[1]["network.flat"], measure.seen[2]["network.flat"])


@pytest.mark.parametrize(
    ("patience", "values", "epochs"),
    [
        (1, [3, 4], 2),
        (1, [3, 3], 2),
        (2, [3, 4, 2, 5, 6], 5),
        (3, [3, 2, 3, 3, 1, 3, 3, 3], 8),
        (20, [5, 6, 7, 8, 9, 10, 11, 12], 8),
    ],
)
def test_it_stops_after_that_many_epochs_without_a_better_one(
    small: Interactions, patience: int, values: list[float], epochs: int
) -> None:
    measure = Scripted(*values)
    model = neural(small, epochs=8, patience=patience)
    assert len(fit(model, small, monitor=Monitor(measure, "validation_loss"))) == epochs


def test_averaging_keeps_the_mean_of_the_last_closing_weights(small: Interactions) -> None:
    """Judged, and kept: of the last three epochs, or of as many as there were."""
    single, averaged = Scripted(5, 4, 3, 2, 1), Scripted(5, 4, 1, 2, 3)
    fit(neural(small, epochs=5, average=1), small, monitor=Monitor(single, "validation_loss"))
    model = neural(small, epochs=5, average=3)
    fit(model, small, monitor=Monitor(averaged, "validation_loss"))
    for epoch in range(5):
        last = single.seen[max(0, epoch - 2) : epoch + 1]
        for name in ("vectors.weight", "network.flat"):
            mean = torch.stack([weights[name] for weights in last]).mean(0)
            torch.testing.assert_close(averaged.seen[epoch][name], mean, atol=1e-6, rtol=1e-6)
    assert_same(learned(model), averaged.seen[2])


def test_averaging_does_not_change_where_training_goes(small: Interactions) -> None:
    values = [5.0, 4.0, 3.0, 2.0]
    losses = [
        [
            record["train_loss"]
            for record in fit(neural(small, average=n), small, monitor=Monitor(Scripted(*values), "validation_loss"))
        ]
        for n in (1, 3)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_the_same_seed_gives_the_same_bytes(small: Interactions, preset: str) -> None:
    def trained(seed: int) -> dict[str, Tensor]:
        model = neural(small, preset)
        fit(model, small, seed=seed)
        return dict(model.state_dict())

    first, again, other = trained(1), trained(1), trained(2)
    assert_same(first, again)
    for name in ("vectors.weight", "network.flat"):
        assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize("preset", NeuralRating.PRESETS)
def test_diverging_is_an_error_that_says_what_to_try(small: Interactions, preset: str) -> None:
    model = neural(small, preset, learning_rate=1e6)
    with pytest.raises(OptionError, match=r"diverged in epoch \d+: try a learning_rate below 1"):
        fit(model, small)


def test_a_measure_or_weights_that_are_not_finite_are_as_bad_as_a_loss(small: Interactions) -> None:
    class Spoil(Heard):
        def measured(self, record: Record) -> None:
            next(model.parameters()).data.fill_(math.nan)

    model = neural(small, epochs=1, learning_rate=0.25)
    with pytest.raises(OptionError, match=r"diverged in epoch 1: try a learning_rate below 0\.25"):
        fit(model, small, monitor=Monitor(lambda model: {"validation_loss": math.inf}))
    model = neural(small, epochs=1, learning_rate=0.25)
    with pytest.raises(OptionError, match=r"diverged in epoch 1: try a learning_rate below 0\.25"):
        fit(model, small, observers=[Spoil()])


def test_a_solved_model_has_no_records(small: Interactions) -> None:
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    heard = Heard()
    assert fit(model, small, observers=[heard]) == []
    assert (heard.starts, heard.steps, heard.records) == ([], [], [])
    assert model.items.abs().max() > 0


def test_the_observer_hears_every_event_once_an_epoch(small: Interactions) -> None:
    heard = Heard()
    records = fit(neural(small, batch_size=50, epochs=3), small, observers=[heard])
    assert heard.starts == [(3, len(small), 0)]
    assert sum(heard.steps) == 3 * len(small)
    assert max(heard.steps) == 50
    assert heard.records == records


def test_several_observers_hear_the_same(small: Interactions) -> None:
    first, second = Heard(), Heard()
    fit(neural(small), small, observers=[first, second])
    assert first == second
    assert first.steps


def test_global_generators_are_untouched(small: Interactions) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    fit(neural(small), small)
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])


def test_global_generators_are_untouched_by_a_run_that_fails(small: Interactions) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with pytest.raises(OptionError):
        fit(neural(small, learning_rate=1e6), small)
    assert torch.equal(torch.rand(3), expected)


class Dropping(LearnedModel):
    """A model that draws while it learns."""

    config: LearnedConfig

    def __init__(self, config: LearnedConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.weights = nn.Parameter(torch.zeros(n_items))
        self.drawn: list[float] = []

    def score(self, query: Query) -> Tensor:
        return self.weights.repeat(len(query), 1)

    def start(self, train: Interactions, generator: torch.Generator) -> None:
        self.weights.data.normal_(generator=generator)

    def batches(self, train: Interactions) -> RatingBatches:
        return RatingBatches(train, self.config.batch_size, self.device)

    def loss(self, batch: RatingBatch) -> Tensor:
        self.drawn.append(torch.rand(()).item())
        items = batch.rows[:, 1] - self.n_users
        return nn.functional.dropout(self.weights[items] - batch.ratings, 0.5, self.training).square().mean()

    def finish(self, train: Interactions) -> None: ...


def dropping(small: Interactions, **settings: object) -> Dropping:
    config = LearnedConfig.model_validate({"epochs": 3, "batch_size": 64, **settings})
    return Dropping(config, small.n_users, small.n_items)


def test_what_a_model_draws_follows_from_seed_and_epoch(small: Interactions) -> None:
    first, again, other = dropping(small), dropping(small), dropping(small)
    fit(first, small, seed=1)
    torch.rand(7)
    fit(again, small, seed=1)
    fit(other, small, seed=2)
    assert first.drawn == again.drawn
    assert len(set(first.drawn)) == len(first.drawn)
    assert not set(first.drawn) & set(other.drawn)
    assert torch.equal(first.weights, again.weights)


@pytest.mark.parametrize("seed", [0, 2**31, 2**63, 2**80])
def test_any_seed_will_do(small: Interactions, seed: int) -> None:
    assert len(fit(dropping(small, epochs=1), small, seed=seed)) == 1


def test_the_best_may_be_the_highest(small: Interactions) -> None:
    measure = Scripted(0.2, 0.5, 0.5, 0.1)
    model = neural(small, patience=9)
    fit(model, small, monitor=Monitor(measure, "validation_loss", max))
    assert_same(learned(model), measure.seen[1])


def test_a_model_can_be_trained_twice(small: Interactions) -> None:
    """Training begins anew, wherever the model was."""
    model, once = neural(small), neural(small)
    fit(once, small)
    for _ in range(2):
        fit(model, small)
    assert_same(dict(model.state_dict()), dict(once.state_dict()))


def test_training_in_a_thread_leaves_signals_alone(small: Interactions, tmp_path: Any) -> None:
    found: list[int] = []
    checkpoint = Checkpoint(tmp_path / "run", {})
    thread = threading.Thread(target=lambda: found.append(len(fit(neural(small), small, checkpoint=checkpoint))))
    thread.start()
    thread.join()
    assert found == [4]


def test_trained_tables_are_read_as_they_are(small: Interactions) -> None:
    """Also by someone who goes on with the model in training mode."""
    model = neural(small)
    fit(model, small)
    rows = torch.tensor([0, 1])
    assert torch.equal(model.train().vectors(rows), model.vectors.weight[rows])
    assert not model.vectors(rows).requires_grad


def test_the_loop_is_written_once() -> None:
    assert fit_module.__doc__ == "The training loop, the only one in the library."


def test_numbers_too_small_for_all_their_digits_are_0_while_training_alone(small: Interactions) -> None:
    found = []

    class Looking(Heard):
        def stepped(self, events: int) -> None:
            found.append(flushes())

    fit(neural(small, epochs=1), small, observers=[Looking()])
    assert found
    assert all(found)
    assert not flushes()
