"""Small trained models to test with, made as a person would: from a frame, by palate.train."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

import palate

QUICK: Mapping[str, Mapping[str, Any]] = {
    "neural": {"hidden": 16, "dim": 4, "epochs": 3, "batch_size": 64},
    "sasrec": {"dim": 4, "epochs": 3, "batch_size": 8},
}
"""Settings that train a small table in a blink."""

N_USERS, N_ITEMS = 30, 20


def ratings(seed: int = 0, *, share: float = 0.6) -> pl.DataFrame:
    """30 people and 20 movies, with the columns and the times of MovieLens; movie 101 + row, user 1 + row."""
    draw = np.random.default_rng(seed)
    met = draw.random((N_USERS, N_ITEMS)) < share
    met[np.arange(N_USERS), np.arange(N_USERS) % N_ITEMS] = True  # nobody and nothing is left out
    users, items = met.nonzero()
    likes = draw.normal(size=(N_USERS, 2)) @ draw.normal(size=(2, N_ITEMS)) + draw.normal(size=N_ITEMS)
    rated = np.clip(np.round(3.4 + likes[users, items]), 1, 5)
    times = 1_000_000_000 + draw.permutation(len(users)) * 3600
    return pl.DataFrame({"userId": users + 1, "movieId": items + 101, "rating": rated, "timestamp": times})


def movies() -> pl.DataFrame:
    """Movie 101 is "Movie A (1990)", and so on; 103 and 104 share a title, 105 is called 1984."""
    titles = [f"Movie {chr(ord('A') + row)} ({1990 + row})" for row in range(N_ITEMS)]
    titles[2:5] = ["Twins", "Twins", "1984"]
    genres = ["Drama|Comedy" if row % 2 else "Western" for row in range(N_ITEMS)]
    return pl.DataFrame({"movieId": np.arange(N_ITEMS) + 101, "title": titles, "genres": genres})


def train(model: str = "neural", source: object = None, **options: Any) -> palate.Trained:
    """`palate.train` on `ratings()` and `movies()`, quickly; settings and other options as given."""
    if source is None:
        source, options = ratings(), {"items": movies(), **options}
    settings = {**QUICK.get(model, {}), **options.pop("settings", {})}
    return palate.train(source, model=model, settings=settings, **{"device": "cpu", **options})
