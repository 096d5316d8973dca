"""A comparison as one HTML page that needs no other file or host: what to use, tables, intervals, curves."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from palate.errors import OptionError
from palate.model_selection.comparison import ComparedModel, Comparison, Measure
from palate.system.files import check_writable, written_beside
from palate.training import curves as plots

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
li { overflow-wrap: anywhere; }
figure { margin: 1rem 0; background: #fff; border-radius: .5rem; padding: .5rem; }
figure svg { max-width: 100%; height: auto; }
.quiet { opacity: .75; }
"""

LEVELS = (0.5, 0.8, 0.9)
"""The levels whose coverage is shown."""

DEFINED = {
    "rmse": "the root of the mean squared error of predicted ratings, clipped to the scale; smaller is better",
    "ndcg": "the gain of the relevant items in a list, discounted by their place, as a share of the best possible gain",
    "recall": "the share of a user's relevant items that the list contains",
}


def check_report(path: Path) -> None:
    """Check that `write_report` can write the page.

    Raises:
        OptionError: the name does not end in .html.
        OutputError: the place can't be written.
    """
    if path.suffix.lower() != ".html":
        raise OptionError(f"can't write a report to {path.name}: its name should end in .html")
    check_writable(path)


def write_report(comparison: Comparison, path: Path, *, title: str) -> None:
    """Write the page.

    Raises:
        OptionError: the name does not end in .html.
        OutputError: the place can't be written.
    """
    check_report(path)
    with written_beside(path) as beside:
        beside.write_text("\n".join(_page(comparison, title)), encoding="utf-8")


def _page(comparison: Comparison, title: str) -> Iterable[str]:
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}: models compared</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
    yield f"<h1>{escape(title)}: models compared</h1>"
    yield from _list(comparison.sentences)
    yield (
        '<p class="quiet">All metrics are measured on events that no model has learned from. Models of one group do '
        "not differ significantly. Intervals are 95 % bootstrap intervals over users and seeds.</p>"
    )
    for measure in comparison.measures:
        yield from _measured(measure, comparison.best_first(measure))
    yield from _calibrated(comparison.models)
    yield from _curves(comparison.models)
    if comparison.left_out:
        yield "<h2>Models left out</h2>"
        yield from _list(f"{name}: {why}" for name, why in comparison.left_out.items())
    yield "<h2>Table, split and time</h2>"
    yield from _list(f"{name.replace('_', ' ')}: {_written(value)}" for name, value in comparison.facts.items())
    yield "<p>Only the validation part was used to choose epochs and blend weights.</p></body></html>"


def _written(value: str | int | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _list(lines: Iterable[str]) -> Iterable[str]:
    yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f'<div class="wide"><table><tr>{_cells("th", heads)}</tr>'
    for row in rows:
        yield f"<tr>{_cells('td', row)}</tr>"
    yield "</table></div>"


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _measured(measure: Measure, best_first: Sequence[ComparedModel]) -> Iterable[str]:
    yield f"<h2>{escape(measure.name)}, for {escape(measure.use)}</h2><p>{DEFINED[measure.name.partition('@')[0]]}.</p>"
    standings = {model.model: model.standings[measure.name] for model in best_first}
    intervals = {name: (standing.low, standing.value, standing.high) for name, standing in standings.items()}
    yield f"<figure>{plots.intervals_svg(intervals, measure.name)}</figure>"
    rows = [
        [
            model.model,
            str(standing.group),
            f"{standing.value:.4f}",
            f"{standing.low:.4f} to {standing.high:.4f}",
            f"± {standing.spread:.4f}" if len(model.runs) > 1 else "–",
            f"{model.seconds:.2f}",
            f"{model.memory / 10**6:,.0f}",
        ]
        for model, standing in zip(best_first, standings.values(), strict=True)
    ]
    yield from _table(("model", "group", measure.name, "95 % interval", "over seeds", "seconds", "MB"), rows)


def _calibrated(models: Sequence[ComparedModel]) -> Iterable[str]:
    """Yield the calibration of predicted ratings and of their intervals, from the first run of each model."""
    runs = {model.model: model.runs[0] for model in models}
    tenths = {name: run.calibration for name, run in runs.items() if run.calibration is not None}
    if not tenths:
        return
    yield (
        "<h2>Are predicted ratings calibrated?</h2><p>The test part is cut into tenths, from the lowest predictions to "
        "the highest. The curve shows the mean real rating minus the mean prediction of each tenth: above the dashed "
        "line predictions are too low, below it too high.</p>"
    )
    lines = {
        name: (tenth.predicted.tolist(), (tenth.real - tenth.predicted).tolist()) for name, tenth in tenths.items()
    }
    yield f"<figure>{plots.calibration_svg(lines)}</figure>"
    levels = [level for level in LEVELS if all(level in runs[name].intervals for name in tenths)]
    text = "<p>Calibration error is the mean distance from the dashed line, in rating units."
    if levels:
        text += " The other columns give the share of real ratings inside the intervals of each level, and their reach."
    yield f"{text}</p>"
    heads, rows = ["model", "calibration error"], {name: [name, f"{tenth.error:.3f}"] for name, tenth in tenths.items()}
    for level in levels:
        heads += [f"within {100 * level:.0f} %", "reach"]
        for name, row in rows.items():
            interval = runs[name].intervals[level]
            row += [f"{100 * interval.covered:.1f} %", f"± {interval.reach:.2f}"]
    yield from _table(heads, rows.values())


def _curves(models: Sequence[ComparedModel]) -> Iterable[str]:
    learned = [model for model in models if model.runs[0].history]
    if learned:
        yield "<h2>Learning curves</h2>"
    for model in learned:
        yield f"<h3>{escape(model.model)}</h3><figure>{plots.curves_svg(model.runs[0].history)}</figure>"
