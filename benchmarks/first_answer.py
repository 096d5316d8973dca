"""Processor time of one answer from a saved model: `palate recommend MODEL`, and how it splits.

    python -m benchmarks.first_answer [--model svdpp] [--repeats 5] [--before CHECKOUT]

Trains the model on the sample, saves it, and asks for one user's list in new processes. --before: the root of another
checkout of Palate, which answers from the same folder in turns with this one; the figure is then the ratio of medians.
Seconds are of the processor (user and system) of a whole process; the split is measured inside one more process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import palate
from benchmarks.common import HERE, record

SPLIT = """
import json, resource, sys
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
marks = [spent()]
import torch
marks.append(spent())
import palate, palate.cli
palate.load
marks.append(spent())
recommender = palate.load(sys.argv[1])
marks.append(spent())
recommender.recommend(recommender.table.user_ids.id(0))
marks.append(spent())
print(json.dumps([later - earlier for earlier, later in zip(marks, marks[1:])]))
"""

STEPS = ("import torch", "import palate", "open the model", "first answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--before", type=Path, help="Root of another checkout to measure in turns.")
    options = parser.parse_args()
    checkouts = {"now": HERE.parent, **({"before": options.before.resolve()} if options.before else {})}
    with tempfile.TemporaryDirectory() as folder:
        saved = str(Path(folder) / "sample.palate")
        model = options.model or palate.usual_model(palate.load_table("movielens-small", None, {}))
        write(checkouts.get("before", HERE.parent), saved, options.model)
        rows = [
            {
                "checkout": name,
                **{step: round(seconds, 2) for step, seconds in zip(STEPS, split(root, saved), strict=True)},
            }
            for name, root in checkouts.items()
        ]
        seconds: dict[str, list[float]] = {name: [] for name in checkouts}
        for _ in range(options.repeats):
            for name, root in checkouts.items():
                seconds[name].append(answer(root, saved))
    for row in rows:
        row["palate recommend"] = round(median(seconds[str(row["checkout"])]), 2)
    text = f"one answer from a saved {model}: {rows[0]['palate recommend']} s of the processor"
    if options.before:
        text += f", {median(seconds['now']) / median(seconds['before']):.2f} of the time before"
    record("first-answer", {"model": model, "seconds": seconds}, text, rows)


def run(root: Path, *command: str) -> tuple[str, float]:
    """Run Python on the code of a checkout -> what it prints, and the seconds of the processor that it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    output = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return output.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(root: Path, saved: str, model: str | None) -> None:
    """Train on the sample and save, by the older checkout where there are two: both can open that."""
    run(root, "-m", "palate", "train", "movielens-small", "-o", saved, *(["--model", model] if model else []))


def answer(root: Path, saved: str) -> float:
    return run(root, "-m", "palate", "recommend", saved, "--user", "1")[1]


def split(root: Path, saved: str) -> list[float]:
    """The seconds of each of STEPS; the second process counts, as the first may write bytecode and machine code."""
    run(root, "-c", SPLIT, saved)
    seconds: list[float] = json.loads(run(root, "-c", SPLIT, saved)[0])
    return seconds


if __name__ == "__main__":
    main()
