"""Models that say what they are told to, for tests of what asks them."""

from typing import ClassVar

import torch
from torch import Tensor

from palate.data.interactions import Interactions
from palate.models.contract import PADDING, BaseConfig, Query, SolvedModel


class Scripted(SolvedModel):
    """Scores, and predicts, from a table (n_users, n_items); a person never seen gets the first row."""

    LOOKS_BACK: ClassVar[bool] = False

    table: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__(BaseConfig(), *table.shape)
        self.register_buffer("table", table)

    def solve(self, train: Interactions, generator: torch.Generator) -> None: ...

    def score(self, query: Query) -> Tensor:
        return self.table[query.users.clamp(min=0)]


class ScriptedRatings(Scripted):
    """The same for ratings."""

    def predict(self, query: Query, people: Tensor, items: Tensor) -> Tensor:
        return self.score(query)[people, items]


class LookingBack(SolvedModel):
    """An item's score is how near its row is to that of the last item in the history; keeps what it was asked."""

    counts: Tensor

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__(BaseConfig(), n_users, n_items)
        self.register_buffer("counts", torch.zeros(()))
        self.asked: list[Query] = []

    def solve(self, train: Interactions, generator: torch.Generator) -> None: ...

    def score(self, query: Query) -> Tensor:
        self.asked.append(query)
        padded = torch.nn.functional.pad(query.histories, (1, 0), value=PADDING)
        return -(torch.arange(self.n_items) - padded[:, -1:]).abs().float()
