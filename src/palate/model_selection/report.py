"""A comparison as one HTML page that asks nothing of any other file or host: what to use, tables, intervals, curves."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from palate.errors import OptionError
from palate.model_selection.comparison import Compared, Comparison, Measure
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
"""Of the intervals whose coverage is shown."""

DEFINED = {
    "rmse": "root of the mean squared error of predicted ratings, clipped to the scale; less is better",
    "ndcg": "the gain of relevant items in a list, less the further down they stand, over the best that could be",
    "recall": "the share of a person's relevant items that the list holds",
}


def check_report(path: Path) -> None:
    """Raises OptionError or OutputError where `write_report` would."""
    if path.suffix.lower() != ".html":
        raise OptionError(f"a report is a page: its name should end in .html, and {path.name} does not")
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
        '<p class="quiet">Every figure is of events that no model has learned from. Models of one group can\'t be told '
        "apart on these people; intervals are of 95 %, from people and runs drawn again.</p>"
    )
    for measure in comparison.measures:
        yield from _measured(measure, comparison.best_first(measure))
    yield from _calibrated(comparison.models)
    yield from _curves(comparison.models)
    if comparison.left_out:
        yield "<h2>Not in it</h2>"
        yield from _list(f"{name}: {why}" for name, why in comparison.left_out.items())
    yield "<h2>How it was done</h2>"
    yield from _list(f"{name.replace('_', ' ')}: {_written(value)}" for name, value in comparison.facts.items())
    yield "<p>No part of the table but the validation part chose anything.</p></body></html>"


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


def _measured(measure: Measure, best_first: Sequence[Compared]) -> Iterable[str]:
    yield f"<h2>{escape(measure.name)}, for {escape(measure.use)}</h2><p>{DEFINED[measure.name.partition('@')[0]]}.</p>"
    standings = {found.model: found.standings[measure.name] for found in best_first}
    intervals = {name: (one.low, one.value, one.high) for name, one in standings.items()}
    yield f"<figure>{plots.intervals_svg(intervals, measure.name)}</figure>"
    rows = [
        [
            found.model,
            str(one.group),
            f"{one.value:.4f}",
            f"{one.low:.4f} to {one.high:.4f}",
            f"± {one.spread:.4f}" if len(found.runs) > 1 else "–",
            f"{found.seconds:.2f}",
            f"{found.memory / 10**6:,.0f}",
        ]
        for found, one in zip(best_first, standings.values(), strict=True)
    ]
    yield from _table(("model", "group", measure.name, "95 % interval", "over runs", "seconds", "MB"), rows)


def _calibrated(models: Sequence[Compared]) -> Iterable[str]:
    """Whether predicted ratings, and the intervals around them, mean what they say; of the first run of each model."""
    found = {one.model: one.runs[0] for one in models}
    tenths = {name: run.calibration for name, run in found.items() if run.calibration is not None}
    if not tenths:
        return
    yield (
        "<h2>Do predicted ratings mean what they say?</h2><p>The test part in tenths, from the lowest predictions to "
        "the highest: how far the mean real rating of each lies from its mean prediction. Above the dashed line "
        "predictions are too low, below it too high.</p>"
    )
    lines = {name: (one.predicted.tolist(), (one.real - one.predicted).tolist()) for name, one in tenths.items()}
    yield f"<figure>{plots.calibration_svg(lines)}</figure>"
    levels = [level for level in LEVELS if all(level in found[name].intervals for name in tenths)]
    said = "<p>Off by: the mean distance from the dashed line, in rating units."
    if levels:
        said += " Then the share of real ratings within the intervals that should hold as many, and how far they reach."
    yield f"{said}</p>"
    heads = ["model", "off by", *(head for level in levels for head in (f"within {100 * level:.0f} %", "reach"))]
    rows = []
    for name, one in tenths.items():
        held = [found[name].intervals[level] for level in levels]
        cells = [cell for each in held for cell in (f"{100 * each.covered:.1f} %", f"± {each.reach:.2f}")]
        rows.append([name, f"{one.error:.3f}", *cells])
    yield from _table(heads, rows)


def _curves(models: Sequence[Compared]) -> Iterable[str]:
    learned = [found for found in models if found.runs[0].history]
    if learned:
        yield "<h2>While they learned</h2>"
    for found in learned:
        yield f"<h3>{escape(found.model)}</h3><figure>{plots.curves_svg(found.runs[0].history)}</figure>"
