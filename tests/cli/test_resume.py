"""Runs in processes of their own, killed or interrupted, and gone on with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from palate.artifact.header import FILES
from tests import trained

DRIVER = """
import sys, time
import torch
torch.set_num_threads(1)
from palate.cli import main
from palate.training import run_checkpoints
from palate.training.checkpoint import Checkpoint

class Often(Checkpoint):
    def __init__(self, path, identity):
        super().__init__(path, identity, every=0.0)

    def due(self):
        print("batch", file=sys.stderr, flush=True)
        time.sleep(0.004)
        return super().due()

run_checkpoints.Checkpoint = Often
main()
"""
"""`palate`, but it saves after every batch, and takes its time."""

EPOCHS, BATCHES = 6, 5


def start(folder: Path, output: str, *options: str) -> "subprocess.Popen[str]":
    settings = ("--set", "hidden=8", "--set", "batch_size=64", "--set", "average=3", "--set", "patience=6")
    run = (
        "train",
        "ratings.csv",
        "--model",
        "neural",
        "-o",
        output,
        "--epochs",
        str(EPOCHS),
        "--device",
        "cpu",
        *settings,
        *options,
    )
    own_group = {"start_new_session": True} if os.name == "posix" else {}
    process: subprocess.Popen[str] = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *run],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **own_group,  # type: ignore[call-overload]
    )
    return process


def after_batches(process: "subprocess.Popen[str]", n: int) -> bool:
    """Wait until it has begun n batches; False where it ends before."""
    assert process.stderr is not None
    for line in process.stderr:
        n -= line == "batch\n"
        if n <= 0:
            return True
    return False


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = process.communicate(timeout=120)
    return process.returncode, "".join(line for line in said.splitlines(keepends=True) if line != "batch\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ratings.csv, and whole.palate as an undisturbed run wrote it."""
    folder = tmp_path_factory.mktemp("resume")
    trained.ratings().write_csv(folder / "ratings.csv")
    code, said = finish(start(folder, "whole.palate"))
    assert code == 0, said
    return folder


def same_bytes(folder: Path, name: str) -> None:
    for file in FILES:
        assert (folder / name / file).read_bytes() == (folder / "whole.palate" / file).read_bytes(), file
    assert not (folder / f"{name}.checkpoint").exists()
    assert not [path for path in folder.iterdir() if path.name.startswith(f".{name}")], "nothing half-written stays"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_it_ends_with_the_same_bytes(folder: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    name, kills = f"killed{seed}.palate", 0
    for _ in range(3):
        resume = ["--resume"] if (folder / f"{name}.checkpoint").exists() else []
        process = start(folder, name, *resume)
        if after_batches(process, int(draw.integers(2, 12))):
            time.sleep(draw.random() * 0.006)  # at any moment: while it learns, while it writes, while it renames
            process.kill()
            kills += 1
        assert finish(process)[0] in (0, -signal.SIGKILL)
    assert kills >= 2
    code, said = finish(start(folder, name, "--resume"))
    assert code == 0, said
    for left in folder.glob(f".{name}*.tmp"):
        left.unlink()  # what a kill in the middle of writing leaves: it is never looked at
    same_bytes(folder, name)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C can't be sent to one process here")
def test_ctrl_c_saves_and_says_how_to_go_on(folder: Path) -> None:
    process = start(folder, "asked.palate")
    assert after_batches(process, 8)
    process.send_signal(signal.SIGINT)
    code, said = finish(process)
    assert code == 130
    assert "Traceback" not in said
    message = said.splitlines()[-1]
    assert message.startswith("stopped in epoch ")
    assert message.endswith(
        "all of it is saved in asked.palate.checkpoint: the same command with --resume goes on from there"
    )
    assert not (folder / "asked.palate").exists()

    code, said = finish(start(folder, "asked.palate"))
    assert code == 2
    assert "asked.palate.checkpoint is of a run that was stopped: add --resume to go on with it, or delete it" in said

    code, said = finish(start(folder, "asked.palate", "--resume"))
    assert code == 0, said
    same_bytes(folder, "asked.palate")


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C can't be sent to one process here")
def test_ctrl_c_outside_training_ends_in_one_line(folder: Path) -> None:
    script = "import os, signal\nimport palate.pipeline\ndef load(*_):\n    os.kill(os.getpid(), signal.SIGINT)\n"
    script += "    signal.pause()\nimport palate\npalate.load_table\npalate.pipeline.load_table = load\n"
    script += "palate.__dict__['load_table'] = load\nfrom palate.cli import main\nmain()\n"
    command = [sys.executable, "-c", script, "train", "ratings.csv"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 130
    assert ran.stderr.strip() == "stopped"
