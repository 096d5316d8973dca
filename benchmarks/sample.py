"""Compare the course's network with simple baselines on the embedded sample, as `make demo` trains it.

    python -m benchmarks.sample [--seeds 5]

The split is a random 80/20, with a tenth of the training part for validation. A seed sets split, initial weights and
batches.
"""

import argparse

import palate
from benchmarks.common import record, spread

METRICS = ("rmse", "mae", "recall@10", "ndcg@10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    seeds = range(parser.parse_args().seeds)
    table = palate.load_table("movielens-small", None, {})
    runs = []
    for seed in seeds:
        trained = palate.train(table, model="neural", preset="sgd", seed=seed)
        runs.append({"neural": trained.metrics, **trained.baselines})
    rows = [{"model": name, **{of: _over(runs, name, of) for of in METRICS}} for name in runs[0]]
    wins = sum(run["neural"]["rmse"] < run["bias"]["rmse"] for run in runs)
    summary = (
        f"embedded sample, RMSE over {len(seeds)} seeds: neural {rows[0]['rmse']}, bias {rows[1]['rmse']}; "
        f"neural is ahead in {wins}; nDCG@10: popularity {rows[2]['ndcg@10']}, neural {rows[0]['ndcg@10']}"
    )
    record("sample", {"runs": runs}, summary, rows)


def _over(runs: list[dict[str, dict[str, float]]], model: str, metric: str) -> str:
    values = [run[model][metric] for run in runs if metric in run[model]]
    return spread(values) if values else "–"


if __name__ == "__main__":
    main()
