"""What a comparison says, in plain sentences: also where a simple baseline wins."""

from collections.abc import Mapping

from palate.results import Metrics


def verdict(model: str, metrics: Metrics, baselines: Mapping[str, Metrics], k: int = 10) -> list[str]:
    """One sentence on predicting ratings and one on ranking, where both sides were measured."""
    sentences = []
    rivals = {name: found["rmse"] for name, found in baselines.items() if "rmse" in found}
    if "rmse" in metrics and rivals:
        rival = min(rivals, key=rivals.__getitem__)
        better = rivals[rival] - metrics["rmse"]
        won = "better" if better > 0 else "no better"
        against = f"RMSE {metrics['rmse']:.4f} against {rivals[rival]:.4f}"
        sentences.append(f"{model} predicts ratings {won} than {rival}: {against}")
    name_of_metric = f"ndcg@{k}"
    rivals = {name: found[name_of_metric] for name, found in baselines.items() if name_of_metric in found}
    if name_of_metric in metrics and rivals:
        rival = max(rivals, key=rivals.__getitem__)
        won = "better" if metrics[name_of_metric] > rivals[rival] else "no better"
        sentences.append(
            f"{model} ranks {won} than {rival}: nDCG@{k} {metrics[name_of_metric]:.4f} against {rivals[rival]:.4f}"
            + ("" if won == "better" else "; for lists, train --model best --for lists")
        )
    return sentences
