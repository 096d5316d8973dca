"""Metrics in plain sentences: also where a simple baseline is better."""

from collections.abc import Mapping, Sequence

from palate.errors import either
from palate.results import Metrics


def verdict(model: str, metrics: Metrics, baselines: Mapping[str, Metrics], k: int = 10) -> list[str]:
    """Compare a model with the best baseline -> a sentence on predicting ratings and one on ranking.

    A sentence is left out where the model or every baseline lacks its metric.
    """
    sentences = []
    errors = {name: values["rmse"] for name, values in baselines.items() if "rmse" in values}
    if "rmse" in metrics and errors:
        best = min(errors, key=errors.__getitem__)
        word = "better" if metrics["rmse"] < errors[best] else "no better"
        against = f"RMSE {metrics['rmse']:.4f} against {errors[best]:.4f}"
        sentences.append(f"{model} predicts ratings {word} than {best}: {against}.")
    ndcg = f"ndcg@{k}"
    gains = {name: values[ndcg] for name, values in baselines.items() if ndcg in values}
    if ndcg in metrics and gains:
        best = max(gains, key=gains.__getitem__)
        word = "better" if metrics[ndcg] > gains[best] else "no better"
        best_lists = either("model='best', aim='lists'", "--model best --for lists")
        hint = "" if word == "better" else f" For top-N lists, train with {best_lists}."
        against = f"nDCG@{k} {metrics[ndcg]:.4f} against {gains[best]:.4f}"
        sentences.append(f"{model} ranks {word} than {best}: {against}.{hint}")
    return sentences


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
