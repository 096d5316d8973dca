"""Measure the lists per second of one service, the latency at half of its target rate, and its memory (--soak).

The model has 26,744 items and 138,493 users with 2 million synthetic ratings; its vectors are random, as their values
do not matter. The load generator runs on the same two cores.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
import torch
import uvloop

from benchmarks.common import HERE, record
from benchmarks.load import Result, get, run
from benchmarks.synthetic import ITEMS, USERS, interactions
from palate.artifact.header import Training
from palate.data import split as splits
from palate.data.catalogue import Catalogue
from palate.models import find
from palate.recommender import Recommender

MODELS: dict[str, dict[str, Any]] = {"mf": {"dim": 64}, "neural": {}}
GOALS = {"mf": 3000, "neural": 200}
"""Target rate of one process on two cores, in lists per second."""

GENRES = ("Action", "Comedy", "Drama", "Horror", "Romance", "Thriller")


def make(name: str, folder: Path, n: int = 2_000_000) -> None:
    """Write an artifact of this model, as large as one of MovieLens 20M except for the ratings."""
    table = interactions(n)
    titles = [f"The Long Story of {row} (19{row % 100:02})" for row in range(ITEMS)]
    categories = [list({GENRES[row % 6], GENRES[row % 5]}) for row in range(ITEMS)]
    frame = pl.DataFrame(
        {"title": titles, "text": pl.Series([None] * ITEMS, dtype=pl.String), "categories": categories}
    )
    table = type(table)(**{**vars(table), "catalogue": Catalogue(frame)})
    cls = find(name)
    model = cls(cls.Config(**MODELS[name]), USERS, ITEMS)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=generator) / 10)
    Recommender(model, splits.random(table, test=0, validation=0), Training(seed=0)).save(folder)


@contextmanager
def served(model: Path, *options: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Start a service; yield its port and process."""
    port = random.randint(20_000, 32_000)  # below those that connections go out from
    command = [sys.executable, "-m", "palate", "serve", str(model), "--port", str(port), *options]
    with tempfile.TemporaryFile("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, text=True)
        try:
            for _ in range(600):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def lists(port: int, people: int, seed: int = 0) -> Iterator[bytes]:
    """Return requests for random users."""
    draw = random.Random(seed)
    while True:
        yield get(f"/v1/users/{draw.randrange(people)}/recommendations", port)


def resident(process: subprocess.Popen[str]) -> int:
    """Return the memory of a process in bytes."""
    (line,) = (
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1]) * 1024


def processor_seconds(process: subprocess.Popen[str]) -> float:
    """Return the processor time of all its threads, which other work on the machine hardly changes."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, process: subprocess.Popen[str], options: argparse.Namespace) -> dict[str, Any]:
    """Measure at full speed, then at half of the target rate."""
    requests, n = partial(lists, port, options.people), options.connections

    async def all_three() -> tuple[Result, Result, float]:
        await run(port, requests, connections=n, seconds=min(3, options.seconds))  # warm
        before = processor_seconds(process)
        fast = await run(port, requests, connections=n, seconds=options.seconds)
        spent = processor_seconds(process) - before
        half = await run(port, requests, connections=n, seconds=options.seconds, rate=GOALS[options.model] / 2)
        return fast, half, spent

    fast, half, spent = uvloop.run(all_three())
    assert set(fast.statuses) | set(half.statuses) == {200}, (fast.statuses, half.statuses)
    return {
        "lists_per_second": round(fast.rate),
        "p50_ms": round(fast.percentile(0.5), 1),
        "p99_ms": round(fast.percentile(0.99), 1),
        "processor_ms_per_list": round(1000 * spent / len(fast.seconds), 2),
        "rate_at_half_the_goal": round(half.rate),
        "half_p50_ms": round(half.percentile(0.5), 1),
        "half_p99_ms": round(half.percentile(0.99), 1),
        "bytes": len(fast.first),
        "items": len(json.loads(fast.first)["items"]),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=[*MODELS], default="mf")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--people", type=int, default=USERS, help="number of users whose lists are requested")
    parser.add_argument("--cache", type=int, default=0, help="number of lists in the cache of the service")
    parser.add_argument("--wrk", action="store_true", help="measure with wrk too, which must be installed")
    parser.add_argument("--soak", type=float, default=0, help="minutes at half of the target rate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.palate"
        make(options.model, model)
        with served(model, "--cache", str(options.cache)) as (port, process):
            figures = measure(port, process, options)
            if options.wrk:
                figures["wrk_lists_per_second"] = by_wrk(port, options)
            if options.soak:
                figures["resident_mb"] = soak(port, process, options)
    summary = (
        f"{options.model}: {figures['lists_per_second']:,} lists/s, {figures['processor_ms_per_list']} ms of processor "
        f"each; at {figures['rate_at_half_the_goal']:,}/s p50 {figures['half_p50_ms']} ms, "
        f"p99 {figures['half_p99_ms']} ms; cache {options.cache:,}; load average {figures['load_average']}"
    ) + (f"; by wrk {figures['wrk_lists_per_second']:,} lists/s" if options.wrk else "")
    record(
        f"serve-{options.model}" + "".join(f"-{name}" for name in ("cache", "wrk", "soak") if vars(options)[name]),
        figures,
        summary,
    )


def by_wrk(port: int, options: argparse.Namespace) -> int:
    """Measure lists per second with wrk: the median of five runs."""
    asked = ("wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds:.0f}s", "-s", str(HERE / "lists.lua"))
    rates = []
    for _ in range(5):
        about = {**os.environ, "PEOPLE": str(options.people)}
        process = subprocess.run(
            [*asked, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True, env=about
        )
        assert "Non-2xx" not in process.stdout, process.stdout
        rates.append(float(process.stdout.split("Requests/sec:")[1].split()[0]))
    return round(median(rates))


def soak(port: int, process: subprocess.Popen[str], options: argparse.Namespace) -> list[int]:
    """Measure the memory in megabytes after each tenth of the time."""
    held = []
    for part in range(10):
        requests = partial(lists, port, options.people, part)
        rate = GOALS[options.model] / 2
        load = run(port, requests, connections=options.connections, seconds=options.soak * 6, rate=rate)
        assert set(uvloop.run(load).statuses) == {200}
        held.append(resident(process) // 2**20)
        print(f"{held[-1]:,} MB after {(part + 1) * options.soak / 10:.1f} minutes", flush=True)
    return held


if __name__ == "__main__":
    main()
