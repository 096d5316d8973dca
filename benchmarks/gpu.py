"""The course's network on a GPU: 25 epochs over 16 million ratings, and whether it learns what the CPU learns.

    python -m benchmarks.gpu [--device cuda] [--ratings 16000000] [--epochs 25]

Speed: all epochs, the first of which also warms up. Learning: the training loss of two epochs over 1 million ratings on
both devices; only rounding and the order of the shuffle are different.
"""

import argparse
import time
from typing import Any

import torch

from benchmarks import synthetic
from benchmarks.common import record
from palate.data.interactions import Interactions
from palate.models.neural import NeuralRating, NeuralRatingConfig
from palate.training.fit import Record, fit

COMPARED = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--ratings", type=int, default=16_000_000)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=512)
    options = parser.parse_args()
    device = torch.device(options.device)
    compared = synthetic.interactions(min(COMPARED, options.ratings))
    losses = {kind: trained(compared, torch.device(kind), epochs=2)[-1]["train_loss"] for kind in ("cpu", device.type)}
    off = abs(losses[device.type] / losses["cpu"] - 1)

    train = synthetic.interactions(options.ratings)
    began = time.perf_counter()
    records = trained(train, device, epochs=options.epochs, batch_size=options.batch_size)
    seconds = time.perf_counter() - began
    rate = max(epoch["ratings_per_second"] for epoch in records)
    summary = (
        f"{options.epochs} epochs over {options.ratings:,} ratings, batch {options.batch_size}: {seconds:.1f} s, at "
        f"best {rate:,.0f} ratings a second; training loss {off:.2%} off the CPU's"
    )
    record(f"gpu-{device.type}", {"seconds": seconds, "epochs": records, "losses": losses, "off": off}, summary)


def trained(train: Interactions, device: torch.device, **settings: Any) -> list[Record]:
    model = NeuralRating(NeuralRatingConfig.model_validate(settings), train.n_users, train.n_items).to(device)
    records = fit(model, train)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return records


if __name__ == "__main__":
    main()
