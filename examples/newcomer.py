"""A person the model has never seen: a few ratings in, a list out, without training again.

python examples/newcomer.py [--epochs 10]
"""

import argparse
from time import perf_counter

import palate

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
model = palate.train("movielens-small", epochs=parser.parse_args().epochs, baselines=()).recommender

# Items by id, or by their exact title.
ratings: dict[int | str, float] = {
    "Alien (1979)": 5,
    "Blade Runner (1982)": 5,
    "Matrix, The (1999)": 4.5,
    "Pretty Woman (1990)": 1.5,
    "Sleepless in Seattle (1993)": 2,
}
model.recommend(ratings=ratings)  # the first answer also loads what torch needs
began = perf_counter()
found = model.recommend(ratings=ratings, k=10, min_ratings=50)
print(f"after {len(ratings)} ratings, in {1000 * (perf_counter() - began):.1f} ms:\n{found}")

# Without any rating, the list for a typical person; with each rating it moves.
print(f"\nafter none:\n{model.recommend(ratings={}, k=10, min_ratings=50)}")
asked: list[int | str] = ["Aliens (1986)", "Notting Hill (1999)"]
print(f"\nyour rating would be:\n{model.predict(None, asked, ratings=ratings)}")
