"""The training loop, the only one in the library."""

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
from palate.errors import Interrupted, OptionError, either
from palate.models.contract import Batches, LearnedModel, Model, SolvedModel
from palate.system.compilation import clock
from palate.system.jit import flushing
from palate.training.checkpoint import Checkpoint
from palate.training.cuda_graphs import CudaGraphRunner, uses_cuda_graphs, worth_compiling
from palate.training.finite import finite
from palate.training.optimizers.optimizer import Optimizer
from palate.training.thread_tuner import ThreadTuner

Record = dict[str, float]
"""The record of an epoch: epoch, train_loss, the monitored metrics, seconds (of training alone), ratings_per_second."""


@dataclass(frozen=True)
class Monitor:
    """The metrics to measure after each epoch, and the one that chooses the epoch (early stopping)."""

    measure: Callable[[Model], Record] = lambda model: {}
    criterion: str | None = None
    """The metric whose best epoch is kept; None runs every epoch and keeps the last."""
    best: Callable[[Iterable[float]], float] = min
    """The better of the criterion's values: min or max."""
    until: int = 0
    """The epoch that an earlier training has chosen: training ends with it and keeps its weights; 0 for none."""

    def best_epoch(self, history: Sequence[Record]) -> int:
        """Return the first epoch with the best criterion, from 1 on; the last without a criterion, 0 without epochs."""
        if self.criterion is None or not history:
            return len(history)
        values = [record[self.criterion] for record in history]
        return 1 + values.index(self.best(values))


class Observer(Protocol):
    """A listener to a training: a progress bar, a profiler, or your own class with these methods."""

    def started(self, epochs: int, events: int, epoch: int) -> None:
        """Hear that training begins: at most `epochs` epochs of `events` events each; `epoch` epochs are finished."""

    def stepped(self, events: int) -> None:
        """Hear that a step, or a block of steps, has learned from so many events."""

    def measured(self, record: Record) -> None:
        """Hear that an epoch is finished and measured."""


def fit(
    model: Model,
    train: Interactions,
    *,
    seed: int = 0,
    monitor: Monitor = Monitor(),
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    observers: Sequence[Observer] = (),
    deadline: float = math.inf,
) -> list[Record]:
    """Train a model in place -> a record per epoch, none for a model that is solved in one step.

    deadline: the `time.monotonic` after which no epoch begins except the first.

    Raises:
        Interrupted: Ctrl-C stopped the training, after its checkpoint was saved.
        OptionError: the training diverged, or ended in weights that are not finite.
    """
    with finite(model, train):
        if isinstance(model, SolvedModel):
            model.solve(train, seeded(model.device, seed))
            return []
        assert isinstance(model, LearnedModel)
        return TrainingRun(model, train, seed, monitor, checkpoint, observers, deadline).go(resume)


@dataclass
class TrainingRun:
    """The state of one training, and the loop that continues it."""

    model: LearnedModel
    train: Interactions
    seed: int
    monitor: Monitor
    checkpoint: Checkpoint | None
    observers: Sequence[Observer]
    deadline: float = math.inf
    epoch: int = 0  # finished epochs
    step: int = 0  # finished batches of the current epoch
    events: int = 0  # events in them
    seconds: float = 0.0  # of the current epoch, without compilation
    records: list[Record] = field(default_factory=list)
    recent: list[dict[str, Tensor]] = field(default_factory=list)  # last weights of the epochs that are averaged
    best: dict[str, Tensor] = field(default_factory=dict)  # weights of the best epoch so far

    def go(self, resume: bool) -> list[Record]:
        """Train until the last epoch, early stopping or the deadline, and put the best weights into the model."""
        with torch.no_grad():
            self.model.start(self.train, seeded(self.model.device, self.seed))
        self.averaged = copy.deepcopy(self.model).eval()
        self.optimizer = Optimizer(self.model)
        epochs = self.monitor.until or self.model.config.epochs
        self.batches: Batches = self.model.batches(self.train)
        self.learn: Callable[[Any, float], int] = self._learn
        if uses_cuda_graphs(self.model):
            assert isinstance(self.batches, RatingBatches), "see REPEATABLE"
            compiled = worth_compiling(len(self.batches) * epochs)
            runner = CudaGraphRunner(self._step, self.optimizer, self.batches, compiled)
            self.batches, self.learn = runner, runner.learn
        self.threads = ThreadTuner(any_number=self.model.ANY_THREADS and self.model.device.type == "cpu")
        self.loss = torch.zeros((), device=self.model.device)  # summed over the events of the current epoch
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
            torch.manual_seed(draws.initial_seed())  # for models that use randomness while they learn (dropout)
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
        """Learn from one batch, after `done` epochs -> the number of steps."""
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
        record = {"epoch": self.epoch, "train_loss": mean_loss, **self.monitor.measure(candidate)}
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
        """Return the model to keep if training stopped here: the mean of the last weights of the last `average` epochs.

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
        """Return whether the weights of the last epoch are kept, as no epoch is chosen."""
        return self.monitor.criterion is None and not self.monitor.until

    def _chosen(self) -> bool:
        """Return whether the epoch just finished is the one to keep so far."""
        if self.monitor.until:
            return self.epoch == self.monitor.until
        return self.monitor.criterion is not None and self.monitor.best_epoch(self.records) == self.epoch

    def _stale(self) -> bool:
        """Return whether `patience` epochs have passed without a better one."""
        if self.monitor.criterion is None or not self.records:
            return False
        return self.epoch - self.monitor.best_epoch(self.records) >= self.model.config.patience

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
            again = either("the same call with resume=True", "the same command with --resume")
            raise Interrupted(
                f"stopped in epoch {self.epoch + 1}, after batch {self.step} of {len(self.batches)}; all of it is "
                f"saved in {checkpoint.path}: {again} goes on from there"
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
    """Return a block within which torch's global generators may be seeded; it restores them at its end."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
