"""Pictures of what training did."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from palate.errors import OptionError
from palate.files import written_beside

FORMATS = (".svg", ".png")


def draw_curves(history: Sequence[Mapping[str, float]], path: str | Path, *, title: str = "") -> None:
    """Draw every loss of a history, a line each, over the epochs; the lowest of each is marked.

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
        axes = figure.subplots()
        epochs = [record["epoch"] for record in history]
        for name in (name for name in history[0] if name.endswith("_loss")):
            losses = [record[name] for record in history]
            lowest = losses.index(min(losses))
            (line,) = axes.plot(epochs, losses, label=f"{name.replace('_', ' ')}, lowest {losses[lowest]:.4f}")
            axes.plot(epochs[lowest], losses[lowest], "o", color=line.get_color())
        axes.set(xlabel="epoch", ylabel="mean squared error")
        axes.set_title(title, parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        kind = path.suffix.lower()[1:]
        with written_beside(path) as beside:
            figure.savefig(beside, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
