"""The examples run as they are, and stay short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tables import ROOT, data_folder

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
QUICK = {"course": ["--epochs", "2"], "newcomer": ["--epochs", "2"]}
PRINTED = {
    "course": ["epoch  2  train loss", "RMSE of the bias model", "For user 1:", "Nearest to"],
    "newcomer": ["after 5 ratings", "without ratings", "Notting Hill (1999)"],
    "own_model": ["'rmse': 0.9", "bias", "title"],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_prints(path: Path) -> None:
    printed = run(path, *QUICK.get(path.stem, []))
    for text in PRINTED[path.stem]:
        assert text in printed


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_shorter_than_60_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


def test_the_course_runs_on_a_file_of_ones_own() -> None:
    printed = run(ROOT / "examples" / "course.py", str(data_folder("ml-100k")), "--epochs", "1")
    assert "100,000 rows, 943 users, 1,682 items" in printed
    assert "Star Wars (1977)" in printed


def run(path: Path, *arguments: str) -> str:
    """What a program prints; it may not fail."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
