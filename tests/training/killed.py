"""A process to be killed while it trains: `python -m tests.training.killed FOLDER`. It goes on where it was."""

import sys
import time
from pathlib import Path

from safetensors.torch import save_file

from palate.models.contract import Model
from palate.models.neural.model import NeuralRating, NeuralRatingConfig
from palate.training.checkpoint import Checkpoint
from palate.training.fit import Monitor, Record, fit
from tests.tables import random_table

SETTINGS = {"hidden": 8, "dim": 3, "batch_size": 64, "epochs": 4, "learning_rate": 0.01}


class Slow:
    """An observer that says when training begins, and takes its time."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def started(self, epochs: int, events: int, epoch: int) -> None:
        print("training", flush=True)

    def stepped(self, events: int) -> None:
        time.sleep(self.pause)

    def measured(self, record: Record) -> None: ...


def measured(model: Model) -> Record:
    """Something to choose by that has its best in the middle."""
    assert isinstance(model, NeuralRating)
    size = float(model.network.flat.detach().abs().sum())
    return {"validation_loss": (size - 20) ** 2}


def go(folder: Path, pause: float) -> None:
    """Train, saving after every batch, and leave the weights in `folder` / done."""
    train = random_table()
    config = NeuralRatingConfig.model_validate({**NeuralRating.PRESETS["adam"], **SETTINGS})
    model = NeuralRating(config, train.n_users, train.n_items)
    checkpoint = Checkpoint(folder / "run", {}, every=0)
    fit(
        model,
        train,
        monitor=Monitor(measured, "validation_loss"),
        checkpoint=checkpoint,
        resume=checkpoint.path.exists(),
        observers=[Slow(pause)],
    )
    save_file(dict(model.state_dict()), folder / "done")


if __name__ == "__main__":
    go(Path(sys.argv[1]), pause=0.01)
