"""Calibrate a model's intervals on the validation part, and compare its predictions with real ratings."""

import polars as pl

from palate.data.split import Split
from palate.errors import UnsupportedError
from palate.evaluation.evaluate import finite, predict, spread
from palate.evaluation.held_out import HeldOut
from palate.evaluation.intervals import half_widths, normal_half_widths
from palate.evaluation.rating_metrics import calibration
from palate.inference.abilities import unsupported
from palate.models.contract import KnowsSpread, Model, PredictsRatings
from palate.results import Results


def half_widths_of(model: Model, split: Split) -> dict[float, float]:
    """Return {level: half width} of the model's intervals, from the validation part; {} where it has no intervals.

    The model must not have learned from the validation part yet. Without a validation part, only a model that knows its
    spread has intervals. They also serve the model that is then refitted on both parts, which is no worse as a rule.

    Raises:
        OptionError: a predicted rating or a spread is not finite.
    """
    real, scale = split.validation.ratings, split.train.scale
    if not isinstance(model, PredictsRatings) or real is None or scale is None:
        return {}
    if not len(real):
        return normal_half_widths() if isinstance(model, KnowsSpread) else {}
    parts = split.train, split.validation, split.newcomers
    spreads = spread(model, *parts)
    if spreads is not None:
        finite(spreads, "spreads of ratings")
    return half_widths(finite(predict(model, *parts), "predicted ratings").clip(*scale), real, scale, spreads)


def calibration_table(model: Model, held_out: HeldOut, split: Split) -> Results:
    """Compare predicted with real ratings in bins of the predictions: their number, and the mean of each.

    Raises:
        UnsupportedError: the model predicts no ratings, or the events have none.
    """
    if not isinstance(model, PredictsRatings):
        raise unsupported(model, "predicted ratings", PredictsRatings)
    events, scale = held_out.events, held_out.known.scale
    if events.ratings is None or scale is None:
        raise UnsupportedError("the table has no ratings to compare predictions with")
    predicted = predict(model, held_out.known, events, split.newcomers).clip(*scale)
    return Results(pl.DataFrame(calibration(predicted, events.ratings)._asdict()))
