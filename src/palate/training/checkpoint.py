"""Checkpoint of a training in one file: stopped or killed at any moment, it resumes to the same result bit for bit."""

import hashlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from palate.errors import ArtifactError, OptionError
from palate.models.registry import current_name
from palate.system.files import written_beside

EVERY = 30.0
"""Seconds between two saves."""


class Checkpoint:
    """Saves tensors and facts to `path` every so many seconds, by writing another file and renaming it.

    identity: the facts that a resumed training must share with the saved one (model, settings, data, split, seed).
    """

    def __init__(self, path: Path, identity: dict[str, Any], every: float = EVERY) -> None:
        self.path, self.every = path, every
        self.identity = json.loads(json.dumps(identity))  # as JSON reads it back: tuples are lists
        self.saved = time.monotonic()
        self.asked_to_stop = False

    def due(self) -> bool:
        """Return whether it is time to save."""
        return self.asked_to_stop or time.monotonic() - self.saved >= self.every

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the saved tensors and facts.

        Raises:
            OutputError: the file can't be written; the previous save is untouched.
        """
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        run = json.dumps({"identity": self.identity, "facts": facts})
        with written_beside(self.path) as beside:
            beside.write_bytes(save(tensors, {"run": run, "digest": digest(tensors, run)}))
        self.saved = time.monotonic()

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the saved tensors and facts.

        Raises:
            ArtifactError: there is no such file, or it is damaged.
            OptionError: it belongs to another run.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
                metadata = file.metadata()
            if digest(tensors, metadata["run"]) != metadata["digest"]:
                raise ValueError("its content is not what was saved")
            run = json.loads(metadata["run"])
        except FileNotFoundError:
            raise ArtifactError(f"{self.path} does not exist: there is no run to resume") from None
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{self.path} can't be read, delete it to start anew: {error}") from error
        stored = {**run["identity"], "model": current_name(run["identity"].get("model", ""))}
        differ = [key for key, value in self.identity.items() if stored.get(key) != value]
        if differ:
            raise OptionError(f"{self.path} belongs to a run with other {', '.join(differ)}; delete it to start anew")
        return tensors, run["facts"]

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def stopping_on_ctrl_c(self) -> Iterator[None]:
        """Save at the next batch after a Ctrl-C within the block; a second Ctrl-C stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            self.asked_to_stop = True
            signal.signal(signal.SIGINT, before)

        self.asked_to_stop = False
        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def digest(tensors: dict[str, Tensor], run: str) -> str:
    """Return the SHA-256 of tensors and facts, as a damaged number looks like any other."""
    total = hashlib.sha256(run.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).cpu().numpy().data)
    return total.hexdigest()
