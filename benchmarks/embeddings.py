"""Measure what item vectors of MovieLens small contain of genres and franchises, each with a random control.

    python -m benchmarks.embeddings [--models mf neural als als-all svdpp] [--seeds 3]

`als-all` is `als` with all ratings as events; `als` learns from ratings of 4 or more. Figures are means over the seeds,
which set the initial vectors and all that is shuffled. Movies have ten ratings or more.

Genres: the Jaccard similarity of a movie and its ten nearest, and the same with shuffled genres.
Franchises are parsed from titles, so some are remakes. Two questions: is a film of the same franchise among a movie's
ten nearest? And is the sequel of a franchise among the ten nearest to its first film plus the step from first film to
sequel of another franchise, over all pairs of franchises? The controls are no step, the step to the sequel of a random
franchise ("shuffled"), and the difference of a random pair at the length of the step ("random").
Directions are learned on half of the movies. Movies of the other half without the genre are moved along its direction.
The figures are the share of the genre among their ten nearest of that half and the cosine to the movie, means over the
genres; the share also over the genres with COMMON movies or more.
"""

import argparse
import re
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import palate
from benchmarks.common import data, record
from palate.data.interactions import Interactions
from palate.inference.directions import ENOUGH_RATINGS, Attribute, attributes, cross_validate, direction
from palate.inference.ranking import top
from palate.inference.vectors import random_offsets

K = 10
STRENGTH = 1.0
COMMON = 50
TITLE = re.compile(r"(?P<name>.*?)\s*(?:\(.*\)\s*)*\((?P<year>\d{4})\)\s*$")
NUMBER = re.compile(r"\s+(?:Part\s+)?(?:\d{1,2}|[IVX]{1,4})$")


@dataclass(frozen=True)
class Franchise:
    """The rows of the films of one franchise, by year: first film, sequel, further ones."""

    films: list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mf", "neural", "als", "als-all", "svdpp"])
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    options = parser.parse_args()
    table = palate.read(data("ml-latest-small"))
    rows = torch.from_numpy(np.flatnonzero(table.item_counts >= ENOUGH_RATINGS))
    titles = table.catalogue.frame["title"][rows.numpy()].to_list()
    films, known = franchises(titles), attributes(table.catalogue, rows)
    of_models = {}
    for name in [*options.models, "random"]:
        vectors = (item_vectors(table, name, seed)[rows].float() for seed in range(options.seeds))
        of_models[name] = [
            figures(functional.normalize(each, dim=1), films, known, seed) for seed, each in enumerate(vectors)
        ]
    means = {name: {of: mean(run[of] for run in runs) for of in runs[0]} for name, runs in of_models.items()}
    apart = {
        name: max(max(run[of] for run in runs) - min(run[of] for run in runs) for of in runs[0])
        for name, runs in of_models.items()
    }
    shown = [{"vectors": name, **{of: f"{value:.3f}" for of, value in row.items()}} for name, row in means.items()]
    summary = "; ".join(
        f"{row['vectors']}: analogy {row['analogy']} against {row['no step']} without a step, genre share "
        f"{row['genre share']} to {row['moved']} along directions, {row['moved, shuffled']} along shuffled ones"
        for row in shown
    )
    counts = {
        "movies": len(rows),
        "franchises": len(films),
        "common": sum(each.items >= COMMON for each in genres(known)),
    }
    record(
        "embeddings",
        {**counts, "seeds": of_models, "seeds apart, at most": apart},
        f"{len(rows)} movies, {summary}",
        shown,
    )


def item_vectors(table: Interactions, name: str, seed: int) -> Tensor:
    if name == "random":
        return torch.randn(table.n_items, 16, generator=torch.Generator().manual_seed(seed))
    events = replace(table, ratings=None) if name == "als-all" else table
    trained = palate.train(events, model=name.removesuffix("-all"), test=0, seed=seed, baselines=(), device="cpu")
    model: Any = trained.recommender.model
    vectors: Tensor = model.item_vectors()
    return vectors


def franchises(titles: list[str]) -> list[Franchise]:
    """Group titles by their name without numbers and subtitles, at least two in a group."""
    named: dict[str, list[tuple[int, int]]] = {}
    for row, title in enumerate(titles):
        match = TITLE.match(title)
        if match:
            name = NUMBER.sub("", re.split(r":|, The|, A\b| - ", match["name"])[0])
            named.setdefault(name.strip().lower(), []).append((int(match["year"]), row))
    return [Franchise([row for _, row in sorted(films)]) for films in named.values() if len(films) > 1]


def figures(units: Tensor, films: list[Franchise], known: list[Attribute], seed: int) -> dict[str, float]:
    """Compute every figure of unit vectors (n, d)."""
    kinds = genres(known)
    moves = np.array([moved_movies(units, genre.values, seed) for genre in kinds])  # (g, 5)
    common = np.array([genre.items >= COMMON for genre in kinds])
    told = [cross_validate(units, attribute) for attribute in known]
    year = next(pair for attribute, pair in zip(known, told, strict=True) if attribute.name == "year")
    auc = [pair for attribute, pair in zip(known, told, strict=True) if attribute.measure == "AUC"]
    of_moves = ("genre share", "moved", "moved, shuffled", "cosine", "cosine, moved")
    numbers = {
        **likeness(units, torch.stack([genre.values for genre in kinds], dim=1), seed),
        "sibling": siblings(units, films),
        **analogies(units, films, seed),
        **dict(zip(of_moves, moves.mean(0), strict=True)),
        **dict(zip(("common genre share", "common, moved"), moves[common, :2].mean(0), strict=True)),
        **dict(zip(("genre AUC", "AUC, shuffled"), np.mean(auc, axis=0), strict=True)),
        **dict(zip(("year R2", "R2, shuffled"), year, strict=True)),
    }
    return {name: float(number) for name, number in numbers.items()}


def genres(known: list[Attribute]) -> list[Attribute]:
    return [attribute for attribute in known if attribute.measure == "AUC"]


def near(units: Tensor, queries: Tensor, leave_out: Tensor) -> Tensor:
    """Return the K rows nearest to each query (B, d), without the rows to leave out (B, x) -> (B, K)."""
    return top((queries @ units.T).scatter(1, leave_out, -torch.inf), K)[0]


def likeness(units: Tensor, genres: Tensor, seed: int) -> dict[str, float]:
    """Return the mean Jaccard similarity of the genres (n, g) of movies and their nearest, also with shuffled
    genres."""
    rows = near(units, units, torch.arange(len(units)).unsqueeze(1))  # (n, K)
    order = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed))

    def mean(sets: Tensor) -> float:
        both = (sets.unsqueeze(1) * sets[rows]).sum(2)  # (n, K)
        either = sets.sum(1).unsqueeze(1) + sets[rows].sum(2) - both
        return float((both / either).nanmean())

    return {"genre Jaccard": mean(genres), "Jaccard, shuffled": mean(genres[order])}


def siblings(units: Tensor, films: list[Franchise]) -> float:
    """Return the share of films that have another film of their franchise among their nearest."""
    hits = []
    for franchise in films:
        rows = torch.tensor(franchise.films)
        hits += torch.isin(near(units, units[rows], rows.unsqueeze(1)), rows).any(1).tolist()
    return float(np.mean(hits))


def analogies(units: Tensor, films: list[Franchise], seed: int) -> dict[str, float]:
    """Return how often the step of one franchise leads to the sequel of another, and the same for the controls."""
    first, sequel = torch.tensor([franchise.films[:2] for franchise in films]).T  # (f,) each
    steps, n = units[sequel] - units[first], len(films)
    generator = torch.Generator().manual_seed(seed)
    asked = [(of, to) for of in range(n) for to in range(n) if of != to]
    of, to = torch.tensor(asked).T  # (f * (f - 1),) each
    dealt = units[sequel][torch.randperm(n, generator=generator)] - units[first]
    drawn = torch.stack([random_offsets(units, step, n, seed + row) for row, step in enumerate(steps)])  # (f, f, d)

    def hits(offsets: Tensor | float) -> float:
        away = torch.stack([first[of], sequel[of], first[to]], dim=1)
        return float((near(units, units[first[to]] + offsets, away) == sequel[to].unsqueeze(1)).any(1).float().mean())

    return {
        "analogy": hits(steps[of]),
        "no step": hits(0.0),
        "shuffled step": hits(dealt[of]),
        "random": hits(drawn[of, to]),
    }


def moved_movies(units: Tensor, values: Tensor, seed: int) -> tuple[float, ...]:
    """Return a genre's share among the nearest of movies without it: as they are, moved along its direction, and moved
    along a shuffled one; and the cosine of the nearest to the movies, as they are and moved."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(units), generator=generator)
    learned, asked = order.chunk(2)
    shuffled = values[learned][torch.randperm(len(learned), generator=generator)]
    others = (values[asked] == 0).nonzero()  # (B, 1)
    movies = units[asked][others.squeeze(1)]  # (B, d)
    ways = (direction(units[learned], labels) for labels in (values[learned], shuffled))
    shares, cosines = [], []
    for offset in (torch.zeros(units.shape[1]), *(STRENGTH * way for way in ways)):
        rows = near(units[asked], movies + offset, others)  # (B, K)
        shares.append(float(values[asked][rows].nanmean()))
        cosines.append(float((units[asked][rows] @ movies.unsqueeze(2)).mean()))
    return *shares, *cosines[:2]


if __name__ == "__main__":
    main()
