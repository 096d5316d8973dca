"""The models that stand alone, by the name that the command line and the artifact use. Adding one: its file, and its
line here."""

from palate.models.als import AlternatingLeastSquares
from palate.models.bayes.model import BayesianFactorization
from palate.models.bias import Bias
from palate.models.contract import Model
from palate.models.ease import Ease
from palate.models.graph_filter import GraphFilter
from palate.models.history.model import GradientHistory
from palate.models.item_knn import ItemKNN
from palate.models.mf import MatrixFactorization
from palate.models.neural.model import NeuralRating
from palate.models.next_item import NextItem
from palate.models.popularity import Popularity
from palate.models.sasrec import SelfAttention

SINGLE: dict[str, type[Model]] = {
    "neural": NeuralRating,
    "mf": MatrixFactorization,
    "history": GradientHistory,
    "bayes": BayesianFactorization,
    "bias": Bias,
    "popularity": Popularity,
    "ease": Ease,
    "item-knn": ItemKNN,
    "next-item": NextItem,
    "als": AlternatingLeastSquares,
    "graph-filter": GraphFilter,
    "sasrec": SelfAttention,
}
