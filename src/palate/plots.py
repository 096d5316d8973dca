"""Pictures of what training did."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from palate.errors import OptionError
from palate.files import written_beside

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
    from matplotlib import rc_context  # noqa: PLC0415 - slow to import, and needed here only
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    with rc_context({"svg.hashsalt": "palate", "font.size": 10}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        shown = [kind for kind in CURVES if any(name.endswith(kind[0]) for name in history[0])]
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
        kind = path.suffix.lower()[1:]
        with written_beside(path) as beside:
            figure.savefig(beside, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
