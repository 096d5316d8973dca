"""The models as messages list them."""

from palate.models import MODELS
from palate.models.contract import HasVectors, PredictsRatings

EVERY_MODEL = ", ".join(MODELS)
WITHOUT_RATINGS = ", ".join(name for name, model in MODELS.items() if not model.NEEDS_RATINGS)
PREDICTING = ", ".join(name for name, model in MODELS.items() if issubclass(model, PredictsRatings))
WITH_VECTORS = ", ".join(name for name, model in MODELS.items() if issubclass(model, HasVectors))
