"""A model and a split to the half widths of its intervals."""

from palate.data.split import Split
from palate.evaluation.evaluate import predict, spread
from palate.evaluation.intervals import half_widths, normal_half_widths
from palate.models.contract import KnowsSpread, Model, PredictsRatings


def half_widths_of(model: Model, split: Split) -> dict[float, float]:
    """Of intervals around predicted ratings, from the validation part, of which the model must not have learned yet;
    without one, only of a model's own spread. Those of a model that is then refitted are meant for it too: it is no
    worse as a rule."""
    real, scale = split.validation.ratings, split.train.scale
    if not isinstance(model, PredictsRatings) or real is None or scale is None:
        return {}
    if not len(real):
        return normal_half_widths() if isinstance(model, KnowsSpread) else {}
    asked = split.train, split.validation, split.newcomers
    return half_widths(predict(model, *asked).clip(*scale), real, scale, spread(model, *asked))
