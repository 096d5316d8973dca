"""Pictures of what training did."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from palate.errors import OptionError
from palate.system.files import written_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")

CURVES: tuple[tuple[str, str, Callable[[Iterable[float]], float], str], ...] = (
    ("_loss", "loss", min, "lowest"),
    ("_ndcg@10", "nDCG@10", max, "highest"),
)
"""What is drawn: how its name ends, its axis, and its best."""


def draw_curves(history: Sequence[Mapping[str, float]], path: str | Path, *, title: str = "") -> None:
    """Draw the losses of a history, and nDCG where that was measured, over the epochs; the best of each is marked.

    Raises:
        OptionError: a history without epochs, or a path that ends in neither .svg nor .png.
        OutputError: the place can't be written.
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
    """The same as SVG to stand inside a page."""
    with _drawing():
        return _inline(_curves(history, ""))


def intervals_svg(intervals: Mapping[str, tuple[float, float, float]], label: str) -> str:
    """{name: (low, value, high)}, the best first, as points with whiskers, a line each, as SVG to stand in a page."""
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
    """{name: (mean predictions, how far the mean real ratings are above them)} by tenths of the predictions, a line
    each, as SVG to stand in a page."""
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

    shown = [kind for kind in CURVES if any(name.endswith(kind[0]) for name in history[0])]
    figure = _figure(height=4)
    rooms = figure.subplots(len(shown), sharex=True, squeeze=False)[:, 0]
    epochs = [record["epoch"] for record in history]
    for axes, (ending, label, best, word) in zip(rooms, shown, strict=True):
        for name in (name for name in history[0] if name.endswith(ending)):
            values = [record[name] for record in history]
            at = values.index(best(values))
            (line,) = axes.plot(epochs, values, label=f"{name.replace('_', ' ')}, {word} {values[at]:.4f}")
            axes.plot(epochs[at], values[at], "o", color=line.get_color())
        axes.set(ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    rooms[0].set_title(title, parse_math=False)
    rooms[-1].set(xlabel="epoch")
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
