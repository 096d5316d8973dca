"""Train the course's neural recommender step by step: two embeddings and a hidden layer.

python examples/course.py [RATINGS] [--items ITEMS] [--epochs 25]
"""

import argparse
from math import sqrt

import palate

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("ratings", nargs="?", default="movielens-small", help="a file, a folder or the name of a data set")
parser.add_argument("--items", help="a file with the titles, if it is not beside the ratings")
parser.add_argument("--epochs", type=int, default=25)
options = parser.parse_args()

# 1. Read the table and look at it.
table = palate.load_table(options.ratings, options.items, {})
print("\n".join(table.notes))
assert table.ratings is not None
print(f"mean rating {table.ratings.mean():.3f}, standard deviation {table.ratings.std():.3f}\n")

# 2. Split 80/20 at random; 3. train: two embeddings of 10, joined, 1,024 hidden units, one output; squared error,
#    SGD with momentum, batches of 512. Without a validation part every epoch runs and nothing is chosen.
trained = palate.train(
    table,
    model="neural",
    preset="sgd",
    settings={"dim": 10, "hidden": 1024, "batch_size": 512},
    epochs=options.epochs,
    test=0.2,
    validation=0,
)
for epoch in trained.history:
    print(f"epoch {epoch['epoch']:2.0f}  train loss {epoch['train_loss']:.4f}  test loss {epoch['test_loss']:.4f}")

# 4. Measure the error of a prediction in stars, against a baseline of user and movie means.
print(f"\nRMSE {sqrt(trained.history[-1]['test_loss']):.4f}, within the scale {trained.metrics['rmse']:.4f}")
print(f"RMSE of the bias model {trained.baselines['bias']['rmse']:.4f}")

# 5. Recommend ten movies that a user has not rated, by predicted rating.
recommender = trained.recommender
user = table.user_ids.id(0)
print(f"\nFor user {user}:\n{recommender.recommend(user, k=10, min_ratings=20)}")

# 6. Look at the embeddings: nearest movies, and a - b + c. Leave out rarely rated movies, which have hardly learned.
most_rated = [int(row) for row in table.item_counts.argsort()[::-1][:3]]
first, second, third = (table.catalogue.title(row) or table.item_ids.id(row) for row in most_rated)
print(f"\nNearest to {first}:\n{recommender.similar(first, k=5, min_ratings=50)}")
print(f"\n{first} - {second} + {third}:\n{recommender.analogy(first, second, third, k=5, min_ratings=50)}")
