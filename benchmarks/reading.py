"""Measure the time to read a big table, against polars' own reading of the same file, and to load a saved model.

    python -m benchmarks.reading [--rows 20000000] [--repeats 5]

The table has the shape of MovieLens 20M: log-normal activity, power-law popularity, half stars; once sorted by user,
once shuffled. Each reading is a process of its own, all kinds in turns. The median of the times and the highest memory
peak count.
"""

import argparse
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

import palate
from benchmarks.common import record
from benchmarks.synthetic import ITEMS, USERS, active, popular

LARGEST_ITEM_ID = 131_262
TIMES = (789_652_009, 1_427_784_002)
"""The first and last time, in unix seconds."""

TABLES = {
    f"{order} {kind}": f"{order}.{kind.lower()}" for order in ("grouped", "shuffled") for kind in ("CSV", "Parquet")
}
READERS = {
    f"{function} of {table}": file
    for table, file in TABLES.items()
    for function in (f"polars.read_{Path(file).suffix[1:]}", "palate.read")
} | {f"palate.load of {model}": f"{model}.palate" for model in ("bias", "popularity")}
"""The code to time, and the file that it opens."""

TIMED = """
import resource, sys, time
import {library}
read = {function}
began = time.perf_counter()
read(sys.argv[1])
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="number of repetitions")
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    with TemporaryDirectory() as name:
        folder = Path(name)
        writer = get_context("spawn").Process(target=write, args=(folder, options.rows))
        writer.start()  # apart, since a process starts with the peak of its parent
        writer.join()
        for _ in range(options.repeats):
            for reader, file in READERS.items():
                times[reader].append(timed(reader, folder / file))
    seconds = {reader: median(took for took, _ in runs) for reader, runs in times.items()}
    peaks = {reader: max(peak for _, peak in runs) for reader, runs in times.items()}
    base = {READERS[reader]: took for reader, took in seconds.items() if reader.startswith("polars")}
    ratios = {table: seconds[f"palate.read of {table}"] / base[file] for table, file in TABLES.items()}
    rows = [
        {
            "reading": reader,
            "seconds": f"{seconds[reader]:.2f}",
            "times polars": f"{ratios[reader.partition(' of ')[2]]:.2f}" if reader.startswith("palate.read") else "",
            "peak, GB": f"{peaks[reader]:.2f}",
        }
        for reader in READERS
    ]
    summary = f"{options.rows:,} rows: " + ", ".join(
        f"{row['reading']} {row['seconds']} s" + (f" ({row['times polars']}x polars)" if row["times polars"] else "")
        for row in rows
        if row["reading"].startswith("palate")
    )
    record("reading", {"rows": options.rows, "runs": times, "ratios": ratios}, summary, rows)


def write(folder: Path, n: int) -> None:
    """Write the table in both orders and formats, and the models trained on it."""
    frame = drawn(n)
    for order, rows in (("grouped", frame), ("shuffled", frame.sample(n, shuffle=True, seed=0))):
        rows.write_csv(folder / f"{order}.csv")
        rows.write_parquet(folder / f"{order}.parquet")
    table = palate.read(frame)
    for model in ("bias", "popularity"):
        trained = palate.train(table, model=model, test=0, baselines=())
        trained.recommender.save(folder / f"{model}.palate")


def drawn(n: int) -> pl.DataFrame:
    """Return a table of n independent rows; a few repeat a (user, item)."""
    random = np.random.default_rng(0)
    users = active(random, n, USERS) + 1
    popularity = popular(random, n, ITEMS)
    item_ids = random.choice(LARGEST_ITEM_ID, ITEMS, replace=False) + 1
    return pl.DataFrame(
        {
            "userId": users,
            "movieId": item_ids[popularity],
            "rating": random.integers(1, 11, n) / 2,
            "timestamp": random.integers(*TIMES, n),
        }
    )


def timed(reader: str, path: Path) -> tuple[float, float]:
    """Measure seconds and peak memory, in GB, of one reading in a fresh process; imports are not timed."""
    function = reader.split()[0]
    code = TIMED.format(library=function.partition(".")[0], function=function)
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    took, peak = map(float, run.stdout.split())
    return took, peak


if __name__ == "__main__":
    main()
