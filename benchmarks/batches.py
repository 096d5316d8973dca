"""Measure how much faster the course's network trains with bigger batches on MovieLens 1M, and the loss of accuracy.

    python -m benchmarks.batches [--seeds 3]

The split is a random 80/20, training stops early on a validation part, and the learning rate stays the same. The time
is that of all epochs together.
"""

import argparse
from statistics import mean, median

import palate
from benchmarks.common import data, record, spread

SIZES = (512, 2048, 8192)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    seeds = range(parser.parse_args().seeds)
    table = palate.read(data("ml-1m"))
    runs_of: dict[int, list[palate.Trained]] = {size: [] for size in SIZES}
    for seed in seeds:
        for size in SIZES:
            runs_of[size].append(
                palate.train(table, model="neural", seed=seed, settings={"batch_size": size}, baselines=())
            )
    rows = [
        {
            "batch size": str(size),
            "test RMSE": spread([run.metrics["rmse"] for run in runs]),
            "epochs": f"{mean(len(run.history) for run in runs):.0f}",
            "seconds": f"{median(sum(epoch['seconds'] for epoch in run.history) for run in runs):.1f}",
            "ratings a second": f"{median(epoch['ratings_per_second'] for run in runs for epoch in run.history):,.0f}",
        }
        for size, runs in runs_of.items()
    ]
    figures = {
        str(size): [{"metrics": run.metrics, "history": run.history} for run in runs] for size, runs in runs_of.items()
    }
    summary = "; ".join(f"{row['batch size']}: RMSE {row['test RMSE']} in {row['seconds']} s" for row in rows)
    record("batches", figures, f"MovieLens 1M, {len(seeds)} seeds, batches of {summary}", rows)


if __name__ == "__main__":
    main()
