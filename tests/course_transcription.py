"""The neural recommender of the course, transcribed to plain PyTorch: nothing of Palate in it, and nothing clever.

Two embedding tables, joined, nn.Linear(2 dim, hidden), ReLU, nn.Linear(hidden, 1), squared error, a dense optimizer.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

EPSILON = 1e-8
"""Adam's default, as it stands in torch."""


class Course(nn.Module):
    """Predicts a rating less the mean of the training ratings."""

    def __init__(self, n_users: int, n_items: int, dim: int = 10, hidden: int = 1024) -> None:
        super().__init__()
        self.user_embedding = nn.Embedding(n_users, dim)
        self.item_embedding = nn.Embedding(n_items, dim)
        self.hidden = nn.Linear(2 * dim, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        joined = torch.cat([self.user_embedding(users), self.item_embedding(items)], dim=1)
        ratings: Tensor = self.output(torch.relu(self.hidden(joined)))
        return ratings.squeeze(1)

    def start(self, init_std: float) -> None:
        """The course's own first weights; nn.Linear has drawn its own."""
        nn.init.normal_(self.user_embedding.weight, 0, init_std)
        nn.init.normal_(self.item_embedding.weight, 0, init_std)


def sgd(model: Course) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.08, momentum=0.9)


def adam(model: Course) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), eps=EPSILON)


def train(
    model: Course, optimizer: torch.optim.Optimizer, batches: Iterable[tuple[Tensor, Tensor, Tensor]], mean: float
) -> list[float]:
    """One pass over (users, items, ratings) -> the loss of each batch."""
    losses = []
    for users, items, ratings in batches:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(users, items), ratings - mean)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
