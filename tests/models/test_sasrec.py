from dataclasses import replace
from math import erf, exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from palate.data.batches import seeded
from palate.data.interactions import Interactions
from palate.errors import DataError
from palate.models.contract import PADDING, UNSEEN, Query
from palate.models.sasrec import Block, SelfAttention, SelfAttentionConfig, Window, Windows
from palate.training.checkpoint import Checkpoint
from palate.training.fit import fit
from tests import tables
from tests.training.test_checkpoint import StopAfter, Stopped, assert_equal

CPU = torch.device("cpu")
N_ITEMS = 9
TINY: dict[str, Any] = {"dim": 4, "heads": 2, "blocks": 2, "length": 6, "dropout": 0.0, "batch_size": 4}


def config(**settings: Any) -> SelfAttentionConfig:
    return SelfAttentionConfig.model_validate({**TINY, **settings})


def drawn(spread: float = 0.7, **settings: Any) -> SelfAttention:
    """A model with weights by chance, large enough for everything in it to matter."""
    model = SelfAttention(config(**settings), 3, N_ITEMS)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, spread, generator=generator)
        model.history.counts.fill_(1)  # every item is a learned one
    return model.eval()


def asked(*histories: list[int], users: list[int] | None = None) -> Query:
    longest = max(map(len, histories))
    rows = [[PADDING] * (longest - len(history)) + history for history in histories]
    return Query(torch.tensor(users or [UNSEEN] * len(rows)), torch.tensor(rows, dtype=torch.int64))


# Against the paper's formulas, a number at a time


Vector = list[float]


def product(layer: nn.Linear, x: Vector) -> Vector:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [dot(row, x) + bias for row, bias in rows]


def normed(x: Vector, norm: nn.LayerNorm) -> Vector:
    mean = sum(x) / len(x)
    spread = sqrt(sum((n - mean) ** 2 for n in x) / len(x) + norm.eps)
    return [(n - mean) / spread * w + b for n, w, b in zip(x, norm.weight.tolist(), norm.bias.tolist(), strict=True)]


def added(x: Vector, y: Vector) -> Vector:
    return [a + b for a, b in zip(x, y, strict=True)]


def dot(x: Vector, y: Vector) -> float:
    return sum(a * b for a, b in zip(x, y, strict=True))


def unit(x: Vector) -> Vector:
    return [n / sqrt(dot(x, x)) for n in x]


def transcribed(model: SelfAttention, history: list[int]) -> list[Vector]:
    """What each place of a history makes of it and those before: of length 1."""
    dim, heads = model.config.dim, model.config.heads
    xs = [added(model.items[item].tolist(), model.positions[place].tolist()) for place, item in enumerate(history)]
    for block in model.blocks:
        assert isinstance(block, Block)
        asks = [product(block.asks, normed(x, block.before)) for x in xs]
        after = []
        for place, x in enumerate(xs):
            outputs: Vector = []
            for head in range(heads):
                part = slice(head * dim // heads, (head + 1) * dim // heads)
                query = asks[place][:dim][part]
                weights = [exp(dot(query, asks[k][dim : 2 * dim][part]) / sqrt(dim / heads)) for k in range(place + 1)]
                values = [asks[k][2 * dim :][part] for k in range(place + 1)]
                for column in range(dim // heads):
                    taken = sum(weight * value[column] for weight, value in zip(weights, values, strict=True))
                    outputs.append(taken / sum(weights))
            x = added(x, product(block.answers, outputs))
            wide = product(block.wide, normed(x, block.between))
            bent = [n * (1 + erf(n / sqrt(2))) / 2 for n in wide]
            after.append(added(x, product(block.narrow, bent)))
        xs = after
    return [unit(normed(x, model.norm)) for x in xs]


def transcribed_loss(model: SelfAttention, histories: list[list[int]], negatives: list[int]) -> float:
    losses = []
    for history in histories:
        for person, target in zip(transcribed(model, history[:-1]), history[1:], strict=True):
            others = [item for item in negatives if item != target]
            logits = [
                dot(person, unit(model.items[item].tolist())) / model.config.temperature for item in [target, *others]
            ]
            losses.append(log(sum(map(exp, logits))) - logits[0])
    return sum(losses) / len(losses)


def window(*histories: list[int], padding: int = 0) -> Window:
    longest = max(map(len, histories)) + padding
    rows = [history + [PADDING] * (longest - len(history)) for history in histories]
    return Window(torch.tensor(rows), sum(map(len, histories)) - len(histories))


HISTORIES = [[3, 0, 8, 8, 1], [5, 2], [7, 4, 6]]


def test_the_loss_is_that_of_a_slow_transcription() -> None:
    """Over all items where they are no more than negatives, and over those drawn, hits left out, where they are."""
    model = drawn(negatives=N_ITEMS)
    expected = transcribed_loss(model, HISTORIES, list(range(N_ITEMS)))
    assert model.loss(window(*HISTORIES)).item() == pytest.approx(expected, rel=1e-4)

    model = drawn(negatives=6)
    torch.manual_seed(3)
    negatives = torch.randint(N_ITEMS, (6,)).tolist()
    assert set(negatives) & {0, 8, 1, 2, 4, 6}, "or no hit is left out"
    torch.manual_seed(3)
    expected = transcribed_loss(model, HISTORIES, negatives)
    assert model.loss(window(*HISTORIES)).item() == pytest.approx(expected, rel=1e-4)


def test_the_score_is_that_of_a_slow_transcription() -> None:
    model = drawn()
    scores = model.score(asked(*HISTORIES))
    for history, row in zip(HISTORIES, scores.tolist(), strict=True):
        person = transcribed(model, history)[-1]
        expected = [dot(person, unit(item)) / model.config.temperature for item in model.items.tolist()]
        assert row == pytest.approx(expected, abs=1e-3)


def test_negatives_that_are_all_hits_teach_nothing_and_break_nothing() -> None:
    model = SelfAttention(config(), 1, 1).train()
    with torch.no_grad():
        model.items.fill_(1.0)
    loss = model.loss(window([0, 0, 0]))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


# What a place sees


def test_no_place_sees_the_future() -> None:
    model, items = drawn(), torch.tensor([[3, 0, 8, 2, 1, 5]])
    seen = model._read(items)
    for place in range(1, 6):
        changed = items.clone()
        changed[0, place:] = torch.tensor([7, 4, 6, 4, 7, 6])[place:]
        again = model._read(changed)
        assert torch.equal(again[:, :place], seen[:, :place])
        assert ((again - seen)[:, place:].abs().amax(2) > 1e-3).all(), "and sees what there is"


def test_nothing_of_the_future_has_a_gradient() -> None:
    model, items = drawn(), torch.tensor([[3, 0, 8, 2, 1, 5]])
    model._read(items)[0, 2].sum().backward()
    assert model.items.grad is not None
    assert model.items.grad.abs().sum(1).nonzero().flatten().tolist() == [0, 3, 8]


def test_padding_changes_nothing() -> None:
    model = drawn()
    torch.testing.assert_close(model.loss(window(*HISTORIES, padding=1)), model.loss(window(*HISTORIES)))
    alone = torch.cat([model.score(asked(history)) for history in HISTORIES])
    torch.testing.assert_close(model.score(asked(*HISTORIES)), alone, rtol=1e-4, atol=1e-4)


def test_the_last_events_alone_are_read() -> None:
    model = drawn()
    long = [1, 2, 3, 4, 5, 6, 7, 8]
    assert torch.equal(model.score(asked(long)), model.score(asked(long[-6:])))
    assert not torch.allclose(model.score(asked(long)), model.score(asked(long[-5:])), atol=1e-2)


def test_people_known_and_unseen_are_read_alike() -> None:
    model = drawn()
    assert torch.equal(model.score(asked(*HISTORIES, users=[0, 1, 2])), model.score(asked(*HISTORIES)))


def test_ratings_say_which_events_are_read() -> None:
    """However many others come between them."""
    model = drawn()
    model.history.least.fill_(4)
    histories = torch.tensor([[2, 7, 3, 3, 8, 0, 4, 4, 4, 4, 4, 4, 1]])
    ratings = torch.tensor([[5.0, 4, 1, 2, 5, 4, 1, 1, 1, 1, 1, 1, 5]])
    scores = model.score(Query(torch.tensor([UNSEEN]), histories, ratings))
    assert torch.equal(scores, model.score(asked([2, 7, 8, 0, 1])))


def test_ratings_say_which_events_are_learned_from(small: Interactions) -> None:
    assert small.ratings is not None
    liked = small.where(small.ratings >= 4)
    models = [SelfAttention(config(epochs=2), small.n_users, small.n_items) for _ in range(2)]
    for model, train in zip(models, (small, replace(liked, ratings=None)), strict=True):
        fit(model, train)
    assert torch.equal(models[0].items, models[1].items)
    assert torch.equal(models[0].nobody, models[1].nobody)


def test_who_has_no_events_gets_what_is_near_to_most() -> None:
    train = tables.table([0, 0, 0, 0, 1, 1], [0, 1, 1, 1, 2, 1])
    model = SelfAttention(config(epochs=2), 2, 3)
    fit(model, train)
    vectors = functional.normalize(model.items.detach(), dim=1)
    mean = functional.normalize(vectors[0] + 4 * vectors[1] + vectors[2], dim=0)
    nobody = Query(torch.tensor([UNSEEN, 0]), torch.full((2, 0), PADDING))
    for scores in model.score(nobody):
        torch.testing.assert_close(scores, vectors @ mean / 0.07, rtol=1e-4, atol=1e-4)


# Learning


def cycle(n: int, people: int) -> Interactions:
    """Everybody goes round 0 -> 1 -> ... -> n - 1 -> 0 twice, from a place of their own: nobody's set says anything."""
    items = [(start + step) % n for start in range(people) for step in range(2 * n)]
    return tables.table(np.repeat(np.arange(people), 2 * n).tolist(), items)


def test_it_learns_an_order_that_no_set_shows() -> None:
    train = cycle(N_ITEMS, 18)
    settings = {"dim": 16, "length": 50, "batch_size": 6, "epochs": 20, "dropout": 0.1, "learning_rate": 0.01}
    model = SelfAttention(config(**settings), train.n_users, N_ITEMS)
    records = fit(model, train)
    assert records[-1]["train_loss"] < 0.1 * records[0]["train_loss"]
    for last in range(N_ITEMS):
        everything = [(last + 1 + step) % N_ITEMS for step in range(N_ITEMS)]
        assert int(model.score(asked(everything)).argmax()) == (last + 1) % N_ITEMS


def test_a_run_stopped_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """With dropout, negatives drawn, a rate that changes with every step, and batches in an order of their own."""
    train = tables.random_table()
    settings = {"dropout": 0.5, "negatives": 5, "epochs": 3, "warm_up": 1.5}

    def fresh() -> SelfAttention:
        return SelfAttention(config(**settings), train.n_users, train.n_items)

    whole = fresh()
    records = fit(whole, train)
    steps = 3 * len(whole.batches(train))
    assert steps >= 12
    for stop in (steps // 3, steps // 2):
        checkpoint = Checkpoint(tmp_path / str(stop), {}, every=0)
        with pytest.raises(Stopped):
            fit(fresh(), train, checkpoint=checkpoint, observers=[StopAfter(stop)])
        torch.rand(3)
        resumed = fresh()
        again = fit(resumed, train, checkpoint=checkpoint, resume=True)
        assert_equal(resumed, whole)
        assert [r["train_loss"] for r in again] == [r["train_loss"] for r in records]


def test_the_training_loss_is_the_mean_over_all_that_is_foreseen() -> None:
    """At a rate of almost nothing, that of the first weights."""
    train = replace(tables.random_table(), ratings=None)
    model = SelfAttention(config(epochs=1, learning_rate=1e-12), train.n_users, train.n_items)
    heard: list[int] = []

    class Heard(StopAfter):
        def started(self, epochs: int, events: int, epoch: int) -> None:
            heard.append(events)

        def stepped(self, events: int) -> None:
            heard.append(-events)

    (record,) = fit(model, train, observers=[Heard(0)])
    assert heard[0] == len(train) - 30
    assert sum(heard) == 0
    model.start(train, seeded(CPU, 0))
    model.eval()
    batches = list(model.batches(train).epoch(seeded(CPU, 5)))
    expected = sum(float(model.loss(batch).detach()) * len(batch) for batch in batches) / heard[0]
    assert record["train_loss"] == pytest.approx(expected, rel=1e-4)


def test_nobody_with_two_events() -> None:
    train = tables.table([0, 1, 2], [0, 1, 0])
    with pytest.raises(DataError, match="no user has two events"):
        fit(SelfAttention(config(), 3, 2), train)


def test_heads_share_out_the_numbers_of_a_vector() -> None:
    with pytest.raises(ValidationError, match="dim is 10, but it must be a multiple of heads, which is 4"):
        config(dim=10, heads=4)


# Batches


def lists(batches: list[Window]) -> list[list[int]]:
    return [[item for item in row if item != PADDING] for batch in batches for row in batch.items.tolist()]


def test_every_event_but_the_first_is_foreseen_once_from_what_came_before() -> None:
    """Histories of 0, 1, 2, 4, 5 and 12 events, at most 4 of them before another."""
    sizes = {1: 1, 2: 2, 3: 4, 4: 5, 5: 12}
    users = [user for user, size in sizes.items() for _ in range(size)]
    items = [10 * user + event for user, size in sizes.items() for event in range(size)]
    train = tables.table(users, items, all_users=[0])
    batches = Windows(train, length=4, batch_size=2, device=CPU)
    windows = list(batches.epoch(seeded(CPU, 1)))
    ids = [[int(train.item_ids.id(item)) for item in row] for row in lists(windows)]
    assert sorted(ids) == [
        [20, 21],
        [30, 31, 32, 33],
        [40, 41, 42, 43, 44],
        [50, 51, 52, 53],
        [53, 54, 55, 56, 57],
        [57, 58, 59, 60, 61],
    ]
    assert sum(map(len, windows)) == batches.events == 1 + 3 + 4 + 11
    assert len(windows) == len(batches) == 3


@pytest.mark.parametrize(("people", "batch_size", "steps"), [(60, 8, 8), (950, 9, 106), (20_000, 128, 157)])
def test_a_small_table_is_learned_in_smaller_batches(people: int, batch_size: int, steps: int) -> None:
    """Of people with two events each."""
    train = tables.table(np.repeat(np.arange(people), 2).tolist(), [0, 1] * people)
    batches = SelfAttention(SelfAttentionConfig.model_validate({}), people, 2).batches(train)
    assert (batches.batch_size, len(batches)) == (batch_size, steps)


def test_an_epoch_follows_from_its_generator_and_can_be_skipped_into(small: Interactions) -> None:
    batches = Windows(small, length=5, batch_size=7, device=CPU)
    epoch = [batch.items.tolist() for batch in batches.epoch(seeded(CPU, 1))]
    assert epoch == [batch.items.tolist() for batch in batches.epoch(seeded(CPU, 1))]
    assert epoch != [batch.items.tolist() for batch in batches.epoch(seeded(CPU, 2))]
    for skip in (1, len(batches) - 1, len(batches)):
        assert epoch[skip:] == [batch.items.tolist() for batch in batches.epoch(seeded(CPU, 1), skip)]


def test_a_batch_holds_windows_of_about_the_same_length(small: Interactions) -> None:
    windows = list(Windows(small, length=50, batch_size=5, device=CPU).epoch(seeded(CPU, 0)))
    lengths = sorted(((batch.items != PADDING).sum(1).tolist() for batch in windows), key=max)
    assert [length for batch in lengths for length in sorted(batch)] == sorted(np.diff(small.offsets).tolist())
    assert [max(batch) for batch in lengths] != [batch.items.shape[1] for batch in windows], "in an order by chance"
