"""Recommend to a new user (cold start) from a few ratings, without training again (fold-in).

python examples/newcomer.py [--epochs 10]
"""

import argparse
from time import perf_counter

import palate

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
model = palate.train("movielens-small", epochs=parser.parse_args().epochs, baselines=()).recommender

# Items are given by id or by exact title.
ratings: dict[int | str, float] = {
    "Alien (1979)": 5,
    "Blade Runner (1982)": 5,
    "Matrix, The (1999)": 4.5,
    "Pretty Woman (1990)": 1.5,
    "Sleepless in Seattle (1993)": 2,
}
model.recommend(ratings=ratings)  # the first answer also loads what torch needs
began = perf_counter()
recommendations = model.recommend(ratings=ratings, k=10, min_ratings=50)
print(f"after {len(ratings)} ratings, in {1000 * (perf_counter() - began):.1f} ms:\n{recommendations}")

# Without any rating, the list is that for a typical user; each rating changes it.
print(f"\nwithout ratings:\n{model.recommend(ratings={}, k=10, min_ratings=50)}")
items: list[int | str] = ["Aliens (1986)", "Notting Hill (1999)"]
print(f"\npredicted ratings:\n{model.predict(None, items, ratings=ratings)}")
