"""What item vectors know of MovieLens small that they were not taught, each beside what chance or no effort gives.

    python -m benchmarks.embeddings [--models mf neural als als-all svdpp] [--seeds 3]

`als-all` is `als` of all ratings as events, whatever they say; `als` learns from those of 4 or more. Figures are means
over the seeds, which draw first vectors and all that is shuffled. Movies with ten ratings or more.

Genres: Jaccard likeness of a movie and its ten nearest, and with genres shuffled.
Franchises are parsed from titles, so some are remakes: is a sibling among a movie's ten nearest; and is the sequel of
one among the ten nearest to its first film plus the step from first film to sequel of another, all pairs of franchises?
Beside it: no step; from its first film to a franchise's sequel dealt to it ("shuffled"); a random pair's difference
as long as the step ("random").
Directions are learned on half of the movies; movies of the other half that lack the genre are moved along it, and of
their ten nearest of that half the share of the genre and the cosine to the movie are taken, means over the genres; the
share also over the genres of COMMON movies or more.
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
    """Rows of the films of one name, by year: first film, sequel, and those after."""

    films: list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mf", "neural", "als", "als-all", "svdpp"])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    table = palate.read(data("ml-latest-small"))
    rows = torch.from_numpy(np.flatnonzero(table.item_counts >= ENOUGH_RATINGS))
    titles = table.catalogue.frame["title"][rows.numpy()].to_list()
    films, known = franchises(titles), attributes(table.catalogue, rows)
    found = {}
    for name in [*options.models, "random"]:
        vectors = (item_vectors(table, name, seed)[rows].float() for seed in range(options.seeds))
        found[name] = [
            figures(functional.normalize(each, dim=1), films, known, seed) for seed, each in enumerate(vectors)
        ]
    means = {name: {of: mean(run[of] for run in runs) for of in runs[0]} for name, runs in found.items()}
    apart = {
        name: max(max(run[of] for run in runs) - min(run[of] for run in runs) for of in runs[0])
        for name, runs in found.items()
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
        "embeddings", {**counts, "seeds": found, "seeds apart, at most": apart}, f"{len(rows)} movies, {summary}", shown
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
    """Titles -> those of one name apart from numbers and subtitles, at least two each."""
    named: dict[str, list[tuple[int, int]]] = {}
    for row, title in enumerate(titles):
        match = TITLE.match(title)
        if match:
            name = NUMBER.sub("", re.split(r":|, The|, A\b| - ", match["name"])[0])
            named.setdefault(name.strip().lower(), []).append((int(match["year"]), row))
    return [Franchise([row for _, row in sorted(films)]) for films in named.values() if len(films) > 1]


def figures(units: Tensor, films: list[Franchise], known: list[Attribute], seed: int) -> dict[str, float]:
    """Every measure of unit vectors (n, d)."""
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
    """The K rows nearest to each query (B, d) but for those left out (B, x) -> (B, K)."""
    return top((queries @ units.T).scatter(1, leave_out, -torch.inf), K)[0]


def likeness(units: Tensor, genres: Tensor, seed: int) -> dict[str, float]:
    """Mean Jaccard likeness of the genres (n, g) of movies and their nearest, and with shuffled genres."""
    rows = near(units, units, torch.arange(len(units)).unsqueeze(1))  # (n, K)
    order = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed))

    def mean(sets: Tensor) -> float:
        both = (sets.unsqueeze(1) * sets[rows]).sum(2)  # (n, K)
        either = sets.sum(1).unsqueeze(1) + sets[rows].sum(2) - both
        return float((both / either).nanmean())

    return {"genre Jaccard": mean(genres), "Jaccard, shuffled": mean(genres[order])}


def siblings(units: Tensor, films: list[Franchise]) -> float:
    """The share of the films of franchises that have another of theirs among their nearest."""
    hits = []
    for franchise in films:
        rows = torch.tensor(franchise.films)
        hits += torch.isin(near(units, units[rows], rows.unsqueeze(1)), rows).any(1).tolist()
    return float(np.mean(hits))


def analogies(units: Tensor, films: list[Franchise], seed: int) -> dict[str, float]:
    """How often the sequel of one franchise is found by the step of another, and by the controls of a step."""
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
    """Movies without a genre: its share among their nearest, when moved along its direction, and a shuffled one's; and
    the cosine of their nearest to them, and when moved."""
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
