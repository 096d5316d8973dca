"""ItemKNN: its neighbours and sums against a plain transcription."""

import numpy as np
import pytest
import torch

from palate.data.interactions import Interactions
from palate.inference import queries
from palate.models import item_knn
from palate.models.contract import UNSEEN, Query
from palate.models.item_knn import ItemKNN, ItemKNNConfig
from palate.training.fit import fit
from tests import tables


def trained(train: Interactions, **settings: object) -> ItemKNN:
    model = ItemKNN(ItemKNNConfig.model_validate(settings), train.n_users, train.n_items)
    fit(model, train)
    return model


def test_a_score_by_hand() -> None:
    """x: liked by a, b, c; y: by a, b; z: by c, d. Cosines with 1 added below: xy 2 / (√6 + 1), xz 1 / (√6 + 1)."""
    train = tables.table(list("abcabcd"), list("xxxyyzz"))
    model = trained(train, neighbours=2, shrinkage=1, decay=0.5)
    query = Query(torch.tensor([UNSEEN]), torch.tensor([[1, 2]]))  # y, then z
    x = (1 + 0.5 * 2) / (6**0.5 + 1)
    torch.testing.assert_close(model.evidence(query), torch.tensor([[x, 0, 0]]))


@pytest.mark.parametrize("neighbours", [1, 3, 500])
@pytest.mark.parametrize("at_once", [1, 50, 2**23])
def test_every_item_sums_over_its_own_nearest(neighbours: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is held at once."""
    monkeypatch.setattr(item_knn, "NUMBERS_AT_ONCE", at_once)
    train = tables.random_table(80, 25, 0.3)
    assert train.ratings is not None
    likes = train.where(train.ratings >= 4)
    x = np.zeros((train.n_users, train.n_items))
    x[likes.users, likes.items] = 1
    counts = x.sum(0)
    cosine = x.T @ x / (np.sqrt(np.outer(counts, counts)) + 2)
    np.fill_diagonal(cosine, 0)
    for row in cosine:
        row[np.argsort(-row, kind="stable")[neighbours:]] = 0
    model = trained(train, neighbours=neighbours, shrinkage=2)
    some = np.array([0, 3, 17])
    scores = model.evidence(queries.of_users(train, some, model))
    np.testing.assert_allclose(scores.numpy(), x[some] @ cosine.T, atol=1e-5)
