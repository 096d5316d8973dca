"""Plots of training curves, intervals and calibration."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from palate.errors import OptionError
from palate.system.files import written_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")
"""Endings of the files that can be written."""


class Curve(NamedTuple):
    """A kind of curve."""

    ending: str
    """The ending of its names in a record."""
    label: str
    """The label of its axis."""
    best: Callable[[Iterable[float]], float]
    """The better of its values, min or max."""
    word: str
    """The word for its best value."""


CURVES = (Curve("_loss", "loss", min, "lowest"), Curve("_ndcg@10", "nDCG@10", max, "highest"))
"""The curves that are drawn, each in a panel of its own."""


def draw_curves(history: Sequence[Mapping[str, float]], path: str | Path, *, title: str = "") -> None:
    """Draw losses, and nDCG if it was measured, over the epochs; the best epoch of each curve is marked.

    Args:
        history: a record per epoch, such as `palate.Trained.history`.
        path: the file to write; its name ends in .svg or .png.
        title: the text above the picture.

    Raises:
        OptionError: the history has no epochs, or the path has another ending.
        OutputError: the file can't be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise OptionError(f"can't draw {path.name}: its name should end in {' or '.join(FORMATS)}")
    if not history:
        raise OptionError("there are no curves: a model that is solved in one step has no epochs")
    kind = path.suffix.lower()[1:]
    with _drawing(), written_beside(path) as beside:
        _curves(history, title).savefig(
            beside, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None
        )


def curves_svg(history: Sequence[Mapping[str, float]]) -> str:
    """Return the picture of `draw_curves` as SVG to embed in a page."""
    with _drawing():
        return _inline(_curves(history, ""))


def intervals_svg(intervals: Mapping[str, tuple[float, float, float]], label: str) -> str:
    """Draw {name: (low, value, high)}, the best first, as points with whiskers -> SVG to embed in a page."""
    with _drawing():
        figure = _figure(height=0.8 + 0.3 * len(intervals))
        axes = figure.subplots()
        for place, (low, value, high) in enumerate(intervals.values()):
            axes.plot([low, high], [place, place], "-", color="C0", linewidth=2)
            axes.plot(value, place, "o", color="C0")
        axes.set_yticks(range(len(intervals)), list(intervals), parse_math=False)
        axes.set_ylim(len(intervals) - 0.5, -0.5)
        axes.set_xlabel(label)
        axes.grid(alpha=0.3, axis="x")
        return _inline(figure)


def calibration_svg(tenths: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """Draw calibration curves -> SVG to embed in a page.

    tenths: {name: (mean predictions, mean real ratings minus mean predictions)}, by tenths of the predictions.
    """
    with _drawing():
        axes = (figure := _figure(height=4)).subplots()
        axes.axhline(0, linestyle="--", color="0.5", linewidth=1)
        for name, (predicted, above) in tenths.items():
            axes.plot(predicted, above, "o-", markersize=4, label=name)
        axes.set(xlabel="mean predicted rating", ylabel="mean real rating, above it")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        return _inline(figure)


def _curves(history: Sequence[Mapping[str, float]], title: str) -> "Figure":
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    shown = [curve for curve in CURVES if any(name.endswith(curve.ending) for name in history[0])]
    figure = _figure(height=4)
    panels = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    epochs = [record["epoch"] for record in history]
    for axes, curve in zip(panels, shown, strict=True):
        for name in (name for name in history[0] if name.endswith(curve.ending)):
            values = [record[name] for record in history]
            place = values.index(curve.best(values))
            (line,) = axes.plot(epochs, values, label=f"{name.replace('_', ' ')}, {curve.word} {values[place]:.4f}")
            axes.plot(epochs[place], values[place], "o", color=line.get_color())
        axes.set(ylabel=curve.label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    panels[0].set_title(title, parse_math=False)
    panels[-1].set(xlabel="epoch")
    return figure


def _figure(height: float) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and needed here only

    return Figure(figsize=(7, height), layout="constrained")


def _drawing() -> AbstractContextManager[None]:
    from matplotlib import rc_context  # noqa: PLC0415

    return rc_context({"svg.hashsalt": "palate", "font.size": 10})


def _inline(figure: "Figure") -> str:
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]
