"""Define a model of your own in one file: the mean rating of each item, shrunk towards the mean of all ratings.

    python examples/own_model.py

On the command line: `palate train ratings.csv --model own_model:ItemMean`, in the folder of this file.
"""

import tempfile
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

import palate
from palate.data.interactions import Interactions
from palate.models.contract import BaseConfig, Query, SolvedModel


class ItemMeanConfig(BaseConfig):
    l2: float = Field(3.0, ge=0, description="L2 regularization of item means (number of ratings at the mean).")


class ItemMean(SolvedModel):
    """Item means: `rating(u, i)` is the mean of i's ratings, shrunk towards the mean of all."""

    Config: ClassVar[type[BaseConfig]] = ItemMeanConfig
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False

    config: ItemMeanConfig
    means: Tensor  # (n_items,)

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("means", torch.zeros(n_items))  # what is learned is saved

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        mean = float(train.ratings.mean())
        sums = np.bincount(train.items, train.ratings, minlength=train.n_items) + self.config.l2 * mean
        self.means.copy_(torch.from_numpy(sums / np.maximum(train.item_counts + self.config.l2, 1e-9)))

    def score(self, query: Query) -> Tensor:
        return self.means.repeat(len(query), 1)  # (B, n_items)

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self.means[items]  # (N,); with this method the model is a rating model, and gets RMSE and MAE


if __name__ == "__main__":
    trained = palate.train("movielens-small", model="own_model:ItemMean", settings={"l2": 5.0})
    print({name: round(value, 4) for name, value in trained.metrics.items()})
    print({name: round(value, 4) for name, value in trained.baselines["bias"].items()}, "bias")
    with tempfile.TemporaryDirectory() as folder:
        trained.recommender.save(f"{folder}/mine.palate")
        print(palate.load(f"{folder}/mine.palate", model="own_model:ItemMean").recommend(1, k=5))
