"""The checkpoints of one run of `palate.train`: one of the training, and one of the refit after it."""

from pathlib import Path
from typing import Any, NamedTuple

from palate.data.split import Split
from palate.errors import OptionError, option
from palate.models import name_of
from palate.models.contract import Model
from palate.training.checkpoint import Checkpoint

ENDINGS = (".checkpoint", ".refit.checkpoint")


class RunCheckpoints(NamedTuple):
    """The checkpoints of training and refit, and whether each resumes; without an output there are none.

    A run that was stopped during its refit repeats the end of the training from its last checkpoint, or all of it where
    the training was over before its first checkpoint.
    """

    training: Checkpoint | None = None
    refit: Checkpoint | None = None
    resume_training: bool = False
    resume_refit: bool = False

    @property
    def of_training(self) -> dict[str, Any]:
        """The keywords of `learn`."""
        return {"checkpoint": self.training, "resume": self.resume_training}

    @property
    def of_refit(self) -> dict[str, Any]:
        """The keywords of `refit`."""
        return {"checkpoint": self.refit, "resume": self.resume_refit}

    def remove(self) -> None:
        """Delete both files, once the model is saved."""
        for checkpoint in (self.training, self.refit):
            if checkpoint is not None:
                checkpoint.remove()


def run_checkpoints(
    output: str | Path | None, resume: bool, model: Model, split: Split, seed: int, watch_test: bool
) -> RunCheckpoints:
    """Return the checkpoints beside `output`, for a run with this model, split and seed.

    Raises:
        OptionError: `resume` without an output, or a stopped run is there and `resume` is not set.
    """
    if output is None:
        if resume:
            raise OptionError("resume needs the output whose checkpoint it goes on from")
        return RunCheckpoints()
    identity = {
        "model": name_of(type(model)),
        "settings": model.config.model_dump(mode="json"),
        "data": split.table.fingerprint,
        "split": split.hash,
        "seed": seed,
        "watch_test": watch_test,
    }
    training, refit = (Path(f"{Path(output)}{ending}") for ending in ENDINGS)
    for path in (training, refit):
        if path.exists() and not resume:
            raise OptionError(
                f"{path} is of a run that was stopped: add {option('resume', True)} to go on with it, or delete it"
            )
    return RunCheckpoints(
        Checkpoint(training, identity),
        Checkpoint(refit, identity),
        resume_training=resume and (training.exists() or not refit.exists()),
        resume_refit=refit.exists(),
    )
