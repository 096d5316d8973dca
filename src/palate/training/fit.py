"""The training engine: the only loop in the library."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from palate.data.batches import RatingBatches, seeded
from palate.data.interactions import Interactions
from palate.errors import Interrupted, OptionError
from palate.models.contract import Batches, LearnedModel, Model, SolvedModel
from palate.system.compilation import clock
from palate.system.jit import flushing
from palate.training.checkpoint import Checkpoint
from palate.training.cuda_graphs import Captured, captures, compiles
from palate.training.optimizers.optimizer import Optimizer
from palate.training.thread_tuner import Threads

Record = dict[str, float]
"""What is known of one epoch: epoch, train_loss, what was watched, seconds (of training alone), ratings_per_second."""


@dataclass(frozen=True)
class Watch:
    """What to measure after every epoch, and what to choose by."""

    measure: Callable[[Model], Record] = lambda model: {}
    criterion: str | None = None
    """The measure whose best value ends up as the model; None runs every epoch and keeps the last."""
    best: Callable[[Iterable[float]], float] = min
    """Of the criterion's values: min or max."""
    until: int = 0
    """The epoch that was chosen beforehand: training ends with it, and keeps what a criterion would have kept there."""

    def best_epoch(self, history: Sequence[Record]) -> int:
        """The epoch with the best criterion so far, from 1 on and the first of equals; the last where nothing chooses,
        and 0 without epochs."""
        if self.criterion is None or not history:
            return len(history)
        values = [record[self.criterion] for record in history]
        return 1 + values.index(self.best(values))


class Observer(Protocol):
    """Hears how far training is."""

    def started(self, epochs: int, events: int, epoch: int) -> None: ...
    def stepped(self, events: int) -> None: ...
    def measured(self, record: Record) -> None: ...


def fit(
    model: Model,
    train: Interactions,
    *,
    seed: int = 0,
    watch: Watch = Watch(),
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    deadline: float = math.inf,
) -> list[Record]:
    """Train in place -> one record per epoch, none for a model solved in one step.

    deadline: the `time.monotonic` after which no epoch begins but the first.

    Raises:
        Interrupted: Ctrl-C, after the checkpoint was saved.
    """
    if isinstance(model, SolvedModel):
        model.solve(train, seeded(model.device, seed))
        return []
    assert isinstance(model, LearnedModel)
    run = TrainingRun(model, train, seed, watch, checkpoint, observers, deadline)
    return run.go(resume)


@dataclass
class TrainingRun:
    """One training run: where it is, and the loop that takes it further."""

    model: LearnedModel
    train: Interactions
    seed: int
    watch: Watch
    checkpoint: Checkpoint | None
    observers: Sequence[Observer]
    deadline: float = math.inf
    epoch: int = 0  # complete epochs
    step: int = 0  # batches done of the epoch under way
    events: int = 0  # events in them
    seconds: float = 0.0  # spent on the epoch under way
    records: list[Record] = field(default_factory=list)
    recent: list[dict[str, Tensor]] = field(default_factory=list)  # closing weights of the epochs that are averaged
    best: dict[str, Tensor] = field(default_factory=dict)  # the weights that would be kept

    def go(self, resume: bool) -> list[Record]:
        with torch.no_grad():
            self.model.start(self.train, seeded(self.model.device, self.seed))
        self.averaged = copy.deepcopy(self.model).eval()
        self.optimizer = Optimizer(self.model)
        epochs = self.watch.until or self.model.config.epochs
        self.batches: Batches = self.model.batches(self.train)
        self.learn: Callable[[Any, float], int] = self._learn
        if captures(self.model):
            assert isinstance(self.batches, RatingBatches), "see REPEATABLE"
            compiled = compiles(len(self.batches) * epochs)
            captured = Captured(self._step, self.optimizer, self.batches, compiled)
            self.batches, self.learn = captured, captured.learn
        self.threads = Threads(any_number=self.model.ANY_THREADS and self.model.device.type == "cpu")
        self.loss = torch.zeros((), device=self.model.device)  # summed over the events of the epoch under way
        stopping = self.checkpoint.stopping_on_ctrl_c() if self.checkpoint else nullcontext()
        with _own_randomness(), flushing(), stopping:
            if resume:
                self._restore()
            for observer in self.observers:
                observer.started(epochs, self.batches.events, self.epoch)
            if self.events:
                for observer in self.observers:
                    observer.stepped(self.events)
            while self.epoch < epochs and not self._stale() and not self._late():
                self._one_epoch()
        self.optimizer.release()
        if self.best:
            self.model.load_state_dict(self.best)
        self._check(all(bool(weights.isfinite().all()) for weights in self.model.parameters()))
        self.model.eval()
        with torch.no_grad():
            self.model.finish(self.train)
        return self.records

    def _one_epoch(self) -> None:
        if self.step == 0:
            draws = seeded(self.model.device, self.seed, self.epoch, 1)
            torch.manual_seed(draws.initial_seed())  # for models that draw while they learn (dropout)
        self.model.train()
        began = clock() - self.seconds
        with self.threads:
            for batch in self.batches.epoch(seeded(self.model.device, self.seed, self.epoch), skip=self.step):
                steps = self.learn(batch, self.epoch + self.step / len(self.batches))
                self.step, self.events = self.step + steps, self.events + len(batch)
                self.threads.stepped()
                for observer in self.observers:
                    observer.stepped(len(batch))
                if self.checkpoint is not None and self.checkpoint.due():
                    self.seconds = clock() - began
                    self._save(self.checkpoint)
        self.optimizer.settle()
        mean_loss = self.loss.item() / self.batches.events
        self._close_epoch(mean_loss, seconds=max(clock() - began, 1e-9))  # 0 if another thread compiled all along

    def _learn(self, batch: Any, done: float) -> int:
        """A step with one batch, which begins when `done` epochs are -> the number of steps."""
        self.optimizer.ready(1)
        self._step(batch, done)
        return 1

    def _step(self, batch: Any, done: float = 0.0) -> None:
        loss = self.model.backward(batch)
        self.optimizer.take(done)
        self.loss.add_(loss, alpha=len(batch))

    def _close_epoch(self, mean_loss: float, seconds: float) -> None:
        self.epoch, self.step, self.events, self.seconds = self.epoch + 1, 0, 0, 0.0
        self.loss.zero_()
        self._check(math.isfinite(mean_loss))
        self.model.eval()
        candidate = self._candidate()
        record = {"epoch": self.epoch, "train_loss": mean_loss, **self.watch.measure(candidate)}
        self._check(all(map(math.isfinite, record.values())))
        self.records.append(record | {"seconds": seconds, "ratings_per_second": self.batches.events / seconds})
        if self._chosen():
            self.best = _copy(candidate)
        for observer in self.observers:
            observer.measured(self.records[-1])

    def _check(self, finite: bool) -> None:
        if not finite:
            rate = self.model.config.learning_rate
            raise OptionError(f"training diverged in epoch {self.epoch}: try a learning_rate below {rate:g}")

    def _candidate(self) -> Model:
        """What would be kept if training stopped here: the mean of the last epochs' closing weights, if asked for.

        Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018, at a constant
        learning rate.
        """
        if self._keeps_last() or self.model.config.average == 1:
            return self.model
        self.recent = [*self.recent, _copy(self.model)][-self.model.config.average :]
        names = self.recent[0]
        self.averaged.load_state_dict({name: torch.stack([w[name] for w in self.recent]).mean(0) for name in names})
        return self.averaged

    def _keeps_last(self) -> bool:
        """Whether the weights that the last epoch ends with are the model, as nothing ever chose."""
        return self.watch.criterion is None and not self.watch.until

    def _chosen(self) -> bool:
        """Whether the epoch just closed is to be kept, as it looks now."""
        if self.watch.until:
            return self.epoch == self.watch.until
        return self.watch.criterion is not None and self.watch.best_epoch(self.records) == self.epoch

    def _stale(self) -> bool:
        if self.watch.criterion is None or not self.records:
            return False
        return self.epoch - self.watch.best_epoch(self.records) >= self.model.config.patience

    def _late(self) -> bool:
        return self.epoch > 0 and time.monotonic() > self.deadline

    def _save(self, checkpoint: Checkpoint) -> None:
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"optimizer.{name}": value for name, value in self.optimizer.state().items()}
        for number, weights in enumerate(self.recent):
            tensors |= {f"recent{number}.{name}": value for name, value in weights.items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        tensors |= {"loss": self.loss, "random": torch.get_rng_state()}
        facts = {name: getattr(self, name) for name in ("epoch", "step", "events", "seconds", "records")}
        checkpoint.save(tensors, facts | {"recent": len(self.recent)})
        if checkpoint.asked_to_stop:
            raise Interrupted(
                f"stopped in epoch {self.epoch + 1}, after batch {self.step} of {len(self.batches)}; all of it is "
                f"saved in {checkpoint.path}: the same command with --resume goes on from there"
            )

    def _restore(self) -> None:
        assert self.checkpoint is not None
        tensors, facts = self.checkpoint.load()
        tensors = {name: value.to(self.model.device) for name, value in tensors.items()}
        self.model.load_state_dict(_under("model.", tensors))
        self.optimizer.restore(_under("optimizer.", tensors))
        self.best = _under("best.", tensors)
        self.recent = [_under(f"recent{number}.", tensors) for number in range(facts["recent"])]
        self.loss.copy_(tensors["loss"])
        torch.set_rng_state(tensors["random"].cpu())
        self.epoch, self.step, self.events = facts["epoch"], facts["step"], facts["events"]
        self.seconds, self.records = facts["seconds"], facts["records"]


def _copy(model: Model) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def _own_randomness() -> AbstractContextManager[None]:
    """Within, torch's global generators may be seeded: afterwards they are as they were."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
